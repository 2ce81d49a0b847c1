"""The oracle's findings: violations of the contract in an output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One violation of the contract, and its location."""

    location: str
    message: str

    def __str__(self) -> str:
        return f"{self.location}: {self.message}"


def findings_at(location: str, complaints: Iterable[str]) -> Iterator[Finding]:
    """Yield complaints about one location as findings."""
    for message in complaints:
        yield Finding(location, message)

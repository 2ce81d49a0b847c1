"""The oracle's findings: what is wrong with an output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, and its location."""

    location: str
    message: str

    def __str__(self) -> str:
        return f"{self.location}: {self.message}"


def findings_at(location: str, complaints: Iterable[str]) -> Iterator[Finding]:
    """Yield complaints about one location as findings."""
    for message in complaints:
        yield Finding(location, message)

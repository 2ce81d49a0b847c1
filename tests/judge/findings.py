"""What the judge says against an output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that the contract does not allow, and where it is."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def at(where: str, complaints: Iterable[str]) -> Iterator[Finding]:
    """Complaints about one place as findings."""
    for what in complaints:
        yield Finding(where, what)

"""What the commands say of a repository, and whether it is right: by what the repository is, and by what runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from repositories import Repository, expected_exit_code, expected_status, expected_verdict

InventoryRow: TypeAlias = tuple[str, str, str | None, str, str]
"""Repository, file, resource, macro line, state."""


class Judgement(Enum):
    """Whether the commands are right about a repository. ``UNKNOWN``: ``check`` cannot tell, and rightly says so."""

    RIGHT = "right"
    WRONG = "wrong"
    UNKNOWN = "unknown"


_AGREEING: Final = {
    "protected": {"protected"},
    "left alone": {"excluded", "out of scope"},
    "cannot be protected": {"unprotected", "cannot be protected", ""},
    "NOT protected": {"unprotected", ""},
    "unknown": {""},
    "": {""},
}
"""What ``coverage`` may say, by what ``check`` has said. If the stack could not be deployed, nothing runs."""


@dataclass(frozen=True)
class Row:
    """What the commands say of a repository.

    ``verdict`` is that of ``check``. ``first_verdict`` is the one without credentials, if ``check`` could not tell so.
    ``status`` is that of ``coverage``, empty if nothing runs.
    """

    repository: Repository
    inventory: tuple[InventoryRow, ...]
    exit_code: int
    verdict: str
    first_verdict: str
    status: str

    @property
    def needs_credentials(self) -> bool:
        """Return whether ``check`` has to read something in AWS."""
        return self.first_verdict == "unknown"

    @property
    def state(self) -> str:
        """What the inventory says of the workload."""
        return next((row[-1] for row in self.inventory if row[1] == self.repository.template), "")

    @property
    def judgement(self) -> Judgement:
        """Return whether all of it is right."""
        if self.mistakes:
            return Judgement.WRONG
        return Judgement.UNKNOWN if self.verdict == "unknown" else Judgement.RIGHT

    @property
    def mistakes(self) -> list[str]:
        """What is wrong: each with what it should be."""
        return list(self._mistakes())

    def _mistakes(self) -> Iterator[str]:
        line, workload = self.repository.line, self.repository.workload
        expected_rows = {*_rows_of_parent(self.repository), self.repository.expected}
        if len(self.inventory) != len(expected_rows) or set(self.inventory) != expected_rows:
            yield f"inventory should say {self.repository.expected[-2]}, {self.repository.expected[-1]}"
        for verdict, with_credentials in ((self.first_verdict, False), (self.verdict, True)):
            expected = expected_verdict(line, workload, with_credentials=with_credentials)
            if verdict != expected:
                yield f"check should say {expected or 'nothing'}{', with credentials' if with_credentials else ''}"
        exit_code = expected_exit_code(line, workload, with_credentials=True)
        if self.exit_code != exit_code:
            yield f"check should exit with {exit_code}, not {self.exit_code}"
        if self.status != expected_status(line, workload):
            yield f"coverage should say {expected_status(line, workload) or 'nothing'}"
        if self.status not in _AGREEING[self.verdict]:
            yield "check and coverage disagree"


def _rows_of_parent(repository: Repository) -> Iterator[InventoryRow]:
    if repository.kind == "nested":
        yield repository.name, "parent.yaml", None, "absent", "needs none"


def green(rows: Sequence[Row]) -> list[str]:
    """Return the repositories that ``check`` says are protected."""
    return [row.repository.name for row in rows if row.verdict == "protected"]


def protected(rows: Sequence[Row]) -> list[str]:
    """Return the repositories whose tasks ``coverage`` says are protected."""
    return [row.repository.name for row in rows if row.status == "protected"]

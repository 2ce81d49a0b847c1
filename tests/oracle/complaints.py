"""Why a task definition is not protected: faults, and doubts where the contract leaves both answers open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from oracle.values import Json, is_unknown


@dataclass(frozen=True)
class Complaint:
    """One difference from what the macro writes. `about` is the container, or empty for the task.

    A fault leaves the task unprotected. With a doubt alone, the contract allows either answer: a judge may be strict.
    """

    about: str
    code: str
    is_fault: bool = True

    def __str__(self) -> str:
        return f"{self.about}: {self.code}" if self.about else self.code


Complaints = Iterator[Complaint]


def fault(about: str, code: str) -> Complaint:
    """Return a complaint that leaves the task unprotected."""
    return Complaint(about, code)


def doubt(about: str, code: str) -> Complaint:
    """Return a complaint about which the contract says nothing."""
    return Complaint(about, code, is_fault=False)


def malformed(about: str, key: str, value: Json) -> Complaint:
    """Return a complaint about a value of the wrong type: a doubt, as ECS refuses it, unless it is an unknown value."""
    return fault(about, f"{key}-unknown") if is_unknown(value) else doubt(about, f"{key}-malformed")

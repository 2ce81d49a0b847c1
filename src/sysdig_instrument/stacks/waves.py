"""The decisions about updates: which stacks are left alone, in which order the others come, and what a change set may change. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Final

from sysdig_instrument.engine.template import TASK_DEFINITION
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.stacks.change_sets import CHANGE_SET_NAME, MAX_BODY_BYTES, ResourceChange
from sysdig_instrument.stacks.model import Stack

_UPDATABLE: Final = frozenset(
    {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    }
)
FOREIGN_CHANGE_SET: Final = (
    f"it has a change set {CHANGE_SET_NAME} that this tool did not make. Delete or rename that one"
)
UPDATED_MEANWHILE: Final = "somebody else updated it meanwhile. Run it again"
GONE_MEANWHILE: Final = (
    f"its change set {CHANGE_SET_NAME} is not there any more: somebody else deleted it. Run it again"
)
TOO_LARGE: Final = (
    f"its template has more than {MAX_BODY_BYTES} bytes, so CloudFormation took it as it was processed and found nothing to "
    "change. Deploy it from its source"
)
_ADVICE: Final = {
    "UPDATE_ROLLBACK_FAILED": "Continue its rollback first: aws cloudformation continue-update-rollback",
    "DELETE_COMPLETE": "Run it again",
    "DELETE_FAILED": "Delete it, or leave it out with --leave",
}


@dataclass(frozen=True, slots=True)
class Wave:
    """The stacks that are updated at the same time. They have the same ``tag_value``, which is empty without a tag."""

    number: int
    tag_value: str
    stacks: tuple[Stack, ...]


def make_waves(stacks: Iterable[Stack], tag: str | None, order: Sequence[str], size: int) -> Iterator[Wave]:
    """Yield the waves: one value of the tag after the other, with at most ``size`` stacks in each.

    ``order`` has the values in their order, and stacks with others are in no wave. If it is empty, the order is the alphabet's, and
    stacks without the tag come last.
    """
    by_value: dict[str, list[Stack]] = {}
    for stack in stacks:
        by_value.setdefault(tag_value(stack, tag), []).append(stack)
    number = 0
    for value in order or sorted(by_value, key=lambda value: (not value, value)):
        members = by_value.get(value, [])
        for start in range(0, len(members), size):
            number += 1
            yield Wave(number, value, tuple(members[start : start + size]))


def tag_value(stack: Stack, tag: str | None) -> str:
    """Return the value that a stack has for a tag, empty if it has none."""
    return stack.tags.get(tag, "") if tag else ""


def why_left_alone(stack: Stack) -> str:
    """Return why a stack is not updated as it is now; empty if it can be."""
    if stack.root:
        return f"it is nested. Update its root stack {stack.root}"
    if stack.is_in_progress:
        return f"an operation is in progress ({stack.status}). Wait for it, and run this again"
    if stack.status not in _UPDATABLE:
        return f"its status is {stack.status}. {advice_on(stack.status)}"
    return ""


def advice_on(status: str) -> str:
    """Return what to do about a status with which a stack cannot be updated, or about an update that was rolled back."""
    return "Look at its events" if status in _UPDATABLE else _ADVICE.get(status, "Repair the stack first")


def unexpected_changes(changes: Sequence[ResourceChange], allowed: Iterable[str]) -> list[ResourceChange]:
    """Return what is neither a task definition nor changed only because a task definition is replaced, and is not allowed.

    ``allowed`` has globs of types and of logical ids. A task definition that a parameter changes is unexpected, too: the value of a
    parameter of Systems Manager is another one now, perhaps the image of the application.
    """
    tasks = {each.logical_id for each in changes if each.resource_type == TASK_DEFINITION and each.action == "Modify"}
    globs = list(allowed)
    return [each for each in changes if not _is_expected(each, tasks) and not _matches(each, globs)]


def _matches(change: ResourceChange, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs for name in (change.resource_type, change.logical_id))


def _is_expected(change: ResourceChange, tasks: set[str]) -> bool:
    if change.action != "Modify":
        return False
    if change.logical_id in tasks:
        return not any(str(cause).startswith("parameter ") for causes in change.causes.values() for cause in causes)
    return (
        change.replacement == "False"
        and bool(change.causes)
        and all(causes & tasks and causes <= {*tasks, ""} for causes in change.causes.values())
    )

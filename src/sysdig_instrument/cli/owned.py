"""A plan's changes with what they belong to, and where they are found once all of them are made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sysdig_instrument.cli.subject import Prospect, Subject
from sysdig_instrument.engine.findings import path_text
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.patch import Change, Pointer, apply
from sysdig_instrument.values import dataclass


@dataclass(frozen=True, slots=True)
class Owned:
    """A change in the document's spelling. ``task`` is nothing for what belongs to no task definition: a role's policy.

    ``what`` is the key that changes. ``made`` is where the new value is when all changes are made.
    """

    change: Change
    task: str | None
    container: str | None
    what: str
    made: Pointer

    @property
    def owner(self) -> str:
        """What it belongs to, in a few words."""
        return ": ".join(name for name in (self.task, self.container) if name) or path_text(self.change.pointer[:2])


def owned(subject: Subject, prospect: Prospect) -> list[Owned]:
    """The changes of a prospect, in their order."""
    planned = prospect.plan.changes
    if subject.kind == "container definitions":  # what has no place in an array was left out
        planned = (change for change in planned if change.pointer[:1] == ("ContainerDefinitions",))
    made = final_pointers(apply(subject.document.value, prospect.changes), prospect.changes)
    both = zip(prospect.changes, planned if prospect.changes else (), made, strict=True)
    return [_owned(change, original, pointer) for change, original, pointer in both]


def _owned(change: Change, original: Change, made: Pointer) -> Owned:
    task, container = original.owner.task, original.owner.container
    below = original.pointer[len(original.owner.pointer) if task is not None else 2 :]
    names = [part for part in below if isinstance(part, str) and part != "-"]
    what = ".".join(names[1:] if names[:1] == ["Properties"] else names) or "the list"
    return Owned(change, None if task is None else name_of(task), container, what, made)


def name_of(task: str) -> str:
    """What to call a task definition: that of a plain one without a family has no name."""
    return task or "task definition"


def final_pointers(processed: Json, changes: Sequence[Change]) -> Iterator[Pointer]:
    """Where what each change makes is in the end. Later changes move it where they put something into the same list."""
    for number, change in enumerate(changes):
        *parent, last = change.pointer
        later = [other.pointer[-1] for other in changes[number + 1 :] if list(other.pointer[:-1]) == parent]
        if last == "-":
            length = _length(processed, tuple(parent))
            yield (*parent, length - 1 - sum(part == "-" for part in later))
        elif isinstance(last, int) and change.operation == "add":
            yield (*parent, last + sum(isinstance(part, int) and part <= last for part in later))
        else:
            yield change.pointer


def _length(value: Json, pointer: Pointer) -> int:
    for part in pointer:
        try:
            value = value[part]  # type: ignore[index]
        except (LookupError, TypeError):
            return 1
    return len(value) if isinstance(value, list) else 1

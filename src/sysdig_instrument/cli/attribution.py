"""A plan's changes with what they belong to, and where they are found once all of them are made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sysdig_instrument.cli.documents import InputDocument, Preview
from sysdig_instrument.engine.findings import format_pointer
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.patch import Change, Pointer
from sysdig_instrument.lazy_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OwnedChange:
    """A change in the document's spelling. ``task`` is nothing for what belongs to no task definition: a role's policy.

    ``key`` is the key that changes. ``final_pointer`` is where the new value is when all changes are made.
    """

    change: Change
    task: str | None
    container: str | None
    key: str
    final_pointer: Pointer

    @property
    def owner_label(self) -> str:
        """What it belongs to, in a few words."""
        return ": ".join(name for name in (self.task, self.container) if name) or format_pointer(
            self.change.pointer[:2]
        )


def attribute_changes(document: InputDocument, preview: Preview) -> list[OwnedChange]:
    """The changes of a prospect, in their order."""
    originals = preview.plan.changes
    if document.kind == "container definitions":  # what has no place in an array was left out
        originals = (change for change in originals if change.pointer[:1] == ("ContainerDefinitions",))
    final = final_pointers(preview.processed, preview.changes)
    aligned = zip(preview.changes, originals if preview.changes else (), final, strict=True)
    return [_attribute(change, original, pointer) for change, original, pointer in aligned]


def _attribute(change: Change, original: Change, final_pointer: Pointer) -> OwnedChange:
    task, container = original.owner.task, original.owner.container
    below_owner = len(original.pointer) - (len(original.owner.pointer) if task is not None else 2)
    names = [part for part in change.pointer[-below_owner:] if isinstance(part, str) and part != "-"]
    key = ".".join(names[1:] if names[:1] == ["Properties"] else names) or "the list"
    return OwnedChange(change, None if task is None else task_label(task), container, key, final_pointer)


def task_label(name: str) -> str:
    """What to call a task definition: that of a plain one without a family has no name."""
    return name or "task definition"


def final_pointers(processed: Json, changes: Sequence[Change]) -> Iterator[Pointer]:
    """Where what each change makes is in the end. Later changes move it where they put something into the same list."""
    for index, change in enumerate(changes):
        *parent, last = change.pointer
        later = [other.pointer[-1] for other in changes[index + 1 :] if list(other.pointer[:-1]) == parent]
        if last == "-":
            length = _list_length(processed, tuple(parent))
            yield (*parent, length - 1 - sum(part == "-" for part in later))
        elif isinstance(last, int) and change.operation == "add":
            yield (*parent, last + sum(isinstance(part, int) and part <= last for part in later))
        else:
            yield change.pointer


def _list_length(value: Json, pointer: Pointer) -> int:
    for part in pointer:
        try:
            value = value[part]  # type: ignore[index]
        except (LookupError, TypeError):
            return 1
    return len(value) if isinstance(value, list) else 1

"""The owner of a change in words, and the location of its value after all changes."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Sequence

from sysdig_instrument.engine.findings import format_pointer
from sysdig_instrument.engine.json_types import Json, Pointer
from sysdig_instrument.engine.patch import Change


def task_label(name: str) -> str:
    """Return the display name of a task definition. One in the format of the ECS API without a family has no name."""
    return name or "task definition"


def owner_label(change: Change) -> str:
    """Return what the change belongs to: ``Task: web``, ``Task``, or the pointer of another resource, such as a role."""
    owner = change.owner
    if owner.task is None:
        return format_pointer(_owner_pointer(change))
    return f"{task_label(owner.task)}: {owner.container}" if owner.container else task_label(owner.task)


def changed_key(change: Change) -> str:
    """Return the key that changes, below its owner: ``LinuxParameters.Capabilities.Add``; "the list" for an item of a list."""
    below = change.pointer[len(_owner_pointer(change)) :]
    names = [part for part in below if isinstance(part, str) and part != "-"]
    return ".".join(names[1:] if names[:1] == ["Properties"] else names) or "the list"


def _owner_pointer(change: Change) -> Pointer:
    # A change to another resource has no owner; its resource is found by the first two parts: Resources.Role.
    return change.pointer[:2] if change.owner.task is None else change.owner.pointer


def final_pointers(processed: Json, changes: Sequence[Change]) -> list[Pointer]:
    """Return the pointer of each change's value after all changes. A later change may insert into the same list and move it."""
    pointers: list[Pointer] = []
    # What the later changes do to each list: the number of items that they append, and the indexes of others, sorted.
    appended: defaultdict[Pointer, int] = defaultdict(int)
    indexes: defaultdict[Pointer, list[int]] = defaultdict(list)
    for change in reversed(changes):
        parent, last = change.pointer[:-1], change.pointer[-1]
        pointer = change.pointer
        if last == "-":
            pointer = (*parent, _list_length(processed, parent) - 1 - appended[parent])
            appended[parent] += 1
        elif isinstance(last, int):
            if change.operation == "add":
                pointer = (*parent, last + bisect_right(indexes[parent], last))
            insort(indexes[parent], last)
        pointers.append(pointer)
    pointers.reverse()
    return pointers


def _list_length(value: Json, pointer: Pointer) -> int:
    for part in pointer:
        try:
            value = value[part]  # type: ignore[index]
        except (LookupError, TypeError):
            return 1
    return len(value) if isinstance(value, list) else 1

"""Changes as data: JSON Patch operations (RFC 6902), each with the reason for it, and the one function that applies them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias, cast

from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.lazy_dataclasses import dataclass, replace

Pointer: TypeAlias = tuple[str | int, ...]
"""A place in a JSON document: the keys and indexes on the way to it. ``"-"`` is the end of a list (RFC 6901)."""

Operation: TypeAlias = Literal["add", "replace", "remove"]


@dataclass(frozen=True, slots=True)
class Owner:
    """The task definition that a change belongs to, and the container in it; neither for a change to another resource.

    ``pointer`` leads to the container, or to the resource of the task definition.
    """

    task: str | None = None
    container: str | None = None
    pointer: Pointer = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One JSON Patch operation and why it is there.

    ``was`` is the value that ``replace`` and ``remove`` expect to find; it becomes a ``test`` operation before them, so
    that a patch that is applied to another document than it was made for fails instead of doing damage. ``protects``
    says whether the task is unprotected without the change. ``owner``, and ``step``, the name of the step that made
    it, are set by the plan.
    """

    operation: Operation
    pointer: Pointer
    reason: str
    value: Json = None
    was: Json = None
    protects: bool = True
    owner: Owner = Owner()
    step: str = ""

    def owned_by(self, owner: Owner, step: str) -> Change:
        """The change with its owner and the name of its step."""
        # Spelled out: it is called for every change, and replace takes several times as long.
        return Change(self.operation, self.pointer, self.reason, self.value, self.was, self.protects, owner, step)

    def operations(self) -> list[dict[str, Json]]:
        """The operations in JSON Patch's own shape: ``{"op": …, "path": …, "value": …}``."""
        path = json_pointer(self.pointer)
        match self.operation:
            case "add":
                return [{"op": "add", "path": path, "value": self.value}]
            case "replace":
                return [
                    {"op": "test", "path": path, "value": self.was},
                    {"op": "replace", "path": path, "value": self.value},
                ]
            case "remove":
                return [{"op": "test", "path": path, "value": self.was}, {"op": "remove", "path": path}]


def json_pointer(pointer: Pointer) -> str:
    """The pointer as RFC 6901 writes it: ``("a/b", 0)`` is ``/a~1b/0``."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in pointer)


_Parent: TypeAlias = "dict[str | int, Json] | list[Json]"


def apply(document: Json, changes: Iterable[Change]) -> Json:
    """A document with the changes made. The given one stays as it is, as do the values of the changes.

    Only what lies on the way to a change is copied, once; all else is shared with the given document and with the changes.
    So nobody may change any of them in place, and nobody in this package does.

    Raises:
        jsonpatch.JsonPatchException, jsonpointer.JsonPointerException: The changes were planned for another document: a
            bug, or a caller's mistake.
    """
    top: _Parent = {"": document}
    copies: dict[int, _Parent] = {}  # by their ids, and held: nothing else may get such an id meanwhile
    for change in changes:
        holder, last = _copy_path(top, change.pointer, copies)
        if change.operation != "add" or not _add_value(holder, last, change.value):
            _apply_with_jsonpatch(holder, replace(change, pointer=(last,)))
    return cast("dict[str, Json]", top)[""]


def _copy_path(top: _Parent, pointer: Pointer, copies: dict[int, _Parent]) -> tuple[_Parent, str | int]:
    """The object or list that the pointer's last part is in, a copy that may be changed, and that part."""
    holder: Any = top
    last: str | int = ""
    try:
        for part in pointer:
            inner = holder[last]
            if id(inner) not in copies:
                inner = holder[last] = inner.copy()
                copies[id(inner)] = inner
            holder, last = inner, part
    except (AttributeError, LookupError, TypeError):  # not there, or nothing that has parts
        import jsonpointer  # noqa: PLC0415 - for a bug only

        raise jsonpointer.JsonPointerException(json_pointer(pointer)) from None
    return holder, last


def _add_value(holder: _Parent, last: str | int, value: Json) -> bool:
    """Whether the value could be added to what it goes into, and was."""
    if isinstance(holder, dict):
        holder[last] = value
    elif last == "-":
        holder.append(value)
    elif isinstance(last, int) and 0 <= last <= len(holder):
        holder.insert(last, value)
    else:
        return False
    return True


def _apply_with_jsonpatch(holder: _Parent, change: Change) -> None:
    """Make one change in place: those with a test before them, and those that cannot be made and say so."""
    import jsonpatch  # noqa: PLC0415 - most templates need nothing replaced

    jsonpatch.apply_patch(holder, change.operations(), in_place=True)

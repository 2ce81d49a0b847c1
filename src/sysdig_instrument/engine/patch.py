"""Changes as data: JSON Patch operations (RFC 6902), each with its reason, and the only function that applies them.

:func:`apply` returns what ``jsonpatch.apply_patch`` returns (tests/engine/test_patch.py compares them). It takes two
shortcuts, since a large template gets 5,000 changes:

- Only what lies on the path to a change is copied, not the whole document.
- It makes additions and removals itself, which are nearly all changes. jsonpatch would parse each pointer from text, walk
  from the top of the document and copy the value. jsonpatch makes all other changes, and reports all errors.

With jsonpatch for every change the function takes twice as long for a large template (docs/performance.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json, Pointer
from sysdig_instrument.lazy_dataclasses import dataclass, replace

Operation: TypeAlias = Literal["add", "replace", "remove"]


@dataclass(frozen=True, slots=True)
class Owner:
    """The task definition that a change belongs to, and the container in it. Changes to other resources have neither.

    ``pointer`` is that of the container, or else of the resource of the task definition.
    """

    task: str | None = None
    container: str | None = None
    pointer: Pointer = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A JSON Patch operation and its reason.

    ``was`` is the value that ``replace`` and ``remove`` expect to find. It becomes a ``test`` operation before them, so
    that a patch fails, and damages nothing, if it is applied to a document that it was not made for. ``protects``
    is true if the task is unprotected without the change. The plan sets ``owner``, and ``step``, the name of the step
    that made the change. ``unprotected_reason`` says why the task is unprotected without this change; if it is None, the
    step's ``unprotected_reason`` does.
    """

    operation: Operation
    pointer: Pointer
    reason: str
    value: Json = None
    was: Json = None
    protects: bool = True
    owner: Owner = Owner()
    step: str = ""
    unprotected_reason: Reason | None = None

    def owned_by(self, owner: Owner, step: str) -> Change:
        """Return the change with its owner and the name of its step."""
        # Not by replace(), which takes several times as long; this is called for every change.
        return Change(
            self.operation,
            self.pointer,
            self.reason,
            self.value,
            self.was,
            self.protects,
            owner,
            step,
            self.unprotected_reason,
        )

    def operations(self) -> list[dict[str, Json]]:
        """Return the operations in the form of JSON Patch: ``{"op": …, "path": …, "value": …}``."""
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
    """Return the pointer in the notation of RFC 6901: ``/a~1b/0`` for ``("a/b", 0)``."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in pointer)


_Parent: TypeAlias = "dict[str | int, Json] | list[Json]"


def apply(document: Json, changes: Iterable[Change]) -> Json:
    """Return the document with the changes applied. The given document and the values of the changes are not modified.

    The result shares with them everything that is not on the path to a change, so none of them may be modified in
    place afterwards.

    Raises:
        jsonpatch.JsonPatchException, jsonpointer.JsonPointerException: The changes were planned for another document: a
            bug, or a mistake of the caller.
    """
    top: dict[str | int, Json] = {"": document}
    copies: list[_Parent] = [top]  # those on the path to the object or list that the last change was made in
    path: Pointer = ()
    for change in changes:
        pointer = ("", *change.pointer)
        parents, last = pointer[:-1], pointer[-1]
        while parents[: len(path)] != path:  # one change is mostly near the one before it
            path = path[:-1]
            copies.pop()
        if parents != path:
            _copy_path(copies, parents[len(path) :], change)
            path = parents
        parent = copies[-1]
        if change.operation == "add":
            if isinstance(parent, dict):
                parent[last] = change.value
                continue
            is_applied = _add_item(parent, last, change.value)
        else:
            is_applied = change.operation == "remove" and _remove_value(parent, last, change.was)
        if not is_applied:
            _apply_with_jsonpatch(parent, replace(change, pointer=(last,)))
    return top[""]


def _copy_path(copies: list[_Parent], parts: Pointer, change: Change) -> None:
    """Copy what is on the rest of the path to a change, each in the copy before it."""
    try:
        for part in parts:
            parent: Any = copies[-1]
            parent[part] = inner = parent[part].copy()
            copies.append(inner)
    except (AttributeError, LookupError, TypeError):  # it does not exist, or is a scalar
        import jsonpointer  # noqa: PLC0415 - imported only if there is a bug

        raise jsonpointer.JsonPointerException(json_pointer(change.pointer)) from None


def _add_item(parent: list[Json], last: str | int, value: Json) -> bool:
    """Add the value to the list, and return True; return False if the pointer does not allow that."""
    if last == "-":
        parent.append(value)
    elif isinstance(last, int) and 0 <= last <= len(parent):
        parent.insert(last, value)
    else:
        return False
    return True


def _remove_value(parent: _Parent, last: str | int, was: Json) -> bool:
    """Remove the value from the object or list, and return True; return False if it is not there, or is another one."""
    if isinstance(parent, dict):
        if last in parent and parent[last] == was:
            del parent[last]
            return True
    elif isinstance(last, int) and 0 <= last < len(parent) and parent[last] == was:
        del parent[last]
        return True
    return False


def _apply_with_jsonpatch(parent: _Parent, change: Change) -> None:
    """Apply one change in place: a replacement, which begins with a test, and what will fail."""
    import jsonpatch  # noqa: PLC0415 - most templates have no replacements

    jsonpatch.apply_patch(parent, change.operations(), in_place=True)

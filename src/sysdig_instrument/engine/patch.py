"""Changes as data: JSON Patch operations (RFC 6902), each with the reason for it, and the one function that applies them."""

from __future__ import annotations

import marshal
from collections.abc import Iterable
from typing import Any, Final, Literal, NamedTuple, TypeAlias, cast

import jsonpatch
import jsonpointer

from sysdig_instrument.engine.json_types import Json

Pointer: TypeAlias = tuple[str | int, ...]
"""A place in a JSON document: the keys and indexes on the way to it. ``"-"`` is the end of a list (RFC 6901)."""

Operation: TypeAlias = Literal["add", "replace", "remove"]

_WITHOUT_SHARING: Final = 2  # marshal's format before it kept the identity of values


class Change(NamedTuple):
    """One JSON Patch operation and why it is there.

    ``was`` is the value that ``replace`` and ``remove`` expect to find; it becomes a ``test`` operation before them, so
    that a patch that is applied to another document than it was made for fails instead of doing damage.
    """

    operation: Operation
    pointer: Pointer
    reason: str
    value: Json = None
    was: Json = None

    def operations(self) -> list[dict[str, Json]]:
        """The operations in JSON Patch's own shape: ``{"op": …, "path": …, "value": …}``."""
        path = pointer_text(self.pointer)
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


def pointer_text(pointer: Pointer) -> str:
    """The pointer as RFC 6901 writes it: ``("a/b", 0)`` is ``/a~1b/0``."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in pointer)


def copy(value: Json) -> Json:
    """A deep copy in which no two places share a value. A third of the time that ``json`` takes for it, and lossless.

    Raises:
        RecursionError: It is nested too deeply.
    """
    try:
        return cast("Json", marshal.loads(marshal.dumps(value, _WITHOUT_SHARING)))  # noqa: S302 - our own bytes, made in the same call
    except ValueError:  # of JSON values, marshal takes all but those some thousand levels deep
        raise RecursionError from None


class _Steps(jsonpointer.JsonPointer):
    """A pointer that is there in parts already: writing thousands of them as text and parsing it again took most of the time."""

    path = ""  # only the errors of a bug would show it

    def __init__(self, pointer: Pointer) -> None:
        self.steps = pointer

    def to_last(self, doc: Any) -> tuple[Any, str | int | None]:  # noqa: ANN401 - as in the class above it
        """The object or list that the pointer's last part is in, and that part."""
        try:
            for part in self.steps[:-1]:
                doc = doc[part]
        except (LookupError, TypeError):
            raise jsonpointer.JsonPointerException(pointer_text(self.steps)) from None
        return doc, self.steps[-1] if self.steps else None


class _Add(jsonpatch.AddOperation):
    """An add whose value nobody else holds: it is put into the document as it is, and not copied once more."""

    location = ""  # as in the class above

    def __init__(self, pointer: Pointer, value: Json) -> None:
        self.pointer = _Steps(pointer)
        self.value = value

    def apply(self, obj: Json) -> Json:
        """The document with the value in its place."""
        return cast("Json", self._add(obj, self.value))  # type: ignore[attr-defined]  # its stubs leave it out


def apply(document: Json, changes: Iterable[Change]) -> Json:
    """A new document with the changes made; the given one stays as it is, and shares nothing with it, nor do the changes.

    Raises:
        jsonpatch.JsonPatchException, jsonpointer.JsonPointerException: The changes were planned for another document: a
            bug, or a caller's mistake.
    """
    changes = list(changes)
    made, values = cast("tuple[Json, list[Json]]", copy([document, [change.value for change in changes]]))
    for change, value in zip(changes, values, strict=True):
        if change.operation == "add":
            made = _Add(change.pointer, value).apply(made)
            continue
        steps = _Steps(change.pointer)
        made = jsonpatch.TestOperation({"op": "test", "path": steps, "value": change.was}, _Steps).apply(made)
        operation = {"op": change.operation, "path": steps, "value": value}
        made = _APPLIED[change.operation](operation, _Steps).apply(made)
    return made


_APPLIED: Final = {"replace": jsonpatch.ReplaceOperation, "remove": jsonpatch.RemoveOperation}

"""Plain ECS task definitions: their view in CloudFormation's spelling, and changes carried back.

ECS's API spells ``containerDefinitions``, CloudFormation ``ContainerDefinitions``. The engine knows CloudFormation's
spelling only, so it is shown the task definition with the first letter of each key raised, and what it wants changed is
carried back to the spelling of the document. Keys of maps that users fill (labels, driver options) stay as they are.
Nothing here is an intrinsic function: ``{"Ref": "x"}`` in a plain task definition is an object with the key Ref.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sysdig_instrument.engine.patch import Change, apply
from sysdig_instrument.values import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sysdig_instrument.documents.kinds import Kind
    from sysdig_instrument.engine.json_types import Json
    from sysdig_instrument.engine.patch import Pointer

FREE_FORM: Final = frozenset({"dockerLabels", "driverOpts", "labels", "options"})
"""The keys of ECS's API whose value is a map with keys of the user's own."""


def properties(value: Json, of: Kind) -> Json:
    """The plain document as the Properties of an ``AWS::ECS::TaskDefinition``.

    Raised are keys only. Where a key is there in both spellings, ECS's counts, and the other is not shown.
    """
    if of == "container definitions":
        return {"ContainerDefinitions": pascal(value)}
    if of == "described task definition" and isinstance(value, dict):
        # describe-task-definition prints the tags beside the task definition.
        inner = pascal(value[_spelled(value, "TaskDefinition")])
        tags = _spelled(value, "Tags")
        return inner | {"Tags": pascal(value[tags])} if isinstance(inner, dict) and tags in value else inner
    return pascal(value)


def pascal(value: Json) -> Json:
    """The value with CloudFormation's spelling of keys, at all depths but in free-form maps."""
    if isinstance(value, list):
        return [pascal(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        _raised(key): item if _is_free_form(key) else pascal(item)
        for key, item in value.items()
        if _lowered(key) == key or _lowered(key) not in value
    }


def camel(value: Json) -> Json:
    """The value with ECS's spelling of keys, at all depths but in free-form maps."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {_lowered(key): item if _is_free_form(key) else camel(item) for key, item in value.items()}


@dataclass(frozen=True, slots=True)
class Carried:
    """Changes for the plain document, and those that it has no place for: an array of containers has no ``pidMode``."""

    changes: tuple[Change, ...]
    homeless: tuple[Change, ...]


def carry_back(value: Json, of: Kind, changes: Iterable[Change]) -> Carried:
    """Changes to :func:`properties` of a plain document, as changes to the document itself.

    New keys are spelled as ECS spells them; for keys that are there, the document's spelling is kept.
    """
    carried: list[Change] = []
    homeless: list[Change] = []
    for change in changes:
        pointer = _outer(value, of, change.pointer)
        if pointer is None:
            homeless.append(change)
            continue
        back = _carry_one(value, replace(change, pointer=pointer))
        # A later change sees what the earlier ones left, so that indexes mean the same on both sides.
        value = apply(value, [back])
        carried.append(back)
    return Carried(tuple(carried), tuple(homeless))


def _carry_one(value: Json, change: Change) -> Change:
    pointer, free = _spell(value, change.pointer)
    if free:
        return replace(change, pointer=pointer)
    was = None if change.operation == "add" else _at(value, pointer)
    return replace(change, pointer=pointer, value=camel(change.value), was=was)


def _outer(value: Json, of: Kind, pointer: Pointer) -> Pointer | None:
    """The pointer from the document's top instead of from the properties; nothing where the document ends before."""
    if of == "container definitions":
        return pointer[1:] if pointer[:1] == ("ContainerDefinitions",) else None
    if of == "described task definition" and isinstance(value, dict):
        outside = pointer[:1] == ("Tags",) and _spelled(value, "Tags") in value
        return pointer if outside else ("TaskDefinition", *pointer)
    return pointer


def _spell(value: Json, pointer: Pointer) -> tuple[Pointer, bool]:
    """The pointer in the document's spelling, and whether it leads into a free-form map."""
    spelled: list[str | int] = []
    here: Json = value
    free = False
    for part in pointer:
        step = part
        if isinstance(here, dict):
            step = part if free else _spelled(here, str(part))
            here = here.get(str(step))
        elif isinstance(here, list):
            here = here[int(part)] if part != "-" and int(part) < len(here) else None
        spelled.append(step)
        free = free or (isinstance(part, str) and _is_free_form(part))
    # What is put at the key itself, say a whole map of labels, is free of our spelling too.
    return tuple(spelled), free


def _spelled(value: dict[str, Json], key: str) -> str:
    """The document's own spelling of CloudFormation's key; ECS's where the document does not have it."""
    lowered = _lowered(key)
    return key if key in value and lowered not in value else lowered


def _at(value: Json, pointer: Sequence[str | int]) -> Json:
    for part in pointer:
        match value:
            case dict():
                value = value[str(part)]
            case list():
                value = value[int(part)]
            case _:
                raise LookupError(part)
    return value


def _is_free_form(key: str) -> bool:
    return _lowered(key) in FREE_FORM


# ASCII letters only: for others, raising and lowering are not each other's inverse.


def _raised(key: str) -> str:
    return key[:1].upper() + key[1:] if key[:1].isascii() else key


def _lowered(key: str) -> str:
    return key[:1].lower() + key[1:] if key[:1].isascii() else key

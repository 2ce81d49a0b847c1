"""Convert ECS task definitions that are not in a template.

The ECS API uses camelCase (``containerDefinitions``), CloudFormation PascalCase (``ContainerDefinitions``). The engine only
knows PascalCase. So it gets the task definition with its keys in PascalCase, and its changes are converted back to the keys
of the document. Keys of maps that users fill (labels, driver options) stay as they are. Nothing here is an intrinsic
function: ``{"Ref": "x"}`` in an ECS task definition is an object with the key Ref.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from sysdig_instrument.engine.patch import Change, apply
from sysdig_instrument.lazy_dataclasses import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sysdig_instrument.engine.json_types import Json, Pointer

DocumentKind: TypeAlias = Literal["template", "task definition", "described task definition", "container definitions"]

FREE_FORM: Final = frozenset({"dockerLabels", "driverOpts", "labels", "options"})
"""The keys in the ECS API whose value is a map with keys that the user chooses."""


def to_properties(value: Json, kind: DocumentKind) -> Json:
    """Return an ECS document as the Properties of an ``AWS::ECS::TaskDefinition``.

    Only keys change case. If a key is present in both cases, the camelCase one wins and the other is dropped.
    """
    if kind == "container definitions":
        return {"ContainerDefinitions": to_pascal_case(value)}
    if kind == "described task definition" and isinstance(value, dict):
        # describe-task-definition prints the tags next to the task definition, not in it.
        task_definition = to_pascal_case(value[_key_in_document(value, "TaskDefinition")])
        tags_key = _key_in_document(value, "Tags")
        return (
            task_definition | {"Tags": to_pascal_case(value[tags_key])}
            if isinstance(task_definition, dict) and tags_key in value
            else task_definition
        )
    return to_pascal_case(value)


def to_pascal_case(value: Json) -> Json:
    """Return the value with all keys in PascalCase, except in free-form maps."""
    if isinstance(value, list):
        return [to_pascal_case(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        pascal_key(key): item if _is_free_form(key) else to_pascal_case(item)
        for key, item in value.items()
        if camel_key(key) == key or camel_key(key) not in value
    }


def to_camel_case(value: Json) -> Json:
    """Return the value with all keys in camelCase, except in free-form maps."""
    if isinstance(value, list):
        return [to_camel_case(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {camel_key(key): item if _is_free_form(key) else to_camel_case(item) for key, item in value.items()}


@dataclass(frozen=True, slots=True)
class EcsChanges:
    """Changes for an ECS document, its value after them, and the changes that it cannot hold.

    An array of container definitions has no ``pidMode``, for instance.
    """

    changes: tuple[Change, ...]
    unsupported: tuple[Change, ...]
    value: Json


def to_ecs_changes(value: Json, kind: DocumentKind, changes: Iterable[Change]) -> EcsChanges:
    """Translate changes to :func:`to_properties` of a document into changes to the document itself.

    New keys are in camelCase; existing keys keep the document's case.
    """
    translated: list[Change] = []
    unsupported: list[Change] = []
    for change in changes:
        pointer = _document_pointer(value, kind, change.pointer)
        if pointer is None:
            unsupported.append(change)
            continue
        below_owner = len(change.pointer) - len(change.owner.pointer)
        owner = replace(change.owner, pointer=pointer[: max(0, len(pointer) - below_owner)])
        ecs_change = _to_ecs_change(value, replace(change, pointer=pointer, owner=owner))
        # Each change applies to the result of the earlier ones, so that indexes match on both sides.
        value = apply(value, [ecs_change])
        translated.append(ecs_change)
    return EcsChanges(tuple(translated), tuple(unsupported), value)


def _to_ecs_change(value: Json, change: Change) -> Change:
    pointer, in_free_form = _translate_pointer(value, change.pointer)
    if in_free_form:
        return replace(change, pointer=pointer)
    was = None if change.operation == "add" else _value_at(value, pointer)
    return replace(change, pointer=pointer, value=to_camel_case(change.value), was=was)


def _document_pointer(value: Json, kind: DocumentKind, pointer: Pointer) -> Pointer | None:
    """Return the pointer from the document's root instead of from the Properties, or None if the document cannot hold it."""
    if kind == "container definitions":
        return pointer[1:] if pointer[:1] == ("ContainerDefinitions",) else None
    if kind == "described task definition" and isinstance(value, dict):
        is_top_level = pointer[:1] == ("Tags",) and _key_in_document(value, "Tags") in value
        return pointer if is_top_level else ("TaskDefinition", *pointer)
    return pointer


def _translate_pointer(value: Json, pointer: Pointer) -> tuple[Pointer, bool]:
    """Return the pointer with the document's keys, and whether it leads into a free-form map."""
    translated: list[str | int] = []
    current: Json = value
    in_free_form = False
    for part in pointer:
        document_part = part
        if isinstance(current, dict):
            document_part = part if in_free_form else _key_in_document(current, str(part))
            current = current.get(str(document_part))
        elif isinstance(current, list):
            current = current[int(part)] if part != "-" and int(part) < len(current) else None
        translated.append(document_part)
        in_free_form = in_free_form or (isinstance(part, str) and _is_free_form(part))
    # A value set at the key itself, such as a whole map of labels, is not converted either.
    return tuple(translated), in_free_form


def _key_in_document(value: dict[str, Json], key: str) -> str:
    """Return the document's key for a CloudFormation key; the camelCase one if the document has neither."""
    in_camel_case = camel_key(key)
    return key if key in value and in_camel_case not in value else in_camel_case


def _value_at(value: Json, pointer: Sequence[str | int]) -> Json:
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
    return camel_key(key) in FREE_FORM


def pascal_key(key: str) -> str:
    """Return the key in CloudFormation's PascalCase."""
    # ASCII only: for other letters, upper() and lower() are not inverses.
    return key[:1].upper() + key[1:] if key[:1].isascii() else key


def camel_key(key: str) -> str:
    """Return the key in the camelCase of the ECS API."""
    return key[:1].lower() + key[1:] if key[:1].isascii() else key

"""The values that a setting type allows, as JSON Schema and as constraints of template parameters."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import Final

from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.settings.types import (
    ANY_KEY,
    ArgumentList,
    Boolean,
    ImageConfigObject,
    Integer,
    LogConfiguration,
    Object,
    OneOf,
    SettingType,
    String,
    StringList,
)

_ARGUMENTS: Final[Json] = {"type": ["array", "null"], "items": {"type": "string"}}
_MAP_VALUES: Final[Mapping[str, Json]] = {
    "any": True,
    "string": {"type": ["string", "number", "boolean"]},
    "string or intrinsic": {"type": ["string", "number", "boolean", "object"]},
    "image config": {"type": "object", "properties": {"Entrypoint": _ARGUMENTS, "Cmd": _ARGUMENTS}},
}
"""The JSON Schema of the values of an :class:`Object`, by the object's ``value_type``."""

_OBJECT_AS_STRING: Final[Json] = {"type": "string", "pattern": r"^\s*\{"}

_PATTERNS: Final[Mapping[type, str]] = {
    Integer: "^[0-9]{0,9}$",
    ArgumentList: r"^(\[.*\])?$",
    Object: r"^(\{[\s\S]*\})?$",
    LogConfiguration: r"^(inherit|\{[\s\S]*\})?$",
}
"""The AllowedPattern of the types whose settings all have the same one."""


@singledispatch
def schema(setting_type: SettingType) -> dict[str, Json]:
    """Return the JSON Schema of a value in Metadata, covering every form that the type accepts."""
    raise NotImplementedError(type(setting_type))


@schema.register
def _(setting_type: String) -> dict[str, Json]:
    text: dict[str, Json] = {"type": "string"}
    if setting_type.pattern:
        text["pattern"] = rf"^\s*(?:{setting_type.pattern})\s*$"
    return {"anyOf": [text, {"type": "object"}]} if setting_type.allows_intrinsic else text


@schema.register
def _(setting_type: OneOf) -> dict[str, Json]:
    return {
        "enum": [*setting_type.choices, *(word == "true" for word in setting_type.choices if word in {"true", "false"})]
    }


@schema.register
def _(_setting_type: Boolean) -> dict[str, Json]:
    return {"enum": [True, False, "true", "false", "True", "False", "TRUE", "FALSE"]}


@schema.register
def _(setting_type: Integer) -> dict[str, Json]:
    number: Json = {"type": "integer", "minimum": setting_type.minimum, "maximum": setting_type.maximum}
    return {"anyOf": [number, {"type": "string", "pattern": "^[0-9]{1,9}$"}]}


@schema.register
def _(setting_type: StringList) -> dict[str, Json]:
    name: Json = {"type": "string", "pattern": rf"^\s*(?:{setting_type.pattern})?\s*$"}
    return {"anyOf": [{"type": "array", "items": name}, {"type": "string"}]}


@schema.register
def _(_setting_type: ArgumentList) -> dict[str, Json]:
    as_text: Json = {"type": "string", "pattern": r"^\s*\["}
    return {"anyOf": [{"type": "array", "items": {"type": "string"}, "minItems": 1}, as_text]}


@schema.register
def _(setting_type: Object) -> dict[str, Json]:
    values: dict[str, Json] = {"type": "object", "additionalProperties": _MAP_VALUES[setting_type.value_kind]}
    if setting_type.key_pattern != ANY_KEY:
        values["propertyNames"] = {"pattern": f"^(?:{setting_type.key_pattern})$"}
    return {"anyOf": [values, _OBJECT_AS_STRING]}


@schema.register
def _(_setting_type: ImageConfigObject) -> dict[str, Json]:
    members: dict[str, Json] = {
        "type": "object",
        "properties": {"Entrypoint": _ARGUMENTS, "Cmd": _ARGUMENTS},
        "additionalProperties": False,
    }
    return {"anyOf": [members, _OBJECT_AS_STRING]}


@schema.register
def _(_setting_type: LogConfiguration) -> dict[str, Json]:
    return {"anyOf": [{"enum": ["inherit"]}, {"type": "object", "required": ["LogDriver"]}, _OBJECT_AS_STRING]}


def constraint(setting_type: SettingType, *, required: bool) -> dict[str, Json]:
    """Return AllowedValues or AllowedPattern of a template parameter.

    An optional parameter also allows the empty string, and a required one does not. Numbers are strings too, since a parameter of type Number cannot
    be empty. A list of names may contain commas and globs, so there is little to check.
    """
    match setting_type:
        case OneOf(choices=words):
            return {"AllowedValues": list(words)}
        case Boolean():
            return {"AllowedValues": ["true", "false"]}
        case String(pattern=str(pattern)):
            return {"AllowedPattern": f"^(?:{pattern})$" if required else f"^(?:{pattern})?$"}
    fixed_pattern = _PATTERNS.get(type(setting_type))
    return {"AllowedPattern": fixed_pattern} if fixed_pattern else {}

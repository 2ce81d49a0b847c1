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
"""The JSON Schema of the values of a :class:`Object`."""

_OBJECT_AS_STRING: Final[Json] = {"type": "string", "pattern": r"^\s*\{"}

_PATTERNS: Final[Mapping[type, str]] = {
    Integer: "^[0-9]{0,9}$",
    ArgumentList: r"^(\[.*\])?$",
    Object: r"^(\{[\s\S]*\})?$",
    LogConfiguration: r"^(inherit|\{[\s\S]*\})?$",
}
"""AllowedPattern of the types that have the same one for all settings."""


@singledispatch
def schema(setting_type: SettingType) -> dict[str, Json]:
    """Return the JSON Schema of a value in Metadata, covering every form that the type accepts."""
    raise NotImplementedError(type(setting_type))


@schema.register
def _(kind: String) -> dict[str, Json]:
    text: dict[str, Json] = {"type": "string"}
    if kind.pattern:
        text["pattern"] = rf"^\s*(?:{kind.pattern})\s*$"
    return {"anyOf": [text, {"type": "object"}]} if kind.allows_intrinsic else text


@schema.register
def _(kind: OneOf) -> dict[str, Json]:
    return {"enum": [*kind.choices, *(word == "true" for word in kind.choices if word in {"true", "false"})]}


@schema.register
def _(_kind: Boolean) -> dict[str, Json]:
    return {"enum": [True, False, "true", "false", "True", "False", "TRUE", "FALSE"]}


@schema.register
def _(kind: Integer) -> dict[str, Json]:
    number: Json = {"type": "integer", "minimum": kind.minimum, "maximum": kind.maximum}
    return {"anyOf": [number, {"type": "string", "pattern": "^[0-9]{1,9}$"}]}


@schema.register
def _(kind: StringList) -> dict[str, Json]:
    name: Json = {"type": "string", "pattern": rf"^\s*(?:{kind.pattern})?\s*$"}
    return {"anyOf": [{"type": "array", "items": name}, {"type": "string"}]}


@schema.register
def _(_kind: ArgumentList) -> dict[str, Json]:
    as_text: Json = {"type": "string", "pattern": r"^\s*\["}
    return {"anyOf": [{"type": "array", "items": {"type": "string"}, "minItems": 1}, as_text]}


@schema.register
def _(kind: Object) -> dict[str, Json]:
    values: dict[str, Json] = {"type": "object", "additionalProperties": _MAP_VALUES[kind.value_kind]}
    if kind.key_pattern != ANY_KEY:
        values["propertyNames"] = {"pattern": f"^(?:{kind.key_pattern})$"}
    return {"anyOf": [values, _OBJECT_AS_STRING]}


@schema.register
def _(_kind: LogConfiguration) -> dict[str, Json]:
    return {"anyOf": [{"enum": ["inherit"]}, {"type": "object", "required": ["LogDriver"]}, _OBJECT_AS_STRING]}


def constraint(setting_type: SettingType) -> dict[str, Json]:
    """Return AllowedValues or AllowedPattern of a template parameter.

    An optional parameter also allows the empty string. Numbers are strings too, since a parameter of type Number cannot
    be empty. A list of names may contain commas and globs, so there is little to check.
    """
    match setting_type:
        case OneOf(choices=words):
            return {"AllowedValues": list(words)}
        case Boolean():
            return {"AllowedValues": ["true", "false"]}
        case String(pattern=str(pattern)):
            return {"AllowedPattern": f"^(?:{pattern})?$"}
    fixed_pattern = _PATTERNS.get(type(setting_type))
    return {"AllowedPattern": fixed_pattern} if fixed_pattern else {}

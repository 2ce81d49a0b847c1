"""What a setting's kind allows, as JSON Schema and as a template's parameters spell it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import Final

from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.settings.kinds import (
    ANY_KEY,
    Arguments,
    Choice,
    Flag,
    Kind,
    LogConfiguration,
    Map,
    Names,
    Text,
    Whole,
)

_ARGUMENTS: Final[Json] = {"type": ["array", "null"], "items": {"type": "string"}}
_VALUES: Final[Mapping[str, Json]] = {
    "any": True,
    "text": {"type": ["string", "number", "boolean"]},
    "text or intrinsic": {"type": ["string", "number", "boolean", "object"]},
    "image config": {"type": "object", "properties": {"Entrypoint": _ARGUMENTS, "Cmd": _ARGUMENTS}},
}
"""The JSON Schema of the values of a :class:`Map`."""

_OBJECT_AS_TEXT: Final[Json] = {"type": "string", "pattern": r"^\s*\{"}

_PATTERNS: Final[Mapping[type, str]] = {
    Whole: "^[0-9]{0,9}$",
    Arguments: r"^(\[.*\])?$",
    Map: r"^(\{[\s\S]*\})?$",
    LogConfiguration: r"^(inherit|\{[\s\S]*\})?$",
}
"""AllowedPattern of the kinds that have one and the same for all settings."""


@singledispatch
def schema(kind: Kind) -> dict[str, Json]:
    """The JSON Schema of a value in Metadata: each form in which the kind is read."""
    raise NotImplementedError(type(kind))


@schema.register
def _(kind: Text) -> dict[str, Json]:
    text: dict[str, Json] = {"type": "string"}
    if kind.pattern:
        text["pattern"] = rf"^\s*(?:{kind.pattern})\s*$"
    return {"anyOf": [text, {"type": "object"}]} if kind.live else text


@schema.register
def _(kind: Choice) -> dict[str, Json]:
    return {"enum": [*kind.words, *(word == "true" for word in kind.words if word in {"true", "false"})]}


@schema.register
def _(_kind: Flag) -> dict[str, Json]:
    return {"enum": [True, False, "true", "false", "True", "False", "TRUE", "FALSE"]}


@schema.register
def _(kind: Whole) -> dict[str, Json]:
    number: Json = {"type": "integer", "minimum": kind.least, "maximum": kind.most}
    return {"anyOf": [number, {"type": "string", "pattern": "^[0-9]{1,9}$"}]}


@schema.register
def _(kind: Names) -> dict[str, Json]:
    name: Json = {"type": "string", "pattern": rf"^\s*(?:{kind.pattern})?\s*$"}
    return {"anyOf": [{"type": "array", "items": name}, {"type": "string"}]}


@schema.register
def _(_kind: Arguments) -> dict[str, Json]:
    as_text: Json = {"type": "string", "pattern": r"^\s*\["}
    return {"anyOf": [{"type": "array", "items": {"type": "string"}, "minItems": 1}, as_text]}


@schema.register
def _(kind: Map) -> dict[str, Json]:
    values: dict[str, Json] = {"type": "object", "additionalProperties": _VALUES[kind.values]}
    if kind.key_pattern != ANY_KEY:
        values["propertyNames"] = {"pattern": f"^(?:{kind.key_pattern})$"}
    return {"anyOf": [values, _OBJECT_AS_TEXT]}


@schema.register
def _(_kind: LogConfiguration) -> dict[str, Json]:
    return {"anyOf": [{"enum": ["inherit"]}, {"type": "object", "required": ["LogDriver"]}, _OBJECT_AS_TEXT]}


def constraint(kind: Kind) -> dict[str, Json]:
    """A parameter's AllowedValues or AllowedPattern; an optional one also admits the empty text.

    A number is text, too, as a parameter of the type Number cannot be left out. A list of names may hold commas and
    globs, which leaves little to check.
    """
    match kind:
        case Choice(words=words):
            return {"AllowedValues": list(words)}
        case Flag():
            return {"AllowedValues": ["true", "false"]}
        case Text(pattern=str(pattern)):
            return {"AllowedPattern": f"^(?:{pattern})?$"}
    always = _PATTERNS.get(type(kind))
    return {"AllowedPattern": always} if always else {}

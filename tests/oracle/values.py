"""JSON values, `AWS::NoValue`, and tokens that represent values unknown before the stack exists."""

from __future__ import annotations

import json
from enum import Enum
from typing import Literal, TypeAlias

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


class NoValue(Enum):
    """The value of `AWS::NoValue`, which removes the key or the item."""

    NO_VALUE = "AWS::NoValue"


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
NO_VALUE: Literal[NoValue.NO_VALUE] = NoValue.NO_VALUE
Value: TypeAlias = "Json | Literal[NoValue.NO_VALUE]"

# A token is a string between these characters. No template has them, so a token can be found in a longer string.
OPEN, CLOSE = "⟦", "⟧"


def token(*parts: str) -> str:
    """Return a string that represents an unknown value. Equal arguments give equal tokens, so tokens can be compared."""
    inner = " ".join(parts).replace(OPEN, "(").replace(CLOSE, ")")
    return f"{OPEN}{inner}{CLOSE}"


def is_unknown(value: Value) -> bool:
    """Return whether this is a string that contains a token."""
    return isinstance(value, str) and OPEN in value


def canonical(value: Json) -> str:
    """Return the value as JSON text. Equal texts mean equal bytes, including the order of keys."""
    return _ENCODER.encode(value)


def same(left: Json, right: Json) -> bool:
    """Return whether two values are equal byte for byte. Unlike `==`, this distinguishes 1 from true and key orders."""
    return canonical(left) == canonical(right)


def text_of(value: Value) -> str:
    """Return a scalar as the string that CloudFormation makes of it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return json.dumps(value)
    if value is NO_VALUE:
        return ""
    return token("text", canonical(value))


def mapping(value: Value) -> dict[str, Json]:
    """Return the value if it is an object, otherwise an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Value) -> list[Json]:
    """Return the value if it is a list, otherwise an empty one."""
    return value if isinstance(value, list) else []


def argv(value: Value) -> list[Json]:
    """Return a list of arguments. An unknown list counts as one unknown argument, null as an empty list."""
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, str) else []

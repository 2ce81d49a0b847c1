"""Plain JSON values, nothing at all, and tokens that stand for what nobody can know before the stack exists."""

from __future__ import annotations

import json
from enum import Enum
from typing import Literal, TypeAlias

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


class Nothing(Enum):
    """What `AWS::NoValue` is worth: the key or the item goes away."""

    NO_VALUE = "AWS::NoValue"


NO_VALUE: Literal[Nothing.NO_VALUE] = Nothing.NO_VALUE
Value: TypeAlias = "Json | Literal[Nothing.NO_VALUE]"

# A token is text between these two. They occur in no template, so a token is found again inside a joined text.
OPEN, CLOSE = "⟦", "⟧"


def token(*words: str) -> str:
    """Text that stands for an unknown value. The same words give the same token, so it can be compared."""
    inner = " ".join(words).replace(OPEN, "(").replace(CLOSE, ")")
    return f"{OPEN}{inner}{CLOSE}"


def is_opaque(value: Value) -> bool:
    """Whether some of this text is a token."""
    return isinstance(value, str) and OPEN in value


def canonical(value: Json) -> str:
    """The value as text, with the order of keys, so that equal texts mean equal bytes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def same(left: Json, right: Json) -> bool:
    """Equality that tells 1 from true and {a, b} from {b, a}: what ECS would receive is the same, byte by byte."""
    return canonical(left) == canonical(right)


def text_of(value: Value) -> str:
    """A scalar as CloudFormation writes it into a text."""
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
    """The value if it is a map, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Value) -> list[Json]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def argv(value: Value) -> list[Json]:
    """A list of words. An unknown list counts as one unknown word; null and nothing as no words."""
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, str) else []

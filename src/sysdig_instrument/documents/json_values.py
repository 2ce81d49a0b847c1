"""JSON text to its value, with what the standard library lets pass refused: no NaN, no half characters, no abyss."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Final, NoReturn, cast

from sysdig_instrument.documents.places import MAX_DEPTH, MAX_NODES, column_of, fault, line_of, too_deep, too_large
from sysdig_instrument.errors import UsageError

if TYPE_CHECKING:
    from sysdig_instrument.engine.json_types import Json

# An escaped surrogate, with its other half where it has one. Backslashes come in pairs before it, or it is no escape.
_SURROGATE: Final = re.compile(
    r"(?<!\\)(?:\\\\)*(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2})",
)
_HALF: Final = len(r"\ud800")


class NotJsonError(Exception):
    """The text is not JSON. Says what is wrong and where; what to do about it depends on what else it could be."""

    def __init__(self, offset: int, fact: str) -> None:
        super().__init__(fact)
        self.fact, self.offset = fact, offset


def json_value(text: str, name: str) -> tuple[Json, tuple[str, ...]]:
    """The value of a JSON text, and warnings.

    Raises:
        NotJsonError: The text is not JSON.
        UsageError: It is, but holds what no template can.
    """
    repeated = False

    def members(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        nonlocal repeated
        found = dict(pairs)
        repeated = repeated or len(found) != len(pairs)
        return found

    try:
        value = cast("Json", json.loads(text, object_pairs_hook=members, parse_float=_number, parse_constant=_constant))
    except json.JSONDecodeError as error:
        raise NotJsonError(error.pos, _in_words(error.msg)) from None
    except RecursionError:
        raise too_deep(name) from None
    except (OverflowError, ValueError):
        raise _bad_number(text, name) from None
    _check(value, name)
    _refuse_half_characters(text, name)
    return value, _duplicates(text, name) if repeated else ()


def _in_words(message: str) -> str:
    """The parser's message as the middle of a sentence."""
    return message[:1].lower() + message[1:]


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise OverflowError
    return number


def _constant(_text: str) -> NoReturn:
    raise OverflowError


def _bad_number(text: str, name: str) -> UsageError:
    """Find the number that Python or JSON does not have: outside of strings, as strings may say anything."""
    for token in re.finditer(r'"[^"\\]*(?:\\.[^"\\]*)*"|NaN|-?Infinity|-?\d[\d.eE+-]*', text):
        word = token[0]
        if not word.startswith('"') and (word[-1] in "Ny" or len(word) > 300 or math.isinf(float(word))):  # noqa: PLR2004 - a double has 309 digits
            return fault(name, text, token.start(), "this is not a number that JSON has. Write it as a string.")
    return UsageError(f"{name} holds a number that JSON does not have. Write it as a string.")


def _check(value: Json, name: str) -> None:
    """Count levels and values without recursion."""
    level: list[Json] = [value]
    total = depth = 0
    while level:
        depth += 1
        total += len(level)
        if depth > MAX_DEPTH + 1:
            raise too_deep(name)
        if total > MAX_NODES:
            raise too_large(name)
        below: list[Json] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        level = below


def _refuse_half_characters(text: str, name: str) -> None:
    for match in _SURROGATE.finditer(text):
        if len(match[1]) == _HALF:
            raise fault(
                name, text, match.start(1), "this escape is half of a character (a lone surrogate). Write both halves."
            )


def _duplicates(text: str, name: str) -> tuple[str, ...]:
    from sysdig_instrument.documents.json_tree import json_tree  # noqa: PLC0415 - only where something is to be warned of
    from sysdig_instrument.documents.tree import repeated_keys  # noqa: PLC0415

    return tuple(
        duplicate_warning(name, text, key.start, first.start, key.text) for first, key in repeated_keys(json_tree(text))
    )


def duplicate_warning(name: str, text: str, again: int, first: int, key: str) -> str:
    """What is said of a key that stands twice in one object: CloudFormation takes the last, and so do we."""
    return (
        f'{name}, line {line_of(text, again)}, column {column_of(text, again) + 1}: the key "{key}" stands in line '
        f"{line_of(text, first)} already. The last one counts, as CloudFormation has it; remove the other."
    )

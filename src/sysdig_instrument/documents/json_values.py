"""Parse JSON, and refuse what the standard library accepts: NaN and infinities, lone surrogates, extreme depth and size."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Final, NoReturn, cast

from sysdig_instrument.documents.errors import (
    MAX_DEPTH,
    MAX_NODES,
    Lines,
    SourceError,
    SourceWarning,
    too_deep_error,
    too_large_error,
)
from sysdig_instrument.documents.syntax_tree import Node, Scalar
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.errors import UsageError

if TYPE_CHECKING:
    from sysdig_instrument.engine.json_types import Json

# An escaped surrogate, with its other half if present. After an odd number of backslashes it is not an escape, so only
# pairs of them may precede it.
_SURROGATE: Final = re.compile(
    r"(?<!\\)(?:\\\\)*(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2})",
)
_LONE_SURROGATE_LENGTH: Final = len(r"\ud800")


class NotJsonError(Exception):
    """The text is not JSON.

    ``fact`` says what is wrong and ``offset`` where. The advice depends on what else the text could be: the caller adds it.
    """

    def __init__(self, offset: int, fact: str) -> None:
        super().__init__(fact)
        self.fact, self.offset = fact, offset


def parse_json(text: str, name: str) -> tuple[Json, tuple[SourceWarning, ...]]:
    """Return the value of a JSON text, and warnings about duplicate keys.

    Raises:
        NotJsonError: The text is not JSON.
        UsageError: The text is JSON, but contains what no template may contain.
    """
    has_duplicates = False

    def make_object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        nonlocal has_duplicates
        members = dict(pairs)
        has_duplicates = has_duplicates or len(members) != len(pairs)
        return members

    try:
        value = cast(
            "Json",
            json.loads(text, object_pairs_hook=make_object, parse_float=_finite_float, parse_constant=_refuse_constant),
        )
    except json.JSONDecodeError as error:
        raise _not_json(error, text) from None
    except RecursionError:
        raise too_deep_error(name) from None
    except (OverflowError, ValueError):
        raise _number_error(text, name) from None
    _check_limits(value, name)
    _refuse_lone_surrogates(text, name)
    return value, _duplicate_key_warnings(text, name) if has_duplicates else ()


_FACTS: Final = {
    "Expecting ',' delimiter": "there is no comma before this",
    "Expecting ':' delimiter": "there is no colon after this key",
    "Expecting property name enclosed in double quotes": "this should be a key in double quotes",
    "Expecting value": "this should be a value",
    "Extra data": "there is more after the end of the document",
    "Illegal trailing comma before end of array": "there is a comma after the last item",
    "Illegal trailing comma before end of object": "there is a comma after the last member",
    "Invalid control character at": "a control character in a string, such as a tab or a line break, must be written as an escape",
    "Unterminated string starting at": "this string has no closing quote",
}
"""The messages of the standard library's parser, in words that complete «invalid JSON: …»."""

_COMMENT: Final = r"\s*(//|/\*|#)"


def _not_json(error: json.JSONDecodeError, text: str) -> NotJsonError:
    if error.msg.startswith("Invalid control character") and text[error.pos] in "\r\n":
        return NotJsonError(text.rindex('"', 0, error.pos), "this string has no closing quote on its line")
    return NotJsonError(error.pos, _fact(error.msg, text, error.pos))


def _fact(message: str, text: str, offset: int) -> str:
    if not text[offset:].strip():
        return "the file ends before its last bracket is closed"
    if re.compile(_COMMENT).match(text, offset):
        return "JSON has no comments"
    if text[offset : offset + 1] in ("}", "]") and text[:offset].rstrip().endswith(","):
        return "there is a comma after the last " + ("member" if text[offset] == "}" else "item")
    return _FACTS.get(message, message[:1].lower() + message[1:])


def _finite_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise OverflowError
    return number


def _refuse_constant(_text: str) -> NoReturn:
    raise OverflowError


def _number_error(text: str, name: str) -> UsageError:
    """Return the error for a number that Python or JSON cannot represent. Searches outside of strings only."""
    for match in re.finditer(r'"[^"\\]*(?:\\.[^"\\]*)*"|NaN|-?Infinity|-?\d[\d.eE+-]*', text):
        token = match[0]
        if not token.startswith('"') and (token[-1] in "Ny" or len(token) > 300 or math.isinf(float(token))):  # noqa: PLR2004 - a double has 309 digits
            return SourceError(
                name,
                text,
                match.start(),
                "JSON cannot represent this number. Write it as a string.",
                code=Code.INVALID_JSON,
            )
    return UsageError(
        f"{name} contains a number that JSON cannot represent. Write it as a string.", code=Code.INVALID_JSON
    )


def _check_limits(value: Json, name: str) -> None:
    """Raise an error if the value has too many levels or values. Iterative, so that depth does not use Python's stack."""
    level: list[Json] = [value]
    total = depth = 0
    while level:
        depth += 1
        total += len(level)
        if depth > MAX_DEPTH + 1:
            raise too_deep_error(name)
        if total > MAX_NODES:
            raise too_large_error(name)
        next_level: list[Json] = []
        for item in level:
            if isinstance(item, dict):
                next_level.extend(item.values())
            elif isinstance(item, list):
                next_level.extend(item)
        level = next_level


def _refuse_lone_surrogates(text: str, name: str) -> None:
    for match in _SURROGATE.finditer(text):
        if len(match[1]) == _LONE_SURROGATE_LENGTH:
            raise SourceError(
                name,
                text,
                match.start(1),
                "this escape is a lone surrogate, half of a character. Write both halves.",
                code=Code.INVALID_JSON,
            )


def _duplicate_key_warnings(text: str, name: str) -> tuple[SourceWarning, ...]:
    # Imported here: only a text with a duplicate key needs it.
    from sysdig_instrument.documents.syntax_tree import compose_json, repeated_keys  # noqa: PLC0415

    lines = Lines(text)
    return tuple(duplicate_key_warning(name, lines, first, key) for first, key in repeated_keys(compose_json(text)))


def duplicate_key_warning(name: str, lines: Lines, first: Node, key: Node) -> SourceWarning:
    """Return the warning for a duplicate key. CloudFormation uses the last one, and so does this tool."""
    text = key.text if isinstance(key, Scalar) else ""
    fact = f"Duplicate key {quote(text)}, first used on line {lines.line(first.start)}; the last one counts"
    return lines.warning(name, key.start, key.end, Reason(fact, "Remove the other", code=Code.DUPLICATE_KEY))

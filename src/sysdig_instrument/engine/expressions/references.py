"""The names that an expression refers to, by Ref, Fn::GetAtt or Fn::Sub, and the texts in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sysdig_instrument.engine.json_types import Absent, Json

_SUB_REFERENCE: Final = r"\$\{([A-Za-z0-9]+)(?:\.[^}]*)?\}"


def references(expression: Json | Absent) -> Iterator[str]:
    """Yield the logical ids that an expression refers to, at any depth; one that occurs twice is yielded twice."""
    match expression:
        case {"Ref": str(name)}:
            yield name
        case {"Fn::GetAtt": [str(name), *_]}:
            yield name
        case {"Fn::GetAtt": str(text)}:
            yield text.partition(".")[0]
        case {"Fn::Sub": str(text)}:
            yield from (match[1] for match in re.finditer(_SUB_REFERENCE, text))
        case {"Fn::Sub": [str(text), variables]}:
            yield from (match[1] for match in re.finditer(_SUB_REFERENCE, text))
            yield from references(variables)
        case dict():
            for value in expression.values():
                yield from references(value)
        case list():
            for value in expression:
                yield from references(value)


def names_in_loop(expression: Json | Absent) -> Iterator[str]:
    """Yield the logical id in ``{"Ref": {"Fn::Sub": "Task${Name}"}}``, with which the body of an ``Fn::ForEach`` may refer to one."""
    match expression:
        case {"Ref": {"Fn::Sub": str(text)}} | {"Fn::GetAtt": [{"Fn::Sub": str(text)}, *_]}:
            yield text


def reference_to(name: str) -> Json:
    """Return the expression for the value of a parameter."""
    return {"Ref": name}


def strings_in(value: Json | Absent) -> Iterator[str]:
    """Yield all strings in a value, at any depth, without the keys of objects."""
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings_in(item)

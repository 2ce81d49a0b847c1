"""The names that an expression refers to, by Ref, Fn::GetAtt or Fn::Sub, and the texts in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sysdig_instrument.engine.json_types import Absent, Json

_SUB_REFERENCE: Final = r"\$\{([A-Za-z0-9]+)(?:\.[^{}]*)?\}"


def references(expression: Json | Absent) -> Iterator[str]:
    """Yield the logical ids that an expression refers to, at any depth; one that occurs twice is yielded twice."""
    inner = [expression]
    while inner:  # there is no recursion: a generator in a generator for each level would take the square of the depth
        match inner.pop():
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
                inner.append(variables)
            case dict(members):
                inner += reversed(members.values())
            case list(items):
                inner += reversed(items)


def names_in_loop(expression: Json | Absent) -> Iterator[str]:
    """Yield the logical id in ``{"Ref": {"Fn::Sub": "Task${Name}"}}``, with which the body of an ``Fn::ForEach`` may refer to one."""
    match expression:
        case {"Ref": {"Fn::Sub": str(text)}} | {"Fn::GetAtt": [{"Fn::Sub": str(text)}, *_]}:
            yield text


_PSEUDO_PARAMETERS: Final = ("AWS::AccountId", "AWS::Partition", "AWS::Region", "AWS::URLSuffix")
_MAX_NAME: Final = 1000
"""Limit of the characters, and of the parts, of an image's name. A valid one is shorter."""


def unresolved_name(expression: Json | Absent) -> str | None:
    """Return the text that an expression makes of literals and pseudo parameters, with those as ``${AWS::Region}``.

    It is None for any other expression, whose text could depend on more.
    """
    match expression:
        case {"Fn::Sub": str(text)}:
            pass
        case {"Fn::Join": ["", list(items)]} if len(items) <= _MAX_NAME:
            text = "".join(map(_unresolved_part, items))
        case _:
            return None
    if len(text) > _MAX_NAME or "{{" in text:  # a dynamic reference
        return None
    names = re.findall(r"\$\{([^}]*)\}", text)
    return text if names and all(name in _PSEUDO_PARAMETERS for name in names) else None


def _unresolved_part(item: Json) -> str:
    """Return a part of a name; one that is not known is no pseudo parameter, so that the whole name is not known."""
    match item:
        case str(text) if "$" not in text:
            return text
        case {"Ref": str(name)}:
            return f"${{{name}}}"
    return "${}"


def reference_to(name: str) -> Json:
    """Return the expression for the value of a parameter."""
    return {"Ref": name}


def strings_in(value: Json | Absent) -> Iterator[str]:
    """Yield all strings in a value, at any depth, without the keys of objects."""
    inner = [value]
    while inner:
        match inner.pop():
            case str(text):
                yield text
            case dict(members):
                inner += reversed(members.values())
            case list(items):
                inner += reversed(items)

"""Lists of strings that are expressions, extended and still live: the parameter that they come from keeps its say.

CloudFormation cannot join two lists, but it can join strings: the list is joined with a delimiter, the new item put in
front, and the whole split again. That is right only with a delimiter that cannot occur in an item, and there is one to be
had where the list's own origin excludes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sysdig_instrument.engine.expressions.parameters import is_list_parameter
from sysdig_instrument.engine.expressions.scope import EvaluationScope
from sysdig_instrument.engine.json_types import Json

_DELIMITERS: Final = (",", "|", ";", "^", "\t")


def prepend(expression: dict[str, Json], first: str, scope: EvaluationScope) -> Json | None:
    """The expression for the list with ``first`` before its items; nothing where no delimiter is safe."""
    delimiter = _delimiter(expression, first, scope)
    if delimiter is None:
        return None
    joined: Json = {"Fn::Join": [delimiter, expression]}
    return {"Fn::Split": [delimiter, {"Fn::Join": [delimiter, [first, joined]]}]}


def is_prepended(expression: Json, first: str) -> bool:
    """Whether the expression is one that :func:`prepend` made with the same first item."""
    match expression:
        case {"Fn::Split": [str(outer), {"Fn::Join": [str(inner), [str(item), _]]}]}:
            return outer == inner and item == first
    return False


def _delimiter(expression: dict[str, Json], first: str, scope: EvaluationScope) -> str | None:
    """A string that no item of the list contains, and ``first`` neither."""
    match expression:
        case {"Ref": str(name)} if is_list_parameter(name, scope):
            return None if "," in first else ","  # CloudFormation splits these at commas
        case {"Fn::Split": [str(delimiter), _]} if delimiter and delimiter not in first:
            return delimiter
        case {"Fn::FindInMap": [_, _, _, *rest]} if all(map(_is_literal_default, rest)):
            mappings = dict(scope.section("Mappings"))
            if any("Fn::Transform" in each for each in (mappings, *mappings.values()) if isinstance(each, dict)):
                return None  # it brings values that are not in sight
            texts = [*_strings(mappings), *_strings(rest)]
            return next((each for each in _DELIMITERS if not any(each in text for text in (*texts, first))), None)
    return None


def _is_literal_default(option: Json) -> bool:
    """Whether all items of a DefaultValue are in sight."""
    match option:
        case {"DefaultValue": [*items]}:
            return all(isinstance(item, str) for item in items)
    return False


def _strings(value: Json) -> Iterator[str]:
    """All strings in a value."""
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _strings(item)

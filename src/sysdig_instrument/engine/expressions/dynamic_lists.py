"""Prepend an item to a list that is an expression. The result is an expression, too.

CloudFormation cannot concatenate two lists, but it can join strings: the list is joined with a delimiter, the new item is
put in front, and the result is split again. This is correct only with a delimiter that no item contains. Whether there is
one depends on where the list comes from: items of a CommaDelimitedList, for example, contain no comma.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sysdig_instrument.engine.expressions.decision_tree import is_novalue, may_be_absent
from sysdig_instrument.engine.expressions.evaluate import evaluate
from sysdig_instrument.engine.expressions.parameters import is_list_parameter
from sysdig_instrument.engine.expressions.references import strings_in
from sysdig_instrument.engine.expressions.scope import EvaluationScope
from sysdig_instrument.engine.expressions.values import Known
from sysdig_instrument.engine.expressions.work import steps_of
from sysdig_instrument.engine.json_types import Json

_REPLACED: Final = ("${", "&{", "{{")
"""What begins a variable of a loop or a dynamic reference, which CloudFormation replaces."""
_DELIMITERS: Final = (",", "|", ";", "^", "\t")


def prepend(expression: dict[str, Json], first: str, scope: EvaluationScope) -> Json | None:
    """Return the expression for the list with ``first`` before its items.

    Return None if no delimiter is safe, or if the list may be absent: only what is there now can be joined.
    """
    delimiter = _delimiter(expression, first, scope)
    if delimiter is None or (may_be_absent(expression) and not isinstance(evaluate(expression, scope), Known)):
        return None
    joined: Json = {"Fn::Join": [delimiter, expression]}
    return {"Fn::Split": [delimiter, {"Fn::Join": [delimiter, [first, joined]]}]}


def is_prepended(expression: Json, first: str) -> bool:
    """Return whether the expression is one that :func:`prepend` made with the same first item.

    Whatever the rest is, the first piece is the item then: the delimiter does not occur in it.
    """
    match expression:
        case {"Fn::Split": [str(outer), {"Fn::Join": [str(inner), [str(item), _]]}]}:
            return outer == inner and item == first and _is_safe(outer, first)
    return False


def _delimiter(expression: dict[str, Json], first: str, scope: EvaluationScope) -> str | None:
    """Return a string that neither ``first`` nor any item of the list contains, or None if none is safe."""
    match expression:
        case {"Ref": str(name)} if is_list_parameter(name, scope):
            return None if "," in first else ","  # CloudFormation splits its value at commas
        case {"Fn::Split": [str(delimiter), _]} if _is_safe(delimiter, first):
            return delimiter
        case {"Fn::FindInMap": [_, _, _, *rest]} if all(map(_is_literal_default, rest)):
            return next(iter(_without_those_in([*strings_in(rest), first], _delimiters_of_mappings(scope))), None)
    return None


def _delimiters_of_mappings(scope: EvaluationScope) -> tuple[str, ...]:
    """Return the delimiters that occur nowhere in the section Mappings. Computed once for each plan: the section may be large."""
    if scope.state.delimiters_of_mappings is None:
        mappings = dict(scope.section("Mappings"))
        scope.state.work.spend(steps_of(mappings))
        has_transform = any(
            "Fn::Transform" in each for each in (mappings, *mappings.values()) if isinstance(each, dict)
        )
        # A transform inserts values that are not known here.
        found = () if has_transform else _without_those_in(strings_in(mappings), _DELIMITERS)
        scope.state.delimiters_of_mappings = found
    return scope.state.delimiters_of_mappings


def _without_those_in(strings: Iterable[str], delimiters: tuple[str, ...]) -> tuple[str, ...]:
    """Return the delimiters that none of the strings contains."""
    for string in strings:
        delimiters = tuple(each for each in delimiters if each not in string)
    return delimiters


def _is_safe(delimiter: str, first: str) -> bool:
    """Return whether splitting at the delimiter leaves ``first`` whole, whatever CloudFormation replaces."""
    return delimiter != "" and delimiter not in first and not any(each in delimiter for each in _REPLACED)


def _is_literal_default(option: Json) -> bool:
    """Return whether an option is a DefaultValue whose items are all literal strings, or that is absent."""
    match option:
        case {"DefaultValue": [*items]}:
            return all(isinstance(item, str) for item in items)
        case {"DefaultValue": default}:
            return is_novalue(default)
    return False

"""Whether a condition of the template holds with the parameter values of now: true, false, or not known."""

from __future__ import annotations

from typing import TypeAlias

from sysdig_instrument.engine import intrinsics
from sysdig_instrument.engine.choices import When
from sysdig_instrument.engine.json_types import Absent, Json
from sysdig_instrument.engine.known import Literal, string
from sysdig_instrument.engine.scope import Scope

_Found: TypeAlias = dict[str, bool | None]
"""What is known of conditions in one question, so that each is worked out once, however many refer to it."""


def holds(name: str, scope: Scope) -> bool | None:
    """Whether the condition holds; nothing where that is not known, as for a condition that does not exist.

    The scope's assumptions come first: what is assumed of a condition is what is used for it in others, too.
    """
    return _named(name, scope, {})


def taken(when: When, scope: Scope) -> bool | None:
    """Whether all assumptions are as things are now: false as soon as one is not, nothing where one is not known."""
    if not when:
        return True
    unassumed = scope.assuming({})
    results = {None if (now := holds(name, unassumed)) is None else now is wanted for name, wanted in when.items()}
    return False if False in results else None if None in results else True


def _named(name: str, scope: Scope, found: _Found) -> bool | None:
    if name in scope.when:
        return scope.when[name]
    if name not in found:
        found[name] = None  # where it leads back to itself, it is not known
        expression = scope.section("Conditions").get(name)
        found[name] = None if expression is None else _expression(expression, scope, found)
    return found[name]


def _expression(expression: Json, scope: Scope, found: _Found) -> bool | None:
    match expression:
        case {"Condition": str(name), **rest} if not rest:
            return _named(name, scope, found)
        case {"Fn::Not": [operand], **rest} if not rest:
            value = _expression(operand, scope, found)
            return None if value is None else not value
        case {"Fn::And": [*operands], **rest} if not rest:
            values = [_expression(operand, scope, found) for operand in operands]
            return False if False in values else None if None in values else True
        case {"Fn::Or": [*operands], **rest} if not rest:
            values = [_expression(operand, scope, found) for operand in operands]
            return True if True in values else None if None in values else False
        case {"Fn::Equals": [left, right], **rest} if not rest:
            return _equal(left, right, scope)
    return None


def _equal(left: Json, right: Json, scope: Scope) -> bool | None:
    match intrinsics.resolve(left, scope), intrinsics.resolve(right, scope):
        case Literal(first), Literal(second):
            return _comparable(first) == _comparable(second)
    return None


def _comparable(value: Json | Absent) -> Json | Absent:
    """CloudFormation compares as strings: ``"true"`` and ``true`` are equal."""
    if isinstance(value, bool | int | float):
        return string(value)
    if isinstance(value, list):
        return [item for item in map(_comparable, value) if not isinstance(item, Absent)]
    return value

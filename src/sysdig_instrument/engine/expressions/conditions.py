"""Evaluate a condition of a template, with the conditions that it refers to: true, false, or not known.

Source: the CloudFormation user guide, «Condition functions».
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from sysdig_instrument.engine.expressions.scope import EvaluationScope
from sysdig_instrument.engine.expressions.values import CannotEvaluate
from sysdig_instrument.engine.json_types import Json

_STEPS_PER_CONDITION: Final = 4

_Results: TypeAlias = dict[str, bool | None]
"""The results of the conditions evaluated so far, by name. Each condition is evaluated once, even if many refer to it."""

AreEqual: TypeAlias = Callable[[Json, Json, EvaluationScope], bool | None]
"""Returns whether two expressions have equal values, or None if that is not known."""


def condition_result(name: str, scope: EvaluationScope, are_equal: AreEqual) -> bool | None:
    """Evaluate a condition after those that it refers to. There is no recursion: a chain of them may be long."""
    conditions = scope.section("Conditions")
    results: _Results = dict(scope.assumptions)
    pending = [(name, False)]
    while pending:
        current, is_ready = pending.pop()
        expression = conditions.get(current)
        if is_ready:
            results[current] = _evaluate_condition(expression, scope, results, are_equal)
        elif current not in results:
            results[current] = None  # a condition that refers to itself, or does not exist, is not known
            pending.append((current, True))
            pending += ((each, False) for each in _named_conditions(expression, scope))
    return results[name]


def _named_conditions(expression: Json, scope: EvaluationScope) -> Iterator[str]:
    """Yield the names of the conditions that a condition's expression refers to directly."""
    inner = [expression]
    while inner:
        scope.state.work.spend(_STEPS_PER_CONDITION)
        match inner.pop():
            case {"Condition": str(name)}:
                yield name
            case {"Fn::Not": [*operands]} | {"Fn::And": [*operands]} | {"Fn::Or": [*operands]}:
                inner += operands


def _evaluate_condition(
    expression: Json, scope: EvaluationScope, results: _Results, are_equal: AreEqual
) -> bool | None:
    work = scope.state.work
    try:
        work.enter(_STEPS_PER_CONDITION)
        return _evaluate_operator(expression, scope, results, are_equal)
    except CannotEvaluate:
        return None  # it is nested too deeply
    finally:
        work.leave()


def _evaluate_operator(expression: Json, scope: EvaluationScope, results: _Results, are_equal: AreEqual) -> bool | None:
    match expression:
        case {"Condition": str(name), **rest} if not rest:
            return results.get(name)
        case {"Fn::Not": [operand], **rest} if not rest:
            value = _evaluate_condition(operand, scope, results, are_equal)
            return None if value is None else not value
        case {"Fn::And": [*operands], **rest} if not rest:
            values = [_evaluate_condition(operand, scope, results, are_equal) for operand in operands]
            return False if False in values else None if None in values else True
        case {"Fn::Or": [*operands], **rest} if not rest:
            values = [_evaluate_condition(operand, scope, results, are_equal) for operand in operands]
            return True if True in values else None if None in values else False
        case {"Fn::Equals": [left, right], **rest} if not rest:
            return are_equal(left, right, scope)
    return None

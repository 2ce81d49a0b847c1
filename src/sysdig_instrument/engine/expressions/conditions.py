"""Evaluate a condition of a template, with the conditions that it refers to: true, false, or not known.

Source: the CloudFormation user guide, «Condition functions».
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from sysdig_instrument.engine.expressions.scope import ConditionResult, ConditionResults, EvaluationScope
from sysdig_instrument.engine.expressions.values import CannotEvaluate
from sysdig_instrument.engine.json_types import Json

_STEPS_PER_CONDITION: Final = 4
_NOT_KNOWN: Final = (None, False)

AreEqual: TypeAlias = Callable[[Json, Json, EvaluationScope], bool | None]
"""Returns whether two expressions have equal values, or None if that is not known."""


def evaluate_condition(name: str, scope: EvaluationScope, results: ConditionResults, are_equal: AreEqual) -> None:
    """Record the result of a condition, after those of the conditions that it refers to and that have none yet.

    There is no recursion: a chain of conditions may be long. One that refers to itself, or does not exist, is not known.
    """
    conditions = scope.section("Conditions")
    visited: set[str] = set()
    pending = [(name, False)]
    while pending:
        current, is_ready = pending.pop()
        expression = conditions.get(current)
        if is_ready:
            results[current] = _result(expression, scope, results, are_equal)
        elif current not in results and current not in visited:
            visited.add(current)
            pending.append((current, True))
            pending += ((each, False) for each in _named_conditions(expression, scope))


def _result(
    expression: Json, scope: EvaluationScope, results: ConditionResults, are_equal: AreEqual
) -> ConditionResult:
    state = scope.state
    met_before, state.met_hidden = state.met_hidden, False
    try:
        return _evaluate_expression(expression, scope, results, are_equal), state.met_hidden
    finally:
        state.met_hidden = met_before


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


def _evaluate_expression(
    expression: Json, scope: EvaluationScope, results: ConditionResults, are_equal: AreEqual
) -> bool | None:
    work = scope.state.work
    try:
        work.enter(_STEPS_PER_CONDITION)
        return _evaluate_operator(expression, scope, results, are_equal)
    except CannotEvaluate:
        return None  # it is nested too deeply
    finally:
        work.leave()


def _evaluate_operator(
    expression: Json, scope: EvaluationScope, results: ConditionResults, are_equal: AreEqual
) -> bool | None:
    match expression:
        case {"Condition": str(name), **rest} if not rest:
            result, met_hidden = results.get(name, _NOT_KNOWN)
            scope.state.met_hidden |= met_hidden
            return result
        case {"Fn::Not": [operand], **rest} if not rest:
            value = _evaluate_expression(operand, scope, results, are_equal)
            return None if value is None else not value
        case {"Fn::And": [*operands], **rest} if not rest:
            values = [_evaluate_expression(operand, scope, results, are_equal) for operand in operands]
            return False if False in values else None if None in values else True
        case {"Fn::Or": [*operands], **rest} if not rest:
            values = [_evaluate_expression(operand, scope, results, are_equal) for operand in operands]
            return True if True in values else None if None in values else False
        case {"Fn::Equals": [left, right], **rest} if not rest:
            return are_equal(left, right, scope)
    return None

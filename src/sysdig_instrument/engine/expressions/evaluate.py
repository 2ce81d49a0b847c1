"""Evaluate the expressions and the conditions of a template, as far as their values can be known before deployment.

An expression evaluates to :class:`Known`, to ``ABSENT``, or to :class:`Unknown` with the reason; a condition is true,
false, or not known. Values are evaluated for decisions and for lookups only: the template keeps its expressions. The
functions are those of the CloudFormation user guide, «Intrinsic function reference» and «Condition functions».
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.ecr import EcrRepository
from sysdig_instrument.engine.expressions.conditions import evaluate_condition
from sysdig_instrument.engine.expressions.decision_tree import Assumptions, Branch, Leaf, Tree, are_same, branches_of
from sysdig_instrument.engine.expressions.inserted import value_in_mappings
from sysdig_instrument.engine.expressions.parameters import (
    is_parameter,
    look_up,
    parameter_value,
    pseudo_parameter,
    stack_output,
    with_dynamic_references,
)
from sysdig_instrument.engine.expressions.scope import EXPAND_LOOPS, EvaluationScope, mark_hidden, mark_name
from sysdig_instrument.engine.expressions.values import (
    CannotEvaluate,
    Evaluated,
    Known,
    UndecidedCondition,
    Unknown,
    to_string,
)
from sysdig_instrument.engine.expressions.work import join, split, substitute, to_base64, to_json
from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.lookups import ExportLookup
from sysdig_instrument.printable import printable_name

_NESTED: Final = (dict, list)
_SUB_VARIABLE: Final = r"\$\{([^{}]*)\}"
_LOOP_VARIABLE: Final = r"[$&]\{([^{}]*)\}"
_EVALUATED_AT_DEPLOYMENT: Final = frozenset({"Fn::Cidr", "Fn::GetAZs", "Fn::Transform"})
"""Functions of CloudFormation whose result depends on the account, the Region, or another macro."""
_MAX_CONDITIONS: Final = 10  # conditions in one expression: up to 2 ** 10 combinations


def evaluate(value: Json | Absent, scope: EvaluationScope) -> Evaluated:
    """Return the value of an expression under the scope's assumptions.

    Conditions for which there is no assumption are evaluated with the current parameter values.
    """
    if _is_plain(value):
        return ABSENT if value is ABSENT else Known(value)
    try:
        return _as_evaluated(mark_hidden(_evaluate, value, scope))
    except CannotEvaluate as error:
        return error.unknown
    except UndecidedCondition as error:
        fact = f"it depends on condition {quote(error.condition)}, which is not known here"
        return Unknown(
            Reason(fact, code=Code.CONDITION_UNKNOWN, not_known_here=error.condition in scope.section("Conditions"))
        )


def known_value(value: Json | Absent, scope: EvaluationScope) -> Json | Absent | None:
    """Return the value of an expression, or None if it is not known. JSON's null becomes ``ABSENT``."""
    if value is None:
        return ABSENT
    if _is_plain(value):
        return value
    evaluated = evaluate(value, scope)
    if isinstance(evaluated, Known):
        return evaluated.value
    return ABSENT if evaluated is ABSENT else None


def evaluate_by_condition(value: Json | Absent, scope: EvaluationScope, assumptions: Assumptions) -> Tree[Evaluated]:
    """Return the value of an expression under each combination of the conditions in it, at any depth."""
    scope.state.work.spend()
    if _is_plain(value):
        return Leaf(_as_evaluated(value))
    try:
        return Leaf(_as_evaluated(mark_hidden(_evaluate, value, scope.undecided(assumptions))))
    except CannotEvaluate as error:
        return Leaf(error.unknown)
    except UndecidedCondition as error:
        if len(assumptions) >= len(scope.assumptions) + _MAX_CONDITIONS:
            return Leaf(Unknown(Reason("it depends on too many conditions", code=Code.CONDITION_UNKNOWN)))
        yes = evaluate_by_condition(value, scope, {**assumptions, error.condition: True})
        no = evaluate_by_condition(value, scope, {**assumptions, error.condition: False})
        return yes if are_same(yes, no) else Branch(error.condition, yes, no)


def is_expression(value: Json | Absent) -> bool:
    """Return whether a value is an intrinsic function that is evaluated here."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in FUNCTIONS


def is_get_att(value: Json | Absent) -> bool:
    """Return whether a value is an ``Fn::GetAtt``."""
    return isinstance(value, dict) and len(value) == 1 and "Fn::GetAtt" in value


def _is_plain(value: Json | Absent) -> bool:
    """Return whether a value certainly evaluates to itself. Most values do, so this saves time."""
    return value is ABSENT or (isinstance(value, str) and "{" not in value)


def _as_evaluated(value: Json | Absent) -> Evaluated:
    if value is ABSENT:
        return ABSENT
    if isinstance(value, str) and "{{" not in value:  # as most are
        return Known(value)
    if any(isinstance(text, str) and "{{resolve:" in text for text in (value if isinstance(value, list) else (value,))):
        return Unknown(Reason("it contains a dynamic reference that is malformed", code=Code.MALFORMED))
    return Known(value)


# --- functions


def _evaluate(value: Json | Absent, scope: EvaluationScope) -> Json | Absent:
    if isinstance(value, str):
        return _evaluate_string(value, scope) if "{" in value else value
    if not isinstance(value, _NESTED):
        return value
    work = scope.state.work
    try:
        work.enter(len(value))
        return _evaluate_members(value, scope)
    finally:
        work.leave()


def _evaluate_members(value: list[Json] | dict[str, Json], scope: EvaluationScope) -> Json | Absent:
    if isinstance(value, list):
        return [item for each in value if (item := _evaluate(each, scope)) is not ABSENT]
    if len(value) == 1:
        ((name, argument),) = value.items()
        if function := FUNCTIONS.get(name):
            return function(argument, scope)
        if name.startswith("Fn::"):
            fact = f"it uses {printable_name(name)}, which is not evaluated here"
            raise CannotEvaluate(
                Unknown(Reason(fact, code=Code.NOT_EVALUATED, not_known_here=name in _EVALUATED_AT_DEPLOYMENT))
            )
    return {key: item for key, each in value.items() if (item := _evaluate(each, scope)) is not ABSENT}


def _evaluate_string(value: str, scope: EvaluationScope) -> Json:
    work = scope.state.work
    if scope.loops:
        value = substitute(_LOOP_VARIABLE, value, lambda match: _substitute_loop_variable(match, scope), work)
    return with_dynamic_references(value, scope)


def _substitute_loop_variable(match: re.Match[str], scope: EvaluationScope) -> str:
    if match[1] not in scope.loops:
        return match[0]
    text = to_string(_loop_item(match[1], scope))
    return re.sub(r"[^A-Za-z0-9]", "", text) if match[0].startswith("&") else text


def _loop_item(name: str, scope: EvaluationScope) -> Json:
    item = scope.loops[name]
    if item is None:
        fact = f"it depends on the items of the Fn::ForEach over {quote(name)}"
        raise CannotEvaluate(Unknown(Reason(fact, EXPAND_LOOPS, code=Code.LOOP_ITEM, not_known_here=True)))
    return item


def _ref(argument: Json, scope: EvaluationScope) -> Json | Absent:
    name = _evaluate(argument, scope)  # AWS::LanguageExtensions allows intrinsic functions in Ref
    if not isinstance(name, str):
        raise CannotEvaluate(Unknown(Reason("its Ref is not a name", code=Code.MALFORMED)))
    if name == "AWS::NoValue":
        return ABSENT
    if name in scope.loops:
        return _loop_item(name, scope)
    if name.startswith("AWS::"):
        return pseudo_parameter(name, scope)
    if is_parameter(name, scope):
        return with_dynamic_references(parameter_value(name, scope), scope)
    return _ecr_repository(name, scope, "RepositoryName")


def _ecr_repository(logical_id: str, scope: EvaluationScope, attribute: str) -> Json:
    """Return the name, the URI or the ARN of an ECR repository that the template creates and names itself."""
    resource = scope.section("Resources").get(logical_id)
    advice = ""
    if isinstance(resource, dict) and resource.get("Type") == "AWS::ECR::Repository":
        properties = resource.get("Properties")
        name = _evaluate(properties.get("RepositoryName", ABSENT), scope) if isinstance(properties, dict) else ABSENT
        if isinstance(name, str) and attribute == "RepositoryName":
            return name
        if not isinstance(name, str):
            advice = "Give the repository a RepositoryName"
        elif attribute in ("Arn", "RepositoryUri"):
            account, region = (str(pseudo_parameter(f"AWS::{each}", scope)) for each in ("AccountId", "Region"))
            return EcrRepository(account, region, name).attribute(attribute)
    shown = quote(mark_name(logical_id, scope.state))
    fact = f"it refers to {shown}, which is known only after deployment"
    raise CannotEvaluate(
        Unknown(Reason(fact, advice, code=Code.AFTER_DEPLOYMENT, not_known_here=True), until_deployed=True)
    )


def _get_att(argument: Json, scope: EvaluationScope) -> Json:
    match argument:
        case str(text):
            logical_id, _, attribute = text.partition(".")
        case [str(logical_id), str(attribute)]:
            pass
        case _:
            raise CannotEvaluate(Unknown(Reason("its Fn::GetAtt is malformed", code=Code.MALFORMED)))
    return _ecr_repository(logical_id, scope, attribute)


def _sub(argument: Json, scope: EvaluationScope) -> Json:
    match argument:
        case str(text):
            variables: Mapping[str, Json] = {}
        case [str(text), dict(variables)]:
            pass
        case _:
            raise CannotEvaluate(Unknown(Reason("its Fn::Sub is malformed", code=Code.MALFORMED)))

    values: dict[str, str] = {}  # a variable is evaluated once, however often it occurs

    def replacement(match: re.Match[str]) -> str:
        name = match[1].strip()
        if name.startswith("!"):
            return "${" + name[1:] + "}"
        if name not in values:
            values[name] = to_string(_sub_variable(name, variables, scope))
        return values[name]

    return _evaluate_string(substitute(_SUB_VARIABLE, text, replacement, scope.state.work), scope)


def _sub_variable(name: str, variables: Mapping[str, Json], scope: EvaluationScope) -> Json | Absent:
    if name in variables:
        return _evaluate(variables[name], scope)
    return _get_att(name, scope) if "." in name else _ref(name, scope)


def _join(argument: Json, scope: EvaluationScope) -> Json:
    match argument:
        case [str(delimiter), items]:
            joined = join(delimiter, map(to_string, _evaluate_list(items, scope)), scope.state.work)
            return with_dynamic_references(joined, scope)
    raise CannotEvaluate(Unknown(Reason("its Fn::Join is malformed", code=Code.MALFORMED)))


def _split(argument: Json, scope: EvaluationScope) -> Json:
    match argument:
        case [str(delimiter), source] if delimiter:
            return list[Json](split(to_string(_evaluate(source, scope)), delimiter, scope.state.work))
    raise CannotEvaluate(Unknown(Reason("its Fn::Split is malformed", code=Code.MALFORMED)))


def _select(argument: Json, scope: EvaluationScope) -> Json:
    match argument:
        case [index, source]:
            position, items = to_string(_evaluate(index, scope)), _evaluate_list(source, scope)
            if re.fullmatch("[0-9]{1,6}", position) and int(position) < len(items):
                return items[int(position)]
    raise CannotEvaluate(Unknown(Reason("its Fn::Select selects no item", code=Code.MALFORMED)))


def _find_in_map(argument: Json, scope: EvaluationScope) -> Json | Absent:
    match argument:
        case [name, first, second, *rest]:
            keys = [to_string(_evaluate(key, scope)) for key in (name, first, second)]
        case _:
            raise CannotEvaluate(Unknown(Reason("its Fn::FindInMap is malformed", code=Code.MALFORMED)))
    value = value_in_mappings(keys, scope)
    if value is not None:
        return with_dynamic_references(value, scope)
    match rest:
        case [{"DefaultValue": default}]:
            return _evaluate(default, scope)
    advice = "Correct the name of the map or its keys"
    raise CannotEvaluate(Unknown(Reason("its Fn::FindInMap finds no value in Mappings", advice, code=Code.MALFORMED)))


def _if(argument: Json, scope: EvaluationScope) -> Json | Absent:
    branches = branches_of(argument)
    if branches is None:
        raise CannotEvaluate(Unknown(Reason("its Fn::If is malformed", code=Code.MALFORMED)))
    condition, yes, no = branches
    decided = scope.assumptions.get(condition)
    if decided is None and scope.decides_conditions:
        decided = is_true(condition, scope)
    if decided is None:
        raise UndecidedCondition(condition)
    return _evaluate(yes if decided else no, scope)


def _import_value(argument: Json, scope: EvaluationScope) -> Json:
    return look_up(ExportLookup(to_string(_evaluate(argument, scope))), scope)


def _get_stack_output(argument: Json, scope: EvaluationScope) -> Json:
    return stack_output(_evaluate(argument, scope), scope)


def _base64(argument: Json, scope: EvaluationScope) -> Json:
    return to_base64(to_string(_evaluate(argument, scope)), scope.state.work)


def _length(argument: Json, scope: EvaluationScope) -> Json:
    return len(_evaluate_list(argument, scope))


def _to_json_string(argument: Json, scope: EvaluationScope) -> Json:
    result = _evaluate(argument, scope)
    return to_json(None if isinstance(result, Absent) else result, scope.state.work)


def _evaluate_list(value: Json, scope: EvaluationScope) -> list[Json]:
    result = _evaluate(value, scope)
    if not isinstance(result, list):
        raise CannotEvaluate(Unknown(Reason("expected a list", code=Code.MALFORMED)))
    return result


FUNCTIONS: Final[Mapping[str, Callable[[Json, EvaluationScope], Json | Absent]]] = {
    "Ref": _ref,
    "Fn::Base64": _base64,
    "Fn::FindInMap": _find_in_map,
    "Fn::GetAtt": _get_att,
    "Fn::GetStackOutput": _get_stack_output,
    "Fn::If": _if,
    "Fn::ImportValue": _import_value,
    "Fn::Join": _join,
    "Fn::Length": _length,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Sub": _sub,
    "Fn::ToJsonString": _to_json_string,
}


# --- conditions


def is_true(name: str, scope: EvaluationScope) -> bool | None:
    """Return whether a condition is true, or None if that is not known or there is no such condition.

    The scope's assumptions take precedence, also for the conditions that this one refers to. Only certain values decide:
    what is under a false condition is left unprotected, and CloudFormation does not resolve dynamic references in
    Conditions at all.
    """
    scope = scope.for_conditions()
    all_results, assumed = scope.state.conditions, frozenset(scope.assumptions.items())
    if assumed not in all_results:
        all_results[assumed] = {each: (truth, False) for each, truth in assumed}
    results = all_results[assumed]
    if name not in results:
        evaluate_condition(name, scope, results, _are_equal)
    result, met_hidden = results[name]
    scope.state.met_hidden |= met_hidden
    return result


def is_active(assumptions: Assumptions, scope: EvaluationScope) -> bool | None:
    """Return whether all assumptions are true now: False if one is certainly false, else None if one is not known."""
    if not assumptions:
        return True
    unassumed = scope.assuming({})
    results = {
        None if (now := is_true(name, unassumed)) is None else now is wanted for name, wanted in assumptions.items()
    }
    return False if False in results else None if None in results else True


def _are_equal(left: Json, right: Json, scope: EvaluationScope) -> bool | None:
    match evaluate(left, scope), evaluate(right, scope):
        case Known(first), Known(second):
            return _comparable(first) == _comparable(second)
    return None


def _comparable(value: Json | Absent) -> Json | Absent:
    """Return the value as CloudFormation compares it, which is as strings: ``"true"`` and ``true`` are equal."""
    if isinstance(value, bool | int | float):
        return to_string(value)
    if isinstance(value, list):
        return [item for item in map(_comparable, value) if not isinstance(item, Absent)]
    return value

"""The values that come from outside of a template: its parameters, dynamic references, and lookups."""

from __future__ import annotations

import re
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.expressions.inserted import is_complete, is_section_complete
from sysdig_instrument.engine.expressions.scope import EvaluationScope, PlanState, mark_name, section
from sysdig_instrument.engine.expressions.values import CannotEvaluate, Unknown, to_string
from sysdig_instrument.engine.expressions.work import MAX_TEXT, join, split, steps_of, substitute
from sysdig_instrument.engine.findings import Reason, quote, without_names
from sysdig_instrument.engine.json_types import Absent, Json
from sysdig_instrument.engine.lookups import ImageConfig, SsmLookup, StackOutputLookup, Unavailable, ValueLookup
from sysdig_instrument.engine.paste import PasteInto, option_value, paste
from sysdig_instrument.lazy_dataclasses import replace
from sysdig_instrument.printable import Hidden, printable_name

_LEAST_MASK: Final = 4  # asterisks
MASKED: Final = "*" * _LEAST_MASK
"""The shortest text that CloudFormation shows in place of the value of a NoEcho parameter."""

_DYNAMIC_REFERENCE: Final = r"\{\{resolve:([^{}]*)\}\}"
_SSM_NAME: Final = r"(arn:[^\s@]+|/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*)(:[0-9]+)?"


def is_parameter(name: str, scope: EvaluationScope) -> bool:
    """Return whether a name is that of a parameter. In a snippet, which has no declarations, it is if it has a value."""
    return name in scope.section("Parameters") or (
        name in scope.parameter_values and name not in scope.section("Resources")
    )


def is_list_parameter(name: str, scope: EvaluationScope) -> bool:
    """Return whether a parameter is a list: by its type, or by its value if there is no declaration (in a snippet)."""
    declaration = scope.section("Parameters").get(name)
    if declaration is None:
        return is_parameter(name, scope) and isinstance(scope.parameter_values.get(name), list)
    parameter_type = declaration.get("Type") if isinstance(declaration, dict) else None
    return isinstance(parameter_type, str) and is_list_type(parameter_type)


def is_list_type(parameter_type: str) -> bool:
    """Return whether a parameter of this type is a list. Its items are separated by commas, so none contains a comma."""
    return "CommaDelimitedList" in parameter_type or "List<" in parameter_type


def is_no_echo(name: str, template: Json) -> bool:
    """Return whether a template declares a parameter as NoEcho. A declaration that cannot be read counts as one."""
    declaration = section(template, "Parameters").get(name)
    return _may_be_inserted(declaration, template) or _declares_no_echo(declaration)


def _declares_no_echo(declaration: Json) -> bool:
    return isinstance(declaration, dict) and declaration.get("NoEcho", False) not in (False, "false")


def without_no_echo(scope: EvaluationScope) -> EvaluationScope:
    """Return the scope in which the values of NoEcho parameters are masked: for a text that goes into the template."""
    masked = {name: MASKED for name in scope.parameter_values if is_no_echo(name, scope.template)}
    if not masked:
        return scope
    state = PlanState(
        lookups=scope.state.lookups, work=scope.state.work
    )  # without the conditions, which may depend on them
    return replace(scope, parameter_values={**scope.parameter_values, **masked}, state=state)


def _may_be_inserted(declaration: Json, template: Json) -> bool:
    """Return whether a transform that is still to run may insert the declaration of a parameter, or a part of it.

    It is None if the template has none. The macro gets snippets after all other transforms.
    """
    if declaration is None:
        return (
            isinstance(template, dict) and "Resources" in template and not is_section_complete(template, "Parameters")
        )
    return not is_complete(declaration)


_GIVE_REGION: Final = ("Give --region", paste(PasteInto.SETTINGS_FILE, {"Options": {"Region": "REGION"}}))
_GIVE_ACCOUNT: Final = (
    "Give --account-id, or --region and AWS credentials",
    paste(PasteInto.SETTINGS_FILE, {"Options": {"AccountId": "TWELVE DIGITS"}}),
)
_TO_GIVE: Final = {
    **dict.fromkeys(("AWS::Region", "AWS::Partition", "AWS::URLSuffix"), _GIVE_REGION),
    "AWS::AccountId": _GIVE_ACCOUNT,
}
"""What to give for a pseudo parameter: the advice, and what to paste."""


def pseudo_parameter(name: str, scope: EvaluationScope) -> Json:
    """Return the value of a pseudo parameter.

    Raises:
        CannotEvaluate: It is not known before deployment, or not here.
    """
    value = scope.pseudo_parameter(name)
    if value is None:
        shown = printable_name(mark_name(name, scope.state))
        advice, to_paste = _TO_GIVE.get(name, ("", ()))
        fact = f"{shown} is not known before deployment"
        reason = Reason(fact, advice, code=Code.NO_VALUE_HERE, not_known_here=True, paste=to_paste)
        raise CannotEvaluate(Unknown(reason, until_deployed=not advice))
    return value


def parameter_value(name: str, scope: EvaluationScope) -> Json:
    """Return the value of a parameter, as Ref does: a string, or a list for the list types.

    Raises:
        CannotEvaluate: The value is not known.
    """
    declaration = scope.section("Parameters").get(name)
    declared = declaration if isinstance(declaration, dict) else {}
    value = scope.parameter_values.get(name, declared.get("Default"))
    if _may_be_inserted(declaration, scope.template):
        fact = f"the declaration of parameter {quote(mark_name(name, scope.state))} is inserted by a transform"
        advice = "Use the template as it is after that transform"
        raise CannotEvaluate(Unknown(Reason(fact, advice, code=Code.INSERTED_BY_TRANSFORM, not_known_here=True)))
    if value is None:
        shown = mark_name(name, scope.state)
        fact = f"parameter {quote(shown)} has no value here"
        advice = f"Give the parameter a value (-p {printable_name(shown)}=…)"
        is_name = re.fullmatch(r"\w+", shown) and not isinstance(shown, Hidden)
        to_paste = option_value("Parameters", shown) if is_name else ()
        raise CannotEvaluate(
            Unknown(Reason(fact, advice, code=Code.NO_VALUE_HERE, not_known_here=True, paste=to_paste))
        )
    scope.state.work.spend(steps_of(value))
    if any(map(_is_masked, value if isinstance(value, list) else [value])):
        fact = f"the value of parameter {quote(mark_name(name, scope.state))} is masked by NoEcho"
        raise CannotEvaluate(Unknown(Reason(fact, "Write a literal value", code=Code.MASKED, not_known_here=True)))
    if name not in scope.section("Parameters") and value != "":  # in a snippet: it may be of an SSM type, with a name
        _require_lookups(scope)
    if name in scope.parameter_values and _declares_no_echo(declaration):
        scope.state.met_hidden = True
    if str(declared.get("Type")).startswith("AWS::SSM::Parameter::Value"):
        _require_lookups(scope)
        value = _ssm_value(value, scope)
        scope.state.met_hidden = True  # also if the event has the value in place of the name
    is_list = is_list_parameter(name, scope)
    work = scope.state.work
    if isinstance(value, list):
        work.check_items(len(value))
        texts = list(map(to_string, value))
        return list[Json](texts) if is_list else join(",", texts, work)
    text = to_string(value)
    if is_list:
        return [item.strip() for item in split(text, ",", work)]
    if len(text) > MAX_TEXT:
        work.check_text(len(text))
    return text


def _is_masked(value: Json) -> bool:
    """Return whether a value is only what CloudFormation shows in place of the value of a NoEcho parameter: asterisks."""
    return isinstance(value, str) and len(value) >= _LEAST_MASK and not value.strip("*")


def _ssm_value(value: Json, scope: EvaluationScope) -> Json:
    """Return the value of the Systems Manager parameter that a parameter's value names.

    AWS does not document whether a macro receives the name or the value, so both are accepted: a string that cannot be a
    name is the value, and so is a name that Systems Manager does not have, as the stack could not be created otherwise.
    """
    if not isinstance(value, str) or not re.fullmatch(_SSM_NAME, value):
        return value
    answer = scope.answers.get(SsmLookup(value))
    if isinstance(answer, Unavailable) and answer.missing:
        return value
    return look_up(SsmLookup(value), scope)


def look_up(lookup: ValueLookup, scope: EvaluationScope) -> Json:
    """Return the answer to a lookup; one without an answer is recorded in the scope's state.

    Raises:
        CannotEvaluate: There is no answer, or not yet, or answers are not known in this scope.
    """
    _require_lookups(scope)
    answer = scope.answer(lookup)
    match answer:
        case None:
            raise CannotEvaluate(
                Unknown(Reason("it has not been looked up yet", code=Code.NOT_YET_LOOKED_UP, not_known_here=True))
            )
        case Unavailable() as unavailable:
            why = unavailable.why
            raise CannotEvaluate(Unknown(without_names(why, lookup.name) if scope.state.met_hidden else why))
        case ImageConfig():
            raise TypeError(lookup)  # an image config for another kind of lookup: a bug in the caller
    scope.state.met_hidden = True
    return answer


def stack_output(arguments: Json | Absent, scope: EvaluationScope) -> Json:
    """Return the output of a stack that the arguments of an ``Fn::GetStackOutput`` name."""
    match arguments:
        case {"StackName": str(stack), "OutputName": str(output), **others}:
            match {"Region": scope.region, "RoleArn": None, **others}:
                case {"Region": str() | None as region, "RoleArn": str() | None as role}:
                    return look_up(StackOutputLookup(stack, output, region, role), scope)
    raise CannotEvaluate(Unknown(Reason("its Fn::GetStackOutput is malformed", code=Code.MALFORMED)))


def _require_lookups(scope: EvaluationScope) -> None:
    """Raise :class:`CannotEvaluate` if values that are looked up are not known in this scope."""
    if not scope.knows_lookups:
        raise CannotEvaluate(
            Unknown(
                Reason(
                    "its value is not certain before deployment",
                    "Write a literal value, or use a parameter of type String",
                    code=Code.NOT_CERTAIN,
                    not_known_here=True,
                )
            )
        )


def with_dynamic_references(value: Json, scope: EvaluationScope) -> Json:
    """Return a value with the dynamic references in its strings replaced. CloudFormation does this after all functions."""
    if isinstance(value, list):
        return [with_dynamic_references(item, scope) for item in value]
    if not isinstance(value, str) or "{{resolve:" not in value:
        return value
    return substitute(_DYNAMIC_REFERENCE, value, lambda match: _dynamic_reference(match[1], scope), scope.state.work)


def _dynamic_reference(reference: str, scope: EvaluationScope) -> str:
    service, _, name = reference.partition(":")
    if service == "ssm":
        return to_string(look_up(SsmLookup(name), scope))
    raise CannotEvaluate(
        Unknown(
            Reason(
                f"it contains a dynamic reference to {printable_name(mark_name(service, scope.state))}, which is never read",
                code=Code.NEVER_READ,
                not_known_here=True,
            )
        )
    )

"""The parameters of a template: which there are, which of them are lists, and what each is worth."""

from __future__ import annotations

import re
from typing import Final

from sysdig_instrument.engine.expressions.scope import EvaluationScope
from sysdig_instrument.engine.expressions.values import CannotEvaluate, Unknown, to_string
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import ImageConfig, Lookup, SsmLookup, Unavailable

_SSM_NAME: Final = r"(arn:[^\s@]+|/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*)(:[0-9]+)?"


def is_parameter(name: str, scope: EvaluationScope) -> bool:
    """Whether a name is that of a parameter. A snippet shows no declarations: there, what has a value is one."""
    return name in scope.section("Parameters") or (name in scope.values and name not in scope.section("Resources"))


def is_list_parameter(name: str, scope: EvaluationScope) -> bool:
    """Whether a parameter is a list: by its type, or by its value where its declaration is not in sight (a snippet)."""
    declaration = scope.section("Parameters").get(name)
    if declaration is None:
        return is_parameter(name, scope) and isinstance(scope.values.get(name), list)
    kind = declaration.get("Type") if isinstance(declaration, dict) else None
    return isinstance(kind, str) and is_list_type(kind)


def is_list_type(parameter_type: str) -> bool:
    """Whether a parameter of this type is a list: its text has commas between the items, and no item has one."""
    return "CommaDelimitedList" in parameter_type or "List<" in parameter_type


def parameter_value(name: str, scope: EvaluationScope) -> Json:
    """The value of a parameter, as Ref gives it: a string, or a list for the list types.

    Raises:
        Stop: It is not known.
    """
    declaration = scope.section("Parameters").get(name)
    declared = declaration if isinstance(declaration, dict) else {}
    value = scope.values.get(name, declared.get("Default"))
    if value is None:
        raise CannotEvaluate(
            Unknown(Reason(f'parameter "{name}" has no value here', f"Give the parameter a value (-p {name}=…)"))
        )
    if str(declared.get("Type")).startswith("AWS::SSM::Parameter::Value"):
        value = _ssm_value(value, scope)
    is_list = is_list_parameter(name, scope)
    if is_list and not isinstance(value, list):
        return [item.strip() for item in to_string(value).split(",")]
    if isinstance(value, list) and not is_list:
        return ",".join(to_string(item) for item in value)
    return value if isinstance(value, list) else to_string(value)


def _ssm_value(value: Json, scope: EvaluationScope) -> Json:
    """The text of the Systems Manager parameter that a parameter's value names.

    Whether a macro is given the name or the text already is not documented, so both are taken: what cannot be a name is
    the text, and so is a name that Systems Manager does not have, as the stack could not be created otherwise.
    """
    if not isinstance(value, str) or not re.fullmatch(_SSM_NAME, value):
        return value
    answer = scope.answers.get(SsmLookup(value))
    if isinstance(answer, Unavailable) and answer.missing:
        return value
    return look_up(SsmLookup(value), scope)


def look_up(request: Lookup, scope: EvaluationScope) -> Json:
    """The answer to a request, which is noted in the scope.

    Raises:
        Stop: There is none, or not yet.
    """
    answer = scope.answer(request)
    match answer:
        case None:
            raise CannotEvaluate(Unknown(Reason("it has not been read yet")))
        case Unavailable(reason):
            raise CannotEvaluate(Unknown(reason))
        case ImageConfig():
            raise TypeError(request)  # an image's answer to another question: a bug of the shell's
    return answer

"""The parameters of a template: which there are, which of them are lists, and what each is worth."""

from __future__ import annotations

import re
from typing import Final

from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.known import Stop, Unknown, string
from sysdig_instrument.engine.lookups import ImageConfig, Request, SsmRequest, Unavailable
from sysdig_instrument.engine.scope import Scope

_SSM_NAME: Final = r"(arn:[^\s@]+|/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*)(:[0-9]+)?"


def is_parameter(name: str, scope: Scope) -> bool:
    """Whether a name is that of a parameter. A snippet shows no declarations: there, what has a value is one."""
    return name in scope.section("Parameters") or (name in scope.values and name not in scope.section("Resources"))


def is_list_parameter(name: str, scope: Scope) -> bool:
    """Whether a parameter is a list: by its type, or by its value where its declaration is not in sight (a snippet)."""
    declaration = scope.section("Parameters").get(name)
    if declaration is None:
        return is_parameter(name, scope) and isinstance(scope.values.get(name), list)
    kind = declaration.get("Type") if isinstance(declaration, dict) else None
    return isinstance(kind, str) and is_list_type(kind)


def is_list_type(kind: str) -> bool:
    """Whether a parameter of this type is a list: its text has commas between the items, and no item has one."""
    return "CommaDelimitedList" in kind or "List<" in kind


def parameter(name: str, scope: Scope) -> Json:
    """The value of a parameter, as Ref gives it: a string, or a list for the list types.

    Raises:
        Stop: It is not known.
    """
    declaration = scope.section("Parameters").get(name)
    declared = declaration if isinstance(declaration, dict) else {}
    value = scope.values.get(name, declared.get("Default"))
    if value is None:
        raise Stop(
            Unknown(Reason(f'parameter "{name}" has no value here', f"Give the parameter a value (-p {name}=…)"))
        )
    if str(declared.get("Type")).startswith("AWS::SSM::Parameter::Value"):
        value = _ssm_value(value, scope)
    is_list = is_list_parameter(name, scope)
    if is_list and not isinstance(value, list):
        return [item.strip() for item in string(value).split(",")]
    if isinstance(value, list) and not is_list:
        return ",".join(string(item) for item in value)
    return value if isinstance(value, list) else string(value)


def _ssm_value(value: Json, scope: Scope) -> Json:
    """The text of the Systems Manager parameter that a parameter's value names.

    Whether a macro is given the name or the text already is not documented, so both are taken: what cannot be a name is
    the text, and so is a name that Systems Manager does not have, as the stack could not be created otherwise.
    """
    if not isinstance(value, str) or not re.fullmatch(_SSM_NAME, value):
        return value
    answer = scope.answers.get(SsmRequest(value))
    if isinstance(answer, Unavailable) and answer.missing:
        return value
    return asked(SsmRequest(value), scope)


def asked(request: Request, scope: Scope) -> Json:
    """The answer to a request, which is noted in the scope.

    Raises:
        Stop: There is none, or not yet.
    """
    answer = scope.answer(request)
    match answer:
        case None:
            raise Stop(Unknown(Reason("it has not been read yet")))
        case Unavailable(reason):
            raise Stop(Unknown(reason))
        case ImageConfig():
            raise TypeError(request)  # an image's answer to another question: a bug of the shell's
    return answer

"""What an expression of a template is worth: :class:`Literal`, ``ABSENT``, or :class:`Unknown` with the reason.

Values are worked out to decide and to look images up; what the template says stays in the template. The functions are
those of the CloudFormation user guide, «Intrinsic function reference», as far as their value can be known before anything
is deployed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Final

from sysdig_instrument.engine import conditions
from sysdig_instrument.engine.choices import Always, Choice, Tree, When, as_if, same
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.known import Depends, Known, Literal, Stop, Unknown, string
from sysdig_instrument.engine.lookups import ExportRequest, SsmRequest
from sysdig_instrument.engine.parameters import asked, is_parameter, parameter
from sysdig_instrument.engine.scope import Scope

_SUB: Final = r"\$\{([^{}]*)\}"
_LOOP: Final = r"[$&]\{([^{}]*)\}"
_DYNAMIC: Final = r"\{\{resolve:([^{}]*)\}\}"
_MOST_CASES: Final = 10  # conditions in one expression: 2 ** 10 ways through it


def resolve(value: Json | Absent, scope: Scope) -> Known:
    """What the expression is worth under the scope's assumptions; conditions beyond these as they are now."""
    if value is ABSENT:
        return ABSENT
    if isinstance(value, str) and "{" not in value:  # nearly every value
        return Literal(value)
    try:
        worked_out = _value(value, scope)
    except Stop as stop:
        return stop.unknown
    except Depends as depends:
        return Unknown(Reason(f'it depends on condition "{depends.condition}", which is not known here'))
    return ABSENT if worked_out is ABSENT else Literal(worked_out)


def worth(value: Json | Absent, scope: Scope) -> Json | Absent | None:
    """What the expression is worth as things are now, or ``None`` where that is not known. JSON's null is ``ABSENT``."""
    if isinstance(value, str) and "{" not in value:
        return value
    match ABSENT if value is None else resolve(value, scope):
        case Literal(worked_out):
            return worked_out
        case Absent():
            return ABSENT
    return None


def cases(value: Json | Absent, scope: Scope, when: When) -> Tree[Known]:
    """What the expression is worth under each combination of the conditions in it, wherever in it they stand."""
    if isinstance(value, str | Absent) and "{" not in (value if isinstance(value, str) else ""):
        return Always(value if isinstance(value, Absent) else Literal(value))
    try:
        worked_out = _value(value, scope.open(when))
    except Stop as stop:
        return Always(stop.unknown)
    except Depends as depends:
        if len(when) >= len(scope.when) + _MOST_CASES:
            return Always(Unknown(Reason("it depends on too many conditions")))
        yes = cases(value, scope, {**when, depends.condition: True})
        no = cases(value, scope, {**when, depends.condition: False})
        return yes if same(yes, no) else Choice(depends.condition, yes, no)
    return Always(ABSENT if worked_out is ABSENT else Literal(worked_out))


def _value(value: Json | Absent, scope: Scope) -> Json | Absent:
    if isinstance(value, str):
        return _text(value, scope) if "{" in value else value
    if isinstance(value, list):
        return [item for each in value if (item := _value(each, scope)) is not ABSENT]
    if isinstance(value, dict):
        if len(value) == 1:
            ((name, argument),) = value.items()
            if function := FUNCTIONS.get(name):
                return function(argument, scope)
            if name.startswith("Fn::"):
                raise Stop(Unknown(Reason(f"it uses {name}")))
        return {
            key: item
            for key, each in value.items()
            if (item := each if isinstance(each, str) and "{" not in each else _value(each, scope)) is not ABSENT
        }
    return value


def _text(value: str, scope: Scope) -> Json:
    if scope.loops:
        value = re.sub(_LOOP, lambda match: _loop_text(match, scope), value)
    if "{{resolve:" in value:
        value = re.sub(_DYNAMIC, lambda match: _dynamic(match[1], scope), value)
    return value


def _loop_text(match: re.Match[str], scope: Scope) -> str:
    if match[1] not in scope.loops:
        return match[0]
    text = string(_loop_item(match[1], scope))
    return re.sub(r"[^A-Za-z0-9]", "", text) if match[0].startswith("&") else text


def _loop_item(name: str, scope: Scope) -> Json:
    item = scope.loops[name]
    if item is None:
        raise Stop(Unknown(Reason(f'it depends on the items of the Fn::ForEach over "{name}"', _EXPAND_FIRST)))
    return item


def _dynamic(reference: str, scope: Scope) -> str:
    service, _, name = reference.partition(":")
    if service == "ssm":
        return string(asked(SsmRequest(name), scope))
    raise Stop(Unknown(Reason(f"it holds a dynamic reference to {service}, which is never read")))


def _ref(argument: Json, scope: Scope) -> Json | Absent:
    name = _value(argument, scope)  # LanguageExtensions allow intrinsic functions in Ref
    if not isinstance(name, str):
        raise Stop(Unknown(Reason("its Ref names nothing")))
    if name == "AWS::NoValue":
        return ABSENT
    if name in scope.loops:
        return _loop_item(name, scope)
    if name.startswith("AWS::"):
        value = scope.pseudo_parameter(name)
        if value is None:
            raise Stop(Unknown(Reason(f"{name} is not known before deployment", _PSEUDO_ADVICE.get(name, ""))))
        return value
    if is_parameter(name, scope):
        return parameter(name, scope)
    return _repository(name, scope, "RepositoryName")


_EXPAND_FIRST: Final = "List AWS::LanguageExtensions before this macro in Transform, so that loops arrive expanded"
_PSEUDO_ADVICE: Final = {"AWS::Region": "Give --region", "AWS::AccountId": "Give --account-id"}


def _repository(logical_id: str, scope: Scope, attribute: str) -> Json:
    """Name or URI of an ECR repository that the template makes and names itself."""
    resource = scope.section("Resources").get(logical_id)
    if isinstance(resource, dict) and resource.get("Type") == "AWS::ECR::Repository":
        properties = resource.get("Properties")
        name = _value(properties.get("RepositoryName", ABSENT), scope) if isinstance(properties, dict) else ABSENT
        if isinstance(name, str) and attribute == "RepositoryName":
            return name
        if isinstance(name, str) and attribute == "RepositoryUri" and scope.region and scope.account:
            return f"{scope.account}.dkr.ecr.{scope.region}.{scope.pseudo_parameter('AWS::URLSuffix')}/{name}"
    raise Stop(Unknown(Reason(f'it refers to "{logical_id}", which is known only after deployment')))


def _get_att(argument: Json, scope: Scope) -> Json:
    match argument:
        case str(text):
            logical_id, _, attribute = text.partition(".")
        case [str(logical_id), str(attribute)]:
            pass
        case _:
            raise Stop(Unknown(Reason("its Fn::GetAtt names nothing")))
    return _repository(logical_id, scope, attribute)


def _sub(argument: Json, scope: Scope) -> Json:
    match argument:
        case str(text):
            variables: Mapping[str, Json] = {}
        case [str(text), dict(variables)]:
            pass
        case _:
            raise Stop(Unknown(Reason("its Fn::Sub is malformed")))

    def replacement(match: re.Match[str]) -> str:
        name = match[1].strip()
        if name.startswith("!"):
            return "${" + name[1:] + "}"
        if name in variables:
            return string(_value(variables[name], scope))
        return string(_get_att(name, scope) if "." in name else _ref(name, scope))

    return _text(re.sub(_SUB, replacement, text), scope)


def _join(argument: Json, scope: Scope) -> Json:
    match argument:
        case [str(delimiter), items]:
            return delimiter.join(string(item) for item in _list(items, scope))
    raise Stop(Unknown(Reason("its Fn::Join is malformed")))


def _split(argument: Json, scope: Scope) -> Json:
    match argument:
        case [str(delimiter), source] if delimiter:
            return list[Json](string(_value(source, scope)).split(delimiter))
    raise Stop(Unknown(Reason("its Fn::Split is malformed")))


def _select(argument: Json, scope: Scope) -> Json:
    match argument:
        case [index, source]:
            position, items = string(_value(index, scope)), _list(source, scope)
            if re.fullmatch("[0-9]{1,6}", position) and int(position) < len(items):
                return items[int(position)]
    raise Stop(Unknown(Reason("its Fn::Select selects nothing")))


def _find_in_map(argument: Json, scope: Scope) -> Json | Absent:
    match argument:
        case [name, first, second, *rest]:
            keys = [string(_value(key, scope)) for key in (name, first, second)]
        case _:
            raise Stop(Unknown(Reason("its Fn::FindInMap is malformed")))
    found: Json = dict(scope.section("Mappings"))
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    if found is not None:
        return found
    match rest:
        case [{"DefaultValue": default}]:
            return _value(default, scope)
    raise Stop(Unknown(Reason("its Fn::FindInMap finds nothing in Mappings")))


def _if(argument: Json, scope: Scope) -> Json | Absent:
    branches = as_if({"Fn::If": argument})
    if branches is None:
        raise Stop(Unknown(Reason("its Fn::If is malformed")))
    condition, yes, no = branches
    holds = scope.when.get(condition)
    if holds is None and scope.current:
        holds = conditions.holds(condition, scope)
    if holds is None:
        raise Depends(condition)
    return _value(yes if holds else no, scope)


def _import_value(argument: Json, scope: Scope) -> Json:
    return asked(ExportRequest(string(_value(argument, scope))), scope)


def _base64(argument: Json, scope: Scope) -> Json:
    import base64  # noqa: PLC0415 - hardly a template has it, and a cold start waits for what is imported

    return base64.b64encode(string(_value(argument, scope)).encode(errors="replace")).decode()


def _length(argument: Json, scope: Scope) -> Json:
    return len(_list(argument, scope))


def _to_json_string(argument: Json, scope: Scope) -> Json:
    worked_out = _value(argument, scope)
    return json.dumps(None if worked_out is ABSENT else worked_out, separators=(",", ":"))


def _list(value: Json, scope: Scope) -> list[Json]:
    worked_out = _value(value, scope)
    if not isinstance(worked_out, list):
        raise Stop(Unknown(Reason("it needs a list where none stands")))
    return worked_out


def is_expression(value: Json | Absent) -> bool:
    """Whether a value is one of the functions above, and so stands for another value."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in FUNCTIONS


def is_attribute(value: Json | Absent) -> bool:
    """Whether a value is an attribute of a resource."""
    return isinstance(value, dict) and len(value) == 1 and "Fn::GetAtt" in value


FUNCTIONS: Final[Mapping[str, Callable[[Json, Scope], Json | Absent]]] = {
    "Ref": _ref,
    "Fn::Base64": _base64,
    "Fn::FindInMap": _find_in_map,
    "Fn::GetAtt": _get_att,
    "Fn::If": _if,
    "Fn::ImportValue": _import_value,
    "Fn::Join": _join,
    "Fn::Length": _length,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Sub": _sub,
    "Fn::ToJsonString": _to_json_string,
}

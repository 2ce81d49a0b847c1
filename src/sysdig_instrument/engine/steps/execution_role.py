"""The task's execution role: a default for task definitions that have none, and its permissions for the agent's container.

Owns: ExecutionRoleArn, if the setting DefaultExecutionRoleArn has a value; the policy SysdigInstrumentAccessKey of roles.

ECS reads a container's Secrets and its image with the execution role, and does not start a task whose role has no permission
to do so. So the permissions (``steps/permissions.py``) are added to a role that is a resource of the template; for any other
role, a notice shows the statements.

Source: the ECS developer guide, «Amazon ECS task execution IAM role».
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import member_values, set_value
from sysdig_instrument.engine.expressions.decision_tree import may_be_absent, with_default
from sysdig_instrument.engine.expressions.evaluate import evaluate, is_active, is_get_att
from sysdig_instrument.engine.expressions.references import references
from sysdig_instrument.engine.expressions.scope import EvaluationScope
from sysdig_instrument.engine.expressions.values import Known
from sysdig_instrument.engine.expressions.work import steps_of
from sysdig_instrument.engine.findings import Location, Notice, Reason
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json, Pointer
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.settings.table import Settings
from sysdig_instrument.engine.steps.permissions import access_key_statements, agent_statements, statement_text
from sysdig_instrument.engine.steps.step import ChangeOrFinding, Grant, InstrumentedTask
from sysdig_instrument.engine.template import TaskDefinition

_DEFAULT_ROLE_REASON: Final = "DefaultExecutionRoleArn, because the task has no role of its own"


def execution_role(instrumented: InstrumentedTask) -> Iterator[ChangeOrFinding]:
    """Yield the changes that give the task DefaultExecutionRoleArn, wherever the template gives it no role."""
    task, settings = instrumented.task, instrumented.settings
    if settings.default_execution_role_arn is None:
        return
    for leaf, _ in member_values(
        task.properties_or_empty, "ExecutionRoleArn", task.properties_pointer, task.assumptions
    ):
        if leaf.value in (ABSENT, None, ""):
            yield set_value(leaf, settings.default_execution_role_arn, _DEFAULT_ROLE_REASON)
        elif may_be_absent(leaf.value):
            yield set_value(leaf, with_default(leaf.value, settings.default_execution_role_arn), _DEFAULT_ROLE_REASON)


# --- The permissions for the agent's container

ROLE_TYPE: Final = "AWS::IAM::Role"
POLICY_NAME: Final = "SysdigInstrumentAccessKey"
_GRANT_REASON: Final = "ECS reads the agent's access key with the execution role"
_GRANT_ADVICE: Final = "Allow the role to read AccessKeySecret"


def grant(instrumented: InstrumentedTask) -> Iterator[Grant | Notice]:
    """Yield the permissions for the task's execution roles in the template, and a notice if they cannot be given to all."""
    task, settings = instrumented.task, instrumented.settings
    if settings.grant_access_key_read == "never":
        return
    key_statements = access_key_statements(settings, task.scope)
    if settings.access_key_value_from is not None and not key_statements:
        fact = "AccessKeySecret is not an ARN that is known here, so the execution role is not given permission to read the access key"
        yield Notice(_location(task), Reason(fact, _GRANT_ADVICE, code=Code.KEY_NOT_GRANTED))
    statements = (*key_statements, *agent_statements(settings, task.scope))
    if not statements:
        return
    roles, has_external_role = _execution_roles(task, settings)
    if roles:
        yield Grant(roles, statements)
    if has_external_role:
        key_only = statements == key_statements
        what = "permission to read the access key" if key_only else "the permissions that the agent's container needs"
        yield Notice(
            _location(task), Reason(f"The execution role is not a resource of this template, so it is not given {what} here",
            f"Make sure that one of its policies has: {', '.join(map(statement_text, statements))}", code=Code.ROLE_ELSEWHERE),
        )  # fmt: skip


def _location(task: TaskDefinition) -> Location:
    return Location(task.name, None, (*task.properties_pointer, "ExecutionRoleArn"))


def _execution_roles(task: TaskDefinition, settings: Settings) -> tuple[tuple[str, ...], bool]:
    """Return the roles of the template that may be the execution role, and whether another one may be it."""
    written = task.properties_or_empty.get("ExecutionRoleArn", ABSENT)
    if (role := _role_of_get_att(written, task.scope)) is not None:  # as in most templates
        return (role,), False
    roles: dict[str, None] = {}
    has_external_role = False
    for leaf, assumptions in member_values(
        task.properties_or_empty, "ExecutionRoleArn", task.properties_pointer, task.assumptions
    ):
        arn = settings.default_execution_role_arn if leaf.value in (ABSENT, None, "") else leaf.value
        role = _role_of_template(arn, task.scope)
        if role is not None:
            roles[role] = None
        # If there is no role at all, checks.missing_execution_role reports a problem.
        has_external_role |= (
            bool(arn)
            and role is None
            and (assumptions == task.assumptions or is_active(assumptions, task.scope) is not False)
        )
    return tuple(roles), has_external_role


def grant_changes(grants: Iterable[Grant], scope: EvaluationScope) -> Iterator[Change | Notice]:
    """Yield the changes that give each role one inline policy, with the statements of all task definitions that use it."""
    needed: dict[str, list[Json]] = {}
    for each in grants:
        for role in each.roles:
            statements = needed.setdefault(role, [])
            scope.state.work.spend(len(statements) + 1)
            statements += (statement for statement in each.statements if statement not in statements)
    resources = scope.section("Resources")
    for role, statements in needed.items():
        scope.state.work.spend(steps_of(statements))
        resource = resources[role]
        properties = resource.get("Properties") if isinstance(resource, dict) else None
        policy: Json = {"PolicyName": POLICY_NAME, "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}
        pointer: Pointer = ("Resources", role, "Properties")
        if properties is None:
            yield Change("add", pointer, _GRANT_REASON, {"Policies": [policy]})
        elif isinstance(properties, dict) and not (len(properties) == 1 and next(iter(properties)).startswith("Fn::")):
            yield from _add_policy(properties, pointer, policy)
        else:
            yield _not_granted(pointer, "The role's Properties are not written as an object")


def _add_policy(properties: dict[str, Json], pointer: Pointer, policy: Json) -> Iterator[Change | Notice]:
    for leaf, _ in member_values(properties, "Policies", pointer, {}):
        if leaf.value is ABSENT or leaf.value is None:
            yield set_value(leaf, [policy], _GRANT_REASON)
        elif isinstance(leaf.value, list):
            own_indexes = [
                index
                for index, item in enumerate(leaf.value)
                if isinstance(item, dict) and item.get("PolicyName") == POLICY_NAME
            ]
            if not own_indexes:
                yield Change("add", (*leaf.pointer, "-"), _GRANT_REASON, policy)
            elif (old := leaf.value[own_indexes[0]]) != policy:
                own = (*leaf.pointer, own_indexes[0])
                yield Change("replace", own, _GRANT_REASON, policy, was=old)
                fact = f"The role has a policy {POLICY_NAME} with other statements, which is replaced"
                yield Notice(
                    Location(None, None, own),
                    Reason(fact, "Give a policy of your own another name", code=Code.POLICY_REPLACED),
                )
        else:
            yield _not_granted(leaf.pointer, "The role's Policies are an expression that cannot be extended")


def _not_granted(pointer: Pointer, fact: str) -> Notice:
    return Notice(Location(None, None, pointer), Reason(fact, _GRANT_ADVICE, code=Code.ROLE_NOT_EXTENDABLE))


def _role_of_template(expression: Json | Absent, scope: EvaluationScope) -> str | None:
    """Return the logical id of the template's role whose ARN an expression evaluates to, or ``None`` if there is none.

    The expression is a role, its Arn, or an ARN that ends with its name; or it evaluates to an ARN with the name of a role.
    One that refers to a role in another way may be the ARN of another role, so nothing is given to any.
    """
    resources = scope.section("Resources")
    if (role := _role_of_get_att(expression, scope)) is not None:
        return role
    roles = {name for name in references(expression) if _is_role(resources.get(name))}
    if roles:
        match = re.fullmatch(_ROLE_BY_NAME, _as_text(expression) or "")
        return next((name for name in roles if match and name in match.groups()), None)
    match evaluate(expression, scope.with_lookups()):
        case Known(str(arn)) if _is_of_account(arn, scope.account):
            return _role_ids_by_name(scope).get(arn.rsplit("/", 1)[-1])
    return None


def _role_of_get_att(expression: Json | Absent, scope: EvaluationScope) -> str | None:
    """Return the logical id of the template's role whose ARN an expression gets, or ``None`` if it is another expression."""
    argument = expression["Fn::GetAtt"] if isinstance(expression, dict) and is_get_att(expression) else None
    match argument:
        case [str(name), "Arn"] if _is_role(scope.section("Resources").get(name)):
            return name
    return None


def _is_of_account(arn: str, account: str | None) -> bool:
    """Return whether the role of this ARN or name may be one of the account, which is None if it is not known."""
    return account is None or ":" not in arn or arn.split(":")[4:5] == [account]


_ROLE_BY_NAME: Final = r"\$\{([^{}]*?)(?:\.Arn)?\}|arn:[^/]*:role/(?:.*/)?\$\{([^{}]*)\}"


def _as_text(expression: Json | Absent) -> str | None:
    """Return the text that an expression puts together, with functions in the form of ``Fn::Sub``; None for other functions."""
    match expression:
        case str(text) | {"Fn::Sub": str(text)}:
            return text
        case {"Ref": str(name)} | {"Fn::GetAtt": str(name)}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"${{{name}.{attribute}}}"
        case {"Fn::Sub": [str(text), dict(variables)]}:
            values = {name: _as_text(value) for name, value in variables.items()}
            return re.sub(r"\$\{([^}]*)\}", lambda match: values.get(match[1], match[0]) or "$", text)
        case {"Fn::Join": ["", [*items]]}:
            return "".join(_as_text(item) or "$" for item in items)
    return None


def _is_role(resource: Json) -> bool:
    return isinstance(resource, dict) and resource.get("Type") == ROLE_TYPE


def _role_ids_by_name(scope: EvaluationScope) -> Mapping[str, str]:
    """Return the logical ids of the template's roles by their RoleName. Computed once for each plan."""
    if scope.state.role_ids_by_name is None:
        scope.state.role_ids_by_name = {}
        for logical_id, resource in scope.section("Resources").items():
            properties = resource.get("Properties") if isinstance(resource, dict) and _is_role(resource) else None
            name = properties.get("RoleName", ABSENT) if isinstance(properties, dict) else ABSENT
            match evaluate(name, scope.assuming({})):
                case Known(str(text)) if text:
                    scope.state.role_ids_by_name[text] = logical_id
    return scope.state.role_ids_by_name

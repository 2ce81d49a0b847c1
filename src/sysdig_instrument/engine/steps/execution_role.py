"""The task's execution role: one for task definitions that have none, and what it needs to read the access key.

ECS reads a container's Secrets with the execution role (ECS developer guide, «Passing sensitive data»). A task whose role
may not do so does not start, so the permission is added where the role is a resource of the template, and spelled out
where it is not.

Owns: ExecutionRoleArn, where the setting DefaultExecutionRoleArn has a value; the policy SysdigInstrumentAccessKey of roles.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from sysdig_instrument.engine.container import StepOutput, member_values, set_value
from sysdig_instrument.engine.expressions.evaluate import evaluate, is_active
from sysdig_instrument.engine.expressions.references import references
from sysdig_instrument.engine.expressions.scope import EvaluationScope
from sysdig_instrument.engine.expressions.values import Literal
from sysdig_instrument.engine.findings import Location, Notice, Reason
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.partitions import dns_suffix_of
from sysdig_instrument.engine.patch import Change, Pointer
from sysdig_instrument.engine.settings.table import Settings
from sysdig_instrument.engine.steps.step import Grant, InstrumentedTask


def execution_role(instrumented: InstrumentedTask) -> Iterator[StepOutput]:
    """DefaultExecutionRoleArn, wherever the template gives no role."""
    task, settings = instrumented.task, instrumented.settings
    if settings.default_execution_role_arn is None or not isinstance(task.properties, dict):
        return
    for leaf, _ in member_values(task.properties, "ExecutionRoleArn", task.properties_pointer, task.assumptions):
        if leaf.value in (ABSENT, None, ""):
            yield set_value(
                leaf, settings.default_execution_role_arn, "DefaultExecutionRoleArn, as the task has no role of its own"
            )


ROLE_TYPE: Final = "AWS::IAM::Role"
SECRET_TYPE: Final = "AWS::SecretsManager::Secret"  # noqa: S105 - a resource type
POLICY_NAME: Final = "SysdigInstrumentAccessKey"
_GRANT_REASON: Final = "ECS reads the agent's access key with the execution role"
_RANDOM_SUFFIX: Final = r"-(?=[a-z]*[A-Z0-9])[A-Za-z0-9]{6}\Z"
"""What Secrets Manager puts behind a name; six small letters might as well belong to the name."""

_SECRET_ARN_FIELDS: Final = (
    7  # arn:partition:secretsmanager:region:account:secret:name, then ECS's json-key and version
)


def grant(instrumented: InstrumentedTask) -> Iterator[Grant | Notice]:
    """What a task definition's execution role needs; a notice where that, or some of it, cannot be given here."""
    task, settings = instrumented.task, instrumented.settings
    if (
        settings.access_key_secret is None
        or settings.grant_access_key_read == "never"
        or not isinstance(task.properties, dict)
    ):
        return
    place = Location(task.name, None, (*task.properties_pointer, "ExecutionRoleArn"))
    statements = _statements_once(settings, task.scope)
    if not statements:
        yield Notice(
            place,
            Reason(
                "What the execution role needs to read the access key cannot be worked out",
                "Allow it to read AccessKeySecret",
            ),
        )
        return
    roles: dict[str, None] = {}
    has_external_role = False
    for leaf, assumptions in member_values(task.properties, "ExecutionRoleArn", place.pointer, task.assumptions):
        arn = settings.default_execution_role_arn if leaf.value in (ABSENT, None, "") else leaf.value
        found = _roles(arn, task.scope)
        roles |= found
        # where there is no role at all, the check of the execution role says so
        has_external_role |= (
            bool(arn)
            and not found
            and (assumptions == task.assumptions or is_active(assumptions, task.scope) is not False)
        )
    if roles:
        yield Grant(tuple(roles), statements)
    if has_external_role:
        yield Notice(
            place, Reason("The execution role is not a resource of this template, so it is not given the permission to read the access key here",
            f"Make sure that one of its policies has: {', '.join(map(_statement_text, statements))}"),
        )  # fmt: skip


def grant_changes(grants: Iterable[Grant], scope: EvaluationScope) -> Iterator[Change | Notice]:
    """One inline policy in each role, with all that the task definitions need of it."""
    wanted: dict[str, list[Json]] = {}
    for each in grants:
        for role in each.roles:
            statements = wanted.setdefault(role, [])
            statements += (statement for statement in each.statements if statement not in statements)
    resources = scope.section("Resources")
    for role, statements in wanted.items():
        resource = resources[role]
        properties = resource.get("Properties") if isinstance(resource, dict) else None
        policy: Json = {"PolicyName": POLICY_NAME, "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}
        pointer: Pointer = ("Resources", role, "Properties")
        if properties is None:
            yield Change("add", pointer, _GRANT_REASON, {"Policies": [policy]})
        elif isinstance(properties, dict) and not (len(properties) == 1 and next(iter(properties)).startswith("Fn::")):
            yield from _add_policy(properties, pointer, policy)
        else:
            yield _not_granted(pointer, "The role's Properties are not an object that is in sight")


def _add_policy(properties: dict[str, Json], pointer: Pointer, policy: Json) -> Iterator[Change | Notice]:
    for leaf, _ in member_values(properties, "Policies", pointer, {}):
        if leaf.value is ABSENT or leaf.value is None:
            yield set_value(leaf, [policy], _GRANT_REASON)
        elif isinstance(leaf.value, list):
            mine = [
                index
                for index, item in enumerate(leaf.value)
                if isinstance(item, dict) and item.get("PolicyName") == POLICY_NAME
            ]
            if not mine:
                yield Change("add", (*leaf.pointer, "-"), _GRANT_REASON, policy)
            elif leaf.value[mine[0]] != policy:
                yield Change("replace", (*leaf.pointer, mine[0]), _GRANT_REASON, policy, was=leaf.value[mine[0]])
        else:
            yield _not_granted(leaf.pointer, "The role's Policies are an expression that cannot be extended")


def _not_granted(pointer: Pointer, fact: str) -> Notice:
    return Notice(Location(None, None, pointer), Reason(fact, "Allow the role to read AccessKeySecret"))


def _roles(expression: Json | Absent, scope: EvaluationScope) -> dict[str, None]:
    """The roles of the template that an expression for a role's ARN refers to, in whatever way; an ordered set."""
    resources = scope.section("Resources")
    named = {name: None for name in references(expression) if _is_role(resources.get(name))}
    if named:
        return named
    match evaluate(expression, scope):
        case Literal(str(arn)) if role := _role_names(scope).get(arn.rsplit("/", 1)[-1]):
            return {role: None}
    return {}


def _is_role(resource: Json) -> bool:
    return isinstance(resource, dict) and resource.get("Type") == ROLE_TYPE


def _role_names(scope: EvaluationScope) -> Mapping[str, str]:
    """The logical ids of the template's roles by the names that it gives them; worked out once in a run."""
    if scope.state.role_ids is None:
        scope.state.role_ids = {}
        for logical_id, resource in scope.section("Resources").items():
            properties = resource.get("Properties") if isinstance(resource, dict) and _is_role(resource) else None
            name = properties.get("RoleName", ABSENT) if isinstance(properties, dict) else ABSENT
            match evaluate(name, scope.assuming({})):
                case Literal(str(text)) if text:
                    scope.state.role_ids[text] = logical_id
    return scope.state.role_ids


def _statements_once(settings: Settings, scope: EvaluationScope) -> tuple[dict[str, Json], ...]:
    """The statements; those of a secret that is written out are the same for every task definition of a run."""
    secret, known = settings.access_key_secret, scope.state.statements
    if not isinstance(secret, str) or "{" in secret:
        return tuple(_statements(settings, scope))
    key = (secret, settings.access_key_kms_key)
    if key not in known:
        known[key] = tuple(_statements(settings, scope))
    return known[key]


def _statements(settings: Settings, scope: EvaluationScope) -> Iterator[dict[str, Json]]:
    """Reading the secret or parameter, and its key where AccessKeyKmsKey says that it has one of its own."""
    secret = settings.access_key_secret
    match evaluate(secret, scope):
        case Literal(str(arn)) if arn.count(":") >= _SECRET_ARN_FIELDS - 2:
            service, region = arn.split(":")[2:4]
            resource = _statement_resource(secret, arn)
        case _ if _is_secret_of_template(secret, scope):
            service, region, resource = "secretsmanager", scope.region or "", secret
        case _:
            return
    action = "ssm:GetParameters" if service == "ssm" else "secretsmanager:GetSecretValue"
    yield {"Effect": "Allow", "Action": action, "Resource": resource}
    if settings.access_key_kms_key is not None:
        yield {
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": settings.access_key_kms_key,
            "Condition": {"StringEquals": {"kms:ViaService": f"{service}.{region}.{dns_suffix_of(region)}"}},
        }


def _is_secret_of_template(secret: Json, scope: EvaluationScope) -> bool:
    match secret:
        case {"Ref": str(name)}:
            resource = scope.section("Resources").get(name)
            return isinstance(resource, dict) and resource.get("Type") == SECRET_TYPE
    return False


def _statement_resource(secret: Json, arn: str) -> Json:
    """The Resource of the statement: the ARN without ECS's json-key; an expression stays one.

    An ARN without the random characters behind the name is good for ECS, but IAM compares the whole one.
    """
    fields = arn.split(":")
    is_long = len(fields) > _SECRET_ARN_FIELDS
    base: Json = (
        secret
        if not is_long
        else ":".join(fields[:_SECRET_ARN_FIELDS])
        if isinstance(secret, str)
        else _first_fields(secret)
    )
    if fields[2] == "ssm" or re.search(_RANDOM_SUFFIX, fields[-1] if not is_long else fields[_SECRET_ARN_FIELDS - 1]):
        return base
    whole: Json = f"{base}-??????" if isinstance(base, str) else {"Fn::Join": ["", [base, "-??????"]]}
    return [base, whole]


def _first_fields(secret: Json) -> Json:
    split: Json = {"Fn::Split": [":", secret]}
    fields: list[Json] = [{"Fn::Select": [index, split]} for index in range(_SECRET_ARN_FIELDS)]
    return {"Fn::Join": [":", fields]}


def _statement_text(statement: dict[str, Json]) -> str:
    """A policy statement as it goes into a policy's JSON; of an expression in it no more than what it is for is told."""
    resource = statement["Resource"]
    resources = resource if isinstance(resource, list) else [resource]
    is_in_sight = all(isinstance(each, str) for each in resources)
    return json.dumps(statement if is_in_sight else {**statement, "Resource": "the ARN of AccessKeySecret"})

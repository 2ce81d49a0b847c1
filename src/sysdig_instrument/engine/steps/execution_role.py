"""The task's execution role: a default for task definitions that have none, and its permission to read the access key.

Owns: ExecutionRoleArn, if the setting DefaultExecutionRoleArn has a value; the policy SysdigInstrumentAccessKey of roles.

ECS reads a container's Secrets with the execution role, and does not start a task whose role has no permission to do so.
So the permission is added to a role that is a resource of the template; for any other role, a notice shows the statement.

Source: the ECS developer guide, «Pass sensitive data to an Amazon ECS container» and «Amazon ECS task execution IAM role»;
the IAM and KMS user guides for the statements.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from sysdig_instrument.engine.container import member_values, set_value
from sysdig_instrument.engine.expressions.evaluate import evaluate, is_active
from sysdig_instrument.engine.expressions.references import references
from sysdig_instrument.engine.expressions.scope import EvaluationScope
from sysdig_instrument.engine.expressions.values import Known
from sysdig_instrument.engine.expressions.work import steps_of
from sysdig_instrument.engine.findings import Location, Notice, Reason
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.partitions import dns_suffix_of
from sysdig_instrument.engine.patch import Change, Pointer
from sysdig_instrument.engine.settings.table import Settings
from sysdig_instrument.engine.steps.step import ChangeOrFinding, Grant, InstrumentedTask


def execution_role(instrumented: InstrumentedTask) -> Iterator[ChangeOrFinding]:
    """Yield the changes that give the task DefaultExecutionRoleArn, wherever the template gives it no role."""
    task, settings = instrumented.task, instrumented.settings
    if settings.default_execution_role_arn is None:
        return
    for leaf, _ in member_values(
        task.properties_or_empty, "ExecutionRoleArn", task.properties_pointer, task.assumptions
    ):
        if leaf.value in (ABSENT, None, ""):
            yield set_value(
                leaf,
                settings.default_execution_role_arn,
                "DefaultExecutionRoleArn, because the task has no role of its own",
            )


# --- The permission to read the access key

ROLE_TYPE: Final = "AWS::IAM::Role"
SECRET_TYPE: Final = "AWS::SecretsManager::Secret"  # noqa: S105 - a resource type
POLICY_NAME: Final = "SysdigInstrumentAccessKey"
_GRANT_REASON: Final = "ECS reads the agent's access key with the execution role"
_RANDOM_SUFFIX: Final = r"-(?=[a-z]*[A-Z0-9])[A-Za-z0-9]{6}\Z"
"""The suffix that Secrets Manager appends to a secret's name in its ARN: a hyphen and six random characters (Secrets
Manager user guide, «What's in a Secrets Manager secret?»). Six lower-case letters do not count, because they may be part
of the name."""

_MIN_ARN_FIELDS: Final = 6  # arn:partition:service:region:account:resource
# arn:partition:secretsmanager:region:account:secret:name. ECS accepts a JSON key and a version after it.
_SECRET_ARN_FIELDS: Final = 7


def grant(instrumented: InstrumentedTask) -> Iterator[Grant | Notice]:
    """Yield the permission for the task's execution roles in the template, and a notice if it cannot be given to all."""
    task, settings = instrumented.task, instrumented.settings
    if settings.access_key_secret is None or settings.grant_access_key_read == "never":
        return
    location = Location(task.name, None, (*task.properties_pointer, "ExecutionRoleArn"))
    statements = _cached_statements(settings, task.scope)
    if not statements:
        yield Notice(
            location,
            Reason(
                "AccessKeySecret is not an ARN that is known here, so the execution role is not given permission to read the access key",
                "Allow the role to read AccessKeySecret",
            ),
        )
        return
    roles: dict[str, None] = {}
    has_external_role = False
    for leaf, assumptions in member_values(
        task.properties_or_empty, "ExecutionRoleArn", task.properties_pointer, task.assumptions
    ):
        arn = settings.default_execution_role_arn if leaf.value in (ABSENT, None, "") else leaf.value
        named_roles = _roles_of_template(arn, task.scope)
        roles |= named_roles
        # If there is no role at all, checks.missing_execution_role reports a problem.
        has_external_role |= (
            bool(arn)
            and not named_roles
            and (assumptions == task.assumptions or is_active(assumptions, task.scope) is not False)
        )
    if roles:
        yield Grant(tuple(roles), statements)
    if has_external_role:
        yield Notice(
            location, Reason("The execution role is not a resource of this template, so it is not given permission to read the access key here",
            f"Make sure that one of its policies has: {', '.join(map(_statement_text, statements))}"),
        )  # fmt: skip


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
                yield Change("replace", (*leaf.pointer, own_indexes[0]), _GRANT_REASON, policy, was=old)
        else:
            yield _not_granted(leaf.pointer, "The role's Policies are an expression that cannot be extended")


def _not_granted(pointer: Pointer, fact: str) -> Notice:
    return Notice(Location(None, None, pointer), Reason(fact, "Allow the role to read AccessKeySecret"))


def _roles_of_template(expression: Json | Absent, scope: EvaluationScope) -> dict[str, None]:
    """Return the logical ids of the template's roles that an expression for a role's ARN refers to, as an ordered set.

    The expression may refer to a role by a function, or evaluate to an ARN with the name of a role.
    """
    resources = scope.section("Resources")
    named = {name: None for name in references(expression) if _is_role(resources.get(name))}
    if named:
        return named
    match evaluate(expression, scope):
        case Known(str(arn)) if role := _role_ids_by_name(scope).get(arn.rsplit("/", 1)[-1]):
            return {role: None}
    return {}


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


def _cached_statements(settings: Settings, scope: EvaluationScope) -> tuple[dict[str, Json], ...]:
    """Return the :func:`_statements`. For a literal ARN they are computed once for each plan: all tasks have the same."""
    secret, computed = settings.access_key_secret, scope.state.grant_statements
    if not isinstance(secret, str) or "{" in secret:
        return tuple(_statements(settings, scope))
    key = (secret, settings.access_key_kms_key)
    if key not in computed:
        computed[key] = tuple(_statements(settings, scope))
    return computed[key]


def _statements(settings: Settings, scope: EvaluationScope) -> Iterator[dict[str, Json]]:
    """Yield the statement that allows reading the secret or parameter, and one for the KMS key if AccessKeyKmsKey is set.

    Yield nothing if AccessKeySecret is neither an ARN nor a secret of the template.
    """
    secret = settings.access_key_secret
    match evaluate(secret, scope):
        case Known(str(arn)) if arn.count(":") >= _MIN_ARN_FIELDS - 1:
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
    """Return the Resource of the statement: the ARN without the JSON key and version that ECS accepts after it.

    If the setting is an expression, so is the Resource. ECS accepts an ARN without the random suffix of the secret's name,
    but IAM compares the full ARN. So the Resource for such an ARN also matches the name with any suffix.
    """
    fields = arn.split(":")
    base = secret
    if len(fields) > _SECRET_ARN_FIELDS:
        fields = fields[:_SECRET_ARN_FIELDS]
        base = ":".join(fields) if isinstance(secret, str) else _first_fields(secret)
    if fields[2] == "ssm" or re.search(_RANDOM_SUFFIX, fields[-1]):
        return base
    with_suffix: Json = f"{base}-??????" if isinstance(base, str) else {"Fn::Join": ["", [base, "-??????"]]}
    return [base, with_suffix]


def _first_fields(secret: Json) -> Json:
    """Return the expression for the ARN in an expression, without the fields after the secret's name."""
    split: Json = {"Fn::Split": [":", secret]}
    fields: list[Json] = [{"Fn::Select": [index, split]} for index in range(_SECRET_ARN_FIELDS)]
    return {"Fn::Join": [":", fields]}


def _statement_text(statement: dict[str, Json]) -> str:
    """Return a statement as JSON for a policy. An expression is described instead: messages have no template text."""
    resource = statement["Resource"]
    resources = resource if isinstance(resource, list) else [resource]
    is_literal = all(isinstance(each, str) for each in resources)
    return json.dumps(statement if is_literal else {**statement, "Resource": "the ARN of AccessKeySecret"})

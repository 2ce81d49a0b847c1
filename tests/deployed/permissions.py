"""What IAM requires for the calls that a function makes, and whether its role allows that: no more and no less.

Sources: the service authorization reference (which action has which resources and conditions), the IAM user guide, «Policy
evaluation logic». Policies here only allow, so a permission that no statement allows is denied.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from unittest.mock import patch

from botocore.client import BaseClient

from deployed.stack import ACCOUNT, REGION

Answer: TypeAlias = Callable[[Mapping[str, Any]], Any]
Parameters: TypeAlias = Mapping[str, Any]

BY_LAMBDA: Final = {"logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage"}
"""What AWS Lambda does with a function's role: its log, and its dead letter queue."""

OWN_KEY: Final = "testing"
"""The access key of the function's own credentials."""

_ECS: Final = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
_EVERY: Final = "*"
"""The resource of an action for which a policy cannot name one: only a statement on "*" allows it."""


def _services(parameters: Parameters) -> list[str]:
    cluster, given = (
        str(parameters["cluster"]).rsplit("/", 1)[-1],
        parameters.get("services") or [parameters["service"]],
    )
    return [f"{_ECS}:service/{cluster}/{each.rsplit('/', 1)[-1]}" for each in given]


RESOURCES: Final[Mapping[str, Callable[[Parameters], Sequence[str]]]] = {
    "ecr:BatchGetImage": lambda p: [f"arn:aws:ecr:{REGION}:{p['registryId']}:repository/{p['repositoryName']}"],
    "ecr:GetDownloadUrlForLayer": lambda p: [
        f"arn:aws:ecr:{REGION}:{p['registryId']}:repository/{p['repositoryName']}"
    ],
    "ecs:DescribeDaemon": lambda p: [p["daemonArn"]],
    "ecs:DescribeDaemonRevisions": lambda p: p["daemonRevisionArns"],
    "ecs:DescribeDaemonTaskDefinition": lambda p: [p["daemonTaskDefinition"]],
    "ecs:DescribeServiceRevisions": lambda p: p["serviceRevisionArns"],
    "ecs:DescribeServices": _services,
    "ecs:DescribeTaskDefinition": lambda _: [_EVERY],
    "ecs:DescribeTasks": lambda p: p["tasks"],
    "ecs:ListClusters": lambda _: [_EVERY],
    "ecs:ListDaemons": lambda _: [_EVERY],
    "ecs:ListServices": lambda _: [_EVERY],
    "ecs:ListTaskDefinitions": lambda _: [_EVERY],
    "ecs:ListTasks": lambda _: [_EVERY],
    "ecs:RegisterTaskDefinition": lambda p: [f"{_ECS}:task-definition/{p['family']}:1"],
    "ecs:UpdateService": _services,
    "lambda:GetFunctionConfiguration": lambda p: [
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{p['FunctionName'].rsplit(':', 1)[-1]}"
    ],
    "logs:DescribeLogStreams": lambda p: [f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{p['logGroupName']}"],
    "logs:FilterLogEvents": lambda p: [f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{p['logGroupName']}"],
    "secretsmanager:GetSecretValue": lambda p: [p["SecretId"]],
    "securityhub:BatchImportFindings": lambda p: [each["ProductArn"] for each in p["Findings"]],
    "securityhub:GetFindings": lambda _: [f"arn:aws:securityhub:{REGION}:{ACCOUNT}:hub/default"],
    "sns:Publish": lambda p: [p["TopicArn"]],
    "sts:AssumeRole": lambda p: [p["RoleArn"]],
}


@dataclass(frozen=True)
class Permission:
    """An action on a resource, with the condition keys that the service sets."""

    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()


@dataclass
class Calls:
    """The calls of AWS that were made. ``answers`` are the answers of operations that moto does not have.

    ``made`` has those with the function's own credentials, ``by_other_roles`` those with a role that it has assumed.
    """

    answers: dict[str, Answer] = field(default_factory=dict)
    made: list[tuple[str, Parameters]] = field(default_factory=list)
    by_other_roles: list[tuple[str, Parameters]] = field(default_factory=list)

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Record the calls of the block."""
        original = BaseClient._make_api_call

        def make_api_call(client: Any, operation: str, parameters: Parameters) -> Any:
            action = f"{client.meta.service_model.service_name}:{operation}"
            is_own = client._get_credentials().access_key == OWN_KEY
            (self.made if is_own else self.by_other_roles).append((action, parameters))
            return (
                self.answers[action](parameters) if action in self.answers else original(client, operation, parameters)
            )

        with patch.object(BaseClient, "_make_api_call", make_api_call):
            yield

    @property
    def permissions(self) -> set[Permission]:
        """The permissions that the function's own calls require."""
        return {each for action, parameters in self.made for each in required(action, parameters)}

    @property
    def permissions_of_other_roles(self) -> set[Permission]:
        """The permissions that the calls with other roles require."""
        return {each for action, parameters in self.by_other_roles for each in required(action, parameters)}


def required(action: str, parameters: Parameters) -> Iterator[Permission]:
    """Yield the permissions that a call requires."""
    for resource in RESOURCES[action](parameters):
        yield Permission(action, resource)
    if action == "ecs:RegisterTaskDefinition":
        (resource,) = RESOURCES[action](parameters)
        for role in {parameters[key] for key in ("executionRoleArn", "taskRoleArn") if key in parameters}:
            yield Permission("iam:PassRole", role, (("iam:PassedToService", "ecs-tasks.amazonaws.com"),))
        if parameters.get("tags"):
            yield Permission("ecs:TagResource", resource, (("ecs:CreateAction", "RegisterTaskDefinition"),))


def denied(statements: Sequence[Mapping[str, Any]], permissions: set[Permission]) -> set[Permission]:
    """Return the permissions that no statement allows."""
    return {each for each in permissions if not any(allows(statement, each) for statement in statements)}


def unused(statements: Sequence[Mapping[str, Any]], permissions: set[Permission]) -> set[str]:
    """Return the actions of statements that none of the permissions needs."""
    return {
        action
        for statement in statements
        for action in _listed(statement["Action"])
        if not any(allows({**statement, "Action": action}, each) for each in permissions)
    } - BY_LAMBDA


def allows(statement: Mapping[str, Any], permission: Permission) -> bool:
    """Return whether a statement allows a permission."""
    assert statement["Effect"] == "Allow"
    assert set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}
    conditions: Mapping[str, Mapping[str, str]] = statement.get("Condition") or {}
    assert set(conditions) <= {"StringEquals"}
    return (
        any(_matches(each.lower(), permission.action.lower()) for each in _listed(statement["Action"]))
        and any(_matches(each, permission.resource) for each in _listed(statement["Resource"]))
        and all(
            dict(permission.context).get(key) in _listed(value)
            for each in conditions.values()
            for key, value in each.items()
        )
    )


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else value


def _matches(pattern: str, text: str) -> bool:
    expression = "".join({"*": ".*", "?": "."}.get(each, re.escape(each)) for each in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None

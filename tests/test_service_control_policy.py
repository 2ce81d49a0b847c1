"""Who may register task definitions under the service control policy, by IAM's rules, and what its parameters accept."""

from __future__ import annotations

import json
import re
from typing import Any, cast

import pytest

from fixtures_embedded_aws import ROOT
from iam_evaluation import Context, Request, condition_holds, is_denied
from oracle.evaluate import Evaluator, StackInputs
from oracle.values import Json, mapping
from readable_ids import readable_id
from sysdig_instrument.documents import load

TEMPLATE = cast("dict[str, Any]", load(str(ROOT / "templates" / "service-control-policy.yaml")).value)
CLOUDFORMATION = "cloudformation.amazonaws.com"
OTHER = "servicecatalog.amazonaws.com"

ADMINISTRATORS: list[Json] = ["arn:aws:iam::*:role/platform/break-glass", "arn:aws:iam::*:role/stacksets-exec-*"]
PIPELINE = "arn:aws:iam::111122223333:role/deploy"
WATCH = "arn:aws:iam::*:role/sysdig-instrument-WatchRole-*"


def rendered(**parameters: list[Json]) -> dict[str, Json]:
    """Return the properties of the policy, for a stack with these parameters."""
    stack = StackInputs({"RegisteringRoles": [""], "Targets": [""], **parameters})
    return mapping(Evaluator({}, stack, cast("Json", TEMPLATE)).value(TEMPLATE["Resources"]["Policy"]["Properties"]))


POLICY = mapping(rendered(AdministratorRoles=ADMINISTRATORS, RegisteringRoles=[PIPELINE, WATCH])["Content"])


def caller(arn: str, *services: str) -> Context:
    """Return the context of a call by a principal, through services that call with its credentials."""
    through = {"aws:CalledVia": services, "aws:CalledViaFirst": services[:1], "aws:CalledViaLast": services[-1:]}
    return {"aws:PrincipalArn": arn, **(through if services else {})}


def role(name: str, account: str = "111122223333") -> str:
    return f"arn:aws:iam::{account}:role/{name}"


# IAM's documentation: «Multivalued context key examples», «Condition operators», «IfExists», «Null», and the four calls of
# the example under aws:CalledVia (a user calls CloudFormation, that calls DynamoDB, that calls KMS).
CONDITIONS = [
    ("ForAllValues:StringNotLike", "key1*", ["key1:legal"], False),
    ("ForAllValues:StringNotLike", "key1*", ["key1:hr", "key1:personnel"], False),
    ("ForAllValues:StringNotLike", "key1*", ["key2:audit"], True),
    ("ForAllValues:StringNotLike", "key1*", None, True),
    ("ForAllValues:StringLike", ["key1*", "key2*"], ["key1:a", "key2:b"], True),
    ("ForAllValues:StringLike", ["key1*", "key2*"], ["key1:a", "key3:b"], False),
    ("ForAllValues:StringLike", ["key1*", "key2*"], None, True),
    ("ForAnyValue:StringEquals", ["environment", "webserver"], ["webserver", "cost"], True),
    ("ForAnyValue:StringEquals", ["environment", "webserver"], ["cost"], False),
    ("ForAnyValue:StringEquals", ["environment", "webserver"], None, False),
    ("ForAnyValue:StringNotEquals", "environment", None, False),
    ("StringEquals", "iamuser-admin", None, False),
    ("StringNotEquals", "iamuser-admin", None, True),
    ("StringNotEquals", ["audit", "security"], "audit", False),
    ("StringNotEquals", ["audit", "security"], "other", True),
    ("StringEquals", "Admin", "admin", False),
    ("StringEqualsIfExists", "t1", None, True),
    ("StringNotEqualsIfExists", "t1", "t1", False),
    ("Null", "true", None, True),
    ("Null", "false", None, False),
    ("Null", "false", ["a"], True),
    ("ArnNotLike", "arn:aws:iam::*:role/a", None, True),
    ("ArnLike", "arn:aws:iam::*:role/a*", role("a/b/c"), True),
    ("ArnEquals", "arn:aws:iam::*:role/a", role("a"), True),
    ("ArnLike", "arn:aws:iam::*", role("a"), False),
    ("ArnLike", "arn:aws:iam::*:role/a", "arn:aws:iam::1:x:role/a", False),
    ("ForAnyValue:StringEquals", CLOUDFORMATION, [CLOUDFORMATION], True),
    ("ForAnyValue:StringEquals", CLOUDFORMATION, [CLOUDFORMATION, "dynamodb.amazonaws.com"], True),
    ("ForAnyValue:StringEquals", CLOUDFORMATION, ["dynamodb.amazonaws.com"], False),
    ("ForAnyValue:StringEquals", CLOUDFORMATION, None, False),
]


@pytest.mark.parametrize(
    ("operator", "expected", "actual", "holds"),
    [pytest.param(*case, id=readable_id(case[:3])) for case in CONDITIONS],
)
def test_conditions_hold_as_iam_documents_them(operator: str, expected: Any, actual: Any, *, holds: bool) -> None:
    assert condition_holds(operator, expected, actual) is holds


ALLOWED = {
    "CloudFormation, with the caller's permissions": caller(role("developer"), CLOUDFORMATION),
    "CloudFormation, with a service role": caller(role("cdk-hnb659fds-cfn-exec-role"), CLOUDFORMATION),
    "CloudFormation, for a user": caller("arn:aws:iam::111122223333:user/alice", CLOUDFORMATION),
    "CloudFormation, called by another service": caller(role("developer"), OTHER, CLOUDFORMATION),
    "CloudFormation, where the last service is not known": {
        "aws:PrincipalArn": role("developer"),
        "aws:CalledVia": [CLOUDFORMATION],
    },
    "a pipeline's role": caller(PIPELINE),
    "a pipeline's role, through a service": caller(PIPELINE, OTHER),
    "a pipeline's role, behind CloudFormation": caller(PIPELINE, CLOUDFORMATION, OTHER),
    "watch": caller(role("sysdig-instrument-WatchRole-1ABC")),
    "watch in another account": caller(role("sysdig-instrument-WatchRole-1ABC", "444455556666")),
    "break glass": caller(role("platform/break-glass")),
    "a stack set's role": caller(role("stacksets-exec-0123456789abcdef")),
}
DENIED = {
    "a developer": caller(role("developer")),
    "a user": caller("arn:aws:iam::111122223333:user/alice"),
    "a user with the name of a role": caller("arn:aws:iam::111122223333:user/deploy"),
    "root": caller("arn:aws:iam::111122223333:root"),
    "a federated user": caller("arn:aws:sts::111122223333:federated-user/deploy"),
    "a session with the name of a role": caller("arn:aws:sts::111122223333:assumed-role/developer/deploy"),
    "the session of a named role, which IAM never gives": caller("arn:aws:sts::111122223333:assumed-role/deploy/a"),
    "a session whose name is an ARN": caller(f"arn:aws:sts::111122223333:assumed-role/developer/{PIPELINE}"),
    "nobody": {},
    "a longer name": caller(role("deploy-2")),
    "a shorter name": caller(role("deplo")),
    "a longer name before": caller(role("my-deploy")),
    "another case": caller(role("Deploy")),
    "another path": caller(role("x/deploy")),
    "the name as a path": caller(role("deploy/x")),
    "the name without its path": caller(role("break-glass")),
    "a path before the path": caller(role("x/platform/break-glass")),
    "a path in a path": caller(role("platform/x/break-glass")),
    "the account of somebody else": caller(role("deploy", "444455556666")),
    "another partition": caller("arn:aws-cn:iam::111122223333:role/deploy"),
    "a path before a pattern": caller(role("x/stacksets-exec-0123456789abcdef")),
    "another service": caller(role("developer"), OTHER),
    "two other services": caller(role("developer"), OTHER, "ssm.amazonaws.com"),
    "a service that CloudFormation calls": caller(role("developer"), CLOUDFORMATION, "ecs.amazonaws.com"),
    "CloudFormation between two services": caller(role("developer"), OTHER, CLOUDFORMATION, OTHER),
    "a service with a similar name": caller(role("developer"), f"x.{CLOUDFORMATION}"),
    "CloudFormation in capital letters": caller(role("developer"), "CloudFormation.amazonaws.com"),
    "CDK's hotswap": caller(role("cdk-hnb659fds-deploy-role")),
    "CloudFormation's stack role, used by somebody": caller(role("cdk-hnb659fds-cfn-exec-role")),
    "through a service that is not named": {"aws:PrincipalArn": role("developer"), "aws:ViaAWSService": "true"},
    "no service in the list": {"aws:PrincipalArn": role("developer"), "aws:CalledVia": []},
}


@pytest.mark.parametrize("context", ALLOWED.values(), ids=ALLOWED)
def test_who_may_register(context: Context) -> None:
    assert not is_denied(POLICY, Request("ecs:RegisterTaskDefinition", context=context))


@pytest.mark.parametrize("context", DENIED.values(), ids=DENIED)
def test_who_may_not_register(context: Context) -> None:
    assert is_denied(POLICY, Request("ecs:RegisterTaskDefinition", context=context))
    assert is_denied(POLICY, Request("ECS:registertaskdefinition", context=context))


@pytest.mark.parametrize(
    "action",
    [
        "ecs:UpdateService",
        "ecs:RunTask",
        "ecs:RegisterContainerInstance",
        "ecs:DeregisterTaskDefinition",
        "iam:GetRole",
    ],
)
def test_nothing_else_is_denied(action: str) -> None:
    for context in (*ALLOWED.values(), *DENIED.values()):
        assert not is_denied(POLICY, Request(action, PIPELINE, context))


@pytest.mark.parametrize("action", ["iam:CreateRole", "iam:PassRole", "iam:UpdateAssumeRolePolicy"])
def test_only_administrators_make_and_pass_the_named_roles(action: str) -> None:
    named = (
        PIPELINE, role("sysdig-instrument-WatchRole-mine"), role("platform/break-glass"), role("stacksets-exec-mine"),
        role("stacksets-exec-a/b"),
    )  # fmt: skip
    developers = (caller(role("developer")), caller(role("developer"), CLOUDFORMATION), caller(PIPELINE))
    for resource in named:
        assert all(is_denied(POLICY, Request(action, resource, context)) for context in developers)
        for name in ("platform/break-glass", "stacksets-exec-1"):
            assert not is_denied(POLICY, Request(action, resource, caller(role(name))))
            assert not is_denied(POLICY, Request(action, resource, caller(role(name), CLOUDFORMATION)))
    for resource in (role("task"), role("deploy-2"), role("deploy", "444455556666")):
        assert not any(is_denied(POLICY, Request(action, resource, context)) for context in developers)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("ForAllValues:StringNotEquals", "ForAnyValue:StringNotEquals"),
        ("aws:CalledViaLast", "aws:CalledViaFirst"),
        ('"Null": {"aws:CalledViaLast": "false"}, ', ""),
        ("ArnNotLike", "ArnLike"),
        ("aws:PrincipalArn", "aws:userid"),
        ("role/deploy", "role/deploy*"),
        ("iam::*:role/platform/", "iam::*:role/"),
    ],
    ids=readable_id,
)
def test_the_two_tables_notice_another_policy(right: str, wrong: str) -> None:
    text = json.dumps(POLICY)
    assert right in text
    policy = json.loads(text.replace(right, wrong))
    requests = {
        denied: [Request("ecs:RegisterTaskDefinition", context=context) for context in table.values()]
        for denied, table in ((True, DENIED), (False, ALLOWED))
    }
    assert any(is_denied(policy, each) is not denied for denied in requests for each in requests[denied])


def test_each_role_that_may_register_is_kept_from_others() -> None:
    """A name that only one of the two lists has would be one that anybody can create."""
    register, behind, named = (mapping(each) for each in cast("list[Json]", POLICY["Statement"]))
    roles: list[Json] = [*ADMINISTRATORS, PIPELINE, WATCH]
    for statement in (register, behind):
        assert mapping(mapping(statement["Condition"])["ArnNotLike"]) == {"aws:PrincipalArn": roles}
    assert named["Resource"] == roles
    assert named["Condition"] == {"ArnNotLike": {"aws:PrincipalArn": ADMINISTRATORS}}


def test_a_stack_without_registering_roles_and_targets() -> None:
    properties = rendered(AdministratorRoles=ADMINISTRATORS)
    assert "TargetIds" not in properties
    policy = mapping(properties["Content"])
    assert '""' not in json.dumps(policy)
    for context in (caller(PIPELINE), caller(role("sysdig-instrument-WatchRole-1"))):
        assert is_denied(policy, Request("ecs:RegisterTaskDefinition", context=context))
    for context in (caller(role("platform/break-glass")), caller(role("developer"), CLOUDFORMATION)):
        assert not is_denied(policy, Request("ecs:RegisterTaskDefinition", context=context))
    assert rendered(AdministratorRoles=ADMINISTRATORS, Targets=["ou-ab12-cdef3456"])["TargetIds"] == [
        "ou-ab12-cdef3456"
    ]


def test_it_fits_into_the_size_of_a_service_control_policy() -> None:
    """CloudFormation removes the white space. AWS documents 5,120 characters (Organizations, «Quotas»)."""
    roles: list[Json] = [f"arn:aws:iam::*:role/platform/pipeline-of-team-{number:02}" for number in range(20)]
    content = rendered(AdministratorRoles=ADMINISTRATORS, RegisteringRoles=roles)["Content"]
    assert len(json.dumps(content, separators=(",", ":"))) < 5120


@pytest.mark.parametrize(
    ("arn", "is_accepted"),
    [
        (PIPELINE, True),
        (WATCH, True),
        ("arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Platform_*", True),
        ("arn:aws-us-gov:iam::111122223333:role/deploy", True),
        ("*", False),
        ("arn:aws:iam::*:role/*", False),
        ("arn:aws:iam::*:role/a*", False),
        ("arn:aws:iam::*:role/*-deploy", False),
        ("arn:aws:iam::*:role/*/deploy", False),
        ("arn:aws:iam::*:role/dep?oy", False),
        ("arn:aws:iam::*:*", False),
        ("arn:aws:iam::1111*:role/deploy", False),
        ("arn:*:iam::111122223333:role/deploy", False),
        ("arn:aws:iam::111122223333:user/deploy", False),
        ("arn:aws:sts::111122223333:assumed-role/deploy/session", False),
        ("deploy", False),
    ],
    ids=readable_id,
)
def test_which_roles_the_parameters_accept(arn: str, *, is_accepted: bool) -> None:
    for name in ("AdministratorRoles", "RegisteringRoles"):
        pattern = TEMPLATE["Parameters"][name]["AllowedPattern"]
        assert (re.fullmatch(pattern, arn, re.ASCII) is not None) is is_accepted
    assert not re.fullmatch(TEMPLATE["Parameters"]["AdministratorRoles"]["AllowedPattern"], "")

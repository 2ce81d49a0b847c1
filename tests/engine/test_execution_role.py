"""The execution role's permission to read the access key."""

from __future__ import annotations

import json
from typing import Any

import pytest

from case_folders import ACCOUNT, REGION
from factories import (
    INVALID_SECRETS,
    NOVALUE,
    ROLE,
    SECRET,
    VALID_SECRETS,
    context_of,
    notices_of,
    plan_of,
    problems_of,
    processed,
    resource,
    template,
)
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.steps.execution_role import POLICY_NAME
from sysdig_instrument.planning import plan_with_lookups

ROLE_RESOURCE: dict[str, Json] = {
    "Type": "AWS::IAM::Role",
    "Properties": {"RoleName": "execution-role", "AssumeRolePolicyDocument": {}},
}
READ_SECRET = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": SECRET}


def with_role(reference: Json, role: Json = None, **more: Json) -> dict[str, Any]:
    """Return a template with two roles whose task definition has this expression as its execution role."""
    value = template(ExecutionRoleArn=reference)
    value["Resources"].update({"Role": role or ROLE_RESOURCE, "Other": {"Type": "AWS::IAM::Role"}, **more})
    return value


def statements(value: dict[str, Any], role: str = "Role") -> list[Any]:
    """Return the policy statements that were added to a role."""
    policies = value["Resources"][role].get("Properties", {}).get("Policies", [])
    return [
        each
        for policy in policies
        if policy["PolicyName"] == POLICY_NAME
        for each in policy["PolicyDocument"]["Statement"]
    ]


REFERENCES: dict[str, Json] = {
    "getatt-list": {"Fn::GetAtt": ["Role", "Arn"]},
    "getatt-string": {"Fn::GetAtt": "Role.Arn"},
    "ref": {"Ref": "Role"},
    "sub-of-arn": {"Fn::Sub": "${Role.Arn}"},
    "sub-of-account-and-name": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/${Role}"},
    "sub-with-map": {"Fn::Sub": ["${x}", {"x": {"Fn::GetAtt": ["Role", "Arn"]}}]},
    "join": {"Fn::Join": ["", ["arn:aws:iam::", {"Ref": "AWS::AccountId"}, ":role/", {"Ref": "Role"}]]},
    "if": {"Fn::If": ["C", {"Fn::GetAtt": ["Role", "Arn"]}, "arn:aws:iam::1:role/elsewhere"]},
    "literal-arn": f"arn:aws:iam::{ACCOUNT}:role/execution-role",
    "sub-with-path": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/path/execution-role"},
}


@pytest.mark.parametrize("reference", REFERENCES.values(), ids=REFERENCES.keys())
def test_a_role_is_found_by_every_form_of_reference(reference: Json) -> None:
    result = processed(with_role(reference))
    assert statements(result) == [READ_SECRET]
    assert statements(result, "Other") == []


@pytest.mark.parametrize("reference", REFERENCES.values(), ids=REFERENCES.keys())
def test_a_second_run_grants_nothing_more(reference: Json) -> None:
    assert list(plan_of(processed(with_role(reference))).changes) == []


@pytest.mark.parametrize(
    "reference",
    [
        {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/admin-${Role}"},
        {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/${Role}-admin"},
        {"Fn::Sub": ["arn:aws:iam::1:role/${x}${Role}", {"x": {"Fn::ImportValue": "prefix"}}]},
        {"Fn::Sub": "${Role.RoleId}"},
        {"Fn::GetAtt": ["Role", "RoleId"]},
        {"Fn::Join": ["", ["arn:aws:iam::1:role/other-", {"Ref": "Role"}]]},
        {"Fn::Join": ["-", [{"Ref": "Role"}, "x"]]},
        {"Fn::Select": [1, [{"Ref": "Role"}, "arn:aws:iam::1:role/other"]]},
        "arn:aws:iam::999999999999:role/execution-role",
    ],
)
def test_a_role_that_an_expression_only_refers_to_gets_nothing(reference: Json) -> None:
    value = processed(with_role(reference))
    assert statements(value) == statements(value, "Other") == []


@pytest.mark.parametrize("name", ["(", "Ro*", "R.le", "Role|Other"])
def test_the_name_of_a_role_is_no_pattern(name: str) -> None:
    """CloudFormation refuses such a logical id only after the macro has seen it."""
    value = with_role({"Ref": name})
    value["Resources"][name] = value["Resources"].pop("Role")
    result = processed(value)
    assert statements(result, name) == [READ_SECRET]
    assert statements(result, "Other") == []


def test_both_roles_of_a_condition_are_granted() -> None:
    result = processed(with_role({"Fn::If": ["C", {"Fn::GetAtt": ["Role", "Arn"]}, {"Fn::GetAtt": ["Other", "Arn"]}]}))
    assert statements(result) == statements(result, "Other") == [READ_SECRET]


@pytest.mark.parametrize(
    "absent",
    [
        pytest.param(NOVALUE, id="no-value"),
        pytest.param(None, id="null"),
        pytest.param("", id="empty"),
    ],
)
def test_the_default_role_is_granted_where_the_task_has_none(absent: Json) -> None:
    result = processed(with_role(absent), {"DefaultExecutionRoleArn": {"Fn::GetAtt": ["Role", "Arn"]}})
    assert statements(result) == [READ_SECRET]


def test_the_default_role_in_one_branch_is_granted_too() -> None:
    either: Json = {"Fn::If": ["C", {"Fn::GetAtt": ["Other", "Arn"]}, NOVALUE]}
    result = processed(with_role(either), {"DefaultExecutionRoleArn": {"Fn::GetAtt": ["Role", "Arn"]}})
    assert statements(result) == statements(result, "Other") == [READ_SECRET]


@pytest.mark.parametrize(
    "reference",
    [
        pytest.param(ROLE, id="arn"),
        pytest.param({"Fn::ImportValue": "role"}, id="import"),
        pytest.param({"Fn::GetAtt": ["Missing", "Arn"]}, id="getatt-of-nothing"),
    ],
)
def test_a_role_outside_the_template_gets_a_notice(reference: Json) -> None:
    value = with_role(reference)
    (notice,) = (each for each in notices_of(value) if "execution role" in each)
    assert notice.endswith(f"one of its policies has: {json.dumps(READ_SECRET)}.")
    assert statements(processed(value)) == []


_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/abc"


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="default"),
        pytest.param({"AccessKeyKmsKey": _KEY}, id="kms-key"),
        pytest.param(
            {"AccessKeySecret": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:no-random-part:json-key::"},
            id="secret-without-suffix",
        ),
        pytest.param(
            {"AccessKeySecret": f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/sysdig/key", "AccessKeyKmsKey": _KEY},
            id="ssm-with-kms-key",
        ),
    ],
)
def test_the_notice_shows_exactly_the_missing_statement(settings: dict[str, Json]) -> None:
    (notice,) = (each for each in notices_of(with_role(ROLE), settings) if "execution role" in each)
    shown = notice.partition("has: ")[2].removesuffix(".")
    assert json.loads(f"[{shown}]") == statements(processed(with_role({"Ref": "Role"}), settings))


def test_the_notice_does_not_quote_a_secret_expression() -> None:
    value = with_role(ROLE)
    value["Metadata"] = {"SysdigInstrument": {"AccessKeySecret": {"Fn::Sub": SECRET.replace(REGION, "${AWS::Region}")}}}
    (notice,) = (each for each in notices_of(value) if "execution role" in each)
    assert '"Resource": "the ARN of AccessKeySecret"' in notice
    assert "${" not in notice


def test_never_grants_and_notices_nothing() -> None:
    value = with_role({"Ref": "Role"})
    result = processed(value, {"GrantAccessKeyRead": "never"})
    assert result["Resources"]["Role"] == ROLE_RESOURCE


@pytest.mark.parametrize(
    ("properties", "index"),
    [
        pytest.param(None, 0, id="no-properties"),
        pytest.param({}, 0, id="empty-properties"),
        pytest.param({"Policies": None}, 0, id="null"),
        pytest.param({"Policies": NOVALUE}, 0, id="no-value"),
        pytest.param({"Policies": []}, 0, id="empty-list"),
        pytest.param({"Policies": [{"PolicyName": "x"}]}, 1, id="another-policy"),
        pytest.param({"Policies": [5, {"Ref": "x"}]}, 2, id="malformed-and-opaque-items"),
        pytest.param(
            {"Policies": [{"PolicyName": POLICY_NAME, "PolicyDocument": {"Statement": "older"}}]},
            0,
            id="older-policy-of-its-own",
        ),
    ],
)
def test_the_policy_is_added_to_existing_ones(properties: dict[str, Json] | None, index: int) -> None:
    role: dict[str, Json] = {"Type": "AWS::IAM::Role"}
    if properties is not None:
        role["Properties"] = dict(properties)
    result = processed(with_role({"Ref": "Role"}, role))
    policies = result["Resources"]["Role"]["Properties"]["Policies"]
    assert policies[index] == {
        "PolicyName": POLICY_NAME,
        "PolicyDocument": {"Version": "2012-10-17", "Statement": [READ_SECRET]},
    }
    assert len(policies) == index + 1


def test_policies_that_cannot_be_extended_are_noticed() -> None:
    value = with_role(
        {"Ref": "Role"}, {"Type": "AWS::IAM::Role", "Properties": {"Policies": {"Fn::Split": [",", "x"]}}}
    )
    assert any("Policies are an expression that cannot be extended" in each for each in notices_of(value))


@pytest.mark.parametrize(
    "properties",
    [
        pytest.param([], id="list"),
        pytest.param("x", id="string"),
        pytest.param({"Fn::If": ["C", {}, NOVALUE]}, id="conditional"),
    ],
)
def test_a_role_with_opaque_properties_is_kept_with_a_notice(properties: Json) -> None:
    role: Json = {"Type": "AWS::IAM::Role", "Properties": properties}
    value = with_role({"Ref": "Role"}, role)
    assert any("Properties are not written as an object" in each for each in notices_of(value))
    assert processed(value)["Resources"]["Role"] == role


def test_tasks_sharing_a_role_share_one_policy() -> None:
    value = with_role({"Ref": "Role"})
    other: Json = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/key"
    for name, metadata in (("B", None), ("C", {"SysdigInstrument": {"AccessKeySecret": other}})):
        value["Resources"][name] = {
            **resource(ExecutionRoleArn={"Ref": "Role"}),
            **({"Metadata": metadata} if metadata else {}),
        }
    result = processed(value)
    assert statements(result) == [READ_SECRET, {"Effect": "Allow", "Action": "ssm:GetParameters", "Resource": other}]
    assert len(result["Resources"]["Role"]["Properties"]["Policies"]) == 1


def test_a_task_that_is_not_instrumented_needs_no_grant() -> None:
    value = with_role({"Ref": "Role"})
    value["Resources"]["Api"]["Metadata"] = {"SysdigInstrument": {"Enabled": False}}
    assert statements(processed(value)) == []


def test_an_inactive_unchanged_task_needs_no_grant() -> None:
    value = with_role({"Ref": "Role"})
    value["Conditions"] = {"Never": {"Fn::Equals": [1, 2]}}
    value["Resources"]["Api"]["Condition"] = "Never"
    value["Resources"]["Api"]["Properties"]["PidMode"] = "host"
    assert statements(processed(value)) == []


@pytest.mark.parametrize(
    ("taken", "is_noticed"),
    [
        pytest.param(1, False, id="inactive"),
        pytest.param(2, True, id="active"),
        pytest.param({"Fn::GetAtt": ["X", "Y"]}, True, id="unknown"),
    ],
)
def test_an_outside_role_in_an_inactive_branch_gets_no_notice(taken: Json, *, is_noticed: bool) -> None:
    value = with_role({"Fn::If": ["C", {"Ref": "Role"}, "arn:aws:iam::1:role/elsewhere"]})
    value["Conditions"] = {"C": {"Fn::Equals": [1, taken]}}
    assert statements(processed(value)) == [READ_SECRET]
    assert any("is not a resource of this template" in each for each in notices_of(value)) is is_noticed


_SECRET_PREFIX = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:"


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        pytest.param(SECRET, SECRET, id="full-arn"),
        pytest.param(f"{SECRET}:json-key::", SECRET, id="json-key"),
        pytest.param(
            f"{_SECRET_PREFIX}prod/sysdig",
            [f"{_SECRET_PREFIX}prod/sysdig", f"{_SECRET_PREFIX}prod/sysdig-??????"],
            id="no-suffix-with-path",
        ),
        pytest.param(
            f"{_SECRET_PREFIX}sysdig", [f"{_SECRET_PREFIX}sysdig", f"{_SECRET_PREFIX}sysdig-??????"], id="no-suffix"
        ),
        pytest.param(
            f"{_SECRET_PREFIX}prod-Sysdig-key",
            [f"{_SECRET_PREFIX}prod-Sysdig-key", f"{_SECRET_PREFIX}prod-Sysdig-key-??????"],
            id="suffix-lookalike",
        ),
        pytest.param(
            f"{_SECRET_PREFIX}a-sysdig",
            [f"{_SECRET_PREFIX}a-sysdig", f"{_SECRET_PREFIX}a-sysdig-??????"],
            id="six-letter-word",
        ),
        pytest.param(
            f"{_SECRET_PREFIX}sysdig:json-key::",
            [f"{_SECRET_PREFIX}sysdig", f"{_SECRET_PREFIX}sysdig-??????"],
            id="no-suffix-and-json-key",
        ),
    ],
)
def test_the_resource_is_the_full_secret_arn(secret: str, expected: Json) -> None:
    (statement,) = statements(processed(with_role({"Ref": "Role"}), {"AccessKeySecret": secret}))
    assert statement["Resource"] == expected


def test_a_secret_of_the_template_is_granted_by_reference() -> None:
    value = with_role({"Ref": "Role"}, None, Key={"Type": "AWS::SecretsManager::Secret"})
    (statement,) = statements(processed(value, {"AccessKeySecret": {"Ref": "Key"}}))
    assert statement == {**READ_SECRET, "Resource": {"Ref": "Key"}}


def test_a_kms_key_is_granted_for_one_service_only() -> None:
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/abc"
    _, decrypt = statements(processed(with_role({"Ref": "Role"}), {"AccessKeyKmsKey": key}))
    assert (decrypt["Action"], decrypt["Resource"]) == ("kms:Decrypt", key)
    assert decrypt["Condition"] == {"StringEquals": {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}}
    parameter = {"AccessKeySecret": f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/key", "AccessKeyKmsKey": key}
    read, decrypt = statements(processed(with_role({"Ref": "Role"}), parameter))
    assert (read["Action"], read["Resource"]) == ("ssm:GetParameters", parameter["AccessKeySecret"])
    assert decrypt["Condition"] == {"StringEquals": {"kms:ViaService": f"ssm.{REGION}.amazonaws.com"}}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("my-parameter", id="name"),
        pytest.param("/sysdig/access-key", id="name-with-path"),
        pytest.param("****", id="masked"),
        pytest.param("", id="empty"),
    ],
)
def test_a_secret_without_an_arn_gets_a_notice(value: str) -> None:
    fragment = with_role({"Ref": "Role"})
    fragment["Parameters"] = {"P": {"Type": "String", "Default": value}}
    fragment["Metadata"] = {"SysdigInstrument": {"AccessKeySecret": {"Ref": "P"}}}
    assert any("is not an ARN that is known here" in each for each in notices_of(fragment))
    assert statements(processed(fragment)) == []


_INVALID = 'Task "Api": The expression in AccessKeySecret evaluates to something that ECS cannot read the access key from. Use the ARN'


def _with_secret(secret: Json) -> dict[str, Any]:
    value = with_role({"Ref": "Role"})
    value["Metadata"] = {"SysdigInstrument": {"AccessKeySecret": secret}}
    value["Parameters"] = {"P": {"Type": "String", "Default": SECRET}, "Name": {"Type": "String", "Default": "*"}}
    value["Conditions"] = {"No": {"Fn::Equals": [1, 2]}}
    return value


@pytest.mark.parametrize("grant", ["auto", "never"])
def test_an_expression_for_an_invalid_secret_is_refused(grant: str) -> None:
    value = _with_secret({"Ref": "P"})
    for arn in (each for each in INVALID_SECRETS if "{{resolve:" not in each):
        found = problems_of(value, {"GrantAccessKeyRead": grant}, {"P": arn})
        assert len(found) == 1, arn
        assert found[0].startswith(_INVALID)
        assert arn == "*" or arn not in found[0]


@pytest.mark.parametrize(("value", "count"), [("AbCdEf", 0), ("*", 1)])
def test_a_dynamic_reference_in_a_secret_is_resolved_and_checked(value: str, count: int) -> None:
    context = context_of({}, {"P": SECRET.replace("AbCdEf", "{{resolve:ssm:name}}")})
    planned = plan_with_lookups(_with_secret({"Ref": "P"}), context, lambda each: dict.fromkeys(each, value))
    assert len(planned.problems) == count


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param({"Fn::Sub": SECRET.replace("AbCdEf", "${Name}")}, id="sub"),
        pytest.param({"Fn::Join": [":", [SECRET, "key"]]}, id="join"),
        pytest.param({"Fn::If": ["No", f"{SECRET}*", SECRET]}, id="branch-that-is-not-taken-now"),
        pytest.param({"Fn::If": ["Unknown", f"{SECRET}*", SECRET]}, id="condition-that-is-not-known"),
        pytest.param({"Fn::Split": [",", SECRET]}, id="list"),
        pytest.param({"Secret": SECRET}, id="object"),
    ],
)
def test_each_value_of_an_expression_for_the_secret_is_checked(secret: Json) -> None:
    (problem,) = problems_of(_with_secret(secret))
    assert problem.startswith(_INVALID)


def test_an_expression_for_a_valid_secret_is_kept() -> None:
    for secret in VALID_SECRETS:
        (statement,) = statements(processed(_with_secret({"Ref": "P"}), parameters={"P": secret}))
        assert '{"Ref": "P"}' in json.dumps(statement["Resource"])


def test_a_secret_parameter_is_trimmed_to_its_arn() -> None:
    value = {**with_role({"Ref": "Role"}), "Parameters": {"Key": {"Type": "String"}}}
    parameters: dict[str, Json] = {"Key": f"{SECRET}:json-key::"}
    (statement,) = statements(processed(value, {"AccessKeySecret": {"Ref": "Key"}}, parameters))
    fields: list[Json] = [{"Fn::Select": [index, {"Fn::Split": [":", {"Ref": "Key"}]}]} for index in range(7)]
    assert statement["Resource"] == {"Fn::Join": [":", fields]}


def test_an_outside_role_in_one_branch_gets_a_notice() -> None:
    value = with_role({"Fn::If": ["C", ROLE, {"Fn::GetAtt": ["Role", "Arn"]}]})
    assert any("The execution role is not a resource of this template" in each for each in notices_of(value))
    assert statements(processed(value)) == [READ_SECRET]


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param({"Ref": "Role"}, id="another-resource"),
        pytest.param({"Ref": "Missing"}, id="missing-resource"),
        pytest.param({"Fn::GetAtt": ["Missing", "Arn"]}, id="getatt"),
    ],
)
def test_an_unresolved_secret_gets_a_notice(secret: Json) -> None:
    value = with_role({"Ref": "Role"})
    value["Metadata"] = {"SysdigInstrument": {"AccessKeySecret": secret}}
    (notice,) = (each for each in notices_of(value) if "execution role" in each)
    assert notice == (
        'Task "Api" (Resources.Api.Properties.ExecutionRoleArn): AccessKeySecret is not an ARN that is known here, '
        "so the execution role is not given permission to read the access key. Allow the role to read AccessKeySecret."
    )
    assert statements(processed(value)) == []


def test_a_secret_of_the_template_with_a_key_of_its_own() -> None:
    value = with_role({"Ref": "Role"}, Key={"Type": "AWS::SecretsManager::Secret"})
    value["Metadata"] = {"SysdigInstrument": {"AccessKeySecret": {"Ref": "Key"}, "AccessKeyKmsKey": _KEY}}
    assert statements(processed(value)) == [
        {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": {"Ref": "Key"}},
        {
            "Effect": "Allow", "Action": "kms:Decrypt", "Resource": _KEY,
            "Condition": {"StringEquals": {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}},
        },
    ]  # fmt: skip


def test_a_secret_name_without_suffix_stays_an_expression() -> None:
    secret: Json = {"Fn::Sub": "arn:aws:secretsmanager:${AWS::Region}:111122223333:secret:sysdig"}
    value = with_role({"Ref": "Role"})
    value["Metadata"] = {"SysdigInstrument": {"AccessKeySecret": secret}}
    (statement,) = statements(processed(value))
    assert statement["Resource"] == [secret, {"Fn::Join": ["", [secret, "-??????"]]}]


def test_each_role_change_has_a_reason() -> None:
    older: Json = {"Policies": [{"PolicyName": POLICY_NAME, "PolicyDocument": {}}]}
    another: Json = {"Policies": [{"PolicyName": "x"}]}
    for properties in (None, {}, another, older):
        plan = plan_of(with_role({"Ref": "Role"}, {"Type": "AWS::IAM::Role", "Properties": properties}))
        (change,) = (each for each in plan.changes if each.pointer[1] == "Role")
        assert change.reason == "ECS reads the agent's access key with the execution role"


def test_a_role_is_found_by_a_name_that_an_expression_gives() -> None:
    role: Json = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": {"Fn::Sub": "tasks-${AWS::Region}"}}}
    value = with_role(f"arn:aws:iam::{ACCOUNT}:role/a/b/tasks-{REGION}", role)
    assert statements(processed(value)) == [READ_SECRET]


def test_the_default_role_is_given_with_its_reason() -> None:
    value = template(ExecutionRoleArn=NOVALUE)
    plan = plan_of(value, {"DefaultExecutionRoleArn": ROLE})
    (change,) = (each for each in plan.changes if each.pointer[-1] == "ExecutionRoleArn")
    assert change.reason == "DefaultExecutionRoleArn, because the task has no role of its own"


# --- Everything that ECS does with the role for the agent's container

_CREDENTIALS = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:mirror-AbCdEf"
_LOGS: dict[str, Json] = {"LogDriver": "awslogs", "Options": {"awslogs-group": "/sysdig/agent"}}
_LOG_ACTIONS: list[Json] = ["logs:CreateLogStream", "logs:PutLogEvents"]


def _log_group(region: str, partition: str = "aws") -> str:
    return f"arn:{partition}:logs:{region}:*:log-group:/sysdig/agent:*"


def _ecr(repository: str) -> list[Json]:
    return [
        {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {"Effect": "Allow", "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], "Resource": repository},
    ]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param(
            {"AgentImageCredentials": _CREDENTIALS},
            [{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": _CREDENTIALS}],
            id="credentials",
        ),
        pytest.param(
            {"AgentImage": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/mirror/workload-agent:6"},
            _ecr(f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/mirror/workload-agent"),
            id="private-ecr",
        ),
        pytest.param(
            {"AgentImage": f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn/agent@sha256:{'0' * 64}"},
            _ecr(f"arn:aws-cn:ecr:cn-north-1:{ACCOUNT}:repository/agent"),
            id="private-ecr-in-china",
        ),
        pytest.param(
            {"AgentImage": f"{ACCOUNT}.dkr-ecr.{REGION}.on.aws/agent:6"},
            _ecr(f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/agent"),
            id="private-ecr-by-its-dual-stack-name",
        ),
        pytest.param({"AgentImage": "public.ecr.aws/sysdig/workload-agent:6"}, [], id="public-ecr"),
        pytest.param({"AgentImage": f"{ACCOUNT}.dkr.ecr.{REGION}.example.com/agent"}, [], id="not-ecr"),
        pytest.param(
            {"AgentLogConfiguration": _LOGS},
            [{"Effect": "Allow", "Action": _LOG_ACTIONS, "Resource": _log_group(REGION)}],
            id="log-group",
        ),
        pytest.param(
            {
                "AgentLogConfiguration": {
                    "LogDriver": "awslogs",
                    "Options": {
                        "awslogs-group": "/sysdig/agent",
                        "awslogs-region": "us-gov-west-1",
                        "awslogs-create-group": "true",
                    },
                }
            },
            [
                {
                    "Effect": "Allow",
                    "Action": ["logs:CreateLogGroup", *_LOG_ACTIONS],
                    "Resource": _log_group("us-gov-west-1", "aws-us-gov"),
                }
            ],
            id="log-group-created-elsewhere",
        ),
        pytest.param(
            {"AgentLogConfiguration": {"LogDriver": "awslogs", "Options": {"awslogs-group": "*"}}},
            [],
            id="log-group-with-a-wildcard",
        ),
        pytest.param({"AgentLogConfiguration": "inherit"}, [], id="the-log-group-of-the-workload"),
    ],
)
def test_the_role_may_do_all_that_ecs_does_for_the_agent(settings: dict[str, Json], expected: list[Json]) -> None:
    assert statements(processed(with_role({"Ref": "Role"}), settings)) == [READ_SECRET, *expected]


def test_without_a_key_the_rest_is_granted() -> None:
    made = processed(with_role({"Ref": "Role"}), {"AccessKeySecret": "none", "AgentImageCredentials": _CREDENTIALS})
    assert [each["Resource"] for each in statements(made)] == [_CREDENTIALS]


def test_the_notice_lists_all_that_another_role_needs() -> None:
    (notice,) = (
        each
        for each in notices_of(template(), {"AgentImageCredentials": _CREDENTIALS, "AgentLogConfiguration": _LOGS})
        if "execution role" in each
    )
    assert "it is not given the permissions that the agent's container needs here" in notice
    for part in (SECRET, _CREDENTIALS, _log_group(REGION)):
        assert part in notice


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"AgentImage": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/agent:6"}, id="private-image"),
        pytest.param({"AgentImageCredentials": _CREDENTIALS}, id="credentials"),
        pytest.param({"AgentLogConfiguration": _LOGS}, id="log-group"),
    ],
)
def test_a_role_is_required_without_a_key_too(settings: dict[str, Json]) -> None:
    value = template(ExecutionRoleArn=NOVALUE)
    (problem,) = problems_of(value, {"AccessKeySecret": "none", **settings})
    assert "no execution role" in problem


@pytest.mark.parametrize(
    "reference",
    [
        pytest.param({"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/${Role}-${Other}"}, id="two-roles"),
        pytest.param({"Fn::ImportValue": {"Fn::Sub": "${Role}-arn"}}, id="an-export-named-after-it"),
        pytest.param({"Fn::Select": [0, [{"Fn::GetAtt": ["Role", "Arn"]}, "x"]]}, id="one-of-a-list"),
        pytest.param({"Fn::Sub": ["${x}", {"x": {"Fn::ImportValue": {"Ref": "Role"}}}]}, id="in-a-substitution"),
    ],
)
def test_a_role_that_is_only_mentioned_is_given_nothing(reference: Json) -> None:
    value = with_role(reference)
    assert statements(processed(value)) == statements(processed(value), "Other") == []
    assert any("is not a resource of this template" in each for each in notices_of(value))


def test_a_policy_of_the_macros_name_is_not_replaced_silently() -> None:
    policies: Json = [{"PolicyName": POLICY_NAME, "PolicyDocument": {"Statement": []}}]
    value = with_role({"Ref": "Role"}, {"Type": "AWS::IAM::Role", "Properties": {"Policies": policies}})
    assert any("with other statements, which is replaced" in each for each in notices_of(value))
    assert not any("which is replaced" in each for each in notices_of(processed(value)))

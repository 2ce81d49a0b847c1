"""template.yaml: two functions that cannot harm each other, and what CloudFormation refuses to deploy."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final, cast

import pytest

from sysdig_instrument.documents import load

ROOT: Final = Path(__file__).parent.parent
TEMPLATE: Final = cast("dict[str, Any]", load(str(ROOT / "template.yaml")).value)
RESOURCES: Final[dict[str, Any]] = TEMPLATE["Resources"]
MACRO: Final = RESOURCES["MacroFunction"]["Properties"]
HOOK: Final = RESOURCES["HookFunction"]["Properties"]
SECONDS_THAT_CLOUDFORMATION_WAITS: Final = 30
"""CloudFormation Hooks user guide, «Create Lambda functions to evaluate resources for Lambda Hooks»."""
SECONDS_OF_A_COLD_START: Final = 10
"""AWS Lambda developer guide, «Understanding the Lambda execution environment lifecycle»: the longest init phase."""


def test_two_parameters_have_no_default_and_are_first_in_the_console() -> None:
    required = [name for name, each in TEMPLATE["Parameters"].items() if "Default" not in each]
    assert required == ["Collector", "AccessKeySecret"]
    groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert groups[0] == {"Label": {"default": "Required"}, "Parameters": required}
    grouped = [name for group in groups for name in group["Parameters"]]
    assert sorted(grouped) == sorted(TEMPLATE["Parameters"])


@pytest.mark.parametrize("value", ["", " ", "\n"])
@pytest.mark.parametrize("name", ["Collector", "AccessKeySecret"])
def test_a_required_parameter_cannot_be_empty(name: str, value: str) -> None:
    assert not re.fullmatch(TEMPLATE["Parameters"][name]["AllowedPattern"], value)


def test_the_hook_is_created_on_request_only() -> None:
    """CloudFormation decides, by the FailureMode, whether a non-compliant task definition fails its stack."""
    mode, hook = TEMPLATE["Parameters"]["HookMode"], RESOURCES["Hook"]["Properties"]
    assert (mode["Default"], mode["AllowedValues"]) == ("OFF", ["OFF", "WARN", "FAIL"])
    assert TEMPLATE["Conditions"]["HasHook"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "HookMode"}, "OFF"]}]}
    assert hook["FailureMode"] == {"Ref": "HookMode"}
    filters = hook["TargetFilters"]
    assert filters["TargetNames"] == [
        "AWS::ECS::TaskDefinition",
        "AWS::ECS::ExpressGatewayService",
        "AWS::Batch::JobDefinition",
    ]
    assert filters["Actions"] == ["CREATE", "UPDATE"]
    for name in ("Hook", "HookFunction", "HookRole", "HookLogGroup", "HookInvocationRole"):
        assert RESOURCES[name]["Condition"] == "HasHook"


def test_the_hook_has_a_function_a_role_and_a_log_of_its_own() -> None:
    assert RESOURCES["Hook"]["Properties"]["LambdaFunction"] == {"Fn::GetAtt": ["HookFunction", "Arn"]}
    assert HOOK["Role"] == {"Fn::GetAtt": ["HookRole", "Arn"]}
    assert HOOK["LoggingConfig"] == {"LogGroup": {"Ref": "HookLogGroup"}}
    (invoke,) = statements("HookInvocationRole")
    assert invoke["Resource"] == {"Fn::GetAtt": ["HookFunction", "Arn"]}


def statements(role: str) -> list[dict[str, Any]]:
    policies = RESOURCES[role]["Properties"]["Policies"]
    return [each for policy in policies for each in policy["PolicyDocument"]["Statement"]]


def test_the_hook_may_write_its_log_and_nothing_else() -> None:
    assert statements("HookRole") == [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": {"Fn::GetAtt": ["HookLogGroup", "Arn"]},
        }
    ]
    assert "ManagedPolicyArns" not in RESOURCES["HookRole"]["Properties"]


def test_the_hook_answers_while_cloudformation_waits() -> None:
    assert HOOK["Timeout"] + SECONDS_OF_A_COLD_START <= SECONDS_THAT_CLOUDFORMATION_WAITS
    assert HOOK["MemorySize"] == {"Fn::If": ["HasStackHook", 1769, 256]}


def test_the_macro_has_a_whole_vcpu() -> None:
    """AWS Lambda developer guide, «Configure Lambda function memory»: at 1,769 MB a function has the equivalent of one vCPU."""
    assert MACRO["MemorySize"] == 1769


def test_the_hook_on_stacks_is_created_on_request_only() -> None:
    """It leaves to the hook on resources what it does not know, so it needs that one."""
    mode, hook = TEMPLATE["Parameters"]["StackHookMode"], RESOURCES["StackHook"]
    assert (mode["Default"], mode["AllowedValues"]) == ("OFF", ["OFF", "WARN", "FAIL"])
    assert TEMPLATE["Conditions"]["HasStackHook"] == {
        "Fn::And": [{"Condition": "HasHook"}, {"Fn::Not": [{"Fn::Equals": [{"Ref": "StackHookMode"}, "OFF"]}]}]
    }
    assert hook["Condition"] == "HasStackHook"
    properties, on_resources = hook["Properties"], RESOURCES["Hook"]["Properties"]
    assert properties["FailureMode"] == {"Ref": "StackHookMode"}
    assert properties["TargetOperations"] == ["STACK", "CHANGE_SET"]
    assert properties["TargetFilters"] == {"Actions": ["CREATE", "UPDATE"], "InvocationPoints": ["PRE_PROVISION"]}
    for key in ("LambdaFunction", "ExecutionRole", "HookStatus"):
        assert properties[key] == on_resources[key]
    assert properties["Alias"] != on_resources["Alias"]
    rule = TEMPLATE["Rules"]["StackHookNeedsHook"]
    for hook_mode, refused in (("OFF", True), ("WARN", False), ("FAIL", False)):
        parameters = {"StackHookMode": "WARN", "HookMode": hook_mode}
        assert holds(rule["RuleCondition"], parameters)
        assert holds(rule["Assertions"][0]["Assert"], parameters) is not refused
    assert not holds(rule["RuleCondition"], {"StackHookMode": "OFF"})


def test_both_functions_have_the_same_code_and_settings() -> None:
    own = ("Handler", "Description", "MemorySize", "Timeout", "Role", "LoggingConfig", "ReservedConcurrentExecutions")
    for function in (MACRO, HOOK):
        assert set(own) <= function.keys()
    same = [{key: value for key, value in each.items() if key not in own} for each in (MACRO, HOOK)]
    variables = {**same[0].pop("Environment")["Variables"]}
    assert variables.pop("REGISTRY_SECRETS")  # the hook's role reads no secrets
    assert variables == same[1].pop("Environment")["Variables"]
    assert same[0] == same[1]
    assert MACRO["Handler"] != HOOK["Handler"]


WATCH: Final = {name: each for name, each in RESOURCES.items() if name.startswith("Watch")}
IAM_ACTIONS_THAT_CHANGE: Final = {"ecs:RegisterTaskDefinition", "ecs:TagResource", "ecs:UpdateService", "iam:PassRole"}


def test_watch_is_off_by_default_and_creates_nothing_then() -> None:
    watch = TEMPLATE["Parameters"]["Watch"]
    assert (watch["Default"], watch["AllowedValues"]) == ("OFF", ["OFF", "REPORT", "REMEDIATE"])
    assert TEMPLATE["Conditions"]["HasWatch"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "Watch"}, "OFF"]}]}
    assert {each["Condition"] for each in WATCH.values()} == {"HasWatch", "HasWatchAlarms"}


def test_watch_has_the_calls_of_ecs_one_at_a_time() -> None:
    function = WATCH["WatchFunction"]["Properties"]
    assert function["ReservedConcurrentExecutions"] == 1
    assert (
        function["Role"] == {"Fn::GetAtt": ["WatchRole", "Arn"]} == function["Environment"]["Variables"]["WATCH_ROLE"]
    )
    assert function["DeadLetterConfig"]["TargetArn"] == {"Fn::GetAtt": ["WatchDeadLetters", "Arn"]}
    assert function["Code"] == MACRO["Code"]
    event = json.loads((ROOT / "events" / "watch.json").read_text())
    pattern = WATCH["WatchRule"]["Properties"]["EventPattern"]
    assert (event["source"], event["detail-type"]) in zip(pattern["source"], pattern["detail-type"], strict=True)
    assert event["detail"]["eventSource"] in pattern["detail"]["eventSource"]
    assert pattern["detail"]["eventName"] == [
        "RegisterTaskDefinition",
        "CreateService",
        "UpdateService",
        "CreateTaskSet",
    ]


def test_watch_changes_nothing_unless_it_is_to_remediate() -> None:
    report, remediation = RESOURCES["WatchRole"]["Properties"]["Policies"]
    assert not actions(report) & IAM_ACTIONS_THAT_CHANGE
    (condition, remediate, otherwise) = remediation["Fn::If"]
    assert (condition, otherwise) == ("HasRemediation", {"Ref": "AWS::NoValue"})
    assert actions(remediate) >= IAM_ACTIONS_THAT_CHANGE
    (passed,) = (each for each in remediate["PolicyDocument"]["Statement"] if each.get("Action") == "iam:PassRole")
    assert passed["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}


def actions(policy: dict[str, Any]) -> set[str]:
    found = (each["Action"] for each in policy["PolicyDocument"]["Statement"] if "Action" in each)
    return {action for each in found for action in ([each] if isinstance(each, str) else each)}


def test_the_deployment_hook_may_describe_and_nothing_else() -> None:
    template = cast("dict[str, Any]", load(str(ROOT / "templates" / "deployment-hook.yaml")).value)
    (policy,) = template["Resources"]["Role"]["Properties"]["Policies"]
    allowed = {each for each in actions(policy) if not each.startswith("logs:")}
    assert allowed == {"lambda:GetFunctionConfiguration", "ecs:DescribeServiceRevisions", "ecs:DescribeTaskDefinition"}
    trust = template["Resources"]["InvocationRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert [each["Principal"] for each in trust] == [{"Service": "ecs.amazonaws.com"}]


@pytest.mark.parametrize("name", ["Macro", "Hook"])
def test_concurrency_is_reserved_on_request_only(name: str) -> None:
    reserved = RESOURCES[f"{name}Function"]["Properties"]["ReservedConcurrentExecutions"]
    assert reserved == {"Fn::If": [f"Has{name}Concurrency", {"Ref": f"{name}Concurrency"}, {"Ref": "AWS::NoValue"}]}
    assert TEMPLATE["Parameters"][f"{name}Concurrency"]["Default"] == 0


@pytest.mark.parametrize("role", [name for name, each in RESOURCES.items() if each["Type"] == "AWS::IAM::Role"])
def test_services_that_act_for_many_accounts_must_act_for_this_one(role: str) -> None:
    """Lambda is not among them: a function's role must be of the function's account."""
    (trust,) = RESOURCES[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    if trust["Principal"] == {"Service": "lambda.amazonaws.com"}:
        assert "Condition" not in trust
    else:
        assert trust["Condition"] == {"StringEqualsIfExists": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_the_function_knows_whether_its_role_may_read_registry_secrets() -> None:
    variables = MACRO["Environment"]["Variables"]
    assert variables["REGISTRY_SECRETS"] == {"Fn::If": ["HasRegistrySecrets", "true", ""]}


RULE: Final = TEMPLATE["Rules"]["RegistrySecretsNeedAllowedRegistries"]


def holds(rule: Any, parameters: dict[str, str]) -> bool:
    """Evaluate the functions of a rule."""
    match rule:
        case {"Fn::Not": [inner]}:
            return not holds(inner, parameters)
        case {"Fn::Equals": [{"Ref": name}, str(value)]}:
            return parameters[name] == value
        case {"Fn::Contains": [[*values], {"Ref": name}]}:
            return parameters[name] in values
    raise AssertionError(rule)


@pytest.mark.parametrize(
    ("secrets", "registries", "refused"),
    [
        ("", "*", False),
        ("", "quay.io", False),
        ("arn:aws:secretsmanager:us-east-1:111122223333:secret:registry", "*", True),
        ("arn:aws:secretsmanager:us-east-1:111122223333:secret:registry", "", True),
        ("arn:aws:secretsmanager:us-east-1:111122223333:secret:registry", "*.*", True),
        ("arn:aws:secretsmanager:us-east-1:111122223333:secret:registry", "quay.io", False),
    ],
    ids=["no-secret", "no-secret-one", "every", "empty", "wide-pattern", "one"],
)
def test_registry_secrets_are_refused_if_every_registry_may_receive_them(
    secrets: str, registries: str, *, refused: bool
) -> None:
    parameters = {"RegistrySecrets": secrets, "AllowedRegistries": registries}
    (assertion,) = RULE["Assertions"]
    assert (holds(RULE["RuleCondition"], parameters) and not holds(assertion["Assert"], parameters)) is refused


REGISTRY = "arn:aws:secretsmanager:us-east-1:111122223333:secret:registry-AbCdEf"


@pytest.mark.parametrize(
    ("secrets", "accepted"),
    [
        pytest.param("", True, id="none"),
        pytest.param(REGISTRY, True, id="one"),
        pytest.param(f"{REGISTRY},arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:registry/*", True, id="two"),
        pytest.param("arn:*", False, id="every-resource"),
        pytest.param("arn:aws:secretsmanager:*:*:secret:*", False, id="every-account"),
        pytest.param("arn:aws:s3:::bucket", False, id="another-service"),
        pytest.param(f"{REGISTRY}, {REGISTRY}", False, id="space"),
    ],
)
def test_registry_secrets_are_arns_of_secrets(secrets: str, *, accepted: bool) -> None:
    pattern = TEMPLATE["Parameters"]["RegistrySecrets"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, secrets)) is accepted

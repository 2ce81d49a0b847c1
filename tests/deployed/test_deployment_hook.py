"""The deployment hook as deployment-hook.yaml deploys it: its answers to Amazon ECS, and which permissions its calls need."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, Final, cast

import boto3
import pytest

from deployed.conftest import Deploy
from deployed.permissions import Calls, Permission, allows, denied, unused
from deployed.stack import ACCOUNT, MACRO_ARN, REGION, Stack, beside_the_macro
from sysdig_instrument.function import deployment_hook_handler
from watch.calls import FAULTS, TASK, FakeContext

EVENT: Final = json.loads((Path(__file__).parents[2] / "events" / "deployment-hook.json").read_text())
REVISION: Final = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service-revision/shop/web/9313423515462893900"
MEMBERS: Final = {"hookStatus", "callBackDelay", "hookDetails"}
"""What an answer can have (Amazon ECS developer guide, «Lifecycle hooks for Amazon ECS service deployments»)."""


def hook_stack(**parameters: str) -> Stack:
    return beside_the_macro("deployment-hook.yaml", **parameters)


def call(calls: Calls, task_definition: str) -> dict[str, Any]:
    """Return the answer for a new revision of a service. moto has no service revisions."""
    found = {"serviceRevisionArn": REVISION, "taskDefinition": task_definition, "launchType": "FARGATE"}
    calls.answers["ecs:DescribeServiceRevisions"] = lambda _: {"serviceRevisions": [found]}
    event = copy.deepcopy(EVENT)
    event["executionDetails"]["targetServiceRevisionArn"] = REVISION
    with calls.recorded():
        answer: dict[str, Any] = deployment_hook_handler.handler(event, cast("Any", FakeContext()))
    assert answer.keys() <= MEMBERS
    json.dumps(answer)  # as AWS Lambda does
    return answer


@pytest.mark.parametrize(("mode", "status"), [("FAIL", "FAILED"), ("WARN", "SUCCEEDED")])
def test_the_role_has_the_permissions_that_the_calls_need_and_no_others(
    mode: str, status: str, deploy: Deploy, calls: Calls
) -> None:
    stack = hook_stack(DeploymentHook=mode)
    deploy(stack, "Function")
    ecs = boto3.client("ecs", REGION)
    arn = ecs.register_task_definition(**TASK, family="web")["taskDefinition"]["taskDefinitionArn"]
    assert call(calls, arn) == {"hookStatus": status}
    left_alone = [{"key": "sysdig-instrument", "value": "false"}]
    arn = ecs.register_task_definition(**TASK, family="off", tags=left_alone)["taskDefinition"]["taskDefinitionArn"]
    assert call(calls, arn) == {"hookStatus": "SUCCEEDED"}
    statements = stack.statements("Role")
    assert denied(statements, calls.permissions) == set()
    assert unused(statements, calls.permissions) == set()


@pytest.mark.parametrize("fault", ["throttled", "denied"])
@pytest.mark.parametrize("mode", ["FAIL", "WARN"])
def test_settings_that_cannot_be_read_are_asked_for_again_unless_that_is_denied(
    fault: str, mode: str, deploy: Deploy, calls: Calls
) -> None:
    deploy(hook_stack(DeploymentHook=mode), "Function")

    def fail(_: Any) -> Any:
        raise FAULTS[fault]

    calls.answers["lambda:GetFunctionConfiguration"] = fail
    answer = call(calls, "web:1")
    closed = "FAILED" if mode == "FAIL" else "SUCCEEDED"
    assert answer["hookStatus"] == ("IN_PROGRESS" if fault == "throttled" else closed)
    if fault == "throttled":
        assert isinstance(answer["callBackDelay"], int)


def test_ecs_may_invoke_this_function_and_nothing_else() -> None:
    stack = hook_stack()
    assert stack.variables("Function")["MACRO_FUNCTION"] == MACRO_ARN
    (statement,) = stack.statements("InvocationRole")
    function = str(stack.attribute("Function", "Arn"))
    assert allows(statement, Permission("lambda:InvokeFunction", function))
    assert not allows(statement, Permission("lambda:InvokeFunction", MACRO_ARN))
    assert not allows(statement, Permission("lambda:UpdateFunctionCode", function))
    outputs = {name: stack.value(each["Value"]) for name, each in stack.template["Outputs"].items()}
    assert outputs == {"HookTargetArn": function, "RoleArn": stack.attribute("InvocationRole", "Arn")}


@pytest.mark.parametrize("boundary", ["", f"arn:aws:iam::{ACCOUNT}:policy/boundary"])
def test_nothing_refers_to_what_does_not_exist(boundary: str) -> None:
    stack = hook_stack(PermissionsBoundary=boundary)
    assert set(stack.resources) == {"Function", "Role", "LogGroup", "InvocationRole"}
    assert {each.get("PermissionsBoundary", "") for each in stack.resources.values() if "Policies" in each} == {
        boundary
    }

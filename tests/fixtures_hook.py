"""A deployment with a hook. The embedded CloudFormation calls macros and no hooks, so this calls the hook's function.

CloudFormation runs the macros first. Then it calls the hook with the properties of each task definition, before it creates
or updates that, and does not go on if the hook fails.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from embedded_aws import stacks
from embedded_aws.aws import EmbeddedAws

TASK_DEFINITION = "AWS::ECS::TaskDefinition"


@dataclass(frozen=True)
class HookedDeployment:
    """A stack operation: the hook's answer for each task definition, and the stack if all of them passed."""

    answers: dict[str, dict[str, Any]]
    stack: stacks.Stack | None


def deploy_with_hook(aws: EmbeddedAws, function: str, name: str, template: dict[str, Any]) -> HookedDeployment:
    """Deploy a template as CloudFormation does with a hook whose FailureMode is FAIL.

    Args:
        aws: The embedded AWS, in which the macro and the hook's function are deployed.
        function: The name of the hook's function.
        name: The name of the new stack.
        template: The template. The properties of its task definitions have no intrinsic functions.
    """
    resources = processed(aws, f"{name}-before", template)["Resources"]
    answers = {
        logical_id: call_hook(aws, function, logical_id, resource["Properties"])
        for logical_id, resource in resources.items()
        if resource["Type"] == TASK_DEFINITION
    }
    if any(answer["hookStatus"] != "SUCCESS" for answer in answers.values()):
        return HookedDeployment(answers, None)
    return HookedDeployment(answers, stacks.deploy(aws.client("cloudformation"), name, json.dumps(template)))


def processed(aws: EmbeddedAws, name: str, template: dict[str, Any]) -> dict[str, Any]:
    """Return a template as the macros make it. The embedded AWS can tell that only of a stack, so this creates one."""
    if "Transform" not in template:
        return template
    cloudformation = aws.client("cloudformation")
    stack = stacks.deploy(cloudformation, name, json.dumps(template))
    assert stack.succeeded, stack
    body = cloudformation.get_template(StackName=name, TemplateStage="Processed")["TemplateBody"]
    made: dict[str, Any] = json.loads(body) if isinstance(body, str) else body
    return made


def call_hook(aws: EmbeddedAws, function: str, logical_id: str, properties: dict[str, Any]) -> dict[str, Any]:
    """Return the hook's answer to the event that CloudFormation sends before it creates a task definition."""
    model = {"resourceProperties": properties, "previousResourceProperties": None}
    return _call(aws, function, TASK_DEFINITION, logical_id, {"targetModel": model})


def call_stack_hook(aws: EmbeddedAws, function: str, target: str, address: str) -> dict[str, Any]:
    """Return the hook's answer to the event that CloudFormation sends for a stack or a change set."""
    return _call(aws, function, target, "arn:aws:cloudformation:us-east-1:000000000000:stack/x/1", {"payload": address})


def _call(aws: EmbeddedAws, function: str, target: str, target_id: str, data: dict[str, Any]) -> dict[str, Any]:
    token = str(uuid4())
    event = {
        "clientRequestToken": token, "awsAccountId": "000000000000", "hookTypeName": "Sysdig::Instrument::Hook",
        "hookTypeVersion": "00000001", "actionInvocationPoint": "CREATE_PRE_PROVISION",
        "requestData": {"targetName": target, "targetType": target, "targetLogicalId": target_id, **data},
        "requestContext": {"invocation": 1, "callbackContext": None},
    }  # fmt: skip
    response = aws.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
    assert "FunctionError" not in response, response["Payload"].read()
    answer: dict[str, Any] = json.loads(response["Payload"].read())
    assert answer["clientRequestToken"] == token
    return answer

"""Each case's output, deployed: CloudFormation accepts it, and ECS receives what the oracle evaluates it to."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest

from case_folders import CASES, Case
from embedded_aws import stacks
from embedded_aws.api_parameters import to_api_parameters
from embedded_aws.aws import EmbeddedAws
from fixtures_embedded_aws import on_embedded_aws
from oracle.evaluate import StackInputs, evaluate
from oracle.values import is_unknown

pytestmark = on_embedded_aws

REGION, ACCOUNT = "us-east-1", "000000000000"
SHAPE = botocore.session.get_session().get_service_model("ecs").operation_model("RegisterTaskDefinition").input_shape

NOT_DEPLOYABLE = {
    "container-definitions-absent": "ECS refuses it, as it would without the macro",
    "environment-odd-values": "ECS's API takes strings only; CloudFormation makes strings of these values",
    "image-dynamic-reference-ssm": "requires a version of the parameter that LocalStack does not have",
    "command-find-in-map-default-no-value": "needs AWS::LanguageExtensions in LocalStack",
    "command-find-in-map-default-no-value-not-taken": "needs AWS::LanguageExtensions in LocalStack",
    "entry-point-find-in-map-default-no-value-not-taken": "needs AWS::LanguageExtensions in LocalStack",
    "entry-point-item-find-in-map-default-no-value-not-taken": "needs AWS::LanguageExtensions in LocalStack",
    "image-fn-find-in-map-default-value": "needs AWS::LanguageExtensions in LocalStack",
    "image-fn-join": "LocalStack has a different URL suffix",
    "image-fn-sub": "LocalStack has a different URL suffix",
    "image-getatt-ecr-repository": "LocalStack has a different URL suffix",
    "image-getatt-ecr-repository-arn": "LocalStack has a different URL suffix",
    "image-get-stack-output": "LocalStack does not know the function",
    "image-getatt-nested-stack-with-entry-point": "has a nested stack, whose template would have to be in S3",
    "image-import-value": "LocalStack does not resolve an import in the variables of Fn::Sub",
    "lower-case-entry-point-key": "LocalStack accepts the misspelt key as the right one",
    "image-ssm-typed-parameter": "its mapping is for another Region than that of the embedded AWS",
    "nested-stack-noticed": "has a nested stack, whose template would have to be in S3",
    "snippet-transform-in-resource": "contains the macro's own snippet, and would be processed again",
    "sub-escapes-survive": "LocalStack treats ${!Name} as a reference",
    "unknown-keys-left-alone": "ECS's API refuses unknown keys",
    "task-size-in-loop": "needs AWS::LanguageExtensions in LocalStack",
    "task-size-not-known": "has a custom resource, whose function would have to exist",
    "ec2-task-started-by-a-state-machine": "the embedded AWS has no Step Functions",
    "opt-out-tags-not-a-list": "CloudFormation refuses it, as it would without the macro",
    "other-workloads-warn": "refers to a task definition that it does not have",
    "foreach-raw-in-conditions": "needs AWS::LanguageExtensions in LocalStack",
    "foreach-raw-in-properties": "needs AWS::LanguageExtensions in LocalStack",
    "foreach-raw-nested": "needs AWS::LanguageExtensions in LocalStack",
    "foreach-raw-resources": "needs AWS::LanguageExtensions in LocalStack",
    "foreach-raw-resources-image-by-loop": "needs AWS::LanguageExtensions in LocalStack",
    "foreach-raw-resources-same-image": "needs AWS::LanguageExtensions in LocalStack",
}

DEPLOYABLE = [case for case in CASES if not case.is_plain and (case.folder / "expected.json").exists()]


@pytest.mark.parametrize("case", DEPLOYABLE, ids=lambda case: case.name)
def test_output_is_deployed_as_the_oracle_evaluates_it(case: Case, aws: EmbeddedAws) -> None:
    if case.name in NOT_DEPLOYABLE:
        pytest.skip(NOT_DEPLOYABLE[case.name])
    template = json.loads((case.folder / "expected.json").read_text())
    template.pop("Transform", None)  # the macro has processed it already
    parameters = {
        name: ",".join(value) if isinstance(value, list) else str(value)
        for name, value in case.read("parameters.json").items()
    }
    for name, value in case.read("ssm.json").items():
        aws.client("ssm").put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
    stack = stacks.deploy(aws.client("cloudformation"), f"case-{case.name}", json.dumps(template), parameters)
    assert stack.succeeded, stack
    evaluated = evaluate(
        template, StackInputs(parameters, REGION, ACCOUNT, case.read("ssm.json"), case.read("exports.json"))
    )
    for name, body in evaluated.task_definitions().items():
        if name not in evaluated.inactive:
            described = aws.client("ecs").describe_task_definition(taskDefinition=stack.resources[name])
            expected = to_api_parameters(body["Properties"], SHAPE)
            expected.pop("tags", None)  # the response has them beside the task definition
            assert missing(expected, described["taskDefinition"]) == []


def missing(expected: Any, found: Any, path: str = "") -> list[str]:
    """Return the paths of expected values that are missing or different. ECS may add defaults, and nothing else."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return [each for key, value in expected.items() for each in missing(value, found.get(key), f"{path}.{key}")]
    if isinstance(expected, list) and isinstance(found or [], list):
        if len(expected) != len(found or []):
            return [path]
        return [
            each
            for index, (one, other) in enumerate(zip(expected, found or [], strict=True))
            for each in missing(one, other, f"{path}[{index}]")
        ]
    if is_unknown(expected):  # only the embedded AWS knows it, such as the ARN of a role
        return [] if found else [path]
    return [] if expected == found else [path]

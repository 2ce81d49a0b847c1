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

NOT_HERE = {
    "container-definitions-absent": "ECS refuses it, as it would without the macro",
    "environment-odd-values": "ECS's API takes strings only; CloudFormation makes strings of these values",
    "image-dynamic-reference-ssm": "asks for a version of the parameter that this engine does not have",
    "image-fn-find-in-map-default-value": "needs AWS::LanguageExtensions in this engine",
    "image-fn-join": "this engine has a URL suffix of its own",
    "image-fn-sub": "this engine has a URL suffix of its own",
    "image-getatt-ecr-repository": "this engine has a URL suffix of its own",
    "image-getatt-nested-stack-with-entry-point": "has a nested stack, whose template would have to be in S3",
    "image-import-value": "this engine does not find the variable of a Fn::Sub that imports",
    "lower-case-entry-point-key": "this engine takes the misspelt key for the right one",
    "image-ssm-typed-parameter": "its mapping is for another region than this engine's",
    "nested-stack-noticed": "has a nested stack, whose template would have to be in S3",
    "snippet-transform-in-resource": "holds the macro's own snippet, and would be processed again",
    "sub-escapes-survive": "this engine takes ${!Name} for a reference",
    "unknown-keys-left-alone": "ECS's API refuses keys that it does not know",
    "task-size-in-loop": "needs AWS::LanguageExtensions in this engine",
    "task-size-not-known": "has a custom resource, whose function would have to be there",
    "foreach-raw-in-conditions": "needs AWS::LanguageExtensions in this engine",
    "foreach-raw-in-properties": "needs AWS::LanguageExtensions in this engine",
    "foreach-raw-nested": "needs AWS::LanguageExtensions in this engine",
    "foreach-raw-resources": "needs AWS::LanguageExtensions in this engine",
    "foreach-raw-resources-image-by-loop": "needs AWS::LanguageExtensions in this engine",
    "foreach-raw-resources-same-image": "needs AWS::LanguageExtensions in this engine",
}

DEPLOYABLE = [case for case in CASES if not case.is_plain and (case.folder / "expected.json").exists()]


@pytest.mark.parametrize("case", DEPLOYABLE, ids=lambda case: case.name)
def test_output_is_deployed_as_the_oracle_evaluates_it(case: Case, aws: EmbeddedAws) -> None:
    if case.name in NOT_HERE:
        pytest.skip(NOT_HERE[case.name])
    template = json.loads((case.folder / "expected.json").read_text())
    template.pop("Transform", None)  # it has been processed
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
            wanted = to_api_parameters(body["Properties"], SHAPE)
            wanted.pop("tags", None)  # described apart from the task definition
            assert missing(wanted, described["taskDefinition"]) == []


def missing(wanted: Any, found: Any, place: str = "") -> list[str]:
    """The places where what was found lacks something that was wanted. ECS may fill in defaults, and nothing else."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [gap for key, value in wanted.items() for gap in missing(value, found.get(key), f"{place}.{key}")]
    if isinstance(wanted, list) and isinstance(found or [], list):
        if len(wanted) != len(found or []):
            return [place]
        return [
            gap
            for index, (one, other) in enumerate(zip(wanted, found or [], strict=True))
            for gap in missing(one, other, f"{place}[{index}]")
        ]
    if is_unknown(wanted):  # known only to the engine, such as a role's ARN
        return [] if found else [place]
    return [] if wanted == found else [place]

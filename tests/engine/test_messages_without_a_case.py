"""The exact messages, with their locations, that no case folder has."""

from __future__ import annotations

from typing import Any, Final

import pytest

from factories import (
    NOVALUE,
    container,
    notices_of,
    plan_of,
    problems_of,
    processed,
    properties_of,
    resource,
    scope,
    template,
)
from sysdig_instrument.engine.expressions.evaluate import evaluate
from sysdig_instrument.engine.expressions.values import Unknown
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.task_plan import Status

GET_ATT: Json = {"Fn::GetAtt": ["Custom", "Value"]}
UNKNOWN = 'it refers to "Custom", which is known only after deployment'
INCLUDE: dict[str, Any] = {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://a/b"}}}
OPAQUE = (
    "contains Fn::Transform, whose result is not known here. Write the result into the template, or use the template as it "
    "is after that transform."
)
WEB = 'Task "Api", container "web" (Resources.Api.Properties.ContainerDefinitions[0]'


def with_metadata(metadata: Json) -> dict[str, Any]:
    value = template()
    value["Resources"]["Api"]["Metadata"] = metadata
    return value


def with_role(properties: Json) -> dict[str, Any]:
    value = template(ExecutionRoleArn={"Fn::GetAtt": ["Role", "Arn"]})
    value["Resources"]["Role"] = {"Type": "AWS::IAM::Role", "Properties": properties}
    return value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param(
            template(sections={"Metadata": {"SysdigInstrument": {"Containers": {"web": {"Enabled": False}}}}}),
            "(Metadata.SysdigInstrument.Containers): Containers is for the Metadata of a task definition, not of the template. Move it to the"
            " Metadata of the resource.",
            id="containers-in-template",
        ),
        pytest.param(
            with_metadata({"SysdigInstrument": 5}),
            'Task "Api" (Resources.Api.Metadata.SysdigInstrument): SysdigInstrument in Metadata is not an object. Write'
            " it as an object of settings by name.",
            id="metadata-is-number",
        ),
        pytest.param(
            template(Tags=[{"Key": "sysdig-instrument", "Value": GET_ATT}]),
            'Task "Api" (Resources.Api.Properties.Tags[0]): The value of tag "sysdig-instrument" cannot be resolved:'
            f" {UNKNOWN}. Write a literal value.",
            id="unknown-tag-value",
        ),
        pytest.param(
            template(**INCLUDE),
            f'Task "Api" (Resources.Api.Properties): The task definition {OPAQUE}',
            id="opaque-task",
        ),
        pytest.param(template(container(**INCLUDE)), f"{WEB}): The container {OPAQUE}", id="opaque-container"),
        pytest.param(
            template(container(LinuxParameters={"InitProcessEnabled": True, **INCLUDE})),
            f"{WEB}.LinuxParameters): LinuxParameters {OPAQUE}",
            id="opaque-linux-parameters",
        ),
        pytest.param(
            template(container(LinuxParameters={"Capabilities": {"Drop": ["ALL"], **INCLUDE}})),
            f"{WEB}.LinuxParameters.Capabilities): Capabilities {OPAQUE}",
            id="opaque-capabilities",
        ),
        pytest.param(
            template(container(LinuxParameters=5)),
            f"{WEB}.LinuxParameters): LinuxParameters is not an object. Write LinuxParameters as an object.",
            id="linux-parameters-is-number",
        ),
        pytest.param(
            template(container(LinuxParameters=GET_ATT)),
            (
                f"{WEB}.LinuxParameters): LinuxParameters is an expression, so nothing can be added to it."
                " Write LinuxParameters as an object; its members may be expressions, and it may be inside Fn::If."
            ),
            id="unknown-linux-parameters",
        ),
        pytest.param(
            template(container(LinuxParameters={"Capabilities": {"Add": GET_ATT}})),
            f"{WEB}.LinuxParameters.Capabilities.Add): Add is an expression that cannot be extended. Write Add as a"
            " list.",
            id="unknown-capabilities",
        ),
        pytest.param(
            template(container(EntryPoint=NOVALUE), RuntimePlatform={"CpuArchitecture": GET_ATT}),
            f"{WEB}.Image): The task's CPU architecture cannot be resolved: {UNKNOWN}. Give the container an"
            " EntryPoint, and a Command if the image has a CMD.",
            id="unknown-architecture",
        ),
        pytest.param(
            template(container(EntryPoint=[""])),
            (
                f"{WEB}.EntryPoint): EntryPoint contains only an empty string. Remove EntryPoint, or name a program in"
                " it."
            ),
            id="empty-entry-point",
        ),
        pytest.param(
            {"Resources": {"Api": {**resource(), "Properties": 5}}},
            'Task "Api" (Resources.Api.Properties): Properties is not an object. Write the task definition\'s Properties'
            " as an object.",
            id="properties-is-number",
        ),
    ],
)
def test_messages_of_problems(value: Json, message: str) -> None:
    assert problems_of(value) == [message]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param(
            template(Tags=GET_ATT),
            'Task "Api" (Resources.Api.Properties.Tags): The tags cannot be resolved, so a tag that excludes'
            f" something would not be seen: {UNKNOWN}. Write the tags as a list.",
            id="unknown-tags",
        ),
        pytest.param(
            with_role(["not", "an object"]),
            (
                "(Resources.Role.Properties): The role's Properties are not written as an object. Allow the role to"
                " read AccessKeySecret."
            ),
            id="role-is-list",
        ),
        pytest.param(
            with_role({"Policies": GET_ATT}),
            "(Resources.Role.Properties.Policies): The role's Policies are an expression that cannot be extended. Allow"
            " the role to read AccessKeySecret.",
            id="unknown-role-policies",
        ),
        pytest.param(
            with_metadata({"Fn::If": ["C", {}, {}]}),
            'Task "Api" (Resources.Api.Metadata): Metadata is not an object, so what was done is not recorded there.',
            id="metadata-under-if",
        ),
    ],
)
def test_messages_of_notices(value: Json, message: str) -> None:
    assert message in notices_of(value)


@pytest.mark.parametrize(
    ("value", "settings", "advice"),
    [
        pytest.param(
            template(container(Cpu=16384), Cpu="16384", Memory="122880"),
            {"AgentCpu": "1024"},
            "Make the containers smaller: no Fargate size is large enough.",
            id="no-size-fits",
        ),
        pytest.param(
            template(container(Cpu=1024), RequiresCompatibilities=["EC2"]),
            {"AgentCpu": "256", "LaunchTypes": "ALL"},
            'Give the task Cpu "1280" and Memory "2048", which is enough, set TaskSize to raise, or make the containers'
            " smaller.",
            id="on-ec2",
        ),
        pytest.param(
            template(container(Cpu=1024)),
            {"AgentCpu": "256"},
            'Give the task Cpu "2048" and Memory "4096", the next Fargate size that fits, set TaskSize to raise, or make'
            " the containers smaller.",
            id="on-fargate",
        ),
    ],
)
def test_messages_that_suggest_a_size(value: Json, settings: dict[str, Json], advice: str) -> None:
    (problem,) = problems_of(value, settings)
    assert problem.endswith(advice)


@pytest.mark.parametrize(
    "value",
    [
        template(container(**INCLUDE)),
        template(container(EntryPoint=5)),
        template(container(EntryPoint=[""])),
        template(container(LinuxParameters=GET_ATT)),
        {"Resources": {"Api": {**resource(), "Properties": 5}}},
    ],
)
def test_a_refused_container_is_not_called_instrumented(value: Json) -> None:
    (task,) = plan_of(value).tasks
    assert task.outcome.status is Status.REFUSED
    assert {each.status for each in task.containers} <= {Status.REFUSED}
    assert all(each.why for each in task.containers)


def test_no_role_is_required_if_none_is_needed() -> None:
    made = processed(template(ExecutionRoleArn=NOVALUE), {"AccessKeySecret": "none"})
    assert properties_of(made)["ExecutionRoleArn"] == NOVALUE


def test_an_image_that_yaml_reads_as_a_number() -> None:
    (problem,) = problems_of(template(container(EntryPoint=None, Image=1.27)))
    assert "Image is not a string in the template. Write it in quotes." in problem


LONG_NAME: Final = "\u202e" + "n" * 5000


@pytest.mark.parametrize(
    "expression",
    [
        {"Ref": LONG_NAME},
        {"Fn::Sub": "${" + LONG_NAME + "}"},
        {"Fn::Sub": "${" + LONG_NAME + ".Arn}"},
        {"Fn::GetAtt": [LONG_NAME, "Arn"]},
        {"Ref": "AWS::" + LONG_NAME},
        {"Fn::" + LONG_NAME: []},
        {"Fn::If": [LONG_NAME, "a", "b"]},
        "{{resolve:" + LONG_NAME + ":x}}",
    ],
    ids=["Ref", "Sub", "attribute", "GetAtt", "pseudo-parameter", "function", "If", "dynamic-reference"],
)
def test_names_of_an_expression_are_cut_and_printable(expression: Any) -> None:
    found = evaluate(expression, scope(None, knows_lookups=True))
    assert isinstance(found, Unknown)
    assert "nnn…" in found.reason.fact
    assert len(found.reason.fact) < 400
    assert "\u202e" not in found.reason.text


def test_names_of_parameters_and_loops_are_cut() -> None:
    for value in (None, "****"):
        declared: Any = {"Parameters": {LONG_NAME: {"Type": "String", "Default": value}}}
        found = evaluate({"Ref": LONG_NAME}, scope(declared))
        assert isinstance(found, Unknown)
        assert len(found.reason.text) < 800
        assert "\u202e" not in found.reason.text
    found = evaluate({"Ref": LONG_NAME}, scope(None, loops={LONG_NAME: None}))
    assert isinstance(found, Unknown)
    assert len(found.reason.fact) < 400

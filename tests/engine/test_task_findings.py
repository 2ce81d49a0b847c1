"""The findings about the resources that launch an instrumented task."""

from __future__ import annotations

from typing import Any

import pytest

from factories import notices_of, plan_of, template
from sysdig_instrument.engine.json_types import Json


def launched(kind: str, properties: Json, **resource: Json) -> dict[str, Any]:
    """Return a template with a resource that launches its task definition."""
    value = template()
    value["Conditions"] = {"Never": {"Fn::Equals": ["a", "b"]}, "Always": {"Fn::Equals": ["a", "a"]}}
    value["Resources"]["Launcher"] = {"Type": kind, "Properties": properties, **resource}
    return value


def service(**members: Json) -> dict[str, Any]:
    """Return a template with a service that launches its task definition."""
    return launched("AWS::ECS::Service", {"TaskDefinition": {"Ref": "Api"}, **members})


def problems(value: Json) -> list[str]:
    return [problem.text for problem in plan_of(value).problems]


OLD: Json = {"TaskDefinitionArn": {"Ref": "Api"}, "PlatformVersion": "1.3.0"}


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        pytest.param("AWS::ECS::Service", {"TaskDefinition": {"Ref": "Api"}, "PlatformVersion": "1.3.0"}, id="service"),
        pytest.param(
            "AWS::ECS::Service",
            {"TaskDefinition": {"Fn::Sub": "${Api}"}, "PlatformVersion": {"Fn::Sub": "1.3.0"}},
            id="service-with-sub",
        ),
        pytest.param(
            "AWS::ECS::Service",
            {"TaskDefinition": {"Fn::If": ["C", {"Ref": "Api"}, "x"]}, "PlatformVersion": "1.0.0"},
            id="service-in-condition",
        ),
        pytest.param("AWS::ECS::TaskSet", {"TaskDefinition": {"Ref": "Api"}, "PlatformVersion": "1.2"}, id="task-set"),
        pytest.param("AWS::Events::Rule", {"Targets": [{"EcsParameters": OLD}]}, id="events-rule"),
        pytest.param("AWS::Scheduler::Schedule", {"Target": {"EcsParameters": OLD}}, id="schedule"),
        pytest.param("AWS::Pipes::Pipe", {"TargetParameters": {"EcsTaskParameters": OLD}}, id="pipe"),
    ],
)
def test_an_old_platform_version_is_refused(kind: str, properties: Json) -> None:
    (problem,) = problems(launched(kind, properties))
    assert problem.startswith('Task "Api" (Resources.Launcher.Properties.')
    assert "PlatformVersion): The task is launched on platform version" in problem


def test_a_service_in_a_loop_is_checked() -> None:
    value = service(PlatformVersion="1.3.0")
    launcher = value["Resources"].pop("Launcher")
    value["Resources"]["Fn::ForEach::Services"] = ["Name", ["a", "b"], {"Service${Name}": launcher}]
    assert len(problems(value)) == 1


@pytest.mark.parametrize(
    "version",
    [
        pytest.param("1.4.0", id="1.4.0"),
        pytest.param("LATEST", id="LATEST"),
        pytest.param("1.10.0", id="1.10.0"),
        pytest.param("2.0.0", id="2.0.0"),
        pytest.param(1.4, id="number"),
        pytest.param({"Ref": "Missing"}, id="unknown"),
        pytest.param(None, id="null"),
        pytest.param({"Ref": "AWS::NoValue"}, id="no-value"),
        pytest.param("x", id="word"),
    ],
)
def test_other_platform_versions_are_accepted(version: Json) -> None:
    assert problems(service(PlatformVersion=version)) == []


def test_inactive_and_unrelated_launchers_are_ignored() -> None:
    old: Json = {"TaskDefinition": {"Ref": "Api"}, "PlatformVersion": "1.3.0"}
    assert problems(launched("AWS::ECS::Service", old, Condition="Never")) == []
    assert len(problems(launched("AWS::ECS::Service", old, Condition="Always"))) == 1
    assert problems(service(TaskDefinition={"Ref": "Other"}, PlatformVersion="1.3.0")) == []
    assert problems(launched("AWS::CloudFormation::CustomResource", old)) == []


def test_a_skipped_task_may_run_on_any_platform() -> None:
    value = service(PlatformVersion="1.3.0")
    value["Resources"]["Api"]["Metadata"] = {"SysdigInstrument": {"Enabled": False}}
    assert problems(value) == []


@pytest.mark.parametrize(
    ("value", "count"),
    [
        pytest.param(True, 1, id="true"),
        pytest.param("true", 1, id="true-as-string"),
        pytest.param(False, 0, id="false"),
        pytest.param("false", 0, id="false-as-string"),
        pytest.param(None, 0, id="null"),
    ],
)
def test_ecs_exec_is_noticed(value: Json, count: int) -> None:
    found = [notice for notice in notices_of(service(EnableExecuteCommand=value)) if "execute-command" in notice]
    assert len(found) == count

"""What launches an instrumented task, and does not go with it."""

from __future__ import annotations

from typing import Any

import pytest

from factories import notices_of, plan_of, template
from sysdig_instrument.engine.json_types import Json


def launched(kind: str, properties: Json, **resource: Json) -> dict[str, Any]:
    """A template whose task definition is launched by one more resource."""
    value = template()
    value["Conditions"] = {"Never": {"Fn::Equals": ["a", "b"]}, "Always": {"Fn::Equals": ["a", "a"]}}
    value["Resources"]["Launcher"] = {"Type": kind, "Properties": properties, **resource}
    return value


def service(**members: Json) -> dict[str, Any]:
    return launched("AWS::ECS::Service", {"TaskDefinition": {"Ref": "Api"}, **members})


def problems(value: Json) -> list[str]:
    return [problem.text for problem in plan_of(value).problems]


OLD: Json = {"TaskDefinitionArn": {"Ref": "Api"}, "PlatformVersion": "1.3.0"}


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("AWS::ECS::Service", {"TaskDefinition": {"Ref": "Api"}, "PlatformVersion": "1.3.0"}),
        ("AWS::ECS::Service", {"TaskDefinition": {"Fn::Sub": "${Api}"}, "PlatformVersion": {"Fn::Sub": "1.3.0"}}),
        ("AWS::ECS::Service", {"TaskDefinition": {"Fn::If": ["C", {"Ref": "Api"}, "x"]}, "PlatformVersion": "1.0.0"}),
        ("AWS::ECS::TaskSet", {"TaskDefinition": {"Ref": "Api"}, "PlatformVersion": "1.2"}),
        ("AWS::Events::Rule", {"Targets": [{"EcsParameters": OLD}]}),
        ("AWS::Scheduler::Schedule", {"Target": {"EcsParameters": OLD}}),
        ("AWS::Pipes::Pipe", {"TargetParameters": {"EcsTaskParameters": OLD}}),
    ],
    ids=str,
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
    ["1.4.0", "LATEST", "1.10.0", "2.0.0", 1.4, {"Ref": "Nowhere"}, None, {"Ref": "AWS::NoValue"}, "x"],
    ids=str,
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


@pytest.mark.parametrize(("said", "noticed"), [(True, 1), ("true", 1), (False, 0), ("false", 0), (None, 0)])
def test_ecs_exec_is_noticed(said: Json, noticed: int) -> None:
    told = [notice for notice in notices_of(service(EnableExecuteCommand=said)) if "execute-command" in notice]
    assert len(told) == noticed

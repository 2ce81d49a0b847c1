"""The oracle's reading of protection: what the macro writes is protected, and each fault is found."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from oracle.evaluate import StackInputs
from oracle.example import KEY_ARN, SETTINGS, VOLUME, agent, instrumented, variables
from oracle.protection import Status, from_ecs_case, protection_of
from oracle.selection import AGENT, WRAPPER
from oracle.template_protection import protections
from oracle.values import Json, mapping

WEB: dict[str, Json] = {
    "Name": "web",
    "Image": "example.com/web:1",
    "EntryPoint": [WRAPPER, "/app"],
    "Environment": variables(SYSDIG_SIDECAR="auto"),
    "VolumesFrom": [VOLUME],
    "LinuxParameters": {"Capabilities": {"Add": ["SYS_PTRACE"]}},
}
BY_COMMAND: dict[str, Json] = {**WEB, "EntryPoint": [], "Command": [WRAPPER, "/app"]}
EC2: dict[str, Json] = {"RequiresCompatibilities": ["EC2"], "PidMode": None}
TAG_FALSE: list[Json] = [{"Key": "sysdig-instrument", "Value": "false"}]


def judged(
    web: Mapping[str, Json] = WEB, settings: Mapping[str, Json] | None = None, **more: Json
) -> tuple[Status, set[str]]:
    resource = instrumented([{**web}])
    mapping(resource["Properties"]).update(more)
    found = protection_of(resource, {**SETTINGS, **(settings or {})})
    return found.status, {complaint.code for complaint in found.faults}


def test_the_macros_output_is_protected() -> None:
    assert judged() == (Status.PROTECTED, set())
    found = protection_of(instrumented([WEB]), SETTINGS)
    assert found.is_certain


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param({"EntryPoint": ["/bin/sh", "-c", f"exec /app # {WRAPPER}"]}, "wrapper-elsewhere", id="comment"),
        pytest.param({"EntryPoint": ["/app"]}, "not-wrapped", id="not-wrapped"),
        pytest.param({"EntryPoint": [WRAPPER]}, "wrapper-with-nothing-to-run", id="nothing-to-run"),
        pytest.param({"Environment": []}, "variable-missing", id="no-variable"),
        pytest.param({"Environment": variables(SYSDIG_SIDECAR="")}, "variable-differs", id="embedded-mode"),
        pytest.param({"VolumesFrom": []}, "volume-missing", id="no-volume"),
        pytest.param({"VolumesFrom": [{"SourceContainer": AGENT}]}, "volume-is-writable", id="writable-volume"),
        pytest.param({"LinuxParameters": {"Capabilities": {"Add": ["ALL"]}}}, "capability-missing", id="capability"),
        pytest.param({"MountPoints": [{"ContainerPath": "/opt/./draios/"}]}, "wrapper-covered-by-a-mount", id="mount"),
        pytest.param(
            {"DependsOn": [{"ContainerName": AGENT, "Condition": "SUCCESS"}]}, "waits-for-the-agent", id="waits"
        ),
    ],
)
def test_a_fault_of_a_workload_is_found(change: dict[str, Json], code: str) -> None:
    assert judged({**WEB, **change}) == (Status.NOT_PROTECTED, {code})


@pytest.mark.parametrize(
    ("change", "settings", "code"),
    [
        pytest.param({"Image": "evil.example.com/sysdig/workload-agent:1"}, {}, "image-not-trusted", id="image"),
        pytest.param({"EntryPoint": ["/bin/true"]}, {}, "EntryPoint", id="entry-point"),
        pytest.param({"Secrets": []}, {}, "no-key", id="no-key"),
        pytest.param({"Environment": []}, {}, "variable-SYSDIG_COLLECTOR", id="no-collector"),
        pytest.param({"User": "nobody"}, {}, "User", id="user"),
        pytest.param(
            {"Image": "quay.io/sysdig/workload-agent:5"}, {"LockedSettings": "AgentImage"}, "locked-Image", id="locked"
        ),
        pytest.param({"Essential": True}, {"LockedSettings": "*"}, "locked-Essential", id="all-locked"),
    ],
)
def test_a_fault_of_the_agent_is_found(change: dict[str, Json], settings: dict[str, Json], code: str) -> None:
    resource: Any = instrumented([WEB])
    resource["Properties"]["ContainerDefinitions"][-1].update(change)
    found = protection_of(resource, {**SETTINGS, **settings})
    assert code in {complaint.code for complaint in found.faults}


@pytest.mark.parametrize(
    ("image", "settings"),
    [
        pytest.param("quay.io/sysdig/workload-agent:6.2.1", {}, id="another-tag"),
        pytest.param("quay.io/sysdig/workload-agent:5", {"LockedSettings": "*,!AgentImage"}, id="not-locked"),
        pytest.param("mirror.example.com/a/agent:1", {"TrustedAgentImages": "mirror.example.com/*"}, id="trusted"),
    ],
)
def test_the_agents_image_may_differ_where_the_settings_allow_it(image: str, settings: dict[str, Json]) -> None:
    resource: Any = instrumented([WEB])
    resource["Properties"]["ContainerDefinitions"][-1] = agent(image)
    assert protection_of(resource, {**SETTINGS, **settings}).status is Status.PROTECTED


@pytest.mark.parametrize(
    ("more", "settings", "status"),
    [
        pytest.param({"PidMode": "host"}, {}, Status.CANNOT_BE_PROTECTED, id="host-pid-mode"),
        pytest.param({"PidMode": None}, {}, Status.NOT_PROTECTED, id="no-pid-mode"),
        pytest.param(EC2, {}, Status.LEFT_ALONE, id="EC2"),
        pytest.param(EC2, {"LaunchTypes": "ALL"}, Status.NOT_PROTECTED, id="EC2-with-launch-types-all"),
        pytest.param(
            {"RequiresCompatibilities": ["MANAGED_INSTANCES"]}, {}, Status.CANNOT_BE_PROTECTED, id="managed-instances"
        ),
        pytest.param(
            {"RuntimePlatform": {"OperatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}},
            {},
            Status.CANNOT_BE_PROTECTED,
            id="Windows",
        ),
        pytest.param({"Tags": TAG_FALSE}, {}, Status.LEFT_ALONE, id="tag"),
        pytest.param({"Tags": TAG_FALSE}, {"LockedSettings": "Enabled"}, Status.NOT_PROTECTED, id="tag-locked"),
        pytest.param({"Tags": TAG_FALSE}, {"RequireReason": "true"}, Status.NOT_PROTECTED, id="tag-without-reason"),
        pytest.param(
            {"Tags": [*TAG_FALSE, {"Key": "sysdig-instrument-reason", "Value": "batch"}]},
            {"RequireReason": "true"},
            Status.LEFT_ALONE,
            id="tag-with-reason",
        ),
        pytest.param(
            {"Tags": [{"Key": "sysdig-instrument-exclude", "Value": "a web"}]}, {}, Status.LEFT_ALONE, id="tag-exclude"
        ),
    ],
)
def test_the_task_decides(more: dict[str, Json], settings: dict[str, Json], status: Status) -> None:
    assert judged(WEB, settings, **more)[0] is status


@pytest.mark.parametrize(
    ("entrypoint", "status"),
    [
        pytest.param([], Status.PROTECTED, id="none"),
        pytest.param([""], Status.PROTECTED, id="reset"),
        pytest.param(["/entry"], Status.NOT_PROTECTED, id="given"),
        pytest.param(None, Status.UNKNOWN, id="not-read"),
    ],
)
def test_a_command_runs_the_wrapper_if_the_image_has_no_entrypoint(
    entrypoint: list[Json] | None, status: Status
) -> None:
    images: Any = {} if entrypoint is None else {"example.com/web:1": {"Entrypoint": entrypoint}}
    assert protection_of(instrumented([BY_COMMAND]), SETTINGS, images=images).status is status


def test_a_definition_in_the_case_of_ecs_is_read() -> None:
    container: Json = {"name": "web", "dockerLabels": {"aLabel": "1"}}
    assert from_ecs_case({"containerDefinitions": [container]}) == {
        "ContainerDefinitions": [{"Name": "web", "DockerLabels": {"aLabel": "1"}}]
    }


def template_with(web: Mapping[str, Json], **more: Json) -> Json:
    return {"Resources": {"Task": instrumented([{**web}]), **more}}


@pytest.mark.parametrize(
    ("parameter", "given", "status"),
    [
        pytest.param({"Type": "String"}, WRAPPER, Status.PROTECTED, id="given"),
        pytest.param({"Type": "String"}, "/app", Status.NOT_PROTECTED, id="another"),
        pytest.param({"Type": "String", "NoEcho": True, "Default": WRAPPER}, "****", Status.NOT_PROTECTED, id="masked"),
        pytest.param({"Type": "AWS::SSM::Parameter::Value<String>"}, "/wrapper", Status.NOT_PROTECTED, id="SSM"),
    ],
)
def test_only_a_certain_value_protects(parameter: dict[str, Json], given: str, status: Status) -> None:
    template = mapping(template_with({**WEB, "EntryPoint": [{"Ref": "P"}, "/app"]}))
    stack = StackInputs({"P": given}, ssm={"/wrapper": WRAPPER})
    found = protections({**template, "Parameters": {"P": parameter}}, stack, SETTINGS)
    assert found["Task"].status is status


def test_a_definition_for_ec2_that_is_launched_on_fargate_is_not_left_alone() -> None:
    template: Any = copy.deepcopy(template_with({"Name": "web", "Image": "a", "EntryPoint": ["/app"]}))
    template["Resources"]["Task"]["Properties"]["RequiresCompatibilities"] = ["EC2"]
    assert protections(template, StackInputs({}), SETTINGS)["Task"].status is Status.LEFT_ALONE
    launcher = {"TaskDefinition": {"Ref": "Task"}, "LaunchType": "FARGATE"}
    template["Resources"]["Service"] = {"Type": "AWS::ECS::Service", "Properties": launcher}
    assert protections(template, StackInputs({}), SETTINGS)["Task"].status is Status.NOT_PROTECTED


def test_a_capacity_provider_of_the_template_is_not_fargate() -> None:
    template: Any = copy.deepcopy(template_with({"Name": "web", "Image": "a", "EntryPoint": ["/app"]}))
    template["Resources"]["Task"]["Properties"]["RequiresCompatibilities"] = ["EC2"]
    strategy = [{"CapacityProvider": {"Ref": "Provider"}, "Weight": 1}]
    launcher = {"TaskDefinition": {"Ref": "Task"}, "CapacityProviderStrategy": strategy}
    template["Resources"]["Service"] = {"Type": "AWS::ECS::Service", "Properties": launcher}
    template["Parameters"] = {"Provider": {"Type": "AWS::SSM::Parameter::Value<String>"}}
    assert protections(template, StackInputs({"Provider": "/p"}), SETTINGS)["Task"].status is Status.NOT_PROTECTED
    template["Parameters"] = {}
    template["Resources"]["Provider"] = {"Type": "AWS::ECS::CapacityProvider", "Properties": {}}
    assert protections(template, StackInputs({}), SETTINGS)["Task"].status is Status.LEFT_ALONE


def test_a_secret_without_an_arn_in_metadata_is_doubtful() -> None:
    resource: Any = instrumented([WEB])
    resource["Metadata"] = {"SysdigInstrument": {"AccessKeySecret": KEY_ARN}}
    assert protection_of(resource, SETTINGS).is_certain
    resource["Metadata"] = {"SysdigInstrument": {"AccessKeySecret": "name"}}
    assert not protection_of(resource, SETTINGS).is_certain


def test_the_key_must_be_a_secret_that_ecs_can_read() -> None:
    resource: Any = instrumented([WEB])
    secret = resource["Properties"]["ContainerDefinitions"][-1]["Secrets"][0]
    for value in (f"{KEY_ARN}:key::", "/sysdig/key", "{{resolve:ssm:/key}}"):
        secret["ValueFrom"] = value
        assert protection_of(resource, SETTINGS).status is Status.PROTECTED, value
    for value in (f"{KEY_ARN}:key", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:*", ""):
        secret["ValueFrom"] = value
        assert protection_of(resource, SETTINGS).status is Status.NOT_PROTECTED, value

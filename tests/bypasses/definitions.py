"""Instrumented task definitions to start from: the macro's own output for templates of different kinds."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

from corpus.adapter import transform
from oracle.evaluate import StackInputs
from oracle.values import Json, mapping

KEY_ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:sysdig/access-key-AbCdEf"
ROLE_ARN = "arn:aws:iam::111122223333:role/pull"
PULL_ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:mirror-AbCdEf"
SETTINGS: Mapping[str, Json] = {"Collector": "us2", "AccessKeySecret": KEY_ARN}
IMAGES: Mapping[str | tuple[str, str], Mapping[str, Json] | None] = {
    "example.com/web:1": {"Entrypoint": ["/start"], "Cmd": ["serve"]},
    "example.com/bare:1": {"Entrypoint": None, "Cmd": ["/bare"]},
}
LOCKED = (
    "AccessKeySecret,AgentCommand,AgentEntryPoint,AgentEnvironment,AgentEssential,AgentImage,Collector,CollectorPort,"
    "Enabled,ExcludeContainers,ExtraConf,IncludeContainers,LogLevel,Mode,Priority,SidecarMode,WorkloadEnvironment"
)
EVERYTHING: Mapping[str, Json] = {
    "Priority": "security",
    "LogLevel": "debug",
    "ExtraConf": "tags: team:shop",
    "AgentEntryPoint": ["/opt/draios/bin/sidecar"],
    "AgentCommand": ["--verbose"],
    "AgentEnvironment": {"HTTP_PROXY": "http://proxy.example.com:3128"},
    "WorkloadEnvironment": {"EXTRA": "1"},
    "AgentCpu": 64,
    "AgentMemory": 256,
    "AgentMemoryReservation": 128,
    "AgentImage": "mirror.example.com/sysdig/workload-agent:6.2.1",
    "AgentImageCredentials": PULL_ARN,
    "AgentLogConfiguration": {"LogDriver": "awslogs", "Options": {"awslogs-group": "agent"}},
}


@dataclass(frozen=True)
class Definition:
    """An instrumented task definition, with the settings of the deployment that made it what it is."""

    name: str
    properties: Mapping[str, Json]
    settings: Mapping[str, Json] = field(default_factory=lambda: SETTINGS)


def _web(**more: Json) -> dict[str, Json]:
    return {
        "Name": "web",
        "Image": "example.com/web:1",
        "EntryPoint": ["/app/server"],
        "Command": ["--port", "80"],
        **more,
    }


_SOURCES: Mapping[str, tuple[list[Json], Mapping[str, Json]]] = {
    "plain": ([_web(Environment=[{"Name": "STAGE", "Value": "live"}], User="1000")], {}),
    "from-images": (
        [
            {"Name": "web", "Image": "example.com/web:1"},
            {"Name": "bare", "Image": "example.com/bare:1", "Command": ["/bare"]},
        ],
        {},
    ),
    "log-router": (
        [
            _web(LogConfiguration={"LogDriver": "awsfirelens", "Options": {"Name": "null"}}),
            {"Name": "router", "Image": "example.com/router:1", "FirelensConfiguration": {"Type": "fluentbit"}},
        ],
        {},
    ),
    "mounts": (
        [
            {"Name": "data", "Image": "example.com/data:1", "EntryPoint": ["/data"]},
            _web(
                MountPoints=[{"SourceVolume": "files", "ContainerPath": "/var/files", "ReadOnly": False}],
                VolumesFrom=[{"SourceContainer": "data"}],
                LinuxParameters={
                    "Capabilities": {"Drop": ["ALL"]},
                    "Tmpfs": [{"ContainerPath": "/run", "Size": 16}],
                },
            ),
        ],
        {},
    ),
    "dependencies": (
        [
            {"Name": "init", "Image": "example.com/init:1", "EntryPoint": ["/init"], "Essential": False},
            _web(
                DependsOn=[{"ContainerName": "init", "Condition": "SUCCESS"}],
                HealthCheck={"Command": ["CMD", "true"]},
            ),
        ],
        {},
    ),
    "all-settings": ([_web(), {**_web(), "Name": "worker"}], EVERYTHING),
    "locked": ([_web()], {"LockedSettings": LOCKED}),
    "all-locked": ([_web()], {"LockedSettings": "*,!AgentCpu"}),
    "excluded": ([_web(), {"Name": "tool", "Image": "example.com/tool:1"}], {"ExcludeContainers": ["tool"]}),
}


@functools.cache
def definitions() -> tuple[Definition, ...]:
    """Return the macro's output for each source."""
    return tuple(_instrumented(name, containers, more) for name, (containers, more) in _SOURCES.items())


def _instrumented(name: str, containers: list[Json], more: Mapping[str, Json]) -> Definition:
    settings = {**SETTINGS, **more}
    properties: Json = {
        "Family": "shop",
        "RequiresCompatibilities": ["FARGATE"],
        "NetworkMode": "awsvpc",
        "Cpu": "512",
        "Memory": "1024",
        "ExecutionRoleArn": ROLE_ARN,
        "Volumes": [{"Name": "files"}],
        "RuntimePlatform": {"CpuArchitecture": "X86_64", "OperatingSystemFamily": "LINUX"},
        "ContainerDefinitions": containers,
    }
    template: Json = {"Resources": {"Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}}}
    outcome = transform(template, StackInputs({}), settings, IMAGES)
    assert not outcome.refused, (name, outcome.problems)
    resource = mapping(mapping(mapping(outcome.output)["Resources"])["Task"])
    return Definition(name, mapping(resource["Properties"]), settings)

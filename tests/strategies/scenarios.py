"""Strategies for well-formed templates: the engine must process them correctly, or refuse them for a valid reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from oracle.evaluate import StackInputs
from oracle.images import Images
from oracle.values import Json
from strategies.containers import container_lists, fixed_map
from strategies.expressions import NOVALUE, TEXTS, JsonStrategy, condition_definitions, if_, maybe_if, mostly
from strategies.stacks import HELPERS, MAPPINGS, PARAMETERS, image_configs, stack_inputs

TASK_DEFINITION = "AWS::ECS::TaskDefinition"
KEY_ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:sysdig/access-key-AbCdEf"
ROLE: Json = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/pull"}

NAMED_ROLE: Json = {"Fn::GetAtt": ["Role", "Arn"]}


@dataclass(frozen=True)
class Scenario:
    """A template, and everything that its instrumentation depends on."""

    template: dict[str, Json]
    stack: StackInputs
    settings: Mapping[str, Json]
    images: Images


_OPTIONAL: dict[str, JsonStrategy] = {
    "Priority": st.just("security"),
    "SidecarMode": st.just("force"),
    "LogLevel": st.just("debug"),
    "ExtraConf": st.just("tags: a:b"),
    "AgentEnvironment": st.just({"HTTPS_PROXY": "http://proxy.example.com"}),
    "WorkloadEnvironment": st.just({"SYSDIG_LOGGING": "warning"}),
    "AgentEssential": st.sampled_from(["true", "false"]),
    "AgentCpu": st.sampled_from([64, "64", 400]),
    "AgentMemory": st.sampled_from([128, 300]),
    "AgentMemoryReservation": st.sampled_from([100, "200"]),
    "TaskSize": st.just("raise"),
    "AgentImageCredentials": st.just(KEY_ARN),
    "AgentLogConfiguration": st.sampled_from(["inherit", {"LogDriver": "awsfirelens"}]),
    "ExcludeContainers": st.sampled_from([["c1"], "c*"]),
    "IncludeContainers": st.sampled_from(["c0", ["c0", "c2"]]),
    "InstrumentLogRouters": st.sampled_from([True, "true"]),
    "LaunchTypes": st.just("ALL"),
    "OnUnresolvedImage": st.just("skip"),
    "Mode": st.just("opt-in"),
    "RequireReason": st.just("true"),
    "CollectorPort": st.sampled_from([6666, "6666"]),
}
_BY_RESOURCE: dict[str, JsonStrategy] = {
    "Enabled": st.sampled_from([True, "false"]),
    "Priority": st.just("security"),
    "AccessKeySecret": st.sampled_from([{"Ref": "Size"}, {"Fn::If": ["IsLive", KEY_ARN, {"Ref": "Size"}]}]),
    "Reason": st.just("legacy"),
    "Containers": st.sampled_from(
        [
            {"c0": {"Enabled": "false", "Reason": "own"}},
            {"c0": {"Enabled": False}},
            {"c1": {"WorkloadEnvironment": {"EXTRA": "1"}}},
        ]
    ),
}


@st.composite
def _some_of(draw: st.DrawFn, choices: dict[str, JsonStrategy], one_in: int) -> dict[str, Json]:
    return {name: draw(values) for name, values in choices.items() if draw(st.integers(1, one_in)) == one_in}


_COMPATIBILITIES: JsonStrategy = mostly(
    st.just(["FARGATE"]),
    st.sampled_from(
        [["EC2", "FARGATE"], [{"Ref": "Launch"}], ["EC2"], NOVALUE, {"Fn::If": ["IsLive", ["FARGATE"], NOVALUE]}]
    ),
    3,
)
_ROLES: JsonStrategy = mostly(
    st.just(ROLE), st.sampled_from([{"Fn::If": ["IsLive", ROLE, NAMED_ROLE]}, NAMED_ROLE, {"Ref": "Role"}, NOVALUE]), 3
)
_CPUS: JsonStrategy = mostly(
    st.sampled_from([4096, "4096", {"Fn::If": ["IsLive", 4096, "4096"]}]),
    st.sampled_from([256, ".25 vCPU", {"Fn::If": ["IsLive", "512", 256]}, {"Ref": "Units"}, {"Fn::If": ["Mixed", {"Ref": "Units"}, 256]}]),
    3,
)  # fmt: skip
_MEMORIES: JsonStrategy = mostly(
    st.just("8192"),
    st.sampled_from([512, "1 GB", {"Fn::If": ["IsLive", 1024, "0.5 GB"]}, {"Ref": "Units"}, {"Fn::GetAtt": ["Current", "Size"]}]),
    3,
)  # fmt: skip
_PLATFORMS: JsonStrategy = st.one_of(
    fixed_map(CpuArchitecture=maybe_if(st.sampled_from(["X86_64", "ARM64"]))),
    fixed_map(OperatingSystemFamily=st.just("LINUX")),
    if_(fixed_map(CpuArchitecture=st.just("ARM64")), st.just(NOVALUE)),
    fixed_map(OperatingSystemFamily=st.just("WINDOWS_SERVER_2022_FULL")),
)
_TAGS: JsonStrategy = st.sampled_from([
    [{"Key": "kilt-ignore", "Value": ""}],
    [{"Key": "sysdig-instrument", "Value": "true"}],
    [{"Key": {"Ref": "Stage"}, "Value": {"Fn::Sub": "${AWS::StackName}"}}, {"Fn::If": ["IsLive", {"Key": "a", "Value": "b"}, NOVALUE]}],
    [{"Key": "kilt-ignore-containers", "Value": "c1: c2"}],
    [{"Key": "sysdig-instrument-exclude", "Value": "c1 c2"}, {"Key": "sysdig-instrument-reason", "Value": "old"}],
])  # fmt: skip


@st.composite
def task_definitions(draw: st.DrawFn) -> Json:
    """Draw an AWS::ECS::TaskDefinition."""
    rare: dict[str, tuple[JsonStrategy, int]] = {
        "RuntimePlatform": (_PLATFORMS, 5),
        "PidMode": (maybe_if(st.sampled_from(["task", "task", "host"])), 10),
        "Tags": (_TAGS, 8),
        "Family": (TEXTS, 4),
        "Volumes": (maybe_if(st.just([{"Name": "v"}])), 6),
        "Fn::ForEach::Extra": (st.just(["Key", ["IpcMode"], {"${Key}": "none"}]), 20),
    }
    properties: dict[str, Json] = {
        "RequiresCompatibilities": draw(_COMPATIBILITIES),
        "NetworkMode": draw(mostly(st.just("awsvpc"), st.sampled_from([{"Ref": "Size"}, "bridge"]), 6)),
        "Cpu": draw(_CPUS),
        "Memory": draw(_MEMORIES),
        "ExecutionRoleArn": draw(_ROLES),
    }
    for key, (values, one_in) in rare.items():
        if draw(st.integers(1, one_in)) == one_in:
            properties[key] = draw(values)
    properties["ContainerDefinitions"] = draw(container_lists())
    resource: dict[str, Json] = {"Type": TASK_DEFINITION}
    if draw(st.integers(1, 5)) == 5:
        resource["Condition"] = draw(st.sampled_from(["IsLive", "Mixed"]))
    own = draw(_some_of(_BY_RESOURCE, 12))
    if own:
        resource["Metadata"] = {"Before": [1], "SysdigInstrument": own}
    return {**resource, "Properties": properties}


_COLLECTIONS: JsonStrategy = st.sampled_from([["live", "dev"], ["test"], {"Ref": "Words"}])


@st.composite
def _loops(draw: st.DrawFn) -> Json:
    """Draw a loop over task definitions. The image and the command may depend on the item."""
    body = draw(task_definitions())
    collection = draw(_COLLECTIONS)
    if draw(st.booleans()) and isinstance(body, dict):
        image: Json = {"Fn::Sub": "registry.example.com/${Item}:1"}
        properties: Json = {"RequiresCompatibilities": ["FARGATE"], "ExecutionRoleArn": ROLE,
                            "ContainerDefinitions": [{"Name": "c0", "Image": image, "Command": [{"Ref": "Item"}]}]}  # fmt: skip
        body = {**body, "Properties": properties}
    return ["Item", collection, {"Loop&{Item}": body}]


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Draw a template, and everything that its instrumentation depends on."""
    resources: dict[str, Json] = {**HELPERS}
    for index in range(draw(st.integers(1, 2))):
        resources[f"Task{index}"] = draw(task_definitions())
    if draw(st.integers(1, 6)) == 6:
        resources["Fn::ForEach::Tasks"] = draw(_loops())
    template: dict[str, Json] = {
        "Parameters": PARAMETERS,
        "Mappings": MAPPINGS,
        "Conditions": draw(condition_definitions()),
        "Resources": resources,
        "Outputs": {"Task": {"Value": {"Ref": "Task0"}}},
    }
    settings: dict[str, Json] = {"Collector": "us2", "AccessKeySecret": KEY_ARN, **draw(_some_of(_OPTIONAL, 12))}
    unshared: dict[str, Json] = json.loads(json.dumps(template))  # another test covers parts that are one object
    return Scenario(unshared, draw(stack_inputs()), settings, draw(image_configs()))


def undersized(task_size: str) -> st.SearchStrategy[Scenario]:
    """Return a strategy for scenarios with this TaskSize, in which a task is often too small for the agent."""
    reservations = st.sampled_from(
        [{"AgentCpu": 400}, {"AgentMemory": 300}, {"AgentCpu": "64", "AgentMemoryReservation": 700}]
    )
    return st.builds(
        lambda scenario, reservation: replace(
            scenario, settings={**scenario.settings, "TaskSize": task_size, **reservation}
        ),
        scenarios(),
        reservations,
    )

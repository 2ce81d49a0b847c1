"""What is certainly removed need not be tried: what the changes say is never better than what the trial says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus.adapter import planned
from oracle.values import Json
from strategies import Scenario, malformed, scenarios
from sysdig_instrument.engine.agent import AGENT_NAME, SIDECAR_VARIABLE, WRAPPER
from sysdig_instrument.engine.json_types import Pointer
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.plan import Context, plan
from sysdig_instrument.engine.removal.certain import is_certainly_undone
from sysdig_instrument.engine.removal.records import tried_records
from sysdig_instrument.engine.settings.layers import Layer, merge_layers
from uninstrument.test_case_folders import trips

quick = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

SETTINGS: dict[str, Json] = {
    "Collector": "us2",
    "AccessKeySecret": "arn:aws:secretsmanager:us-east-1:111122223333:secret:sysdig",
    "ImageConfigs": {"*": {"Entrypoint": ["gunicorn"], "Cmd": ["--workers", "2"]}},
}
VARIABLE: Json = {"Name": "LEVEL", "Value": "info"}
SIDECAR: Json = {"Name": SIDECAR_VARIABLE, "Value": "auto"}
VOLUME: Json = {"SourceContainer": AGENT_NAME, "ReadOnly": True}
NO_VALUE: Json = {"Ref": "AWS::NoValue"}


def either(value: Json) -> Json:
    return {"Fn::If": ["IsLive", value, NO_VALUE]}


CONTAINER: dict[str, list[Json]] = {
    "EntryPoint": [["run"], ["run"], [], None, [WRAPPER, "run"], [WRAPPER], either(["run"]), [either("run")]],
    "Command": [["serve"], [], [WRAPPER, "serve"], either(["serve"])],
    "Environment": [
        [VARIABLE],
        [],
        None,
        [SIDECAR],
        [VARIABLE, SIDECAR, VARIABLE],
        [{"Name": SIDECAR_VARIABLE, "Value": "force"}],
        [either(SIDECAR), VARIABLE],
        either([VARIABLE]),
    ],
    "VolumesFrom": [[{"SourceContainer": "data"}], [], None, [VOLUME], [{"SourceContainer": AGENT_NAME}]],
    "LinuxParameters": [
        {"InitProcessEnabled": True},
        {},
        None,
        {"Capabilities": {}},
        {"Capabilities": {"Drop": ["ALL"]}},
        {"Capabilities": {"Drop": ["ALL"]}, "InitProcessEnabled": True},
        {"Capabilities": {"Add": []}},
        {"Capabilities": {"Add": ["SYS_PTRACE"]}},
        {"Capabilities": either({"Drop": ["ALL"]})},
    ],
    "MountPoints": [[]],
}
TASK: dict[str, list[Json]] = {
    "PidMode": ["task", "host", None, either("task")],
    "Tags": [[], [{"Key": "team", "Value": "shop"}]],
    "Cpu": ["256"],
    "Memory": ["512"],
    "ExecutionRoleArn": [{"Fn::GetAtt": ["Role", "Arn"]}],
}
METADATA: list[Json] = [
    {},
    None,
    {"Owner": "shop"},
    {"SysdigInstrument": {}},
    {"SysdigInstrument": {"Priority": "security"}},
]
POLICY: Json = {"PolicyName": "other", "PolicyDocument": {}}
POLICIES: list[Json] = [[], [POLICY], None, [{"PolicyName": "SysdigInstrumentAccessKey", "PolicyDocument": {}}]]
OPTIONAL: dict[str, list[Json]] = {
    "WorkloadEnvironment": [{"EXTRA": "1"}],
    "TaskSize": ["raise"],
    "DefaultExecutionRoleArn": ["arn:aws:iam::111122223333:role/pull"],
    "ExcludeContainers": [["second"], ["*"]],
    "Mode": ["opt-in"],
}


@st.composite
def members(draw: st.DrawFn, required: Mapping[str, Json], optional: Mapping[str, Sequence[Json]]) -> dict[str, Json]:
    """Return an object whose keys are in any order."""
    chosen = {key: draw(st.sampled_from(values)) for key, values in optional.items() if draw(st.booleans())}
    return dict(draw(st.permutations([*required.items(), *chosen.items()])))


@st.composite
def templates(draw: st.DrawFn) -> dict[str, Json]:
    containers = [
        draw(members({"Name": name, "Image": "nginx:1"}, CONTAINER))
        for name in draw(st.sampled_from([["first"], ["first", "second"], ["same", "same"]]))
    ]
    properties = draw(
        members({"ContainerDefinitions": list[Json](containers), "RequiresCompatibilities": ["FARGATE"]}, TASK)
    )
    task = draw(members({"Type": "AWS::ECS::TaskDefinition", "Properties": properties}, {"Metadata": METADATA}))
    role = draw(members({"AssumeRolePolicyDocument": {}}, {"Policies": POLICIES}))
    return {
        "Parameters": {"Stage": {"Type": "String", "Default": "live"}},
        "Conditions": {"IsLive": {"Fn::Equals": [{"Ref": "Stage"}, "live"]}},
        "Resources": {"Task": task, "Role": {"Type": "AWS::IAM::Role", "Properties": role}},
    }


@contextmanager
def compared() -> Iterator[list[tuple[bool, bool]]]:
    """Let each plan try the removal as well. Yield whether the removal is certain, and whether it restores the template."""
    found: list[tuple[bool, bool]] = []

    def records(
        template: Json, processed: Json, tasks: Sequence[tuple[Pointer, tuple[Change, ...]]], grants: Sequence[Change]
    ) -> Mapping[Pointer, list[str]]:
        tried = tried_records(template, processed, tasks, grants)
        found.append((is_certainly_undone(template, tasks, grants), not tried))
        return tried

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("sysdig_instrument.engine.plan.records", records)
        yield found


@quick
@given(templates(), members({}, OPTIONAL))
def test_what_is_certain_is_restored(template: dict[str, Json], optional: dict[str, Json]) -> None:
    resolved = merge_layers(Layer("test", {**SETTINGS, **optional}))
    with compared() as found:
        plan(template, Context(deployment_settings=resolved, parameter_values={"Stage": "live"}))
    assert (True, False) not in found


@quick
@given(st.one_of(scenarios(), malformed()))
def test_what_is_certain_is_restored_in_any_template(scenario: Scenario) -> None:
    with compared() as found:
        planned(scenario.template, scenario.stack, scenario.settings, scenario.images)
    assert (True, False) not in found


def test_the_usual_case_is_certain() -> None:
    with compared() as found:
        trips.__wrapped__()
    assert (True, False) not in found
    restored = [certain for certain, is_restored in found if is_restored]
    assert sum(restored) > 0.8 * len(restored)

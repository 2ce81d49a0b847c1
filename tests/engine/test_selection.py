"""The decisions: which task definitions and which containers are instrumented."""

from __future__ import annotations

from typing import Any

import pytest

from factories import container, context_of, notices_of, plan_of, problems_of, processed, properties_of, template
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.protection import protection
from sysdig_instrument.engine.selection import SkipReason
from sysdig_instrument.engine.task_plan import Status
from sysdig_instrument.planning import look_up_nothing, plan_with_lookups

UNKNOWN: Json = {"Fn::GetAtt": ["X", "Y"]}


def is_instrumented(value: dict[str, Any], **settings: Json) -> bool:
    return properties_of(processed(value, settings)).get("PidMode") == "task"


def task_with(**properties: Json) -> dict[str, Any]:
    """Return a template whose task definition has these properties in place of its launch type and size."""
    value = template()
    made = properties_of(value)
    for key in ("RequiresCompatibilities", "NetworkMode", "Cpu", "Memory"):
        del made[key]
    made.update(properties)
    return value


SIZES: dict[str, Json] = {"NetworkMode": "awsvpc", "Cpu": "256", "Memory": "512"}


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        pytest.param({"RequiresCompatibilities": ["FARGATE"]}, True, id="fargate"),
        pytest.param({"RequiresCompatibilities": ["EC2", "FARGATE"]}, True, id="ec2-and-fargate"),
        pytest.param({"RequiresCompatibilities": ["fargate"]}, True, id="lower-case"),
        pytest.param({"RequiresCompatibilities": "FARGATE"}, True, id="string"),
        pytest.param({"RequiresCompatibilities": ["EC2"]}, False, id="ec2"),
        pytest.param({"RequiresCompatibilities": ["EXTERNAL"]}, False, id="external"),
        pytest.param({"RequiresCompatibilities": ["EC2"], **SIZES}, False, id="ec2-with-sizes"),
        pytest.param(SIZES, True, id="sizes-alone"),
        pytest.param({"RequiresCompatibilities": [], **SIZES}, True, id="empty-list-with-sizes"),
        pytest.param({"RequiresCompatibilities": {"Ref": "AWS::NoValue"}, **SIZES}, True, id="no-value-with-sizes"),
        pytest.param({**SIZES, "NetworkMode": "bridge"}, False, id="bridge"),
        pytest.param({**SIZES, "NetworkMode": {"Ref": "Unknown"}}, True, id="unknown-network-mode"),
        pytest.param({"NetworkMode": "awsvpc", "Cpu": "256"}, False, id="no-memory"),
        pytest.param({"NetworkMode": "awsvpc", "Memory": "512"}, False, id="no-cpu"),
        pytest.param({**SIZES, "Cpu": {"Ref": "Unknown"}}, True, id="unknown-cpu"),
        pytest.param({**SIZES, "Cpu": {"Ref": "AWS::NoValue"}}, False, id="cpu-no-value"),
        pytest.param({}, False, id="no-properties"),
        pytest.param({"RequiresCompatibilities": {"Ref": "Unknown"}}, True, id="unknown-list"),
        pytest.param({"RequiresCompatibilities": [{"Ref": "Unknown"}]}, True, id="unknown-item"),
        pytest.param({"RequiresCompatibilities": [5]}, True, id="number"),
        pytest.param({"RequiresCompatibilities": {"FARGATE": True}}, True, id="object"),
        pytest.param({"RequiresCompatibilities": ["EC2", "NEW_LAUNCH_TYPE"]}, True, id="new-launch-type"),
        pytest.param({"RequiresCompatibilities": ["EC2", "EXTERNAL"]}, False, id="ec2-and-external"),
    ],
)
def test_a_task_compatible_with_fargate_is_in_scope(properties: dict[str, Json], *, expected: bool) -> None:
    assert is_instrumented(task_with(**properties)) is expected


def test_all_launch_types_are_taken_where_the_settings_say_so() -> None:
    ec2 = task_with(RequiresCompatibilities=["EC2"], Memory="512")
    assert is_instrumented(ec2, LaunchTypes="ALL")
    (problem,) = problems_of(task_with(RequiresCompatibilities=["EC2"]), {"LaunchTypes": "ALL"})
    assert "without Memory needs a memory limit for each container" in problem
    for setting in ("AgentMemory", "AgentMemoryReservation"):
        assert is_instrumented(task_with(RequiresCompatibilities=["EC2"]), LaunchTypes="ALL", **{setting: 64})


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        pytest.param({"OperatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}, False, id="windows"),
        pytest.param({"OperatingSystemFamily": "windows_server_2019_full"}, False, id="lower-case"),
        pytest.param({"OperatingSystemFamily": "LINUX"}, True, id="linux"),
        pytest.param({"OperatingSystemFamily": "WINDOWSX"}, True, id="no-value-of-ecs"),
        pytest.param({"OperatingSystemFamily": "WINDOWS_SERVER_CORE"}, True, id="no-version"),
        pytest.param({"OperatingSystemFamily": "WINDOWS_SERVER_2022_CORE "}, True, id="trailing-space"),
        pytest.param({"OperatingSystemFamily": "WINDOWS"}, True, id="windows-alone"),
        pytest.param({}, True, id="empty"),
        pytest.param(None, True, id="null"),
        pytest.param("x", True, id="string"),
        pytest.param({"OperatingSystemFamily": {"Fn::Sub": "WINDOWS_SERVER_2019_CORE"}}, False, id="sub"),
        pytest.param(
            {"OperatingSystemFamily": "WINDOWS_SERVER_2025_FULL", "CpuArchitecture": {"Fn::GetAtt": ["X", "Y"]}},
            False,
            id="unknown-architecture",
        ),
    ],
)
def test_windows_tasks_are_skipped(platform: Json, *, expected: bool) -> None:
    assert is_instrumented(template(RuntimePlatform=platform)) is expected


def test_arm64_is_noticed_or_refused() -> None:
    value = template(RuntimePlatform={"CpuArchitecture": "ARM64"})
    assert is_instrumented(value)
    assert any("runs on ARM64" in each for each in notices_of(value))
    assert len(problems_of(value, {"UnsupportedArchitecture": "fail"})) == 1
    assert is_instrumented(template(RuntimePlatform={"CpuArchitecture": "X86_64"}), UnsupportedArchitecture="fail")


@pytest.mark.parametrize("settings", [{"Mode": "opt-in"}, {"ExcludeContainers": "*"}])
def test_the_platform_is_ignored_if_nothing_is_instrumented(settings: dict[str, Json]) -> None:
    platforms: list[Json] = [{"CpuArchitecture": "ARM64"}, UNKNOWN]
    for platform in platforms:
        value = template(RuntimePlatform=platform)
        assert problems_of(value, {"UnsupportedArchitecture": "fail", **settings}) == []


@pytest.mark.parametrize("platform", [UNKNOWN, {"OperatingSystemFamily": UNKNOWN, "CpuArchitecture": "X86_64"}])
def test_a_platform_that_may_be_windows_is_refused(platform: Json) -> None:
    (problem,) = problems_of(template(RuntimePlatform=platform))
    assert problem == (
        'Task "Api" (Resources.Api.Properties.RuntimePlatform): OperatingSystemFamily cannot be resolved (it refers to '
        '"X", which is known only after deployment), and the agent does not support Windows. Write a '
        "literal value, or exclude the task (Enabled: false) if it runs on Windows."
    )


def test_an_unknown_architecture_is_refused_like_arm64() -> None:
    value = template(RuntimePlatform={"CpuArchitecture": UNKNOWN})
    assert is_instrumented(value)
    (problem,) = problems_of(value, {"UnsupportedArchitecture": "fail"})
    assert "CpuArchitecture cannot be resolved (" in problem
    assert (
        "and UnsupportedArchitecture is fail. Write a literal value, or set UnsupportedArchitecture to warn" in problem
    )


def test_known_and_unknown_platforms_are_both_reported() -> None:
    value = template(RuntimePlatform={"CpuArchitecture": "ARM64", "OperatingSystemFamily": UNKNOWN})
    system, architecture = problems_of(value, {"UnsupportedArchitecture": "fail"})
    assert "OperatingSystemFamily cannot be resolved" in system
    assert "The task runs on ARM64" in architecture


def test_one_arm64_loop_item_is_refused() -> None:
    task = template(RuntimePlatform={"CpuArchitecture": {"Fn::Sub": "${X}"}})["Resources"]["Api"]
    loop: Json = {"Resources": {"Fn::ForEach::L": ["X", ["X86_64", "ARM64"], {"T${X}": task}]}}
    (problem,) = problems_of(loop, {"UnsupportedArchitecture": "fail"})
    assert "The task runs on ARM64" in problem
    assert any("The task runs on ARM64" in each for each in notices_of(loop))


@pytest.mark.parametrize("properties", [None, [], "x", 5])
def test_properties_that_are_no_object_are_refused(properties: Json) -> None:
    value = template()
    value["Resources"]["Api"]["Properties"] = properties
    (problem,) = problems_of(value)
    assert "(Resources.Api.Properties): Properties is not an object" in problem


def instrumented_names(value: dict[str, Any], **settings: Json) -> list[str]:
    made = properties_of(processed(value, settings))["ContainerDefinitions"]
    return [each["Name"] for each in made if "VolumesFrom" in each]


THREE: list[Json] = [container(Name="web"), container(Name="web-init"), container(Name="proxy")]


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        pytest.param({}, ["web", "web-init", "proxy"], id="no-setting"),
        pytest.param({"ExcludeContainers": "proxy"}, ["web", "web-init"], id="exclude-name"),
        pytest.param({"ExcludeContainers": "web*"}, ["proxy"], id="exclude-glob"),
        pytest.param({"ExcludeContainers": "WEB"}, ["web", "web-init", "proxy"], id="exclude-other-case"),
        pytest.param({"IncludeContainers": "web"}, ["web"], id="include-name"),
        pytest.param({"IncludeContainers": "w?b,p*"}, ["web", "proxy"], id="include-globs"),
        pytest.param({"IncludeContainers": "web*", "ExcludeContainers": "*-init"}, ["web"], id="include-and-exclude"),
        pytest.param({"ExcludeContainers": "*"}, [], id="exclude-all"),
        pytest.param({"ExcludeContainers": "web[-]init"}, ["web", "proxy"], id="exclude-set"),
    ],
)
def test_containers_are_chosen_by_globs(settings: dict[str, Json], names: list[str]) -> None:
    assert instrumented_names(template(*THREE), **settings) == names


def test_a_task_with_all_containers_excluded_is_unchanged() -> None:
    value = template(*THREE)
    assert properties_of(processed(value, {"ExcludeContainers": "*"})) == properties_of(value)


def test_a_log_router_is_skipped_by_default() -> None:
    router = container(Name="router", FirelensConfiguration={"Type": "fluentbit"})
    assert instrumented_names(template(container(), router)) == ["web"]
    assert instrumented_names(template(container(), router), InstrumentLogRouters="true") == ["web", "router"]
    no_router = container(Name="router", FirelensConfiguration={"Ref": "AWS::NoValue"})
    assert instrumented_names(template(container(), no_router)) == ["web", "router"]


def test_a_possible_log_router_is_refused() -> None:
    """It is not known whether the container is to be skipped."""
    either: Json = {"Fn::If": ["Missing", {"Type": "fluentbit"}, {"Ref": "AWS::NoValue"}]}
    possible: list[Json] = [UNKNOWN, either, {"Type": UNKNOWN}, {"Type": {"Fn::ImportValue": "type"}}]
    for unknown in possible:
        value = template(container(), container(Name="router", FirelensConfiguration=unknown))
        (problem,) = problems_of(value)
        assert "It is unknown whether the container is a FireLens log router (" in problem
        assert instrumented_names(value, InstrumentLogRouters="true") == ["web", "router"]
        assert instrumented_names(value, ExcludeContainers="router") == ["web"]


def test_an_unknown_name_is_refused_if_names_matter() -> None:
    value = template(container(Name={"Fn::GetAtt": ["X", "Name"]}))
    assert is_instrumented(value)
    for setting in ("ExcludeContainers", "IncludeContainers"):
        (problem,) = problems_of(value, {setting: "x"})
        assert f"so it is unknown whether {setting} applies to it" in problem


@pytest.mark.parametrize(
    ("members", "is_agent"),
    [
        pytest.param({"Image": "quay.io/sysdig/workload-agent:1"}, True, id="sysdig-image"),
        pytest.param({"Image": "Quay.io/sysdig/workload-agent@sha256:" + "0" * 64}, True, id="digest"),
        pytest.param({"Image": "sysdig/agent"}, True, id="docker-hub"),
        pytest.param({"Image": "quay.io/sysdig.evil/workload-agent"}, False, id="similar-organisation"),
        pytest.param({"Image": "1.dkr.ecr.x.amazonaws.com/mirror/workload-agent"}, False, id="mirror"),
        pytest.param({"Image": "evil.example/quay.io/sysdig/workload-agent"}, False, id="in-the-path"),
        pytest.param({"Image": "workload-agent"}, False, id="repository-alone"),
        pytest.param({"Image": "nginx"}, False, id="nginx"),
        pytest.param(
            {"Image": "mine", "Environment": [{"Name": "SYSDIG_COLLECTOR", "Value": "x"}]}, False, id="agent-variable"
        ),
        pytest.param(
            {"Image": "mine", "Secrets": [{"Name": "SYSDIG_ACCESS_KEY", "ValueFrom": "x"}]}, True, id="agent-secret"
        ),
        pytest.param({"Image": {"Fn::GetAtt": ["X", "Y"]}}, False, id="unknown-image"),
        pytest.param(
            {"Image": "mine", "Environment": [{"Name": "SYSDIG_ACCESS_KEY", "Value": "x"}]}, True, id="key-by-kilt"
        ),
        pytest.param({"Image": {"Fn::Sub": "quay.io/sysdig/x"}}, True, id="sub"),
        pytest.param({"Image": {"Fn::Sub": "x/workload-agent"}}, False, id="sub-of-another"),
        pytest.param({}, False, id="no-image"),
    ],
)
def test_a_container_of_the_agents_name_is_the_agent_or_refused(members: dict[str, Json], *, is_agent: bool) -> None:
    value = template(container(), {"Name": "SysdigInstrumentation", **members})
    problems = problems_of(value)
    assert (problems == []) is is_agent
    if not is_agent:
        assert 'The name "SysdigInstrumentation" is reserved for the agent' in problems[0]


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"ContainerDefinitions": "x"}, id="list-is-string"),
        pytest.param({"ContainerDefinitions": ["x"]}, id="container-is-string"),
        pytest.param({"Cpu": "256", "Memory": "512"}, id="too-small"),
    ],
)
def test_problems_of_an_inactive_task_do_not_refuse(wrong: dict[str, Json]) -> None:
    value = template(container(), sections={"Conditions": {"Never": {"Fn::Equals": [1, 2]}}}, **wrong)
    value["Resources"]["Api"]["Condition"] = "Never"
    assert problems_of(value, {"AgentMemory": 1024}) == []


@pytest.mark.parametrize(
    "properties",
    [
        pytest.param({"RequiresCompatibilities": [{"Ref": "X"}]}, id="launch-type"),
        pytest.param({"RuntimePlatform": {"OperatingSystemFamily": {"Ref": "X"}}}, id="operating-system"),
    ],
)
def test_loop_items_must_be_instrumented_alike(properties: dict[str, Any]) -> None:
    task = template(**properties)["Resources"]["Api"]
    unlike: Json = {
        "Resources": {"Fn::ForEach::L": ["X", ["FARGATE", "EC2", "WINDOWS_SERVER_2022_CORE", "ARM64"], {"T${X}": task}]}
    }
    (problem,) = problems_of(unlike, {"UnsupportedArchitecture": "fail"})
    assert "differ in whether they are to be instrumented. List AWS::LanguageExtensions" in problem
    alike: Json = {"Resources": {"Fn::ForEach::L": ["X", ["FARGATE", "Fargate"], {"T${X}": task}]}}
    assert problems_of(alike, {"UnsupportedArchitecture": "fail"}) == []


ROUTER: dict[str, Json] = {"FirelensConfiguration": {"Type": "fluentbit"}}
NEVER: dict[str, Json] = {"Conditions": {"Never": {"Fn::Equals": [1, 2]}}}


@pytest.mark.parametrize(
    ("value", "settings", "reasons", "why"),
    [
        (template(), {"Enabled": False}, ["Disabled"], "Enabled is false in the macro's deployment"),
        (
            template(RequiresCompatibilities=["EC2"]),
            {},
            ["NotFargate"],
            "not for Fargate, so the host agent covers it (LaunchTypes is FARGATE; as it could run there, FARGATE_COMPATIBLE includes it)",
        ),
        (
            template(RuntimePlatform={"OperatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}),
            {},
            ["Windows"],
            "a Windows task, which supports neither PidMode nor SYS_PTRACE",
        ),
        (template(), {"ExcludeContainers": "*"}, ["NothingToInstrument", "Excluded"], "no container to instrument"),
        (template(), {"IncludeContainers": "x"}, ["NothingToInstrument", "NotIncluded"], "no container to instrument"),
        (template(), {"Mode": "opt-in"}, ["NothingToInstrument", "NotOptedIn"], "no container to instrument"),
        (template(container(**ROUTER)), {}, ["NothingToInstrument", "LogRouter"], "no container to instrument"),
    ],
    ids=["enabled", "ec2", "windows", "exclude-all", "include-other", "opt-in", "log-router"],
)
def test_each_skip_reason_has_its_name(
    value: dict[str, Any], settings: dict[str, Json], reasons: list[str], why: str
) -> None:
    (task,) = plan_of(value, settings).tasks
    assert task.outcome.why == why
    outcomes = [task.outcome, *task.containers]
    assert [each.skip_reason.value for each in outcomes if each.skip_reason] == reasons


def test_skip_reasons_of_disabled_and_inactive_items() -> None:
    value = template(container(), container(Name="b"), sections=NEVER)
    value["Resources"]["Api"]["Metadata"] = {"SysdigInstrument": {"Containers": {"b": {"Enabled": False}}}}
    _, second = plan_of(value).tasks[0].containers
    assert second.skip_reason is SkipReason.DISABLED
    assert second.text == "skipped: Enabled is false in the resource's Metadata"
    value["Resources"]["Api"].update({"Condition": "Never"})
    value["Resources"]["Api"]["Properties"]["PidMode"] = "host"
    (task,) = plan_of(value).tasks
    assert task.outcome.skip_reason is SkipReason.NOT_CREATED
    assert task.outcome.text == "skipped: not created with the current parameters, and cannot be instrumented"


def test_the_skip_reason_of_an_unread_image() -> None:
    context = context_of({"OnUnresolvedImage": "skip"})
    (task,) = plan_with_lookups(template(container(EntryPoint=None)), context, look_up_nothing).tasks
    assert [each.skip_reason for each in task.containers] == [SkipReason.IMAGE_UNREAD]
    assert task.containers[0].image_unread


@pytest.mark.parametrize("names", [["FARGATE "], ["X"], [""], [None], [["FARGATE"]], ["EC2", "X"]])
def test_a_launch_type_that_is_none_of_the_others_counts_as_fargate(names: Json) -> None:
    assert is_instrumented(task_with(RequiresCompatibilities=names))


@pytest.mark.parametrize("mode", ["AWSVPC", "awsvpc ", "new"])
def test_a_network_mode_that_is_none_of_the_others_counts_as_awsvpc(mode: str) -> None:
    assert is_instrumented(task_with(**{**SIZES, "NetworkMode": mode}))


@pytest.mark.parametrize("key", ["RequiresCompatibilities", "NetworkMode", "Cpu", "Memory"])
def test_a_member_that_a_transform_may_insert_leaves_nothing_alone(key: str) -> None:
    value = task_with(**SIZES)
    properties = value["Resources"]["Api"]["Properties"]
    properties.pop(key, None)
    properties["Fn::Transform"] = {"Name": "AWS::Include", "Parameters": {"Location": "s3://bucket/file"}}
    (problem,) = problems_of(value)
    assert "contains Fn::Transform, whose result is not known here" in problem


def test_properties_that_are_an_expression_are_refused() -> None:
    value = task_with()
    properties = value["Resources"]["Api"]["Properties"]
    value["Resources"]["Api"]["Properties"] = {"Fn::If": ["Active", properties, properties]}
    (problem,) = problems_of(value)
    assert "Properties is not an object" in problem


def test_an_invalid_setting_refuses_a_task_that_is_left_alone() -> None:
    """The hook and ``check`` say so, too: they refuse what the macro refuses."""
    tags: list[Json] = [
        {"Key": "sysdig-instrument", "Value": "false"},
        {"Key": "sysdig-instrument-reason", "Value": "; rm"},
    ]
    (task,) = plan_of(template(Tags=tags)).tasks
    assert task.outcome.status is Status.REFUSED
    assert not protection(task).passes

"""Whether a task definition is protected: what is missing, and what protection does not depend on."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, cast

import pytest

from factories import SETTINGS, container, context_of, plan_of, processed, template
from sysdig_instrument.engine.agent import AGENT_NAME
from sysdig_instrument.engine.codes import Code, Verdict
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.protection import Protection, protection
from sysdig_instrument.engine.steps import all_steps
from sysdig_instrument.planning import look_up_nothing, plan_with_lookups


def protection_of(value: Json) -> Protection:
    """Return the protection of a template's only task definition."""
    (task,) = plan_of(value, SETTINGS).tasks
    return protection(task)


def facts(verdict: Protection) -> dict[str, str]:
    """Return the facts of the reasons of a verdict, each with its code."""
    return {reason.fact: reason.code.value for reason in verdict.reasons}


PROTECTED = Protection(Verdict.PROTECTED)


@pytest.fixture
def instrumented() -> dict[str, Any]:
    """Return a processed template with one workload."""
    return copy.deepcopy(processed(template(container(Environment=[{"Name": "A", "Value": "b"}]))))


def containers(instrumented: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the containers of a processed template: a workload and the agent."""
    found: list[dict[str, Any]] = instrumented["Resources"]["Api"]["Properties"]["ContainerDefinitions"]
    return found


def test_a_processed_template_is_protected(instrumented: dict[str, Any]) -> None:
    assert protection_of(instrumented) == PROTECTED


def test_a_task_that_is_left_alone() -> None:
    verdict = protection_of(template(RequiresCompatibilities=["EC2"]))
    assert (verdict.verdict, verdict.passes) == (Verdict.LEFT_ALONE, True)
    assert facts(verdict) == {
        "not for Fargate, so the host agent covers it (LaunchTypes is FARGATE; as it could run there, FARGATE_COMPATIBLE includes it)": "SI023"
    }


def test_a_task_for_managed_instances_cannot_be_protected() -> None:
    verdict = protection_of(template(RequiresCompatibilities=["MANAGED_INSTANCES"]))
    assert (verdict.verdict, verdict.codes) == (Verdict.CANNOT_BE_PROTECTED, (Code.MANAGED_INSTANCES,))


def test_a_task_whose_containers_are_all_left_alone_has_their_codes() -> None:
    value = template(container(), container(Name="log", FirelensConfiguration={"Type": "fluentbit"}))
    value["Resources"]["Api"]["Metadata"] = {"SysdigInstrument": {"ExcludeContainers": ["web"]}}
    verdict = protection_of(value)
    assert (verdict.verdict, verdict.passes) == (Verdict.LEFT_ALONE, True)
    assert facts(verdict) == {
        'Container "web": ExcludeContainers in the resource\'s Metadata': "SI020",
        'Container "log": a FireLens log router (InstrumentLogRouters is false)': "SI022",
    }


@pytest.mark.parametrize(
    ("settings", "code", "layer"),
    [
        pytest.param({"Enabled": "false"}, Code.DISABLED, "the macro's deployment", id="Enabled"),
        pytest.param({"ExcludeContainers": "w*"}, Code.DISABLED, "the macro's deployment", id="ExcludeContainers"),
        pytest.param({"IncludeContainers": "x"}, Code.DISABLED, "the macro's deployment", id="IncludeContainers"),
        pytest.param({"Mode": "opt-in"}, Code.NOT_OPTED_IN, "the macro's deployment", id="Mode"),
    ],
)
def test_the_layer_that_leaves_something_alone_is_named(settings: dict[str, Json], code: Code, layer: str) -> None:
    (task,) = plan_of(template(), settings).tasks
    verdict = protection(task)
    (left_alone,) = verdict.left_alone
    assert (verdict.verdict, verdict.passes) == (Verdict.LEFT_ALONE, True)
    assert (left_alone.reason.code, left_alone.layer) == (code, layer)


def test_a_log_router_is_left_alone_beside_a_protected_container() -> None:
    router = container(Name="log", FirelensConfiguration={"Type": "fluentbit"})
    verdict = protection_of(processed(template(container(), router)))
    assert (verdict.verdict, verdict.codes) == (Verdict.PROTECTED, (Code.PROTECTED,))
    assert [(each.container, each.reason.code) for each in verdict.left_alone] == [("log", Code.LOG_ROUTER)]


def test_a_windows_task_cannot_be_protected_and_passes() -> None:
    verdict = protection_of(template(RuntimePlatform={"OperatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}))
    assert (verdict.verdict, verdict.codes, verdict.passes) == (Verdict.CANNOT_BE_PROTECTED, (Code.WINDOWS,), True)


@pytest.mark.parametrize("code", Code)
def test_every_code_has_a_verdict(code: Code) -> None:
    assert isinstance(code.verdict, Verdict)
    assert (code.verdict is Verdict.PROTECTED) is (code is Code.PROTECTED)


@pytest.mark.parametrize("step", all_steps(), ids=lambda step: step.name or step.plan.__name__)
def test_every_reason_of_a_step_has_a_code(step: Any) -> None:
    assert step.unprotected_reason is None or step.unprotected_reason.code


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        pytest.param("VolumesFrom", ("does not have the volume with the wrapper", "SI003"), id="VolumesFrom"),
        pytest.param("LinuxParameters", ("does not have the capability SYS_PTRACE", "SI004"), id="LinuxParameters"),
        pytest.param("Environment", ("does not have the variables that the wrapper needs", "SI002"), id="Environment"),
    ],
)
def test_removed_members_are_reported_missing(instrumented: dict[str, Any], key: str, reason: tuple[str, str]) -> None:
    del containers(instrumented)[0][key]
    assert facts(protection_of(instrumented)) == {f'Container "web" {reason[0]}': reason[1]}


def test_a_missing_wrapper_is_reported(instrumented: dict[str, Any]) -> None:
    containers(instrumented)[0]["EntryPoint"] = ["run"]
    assert facts(protection_of(instrumented)) == {'Container "web" is not started by the wrapper': "SI001"}


def test_another_pid_mode_is_reported(instrumented: dict[str, Any]) -> None:
    del instrumented["Resources"]["Api"]["Properties"]["PidMode"]
    assert facts(protection_of(instrumented)) == {"The task's PidMode is not task": "SI005"}


def test_a_missing_agent_is_reported(instrumented: dict[str, Any]) -> None:
    del containers(instrumented)[1]
    assert facts(protection_of(instrumented))["The agent's container is missing"] == "SI006"


def test_missing_members_are_reported_once_each() -> None:
    verdict = protection_of(template())
    assert (verdict.verdict, verdict.passes) == (Verdict.NOT_PROTECTED, False)
    assert len(verdict.reasons) == len(set(verdict.reasons)) == 6


def with_another_collector(value: dict[str, Any]) -> None:
    containers(value)[1]["Environment"][0]["Value"] = "elsewhere.example.com"


def with_another_mode(value: dict[str, Any]) -> None:
    containers(value)[0]["Environment"][-1]["Value"] = "force"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(with_another_collector, id="collector"),
        pytest.param(with_another_mode, id="sidecar-mode"),
    ],
)
def test_changes_that_do_not_affect_protection(instrumented: dict[str, Any], change: Any) -> None:
    changed = copy.deepcopy(instrumented)
    change(changed)
    assert changed != instrumented
    assert protection_of(changed) == PROTECTED


@pytest.mark.parametrize("unresolved", ["fail", "skip"])
@pytest.mark.parametrize("applied", [True, False], ids=["applied", "as-it-is"])
def test_a_container_without_entry_point_is_not_protected(unresolved: str, applied: bool) -> None:  # noqa: FBT001 - a parameter
    value = template(container(EntryPoint=None))
    (task,) = plan_with_lookups(value, context_of({"OnUnresolvedImage": unresolved}), look_up_nothing).tasks
    verdict = protection(task, applied=applied)
    assert facts(verdict) == {'Container "web" is not started by the wrapper': "SI001"}
    assert (verdict.verdict, verdict.passes) == (Verdict.NOT_PROTECTED, False)


def test_an_unread_image_is_unknown_in_a_template_that_the_macro_will_process() -> None:
    (task,) = plan_with_lookups(template(container(EntryPoint=None)), context_of(), look_up_nothing).tasks
    verdict = protection(task, unread=Code.IMAGE_UNREAD)
    assert (verdict.verdict, verdict.codes, verdict.passes) == (Verdict.UNKNOWN, (Code.IMAGE_UNREAD,), False)


def test_what_is_missing_comes_before_what_cannot_be() -> None:
    verdict = protection_of(template(PidMode="host"))
    assert (verdict.verdict, verdict.passes) == (Verdict.NOT_PROTECTED, False)
    assert list(facts(verdict).items()) == [
        ('Container "web" is not started by the wrapper', "SI001"),
        ('Container "web" does not have the variables that the wrapper needs', "SI002"),
        ('Container "web" does not have the volume with the wrapper', "SI003"),
        ('Container "web" does not have the capability SYS_PTRACE', "SI004"),
        ("The agent's container is missing", "SI006"),
        ("PidMode is host, and the agent needs task", "SI031"),
    ]


def test_an_instrumented_task_with_host_pid_mode_cannot_be_protected(instrumented: dict[str, Any]) -> None:
    instrumented["Resources"]["Api"]["Properties"]["PidMode"] = "host"
    verdict = protection_of(instrumented)
    assert (verdict.verdict, verdict.passes) == (Verdict.CANNOT_BE_PROTECTED, False)
    assert verdict.codes == (Code.HOST_PID_MODE,)


def test_a_refused_task_is_not_protected_whatever_is_applied() -> None:
    (task,) = plan_of(template(container(LinuxParameters="x"))).tasks
    assert protection(task, applied=True).codes == (Code.REFUSED,)


def with_a_condition(value: dict[str, Any]) -> None:
    value["Resources"]["Api"]["Properties"]["PidMode"] = {"Fn::If": ["C", "task", {"Ref": "AWS::NoValue"}]}


def test_a_pid_mode_other_than_task_in_one_branch(instrumented: dict[str, Any]) -> None:
    with_a_condition(instrumented)
    assert facts(protection_of(instrumented)) == {"The task's PidMode is not task": "SI005"}


# --- each way around the wrapper


def in_web(**members: Json) -> Callable[[dict[str, Any]], None]:
    """Return a change that gives the workload of a processed template these members."""
    return lambda value: containers(value)[0].update(members)


def in_entry(key: str, index: int, **members: Json) -> Callable[[dict[str, Any]], None]:
    """Return a change to an entry of a list of the workload."""
    return lambda value: containers(value)[0][key][index].update(members)


def appended(key: str, entry: Json) -> Callable[[dict[str, Any]], None]:
    """Return a change that appends an entry to a list of the workload."""
    return lambda value: containers(value)[0].setdefault(key, []).append(entry)


def waits_for_another(value: dict[str, Any]) -> None:
    """Let the workload wait for a log router, which is left alone."""
    containers(value).insert(1, container(Name="other", FirelensConfiguration={"Type": "fluentbit"}))
    appended("DependsOn", {"ContainerName": "other", "Condition": "START"})(value)


def with_container(**members: Json) -> Callable[[dict[str, Any]], None]:
    """Return a change that puts an excluded container in front of the agent's, and its mounts into the workload."""

    def change(value: dict[str, Any]) -> None:
        containers(value).insert(1, container(Name="shared", EntryPoint=["/x"], **members))
        containers(value)[0]["VolumesFrom"].append({"SourceContainer": "shared"})
        value["Resources"]["Api"]["Metadata"]["SysdigInstrument"]["ExcludeContainers"] = ["shared"]

    return change


def depends_on_agent(**members: Json) -> Callable[[dict[str, Any]], None]:
    """Return a change that makes the workload depend on the agent."""
    return appended("DependsOn", {"ContainerName": AGENT_NAME, **members})


WAYS_AROUND = [
    pytest.param(in_entry("VolumesFrom", 0, ReadOnly=False), Code.VOLUME_WRITABLE, id="writable"),
    pytest.param(appended("VolumesFrom", {"SourceContainer": AGENT_NAME}), Code.VOLUME_WRITABLE, id="writable-twice"),
    pytest.param(in_entry("Environment", 1, Value=""), Code.VARIABLES_MISSING, id="sidecar-off"),
    pytest.param(
        appended("Environment", {"Name": "SYSDIG_SIDECAR", "Value": "off"}), Code.VARIABLES_MISSING, id="sidecar-twice"
    ),
    pytest.param(
        appended("Environment", {"Name": {"Fn::ImportValue": "x"}, "Value": ""}), Code.VALUE_UNKNOWN, id="unknown-name"
    ),
    pytest.param(
        appended("Environment", {"Name": "__INSTRUMENTATION_WRAPPER", "Value": "/bin/env"}),
        Code.WRAPPER_OVERRIDDEN,
        id="other-wrapper",
    ),
    pytest.param(
        appended("Secrets", {"Name": "SYSDIG_SIDECAR", "ValueFrom": "arn"}),
        Code.WRAPPER_OVERRIDDEN,
        id="sidecar-secret",
    ),
    pytest.param(
        appended("Secrets", {"Name": "__INSTRUMENTATION_WRAPPER", "ValueFrom": "arn"}),
        Code.WRAPPER_OVERRIDDEN,
        id="other-wrapper-secret",
    ),
    *(
        pytest.param(
            in_web(LinuxParameters={"Capabilities": {"Add": ["SYS_PTRACE"], "Drop": [dropped]}}),
            Code.CAPABILITY_DROPPED,
            id=f"drop-{dropped}",
        )
        for dropped in ("SYS_PTRACE", "CAP_SYS_PTRACE", "sys_ptrace")
    ),
    pytest.param(
        in_web(LinuxParameters={"Capabilities": {"Add": ["SYS_PTRACE"], "Drop": {"Fn::ImportValue": "x"}}}),
        Code.VALUE_UNKNOWN,
        id="drop-unknown",
    ),
    *(
        pytest.param(
            appended("MountPoints", {"SourceVolume": "v", "ContainerPath": path}),
            Code.WRAPPER_COVERED,
            id=f"mount-{path}",
        )
        for path in (
            "/opt/draios",
            "/opt/draios/",
            "/opt/draios/bin",
            "/opt/draios/bin/instrument",
            "/opt",
            "/",
            "",
            "//opt//draios",
            "/opt/./draios",
            "/opt/x/../draios",
            "/x/../../opt/draios/bin/",
            "opt/draios",
            "/OPT/Draios",
            " /opt/draios",
            "/opt/draios:rw",
            "/x:/opt/draios:ro",
        )
    ),
    pytest.param(
        appended("MountPoints", {"ContainerPath": {"Fn::ImportValue": "x"}}), Code.VALUE_UNKNOWN, id="mount-unknown"
    ),
    pytest.param(appended("MountPoints", {"Fn::ImportValue": "x"}), Code.VALUE_UNKNOWN, id="mount-expression"),
    pytest.param(appended("MountPoints", {"Fn::Transform": {"Name": "X"}}), Code.VALUE_UNKNOWN, id="mount-transform"),
    pytest.param(in_web(MountPoints={"Fn::ImportValue": "x"}), Code.VALUE_UNKNOWN, id="mounts-expression"),
    pytest.param(
        appended("MountPoints", {"ContainerPath": {"Fn::Sub": "/opt/${X}", "X": "y"}}),
        Code.REFUSED,
        id="mount-odd",
    ),
    pytest.param(
        appended("MountPoints", {"ContainerPath": {"Fn::Join": ["/", ["/opt", "draios"]]}}),
        Code.WRAPPER_COVERED,
        id="mount-joined",
    ),
    pytest.param(
        in_web(
            LinuxParameters={
                "Capabilities": {"Add": ["SYS_PTRACE"]},
                "Tmpfs": [{"ContainerPath": "/opt/draios", "Size": 1}],
            }
        ),
        Code.WRAPPER_COVERED,
        id="tmpfs",
    ),
    pytest.param(with_container(MountPoints=[{"ContainerPath": "/opt/draios/bin"}]), Code.WRAPPER_COVERED, id="shared"),
    pytest.param(
        with_container(MountPoints=[{"ContainerPath": {"Fn::ImportValue": "x"}}]),
        Code.VALUE_UNKNOWN,
        id="shared-unknown",
    ),
    pytest.param(
        with_container(VolumesFrom=[{"SourceContainer": AGENT_NAME}]), Code.VOLUME_WRITABLE, id="shared-writable"
    ),
    pytest.param(
        with_container(**{"Fn::Transform": cast("Json", {"Name": "X"})}), Code.VALUE_UNKNOWN, id="shared-transform"
    ),
    pytest.param(
        appended("VolumesFrom", {"SourceContainer": {"Fn::ImportValue": "x"}}), Code.VALUE_UNKNOWN, id="volumes-unknown"
    ),
    pytest.param(appended("VolumesFrom", {"Fn::ImportValue": "x"}), Code.VALUE_UNKNOWN, id="volumes-expression"),
    *(
        pytest.param(depends_on_agent(Condition=condition), Code.WAITS_FOR_AGENT, id=f"waits-{condition}")
        for condition in ("COMPLETE", "SUCCESS", "HEALTHY", "complete", None)
    ),
    pytest.param(depends_on_agent(), Code.WAITS_FOR_AGENT, id="waits-without-condition"),
    pytest.param(depends_on_agent(Condition={"Fn::ImportValue": "x"}), Code.VALUE_UNKNOWN, id="waits-unknown"),
    pytest.param(appended("DependsOn", {"Fn::ImportValue": "x"}), Code.VALUE_UNKNOWN, id="waits-expression"),
    pytest.param(
        appended("DependsOn", {"ContainerName": {"Fn::ImportValue": "x"}, "Condition": "SUCCESS"}),
        Code.VALUE_UNKNOWN,
        id="waits-for-unknown",
    ),
]


@pytest.mark.parametrize(("change", "code"), WAYS_AROUND)
def test_ways_around_the_wrapper(instrumented: dict[str, Any], change: Any, code: Code) -> None:
    change(instrumented)
    verdict = protection_of(instrumented)
    assert code in verdict.codes
    assert verdict.verdict is not Verdict.PROTECTED
    assert not verdict.passes


HARMLESS = [
    pytest.param(appended("MountPoints", {"SourceVolume": "v", "ContainerPath": path}), id=f"mount-{path}")
    for path in ("/data", "/opt/app", "/opt/draios2", "/opt/x/../y", "/optional", "/opt/../draios", "/draios")
] + [
    pytest.param(appended("MountPoints", {"Ref": "AWS::NoValue"}), id="mount-no-value"),
    pytest.param(appended("MountPoints", {"ContainerPath": {"Fn::Sub": "/data"}}), id="mount-expression"),
    pytest.param(in_web(MountPoints=[]), id="no-mounts"),
    pytest.param(in_web(MountPoints=None), id="null-mounts"),
    pytest.param(with_container(), id="shared-without-mounts"),
    pytest.param(with_container(MountPoints=[{"ContainerPath": "/data"}]), id="shared-data"),
    pytest.param(
        with_container(VolumesFrom=[{"SourceContainer": AGENT_NAME, "ReadOnly": True}]), id="shared-read-only"
    ),
    pytest.param(appended("VolumesFrom", {"SourceContainer": AGENT_NAME, "ReadOnly": True}), id="agent-twice"),
    pytest.param(in_entry("VolumesFrom", 0, ReadOnly="true"), id="read-only-as-string"),
    pytest.param(in_entry("Environment", 1, Value="force"), id="other-mode"),
    pytest.param(in_web(EnvironmentFiles=[{"Type": "s3", "Value": "arn"}]), id="environment-file"),
    pytest.param(in_web(ReadonlyRootFilesystem=True, WorkingDirectory="/opt/draios"), id="read-only-root"),
    pytest.param(
        in_web(LinuxParameters={"Capabilities": {"Add": ["SYS_PTRACE"], "Drop": ["ALL", "NET_RAW"]}}), id="drop-all"
    ),
    pytest.param(depends_on_agent(Condition="START"), id="waits-for-start"),
    pytest.param(waits_for_another, id="waits-for-another"),
]


@pytest.mark.parametrize("change", HARMLESS)
def test_what_does_not_affect_protection(instrumented: dict[str, Any], change: Any) -> None:
    change(instrumented)
    assert protection_of(instrumented).verdict is Verdict.PROTECTED


def test_a_container_whose_name_is_an_expression_can_be_waited_for() -> None:
    name: Json = {"Fn::Sub": "${AWS::StackName}-init"}
    waiting = container(DependsOn=[{"ContainerName": name, "Condition": "SUCCESS"}])
    assert protection_of(processed(template(container(Name=name), waiting))).verdict is Verdict.PROTECTED


MISSING_CONTAINER = 'names "missing", and there is no container of that name'


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        pytest.param(
            appended("VolumesFrom", {"SourceContainer": "missing"}),
            f"VolumesFrom {MISSING_CONTAINER}",
            id="VolumesFrom",
        ),
        pytest.param(
            appended("DependsOn", {"ContainerName": "missing", "Condition": "START"}),
            f"DependsOn {MISSING_CONTAINER}",
            id="DependsOn",
        ),
        pytest.param(
            appended("Secrets", {"Name": "SYSDIG_SIDECAR_LOG", "ValueFrom": "arn"}),
            '"SYSDIG_SIDECAR_LOG" is both a secret and an environment variable',
            id="secret-and-variable",
        ),
        pytest.param(
            lambda value: value["Resources"]["Api"]["Properties"].pop("ExecutionRoleArn"),
            "The task has no execution role, and ECS needs one to start the agent's container",
            id="no-execution-role",
        ),
    ],
)
def test_what_ecs_refuses_is_not_protected(instrumented: dict[str, Any], change: Any, fact: str) -> None:
    appended("Environment", {"Name": "SYSDIG_SIDECAR_LOG", "Value": "x"})(instrumented)
    change(instrumented)
    verdict = protection_of(instrumented)
    assert list(facts(verdict)) == [fact]
    assert verdict.codes == (Code.REFUSED,)
    assert (verdict.verdict, verdict.passes) == (Verdict.NOT_PROTECTED, False)


@pytest.mark.parametrize("locked", ["SidecarMode", "*"])
def test_a_locked_mode_counts_as_the_only_one(instrumented: dict[str, Any], locked: str) -> None:
    containers(instrumented)[0]["Environment"][1]["Value"] = "force"
    (task,) = plan_of(instrumented, {"LockedSettings": locked}).tasks
    assert protection(task).codes[0] is Code.VARIABLES_MISSING

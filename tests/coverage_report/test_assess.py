"""The assessment of a task definition, and of a task of it."""

from __future__ import annotations

from typing import Any

import pytest

from coverage_report.tasks import (
    AGENT,
    IMAGE,
    WRAPPER,
    agent,
    cluster_arn,
    definition,
    definition_arn,
    instrumented,
    plain,
    registered,
    task,
    wrapped,
)
from sysdig_instrument.coverage.assess import (
    Assessment,
    TaskStatus,
    assess_definition,
    assess_task,
    is_in_scope,
    out_of_scope,
)
from sysdig_instrument.coverage.model import ContainerOverride, RegisteredTaskDefinition, RunningContainer, Service
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.other_workloads import JOB_REASON
from sysdig_instrument.engine.platforms import is_platform_too_old
from sysdig_instrument.engine.settings.layers import Layer, merge_layers


def assessed(described: RegisteredTaskDefinition | dict[str, Any], **settings: Json) -> Assessment:
    shown = described if isinstance(described, RegisteredTaskDefinition) else definition(described)
    return assess_definition(shown, merge_layers(Layer("--set", settings))).assessment


NOT_WRAPPED = 'Container "web" is not started by the wrapper'


@pytest.mark.parametrize(
    ("described", "reasons"),
    [
        (registered(plain(entryPoint=["run"])), None),
        (instrumented(plain(entryPoint=["run"]) | {"volumesFrom": wrapped()["volumesFrom"]}), None),
        (registered(wrapped(), agent()), ["The task's PidMode is not task"]),
        (registered(wrapped(), pidMode="task"), ["The agent's container is missing"]),
        (instrumented(plain()), [NOT_WRAPPED]),
        (instrumented(wrapped(), plain("worker")), ['Container "worker" is not started by the wrapper']),
        (instrumented(wrapped(entryPoint=[])), [NOT_WRAPPED]),
        (instrumented(wrapped(entryPoint=["run"])), [NOT_WRAPPED]),
        (instrumented(wrapped(volumesFrom=[])), ['Container "web" does not have the volume with the wrapper']),
        (
            instrumented(wrapped(volumesFrom=[{"sourceContainer": AGENT}])),
            ['Container "web" can write to the volume with the wrapper'],
        ),
        (
            instrumented(wrapped(linuxParameters={"capabilities": {"add": [], "drop": ["ALL"]}})),
            ['Container "web" does not have the capability SYS_PTRACE'],
        ),
        (
            registered(wrapped(), plain(AGENT), pidMode="task"),
            ['The name "SysdigInstrumentation" is reserved for the agent', "The agent's container is missing"],
        ),
        (
            registered(wrapped(), agent(secrets=[]), pidMode="task"),
            ["The agent's container does not get the access key as the secret SYSDIG_ACCESS_KEY"],
        ),
    ],
    ids=[
        "nothing-of-the-agent",
        "agent-without-wrapper",
        "no-pid-mode",
        "no-agent",
        "not-wrapped",
        "one-container-not-wrapped",
        "empty-entry-point",
        "entry-point-without-wrapper",
        "no-volume",
        "volume-without-read-only",
        "no-capability",
        "name-of-agent-taken",
        "no-access-key",
    ],
)
def test_unprotected(described: dict[str, Any], reasons: list[str] | None) -> None:
    assessment = assessed(described)
    assert assessment.status is TaskStatus.UNPROTECTED
    if reasons is None:
        assert NOT_WRAPPED in assessment.reasons
        assert len(set(assessment.reasons)) == len(assessment.reasons) > 1
    else:
        assert list(assessment.reasons) == reasons


@pytest.mark.parametrize(
    "described",
    [
        instrumented(),
        instrumented(wrapped(), wrapped("worker")),
        # As Sysdig's own tools write it: the agent first, the wrapper in EntryPoint, and the program in Command.
        registered(agent(), wrapped(entryPoint=[WRAPPER], command=["run"]), pidMode="task"),
        instrumented(wrapped(linuxParameters={"capabilities": {"add": ["SYS_PTRACE"], "drop": ["ALL"]}})),
        # The launch type is that of the task, not of its definition.
        instrumented(requiresCompatibilities=["EC2"]),
        instrumented(runtimePlatform={"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}),
    ],
    ids=[
        "one-container",
        "two-containers",
        "wrapper-in-entry-point-only",
        "further-drop",
        "definition-for-ec2",
        "arm64",
    ],
)  # fmt: skip
def test_protected(described: dict[str, Any]) -> None:
    assessment = assessed(described, UnsupportedArchitecture="fail")
    assert (assessment.status, assessment.reasons, assessment.remarks) == (TaskStatus.PROTECTED, (), ())
    assert assessment.agent_image == IMAGE


def test_an_opt_out_without_a_required_reason_is_unprotected() -> None:
    assessment = assessed(definition(registered(plain()), sysdig_instrument="false"), RequireReason=True)
    assert assessment.status is TaskStatus.UNPROTECTED
    assert not assessment.has_no_agent
    assert "It is left alone without a Reason" in assessment.reasons[0]


@pytest.mark.parametrize(
    ("described", "settings", "reason"),
    [
        pytest.param(
            definition(registered(plain()), sysdig_instrument="false"),
            {},
            "Enabled is false in the tags",
            id="tag-sysdig-instrument",
        ),
        pytest.param(
            definition(registered(plain()), kilt_ignore="yes"), {}, "Enabled is false in the tags", id="tag-kilt-ignore"
        ),
        pytest.param(
            definition(registered(plain()), kilt_ignore_containers="web"),
            {},
            'Container "web": ExcludeContainers in the tags',
            id="tag-kilt-ignore-containers",
        ),
        pytest.param(
            definition(registered(plain()), sysdig_instrument_exclude="web", sysdig_instrument_reason="SEC-1"),
            {"RequireReason": True},
            'Container "web": ExcludeContainers in the tags (Reason: SEC-1)',
            id="tag-sysdig-instrument-exclude",
        ),
        pytest.param(
            definition(registered(plain())),
            {"ExcludeContainers": "w*"},
            'Container "web": ExcludeContainers in the macro\'s deployment',
            id="ExcludeContainers",
        ),
        pytest.param(
            definition(registered(plain("log", firelensConfiguration={"type": "fluentbit"}))),
            {},
            'Container "log": a FireLens log router (InstrumentLogRouters is false)',
            id="log-router",
        ),
        pytest.param(
            definition(registered(plain())),
            {"Mode": "opt-in"},
            'Container "web": Mode is opt-in in the macro\'s deployment, and nothing sets Enabled',
            id="opt-in",
        ),
    ],
    ids=[
        "tag",
        "Kilt's tag",
        "Kilt's tag for a container",
        "tag for a container",
        "settings",
        "log router",
        "opt-in",
    ],
)
def test_excluded(described: RegisteredTaskDefinition, settings: dict[str, Json], reason: str) -> None:
    assessment = assessed(described, **settings)
    assert (assessment.status, assessment.reasons) == (TaskStatus.EXCLUDED, (reason,))


def test_excluded_containers_are_listed() -> None:
    described = instrumented(wrapped(), plain("log", firelensConfiguration={"type": "fluentbit"}), plain("proxy"))
    assessment = assessed(described, ExcludeContainers="proxy")
    assert assessment.status is TaskStatus.PROTECTED
    assert [(each.container, each.layer) for each in assessment.left_alone] == [
        ("log", ""),
        ("proxy", "the macro's deployment"),
    ]
    assert assessed(described).reasons == ('Container "proxy" is not started by the wrapper',)


def test_a_container_without_entry_point_is_not_wrapped() -> None:
    """Images are not looked up, and the macro writes the wrapper of an image into EntryPoint."""
    described = instrumented(wrapped(entryPoint=[]))
    configs: Json = {"shop/web:1": {"Entrypoint": [WRAPPER, "run"]}}
    assert assessed(described).status is TaskStatus.UNPROTECTED
    assert assessed(described, ImageConfigs=configs).status is TaskStatus.UNPROTECTED
    by_command = instrumented(wrapped(entryPoint=[], command=[WRAPPER, "run"]))
    assert assessed(by_command).status is TaskStatus.UNPROTECTED
    assert assessed(by_command, ImageConfigs={"shop/web:1": {"Cmd": ["x"]}}).status is TaskStatus.UNPROTECTED


def test_a_wrapper_in_a_shell_is_not_protected() -> None:
    assert assessed(instrumented(wrapped(entryPoint=["sh", "-c", f"{WRAPPER} run"]))).status is TaskStatus.UNPROTECTED


@pytest.mark.parametrize("on_unresolved_image", ["fail", "skip"])
def test_skipping_unreadable_images_does_not_exclude(on_unresolved_image: str) -> None:
    assert assessed(registered(plain()), OnUnresolvedImage=on_unresolved_image).status is TaskStatus.UNPROTECTED


def test_opt_in_by_metadata() -> None:
    """ECS does not show Metadata; a wrapped container shows that its template opted in."""
    both = instrumented(wrapped(), plain("worker"))
    assessment = assessed(both, Mode="opt-in")
    assert assessment.status is TaskStatus.PROTECTED
    assert [each.container for each in assessment.left_alone] == ["worker"]
    half = registered(wrapped(), plain("worker"), pidMode="task")
    assert assessed(half, Mode="opt-in").reasons == ("The agent's container is missing",)
    # The tag includes all containers.
    assert assessed(definition(both, sysdig_instrument="true"), Mode="opt-in").status is TaskStatus.UNPROTECTED
    assert assessed(definition(both, sysdig_instrument="false"), Mode="opt-in").status is TaskStatus.EXCLUDED


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"environmentFiles": [{"type": "s3", "value": "arn"}]}, id="key-from-environment-file"),
        pytest.param({"entryPoint": ["sh", "-c", "get-key"]}, id="key-from-entry-point"),
        pytest.param({"environment": [{"name": "SYSDIG_ORCHESTRATOR", "value": "h"}]}, id="key-from-orchestrator"),
    ],
)
def test_only_a_secret_is_certain_to_give_the_key(members: dict[str, Any]) -> None:
    """Another way may give the agent its key, but may also make it run something else."""
    described = registered(wrapped(), agent(secrets=[], **members), pidMode="task")
    assert assessed(described, UnsupportedArchitecture="fail").status is TaskStatus.UNPROTECTED


def test_an_agent_that_differs_from_the_settings() -> None:
    assessment = assessed(instrumented(), AgentImage="quay.io/sysdig/workload-agent:7", Collector="eu1")
    assert assessment.status is TaskStatus.PROTECTED
    assert assessment.remarks == (
        "The agent's image differs from AgentImage in the settings",
        "The agent's collector differs from Collector in the settings",
    )
    assert assessed(instrumented(), AgentImage=IMAGE, Collector="us2").remarks == ()


def test_a_plaintext_access_key_is_remarked_on() -> None:
    key = {"name": "SYSDIG_ACCESS_KEY", "value": "0123"}
    assessment = assessed(instrumented(wrapped(environment=[*wrapped()["environment"], key])))
    assert assessment.status is TaskStatus.PROTECTED
    assert assessment.remarks == ('The access key is in plain text in the environment of container "web"',)


@pytest.mark.parametrize("status", ["INACTIVE", "DELETE_IN_PROGRESS"])
def test_a_deregistered_task_definition_is_assessed(status: str) -> None:
    assessment = assessed(definition(instrumented(), status=status))
    assert (assessment.status, assessment.remarks) == (TaskStatus.PROTECTED, ("Its task definition was deregistered",))


def test_a_task_definition_without_containers_is_unknown() -> None:
    assert assessed(RegisteredTaskDefinition({"taskDefinition": {"family": "web"}})).status is TaskStatus.UNKNOWN


def test_a_windows_task_cannot_be_protected_and_is_let_through() -> None:
    windows = registered(plain(), runtimePlatform={"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"})
    assessment = assessed(windows)
    assert (assessment.status, assessment.codes) == (TaskStatus.CANNOT_BE_PROTECTED, (Code.WINDOWS,))
    assert (assessment.is_expected, assessment.is_covered) == (False, False)
    # An opt-out decides before what the task runs on.
    assert assessed(definition(windows, sysdig_instrument="false")).status is TaskStatus.EXCLUDED


def test_an_ec2_task_with_launch_types_all() -> None:
    """Neither the task nor the agent's settings have memory, which only a deployment would need."""
    described = instrumented(requiresCompatibilities=["EC2"], networkMode="bridge", memory=None, cpu=None)
    assert assessed(described, LaunchTypes="ALL").status is TaskStatus.PROTECTED
    assert assessed({**described, "pidMode": "host"}, LaunchTypes="ALL").status is TaskStatus.CANNOT_BE_PROTECTED


@pytest.mark.parametrize(
    "locked",
    [
        pytest.param("*", id="all"),
        pytest.param("*,!AgentCpu", id="all-but-one"),
        pytest.param("Collector,AccessKeySecret,LaunchTypes,UnsupportedArchitecture", id="those-that-are-assumed"),
    ],
)
def test_a_lock_does_not_hold_what_is_assumed(locked: str) -> None:
    """The agent has some collector and some key, and the settings say nothing of either."""
    assert assessed(instrumented(), LockedSettings=locked, AgentImage=IMAGE).status is TaskStatus.PROTECTED


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"LockedSettings": "*", "Collector": "eu1"}, id="collector"),
        pytest.param(
            {"LockedSettings": "*", "AccessKeySecret": "arn:aws:ssm:eu-west-1:111122223333:parameter/x"}, id="key"
        ),
        pytest.param({"LockedSettings": "*", "AgentMemoryReservation": 128}, id="reservation"),
    ],
)
def test_a_lock_holds_what_the_settings_say(settings: dict[str, Json]) -> None:
    assert assessed(instrumented(), AgentImage=IMAGE, **settings).codes == (Code.AGENT_NOT_AS_LOCKED,)


def test_a_lock_holds_that_nothing_is_reserved() -> None:
    described = registered(wrapped(), agent(memoryReservation=256), pidMode="task")
    assert assessed(described).status is TaskStatus.PROTECTED
    assert assessed(described, LockedSettings="AgentMemoryReservation").codes == (Code.AGENT_NOT_AS_LOCKED,)


@pytest.mark.parametrize(
    ("launch_type", "by_default"),
    [("FARGATE", True), ("", True), ("EC2", False), ("EXTERNAL", False), ("MANAGED_INSTANCES", False)],
)
def test_launch_types(launch_type: str, by_default: bool) -> None:  # noqa: FBT001 - a row of the table
    assert is_in_scope(launch_type, merge_layers()) is by_default
    assert is_in_scope(launch_type, merge_layers(Layer("--set", {"LaunchTypes": "ALL"})))


def test_tasks_for_managed_instances_cannot_be_protected() -> None:
    """No host agent covers them."""
    settings = merge_layers(Layer("--set", {"LaunchTypes": "FARGATE_COMPATIBLE"}))
    assert out_of_scope("MANAGED_INSTANCES", settings).codes == (Code.MANAGED_INSTANCES,)
    assessment = out_of_scope("EC2", settings)
    assert (assessment.codes, assessment.reasons) == (
        (Code.NOT_FARGATE,),
        ("Launch type EC2 (LaunchTypes is FARGATE_COMPATIBLE)",),
    )


def test_an_invalid_tag_counts_as_unprotected() -> None:
    assessment = assessed(definition(registered(plain()), sysdig_instrument="maybe"))
    assert assessment.status is TaskStatus.UNPROTECTED
    assert 'Tag "sysdig-instrument" has an invalid value' in assessment.reasons
    assert not assessment.has_no_agent


# --- one task of it ---------------------------------------------------------------------------------------------


def assessed_task(described: dict[str, Any], service: Service | None = None, **members: Any) -> Assessment:
    no_entrypoint = Layer("the settings", {"ImageConfigs": {"shop/web:1": {"Cmd": ["x"]}}})
    return assess_task(task(**members), assess_definition(definition(described), merge_layers(no_entrypoint)), service)


@pytest.mark.parametrize(
    ("agents", "task_status", "status", "sentences"),
    [
        (RunningContainer(AGENT, "RUNNING", "sha256:0"), "RUNNING", TaskStatus.PROTECTED, ()),
        (RunningContainer(AGENT, "STOPPED"), "RUNNING", TaskStatus.UNPROTECTED, ("The agent's container has stopped",)),
        (
            RunningContainer(AGENT, "STOPPED", None, "exit code 1"),
            "RUNNING",
            TaskStatus.UNPROTECTED,
            ("The agent's container has stopped (exit code 1)",),
        ),
        (RunningContainer(AGENT, "PENDING"), "RUNNING", TaskStatus.PROTECTED, ("The agent's container is PENDING",)),
        (RunningContainer(AGENT, "PENDING"), "PENDING", TaskStatus.PROTECTED, ()),
        (RunningContainer("web", "STOPPED"), "RUNNING", TaskStatus.PROTECTED, ()),
    ],
)
def test_the_agents_container(
    agents: RunningContainer, task_status: str, status: TaskStatus, sentences: tuple[str, ...]
) -> None:
    assessment = assessed_task(instrumented(), containers=(agents,), last_status=task_status)
    assert (assessment.status, (*assessment.reasons, *assessment.remarks)) == (status, sentences)


@pytest.mark.parametrize(
    ("described", "overrides", "status", "sentences"),
    [
        (instrumented(), {"web": ContainerOverride(("migrate",))}, TaskStatus.PROTECTED, ()),
        (instrumented(), {"web": ContainerOverride(variable_names=("DEBUG",))}, TaskStatus.PROTECTED, ()),
        (
            instrumented(),
            {"web": ContainerOverride(variable_names=("SYSDIG_LOGGING",))},
            TaskStatus.PROTECTED,
            ('SYSDIG_LOGGING of container "web" was overridden when the task was started',),
        ),
        # ECS may have started the wrapper with SYSDIG_SIDECAR off; coverage sees only the name.
        (
            instrumented(),
            {"web": ContainerOverride(variable_names=("SYSDIG_SIDECAR",))},
            TaskStatus.UNPROTECTED,
            ('SYSDIG_SIDECAR of container "web" was overridden when the task was started',),
        ),
        (
            instrumented(),
            {AGENT: ContainerOverride(("sleep", "inf"))},
            TaskStatus.UNPROTECTED,
            ("The agent's command was overridden when the task was started",),
        ),
    ],
)
def test_overrides(
    described: dict[str, Any], overrides: dict[str, ContainerOverride], status: TaskStatus, sentences: tuple[str, ...]
) -> None:
    assessment = assessed_task(described, overrides=overrides)
    assert (assessment.status, (*assessment.reasons, *assessment.remarks)) == (status, sentences)


@pytest.mark.parametrize(
    ("version", "old"),
    [
        ("1.3.0", True),
        ("1.0.0", True),
        ("1.4.0", False),
        ("1.10.0", False),
        ("2.0.0", False),
        ("LATEST", False),
        ("", False),
    ],
)
def test_platform_versions(version: str, old: bool) -> None:  # noqa: FBT001 - a row of the table
    assert is_platform_too_old(version) is old
    remarks = assessed_task(registered(plain()), platform_version=version).remarks
    assert any("does not support the agent" in remark for remark in remarks) is old


@pytest.mark.parametrize(
    ("service", "remarks"),
    [
        (None, ()),
        (Service(definition_arn("web:1"), is_deploying=True), ()),
        (Service(definition_arn("web:2"), is_deploying=True), ("The service is deploying web:2",)),
        (Service(definition_arn("web:2")), ("The service already uses web:2",)),
        (Service(""), ()),  # its deployments are another tool's
    ],
)
def test_a_service_that_is_being_deployed(service: Service | None, remarks: tuple[str, ...]) -> None:
    assert assessed_task(registered(plain()), service).remarks == remarks


def test_an_excluded_task_stays_excluded_whatever_runs() -> None:
    stopped = (RunningContainer(AGENT, "STOPPED"),)
    standing = assess_definition(definition(instrumented(), sysdig_instrument="false"), merge_layers())
    assert assess_task(task(containers=stopped), standing, None).status is TaskStatus.EXCLUDED


@pytest.mark.parametrize(
    ("described", "cluster", "codes"),
    [
        (registered(plain()), "AWSBatch-jobs-0f1e2d3c", (Code.BATCH_JOB,)),
        (registered(plain()), "shop-AWSBatch-jobs", None),
        # Somebody has put a part of the agent into it, so its own reasons say more.
        (registered(wrapped()), "AWSBatch-jobs-0f1e2d3c", None),
    ],
)
def test_a_task_of_aws_batch_cannot_be_protected_for_the_reason_that_the_macro_names(
    described: dict[str, Any], cluster: str, codes: tuple[Code, ...] | None
) -> None:
    assessment = assessed_task(described, cluster=cluster_arn(cluster))
    assert assessment.status is (TaskStatus.CANNOT_BE_PROTECTED if codes else TaskStatus.UNPROTECTED)
    assert assessment.is_expected  # anybody may give a cluster this name
    assert assessment.codes == codes if codes else Code.BATCH_JOB not in assessment.codes
    assert (assessment.reasons == (JOB_REASON.fact, JOB_REASON.advice)) is (codes is not None)


def test_the_name_of_a_cluster_protects_and_excludes_nothing() -> None:
    cluster = cluster_arn("AWSBatch-jobs")
    assert assessed_task(instrumented(), cluster=cluster).status is TaskStatus.PROTECTED

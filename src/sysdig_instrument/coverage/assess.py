"""Assess running tasks: first the task definition, by the engine's plan for it, then the task as ECS runs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Final

from sysdig_instrument.coverage.model import (
    AgentLog,
    ContainerOverride,
    RegisteredTaskDefinition,
    RunningContainer,
    Service,
    Task,
    short_name,
)
from sysdig_instrument.ecs_documents import to_properties
from sysdig_instrument.engine.agent import (
    ACCESS_KEY_VARIABLE,
    AGENT_NAME,
    REPLACED_WRAPPER_VARIABLE,
    SIDECAR_VARIABLE,
)
from sysdig_instrument.engine.codes import Code, Verdict
from sysdig_instrument.engine.findings import Problem, Reason, quote
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.other_workloads import JOB_REASON
from sysdig_instrument.engine.platforms import is_platform_too_old
from sysdig_instrument.engine.protection import LeftAlone, protection
from sysdig_instrument.engine.settings.layers import DEFAULT, Layer, ResolvedSettings, with_layer
from sysdig_instrument.engine.settings.locks import is_locked, without_locks
from sysdig_instrument.engine.task_plan import Status, TaskPlan
from sysdig_instrument.engine.traces import container_objects, wrapped_containers
from sysdig_instrument.lazy_dataclasses import dataclass, replace
from sysdig_instrument.planning import plan_definition


class TaskStatus(Enum):
    """The protection status of a running task. The order is that of the report: the most urgent first."""

    UNPROTECTED = "unprotected"
    CANNOT_BE_PROTECTED = "cannot be protected"
    AGENT_SILENT = "agent silent"
    UNKNOWN = "unknown"
    PROTECTED = "protected"
    BY_DAEMON = "by a daemon"
    EXCLUDED = "excluded"
    OUT_OF_SCOPE = "out of scope"


FAILING: Final = (
    TaskStatus.UNPROTECTED,
    TaskStatus.CANNOT_BE_PROTECTED,
    TaskStatus.AGENT_SILENT,
    TaskStatus.UNKNOWN,
)
"""The statuses of tasks that should be protected and are not, or may not be. Windows tasks are let through."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """A status and its explanation, in sentences without a full stop.

    ``reasons`` say why the task is not protected. ``remarks`` do not affect the status. ``left_alone`` is the task
    definition, or each of its containers, that should not be instrumented. ``has_no_agent`` is true if the task definition
    has neither the agent nor the wrapper; then a report may say just that instead of listing every reason. ``codes`` are the
    codes of the verdict. ``is_let_through`` is true if the task cannot be protected and the macro lets it through.
    """

    status: TaskStatus
    reasons: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    agent_image: str | None = None
    left_alone: tuple[LeftAlone, ...] = ()
    has_no_agent: bool = False
    codes: tuple[Code, ...] = ()
    is_let_through: bool = False

    @property
    def is_expected(self) -> bool:
        """True if such a task should be protected: it counts in the percentage."""
        return self.status not in (TaskStatus.EXCLUDED, TaskStatus.OUT_OF_SCOPE) and not self.is_let_through

    @property
    def is_left_alone(self) -> bool:
        """True if a setting or a tag leaves the task alone, and not only what it is for."""
        return (
            self.status is TaskStatus.EXCLUDED and bool(self.left_alone) and all(each.layer for each in self.left_alone)
        )

    @property
    def is_covered(self) -> bool:
        """True if an agent protects the task: its own, or that of its host."""
        return self.status in (TaskStatus.PROTECTED, TaskStatus.BY_DAEMON)

    def with_reasons(self, *reasons: Reason) -> Assessment:
        """Return a copy that is unprotected for these further reasons; return self if there are none."""
        if not reasons:
            return self
        codes = dict.fromkeys((*self.codes, *(reason.code for reason in reasons)))
        codes.pop(Code.PROTECTED, None)
        facts = (*self.reasons, *(reason.fact for reason in reasons))
        return replace(self, status=TaskStatus.UNPROTECTED, reasons=facts, codes=tuple(codes))

    def with_remarks(self, *remarks: str) -> Assessment:
        """Return a copy with further remarks."""
        return replace(self, remarks=(*self.remarks, *remarks))


_PROTECTING_VARIABLES: Final = (SIDECAR_VARIABLE, REPLACED_WRAPPER_VARIABLE)
"""The variables of a container that protection depends on. ECS reports the names of overridden variables to ``coverage``."""


def is_in_scope(launch_type: str, resolved: ResolvedSettings) -> bool:
    """Return whether tasks of this launch type should have the agent. If ECS reports none, they should."""
    return resolved.values.launch_types == "ALL" or launch_type in ("FARGATE", "")


def needs_host_agent(launch_type: str, *, require_daemon: bool) -> bool:
    """Return whether a daemon has to cover tasks of this launch type. No other agent can be installed on managed instances."""
    return launch_type == "MANAGED_INSTANCES" or (require_daemon and launch_type not in ("FARGATE", ""))


def out_of_scope(launch_type: str, resolved: ResolvedSettings) -> Assessment:
    """Return the assessment of a task whose launch type is not in scope."""
    reason = f"Launch type {launch_type} (LaunchTypes is {resolved.values.launch_types})"
    code = Code.MANAGED_INSTANCES if launch_type == "MANAGED_INSTANCES" else Code.NOT_FARGATE
    return Assessment(TaskStatus.OUT_OF_SCOPE, (reason,), codes=(code,))


# --- task definitions -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AgentFootprint:
    """The traces of the agent in a task definition, for what a report says beside the verdict."""

    has_no_agent: bool
    agent_image: str | None
    collector: str | None
    containers_with_plaintext_key: tuple[str, ...]

    @classmethod
    def of(cls, task_properties: Json) -> AgentFootprint:
        """Find the traces of the agent in a task definition in CloudFormation's PascalCase."""
        containers = list(container_objects(task_properties))
        agent = next((each for each in containers if each.get("Name") == AGENT_NAME), {})
        image = agent.get("Image")
        return cls(
            has_no_agent=not agent and not wrapped_containers(task_properties),
            agent_image=image if isinstance(image, str) else None,
            collector=_environment(agent).get("SYSDIG_COLLECTOR"),
            containers_with_plaintext_key=tuple(
                str(each.get("Name")) for each in containers if ACCESS_KEY_VARIABLE in _environment(each)
            ),
        )


def _environment(container: Mapping[str, Json]) -> dict[str, str]:
    entries = container.get("Environment")
    variables = {}
    for entry in entries if isinstance(entries, list) else ():
        match entry:
            case {"Name": str(name), "Value": str(value)} if value:
                variables[name] = value
    return variables


@dataclass(frozen=True, slots=True)
class DefinitionAssessment:
    """The assessment that all tasks of a task definition share, and the traces of the agent in it."""

    assessment: Assessment
    footprint: AgentFootprint


def assess_definition(definition: RegisteredTaskDefinition, resolved: ResolvedSettings) -> DefinitionAssessment:
    """Assess a task definition, without regard to any one of its tasks."""
    task_properties = to_properties(dict(definition.response), "described task definition")
    footprint = AgentFootprint.of(task_properties)
    if not any(container_objects(task_properties)):
        return DefinitionAssessment(
            unread_definition(Reason("Its task definition has no containers", code=Code.DEFINITION_UNREAD)), footprint
        )
    plan = plan_definition(task_properties, _settings_for_running_tasks(resolved))
    assessment = _assess_plan(plan, footprint, resolved)
    return DefinitionAssessment(assessment.with_remarks(*_status_remarks(definition)), footprint)


def unread_definition(*reasons: Reason) -> Assessment:
    """Return the assessment of a task whose task definition could not be read, or has no containers."""
    facts = tuple(fact for reason in reasons for fact in (reason.fact, reason.advice) if fact)
    return Assessment(TaskStatus.UNKNOWN, facts, codes=(Code.DEFINITION_UNREAD,))


_ANY_SECRET: Final = "arn:aws:secretsmanager:us-east-1:000000000000:secret:any-AbCdEf"  # noqa: S105 - the ARN of no secret
"""Where the settings name no secret, the agent must have one, whichever it is."""


def _settings_for_running_tasks(resolved: ResolvedSettings) -> ResolvedSettings:
    """Return the settings for running tasks.

    Their launch type is known, and requirements of a deployment do not apply: settings that it needs have any valid value
    if they are not given. The agent's key must come from a secret, whichever it is. A lock holds what a deployment sets, so it
    does not hold these values. If no reservation is what is locked, none is assumed. The task has the size that it has: it is
    not refused because the agent would reserve more.
    """
    values: dict[str, Json] = {"LaunchTypes": "ALL", "UnsupportedArchitecture": "warn", "TaskSize": "raise"}
    if resolved.values.collector is None:
        values["Collector"] = "collector.invalid"
    if resolved.values.access_key_secret is None:
        values["AccessKeySecret"] = _ANY_SECRET
    has_memory = resolved.values.agent_memory is not None or resolved.values.agent_memory_reservation is not None
    if not has_memory and not is_locked("AgentMemoryReservation", resolved.values):
        values["AgentMemoryReservation"] = "256"
    unlocked = replace(resolved.values, locked_settings=without_locks(values, resolved.values))
    return with_layer(replace(resolved, values=unlocked), Layer("the running task", values))[0]


def _assess_plan(plan: TaskPlan, footprint: AgentFootprint, resolved: ResolvedSettings) -> Assessment:
    verdict = protection(plan)
    status = _STATUS_OF[verdict.verdict]
    if verdict.passes and status is TaskStatus.CANNOT_BE_PROTECTED:
        facts = tuple(_capitalized(reason.fact) for reason in verdict.reasons)
        return Assessment(status, facts, codes=verdict.codes, is_let_through=True)
    if verdict.passes and status is not TaskStatus.PROTECTED:
        facts = tuple(_capitalized(reason.fact) for reason in verdict.reasons)
        return Assessment(TaskStatus.EXCLUDED, facts, left_alone=verdict.left_alone, codes=verdict.codes)
    assessment = Assessment(
        status,
        tuple(reason.fact for reason in verdict.reasons),
        left_alone=verdict.left_alone,
        has_no_agent=footprint.has_no_agent and not verdict.passes and not _has_invalid_tags(plan),
        codes=verdict.codes,
    )
    if not any(outcome.status is Status.AGENT for outcome in plan.containers):
        return assessment
    return replace(assessment, agent_image=footprint.agent_image).with_remarks(*_settings_remarks(footprint, resolved))


_STATUS_OF: Final = {
    Verdict.PROTECTED: TaskStatus.PROTECTED,
    Verdict.NOT_PROTECTED: TaskStatus.UNPROTECTED,
    Verdict.CANNOT_BE_PROTECTED: TaskStatus.CANNOT_BE_PROTECTED,
    Verdict.UNKNOWN: TaskStatus.UNKNOWN,
    Verdict.LEFT_ALONE: TaskStatus.EXCLUDED,
}
"""The status of a task whose task definition has this verdict, and does not pass."""


def _has_invalid_tags(plan: TaskPlan) -> bool:
    """Return whether a tag has a value that the macro would refuse: it may have been meant to exclude the task."""
    return any(isinstance(finding, Problem) and "Tags" in finding.location.pointer for finding in plan.findings)


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def _settings_remarks(footprint: AgentFootprint, resolved: ResolvedSettings) -> Iterator[str]:
    """Yield a remark for each way in which the agent differs from explicit settings."""
    settings = resolved.values
    if resolved.layer("AgentImage") is not DEFAULT and footprint.agent_image != settings.agent_image:
        yield "The agent's image differs from AgentImage in the settings"
    if settings.collector_host and footprint.collector != settings.collector_host:
        yield "The agent's collector differs from Collector in the settings"
    for name in footprint.containers_with_plaintext_key:
        yield f'The access key is in plain text in the environment of container "{name}"'


def _status_remarks(definition: RegisteredTaskDefinition) -> Iterator[str]:
    if definition.status != "ACTIVE":
        yield "Its task definition was deregistered"


# --- tasks ------------------------------------------------------------------------------------------------------------


def assess_task(task: Task, definition_assessment: DefinitionAssessment, service: Service | None) -> Assessment:
    """Assess one task, given the assessment of its task definition."""
    assessment = definition_assessment.assessment
    if assessment.status is TaskStatus.UNPROTECTED and assessment.has_no_agent and _is_of_batch(task):
        status = TaskStatus.CANNOT_BE_PROTECTED
        assessment = replace(
            assessment, status=status, reasons=_BATCH_FACTS, codes=(Code.BATCH_JOB,), has_no_agent=False
        )
    elif assessment.status in (TaskStatus.PROTECTED, TaskStatus.UNPROTECTED):
        assessment = assessment.with_reasons(*_task_reasons(task)).with_remarks(*_task_remarks(task))
    return assessment.with_remarks(*_service_remarks(task, service))


_BATCH_CLUSTER: Final = "AWSBatch-"
_BATCH_FACTS: Final = (JOB_REASON.fact, JOB_REASON.advice)


def _is_of_batch(task: Task) -> bool:
    """Return whether a task runs in a cluster that has the name of AWS Batch's own.

    Anybody may give a cluster such a name, so this only says why a task is not protected, and never that it need not be.
    """
    return short_name(task.cluster).startswith(_BATCH_CLUSTER)


def _task_reasons(task: Task) -> Iterator[Reason]:
    """Yield the reasons why this task is unprotected although its task definition is not."""
    agent = next((each for each in task.containers if each.name == AGENT_NAME), None)
    if agent and agent.last_status == "STOPPED":
        yield Reason(f"The agent's container has stopped{_stop_suffix(agent)}", code=Code.AGENT_STOPPED)
    for name, override in task.overrides.items():
        for fact in _override_facts(name, override):
            yield Reason(fact, code=Code.WRAPPER_OVERRIDDEN)


def _override_facts(name: str, override: ContainerOverride) -> Iterator[str]:
    """Yield what an override at the start of the task takes away. ECS cannot override EntryPoint."""
    if override.command and name == AGENT_NAME:
        yield "The agent's command was overridden when the task was started"
    for variable in override.variable_names:
        if variable in _PROTECTING_VARIABLES:
            yield f"{variable} of container {quote(name)} was overridden when the task was started"


def _stop_suffix(container: RunningContainer) -> str:
    return f" ({container.stop_reason})" if container.stop_reason else ""


def _task_remarks(task: Task) -> Iterator[str]:
    agent = next((each for each in task.containers if each.name == AGENT_NAME), None)
    if agent and task.last_status == "RUNNING" and agent.last_status not in ("RUNNING", "STOPPED"):
        yield f"The agent's container is {agent.last_status}"
    if is_platform_too_old(task.platform_version):
        yield f"Platform version {task.platform_version} does not support the agent; use 1.4.0 or later"
    for name, variable in _overridden_agent_variables(task.overrides):
        yield f'{quote(variable)[1:-1]} of container "{name}" was overridden when the task was started'


def _overridden_agent_variables(overrides: Mapping[str, ContainerOverride]) -> Iterator[tuple[str, str]]:
    for name, override in overrides.items():
        for variable in override.variable_names:
            if variable.startswith("SYSDIG_") and variable not in _PROTECTING_VARIABLES:
                yield name, variable


def with_agent_log(assessment: Assessment, log: AgentLog | Reason | None, minutes: int) -> Assessment:
    """Return the assessment of a protected task, given what the log of its agent shows."""
    if assessment.status is not TaskStatus.PROTECTED or log in (None, AgentLog.ACTIVE):
        return assessment
    if isinstance(log, Reason):
        facts = tuple(filter(None, (log.fact, log.advice)))
        return replace(assessment, status=TaskStatus.UNKNOWN, reasons=facts, codes=(log.code,))
    fact = f"The log of its agent has no line of the last {minutes} minutes"
    return replace(assessment, status=TaskStatus.AGENT_SILENT, reasons=(fact,), codes=(Code.AGENT_SILENT,))


def _service_remarks(task: Task, service: Service | None) -> Iterator[str]:
    if service and service.task_definition and service.task_definition != task.task_definition:
        current = short_name(service.task_definition)
        verb = "is deploying" if service.is_deploying else "already uses"
        yield f"The service {verb} {current}"

"""Assess running tasks: first the task definition, by the engine's plan for it, then the task as ECS runs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Final

from sysdig_instrument.coverage.model import (
    ContainerOverride,
    RegisteredTaskDefinition,
    RunningContainer,
    Service,
    Task,
    short_name,
)
from sysdig_instrument.documents.ecs import to_properties
from sysdig_instrument.engine.agent import ACCESS_KEY_VARIABLE, AGENT_NAME, WRAPPER
from sysdig_instrument.engine.findings import Problem, quote
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.platforms import is_platform_too_old
from sysdig_instrument.engine.protection import LeftAlone, Protected, Unprotected, protection
from sysdig_instrument.engine.settings.layers import DEFAULT, Layer, ResolvedSettings, with_layer
from sysdig_instrument.engine.settings.table import SettingScope
from sysdig_instrument.engine.task_plan import Outcome, Status, TaskPlan
from sysdig_instrument.lazy_dataclasses import dataclass, replace
from sysdig_instrument.planning import look_up_nothing, plan_with_lookups


class TaskStatus(Enum):
    """The protection status of a running task. The order is that of the report: the most urgent first."""

    UNPROTECTED = "unprotected"
    UNKNOWN = "unknown"
    PROTECTED = "protected"
    EXCLUDED = "excluded"
    OUT_OF_SCOPE = "out of scope"


@dataclass(frozen=True, slots=True)
class Assessment:
    """A status and its explanation, in sentences without a full stop.

    ``reasons`` say why the task is not protected. ``remarks`` do not affect the status. ``excluded_containers`` are the
    containers that should not be instrumented, each with the reason. ``has_no_agent`` is true if the task definition
    has neither the agent nor the wrapper; then a report may say just that instead of listing every reason.
    """

    status: TaskStatus
    reasons: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    agent_image: str | None = None
    excluded_containers: tuple[tuple[str, str], ...] = ()
    has_no_agent: bool = False

    def with_reasons(self, *reasons: str) -> Assessment:
        """Return a copy that is unprotected for these further reasons; return self if there are none."""
        return replace(self, status=TaskStatus.UNPROTECTED, reasons=(*self.reasons, *reasons)) if reasons else self

    def with_remarks(self, *remarks: str) -> Assessment:
        """Return a copy with further remarks."""
        return replace(self, remarks=(*self.remarks, *remarks))


def is_in_scope(launch_type: str, resolved: ResolvedSettings) -> bool:
    """Return whether tasks of this launch type should have the agent. If ECS reports none, they should."""
    return resolved.values.launch_types == "ALL" or launch_type in ("FARGATE", "")


# --- traces of the agent ----------------------------------------------------------------------------------------------

_OTHER_KEY_SOURCES: Final = ("EntryPoint", "Command", "EnvironmentFiles")
"""Members of the agent's container that may give it an access key that the task definition does not show."""


@dataclass(frozen=True, slots=True)
class AgentFootprint:
    """The traces of the agent in a task definition.

    ``has_access_key`` is false only if the agent cannot get a key in any known way: neither by its own variables and
    secrets, nor from an orchestrator (agents before 6), nor from a workload's variables (agents before 5).
    """

    has_no_agent: bool
    agent_image: str | None
    collector: str | None
    has_access_key: bool
    containers_with_plaintext_key: tuple[str, ...]
    wrapped_containers: tuple[str, ...]
    containers_wrapped_by_command: frozenset[str]

    @classmethod
    def of(cls, task_properties: Json) -> AgentFootprint:
        """Find the traces of the agent in a task definition in CloudFormation's PascalCase."""
        containers = list(_containers(task_properties))
        agent = next((each for each in containers if each.get("Name") == AGENT_NAME), {})
        with_plaintext_key = tuple(
            str(each.get("Name")) for each in containers if ACCESS_KEY_VARIABLE in _environment(each)
        )
        wrapped = [each for each in containers if _mentions_wrapper(each, "EntryPoint", "Command")]
        image = agent.get("Image")
        return cls(
            has_no_agent=not agent and not wrapped,
            agent_image=image if isinstance(image, str) else None,
            collector=_environment(agent).get("SYSDIG_COLLECTOR"),
            has_access_key=bool(with_plaintext_key) or _may_have_access_key(agent),
            containers_with_plaintext_key=with_plaintext_key,
            wrapped_containers=tuple(str(each.get("Name")) for each in wrapped),
            containers_wrapped_by_command=frozenset(
                str(each.get("Name")) for each in wrapped if not _mentions_wrapper(each, "EntryPoint")
            ),
        )


def _containers(task_properties: Json) -> Iterator[Mapping[str, Json]]:
    definitions = task_properties.get("ContainerDefinitions") if isinstance(task_properties, dict) else None
    for each in definitions if isinstance(definitions, list) else ():
        if isinstance(each, dict):
            yield each


def _may_have_access_key(agent: Mapping[str, Json]) -> bool:
    names = {name for key in ("Environment", "Secrets") for name, _ in _named_entries(agent, key)}
    return bool(names & {ACCESS_KEY_VARIABLE, "SYSDIG_ORCHESTRATOR"}) or any(
        agent.get(key) for key in _OTHER_KEY_SOURCES
    )


def _environment(container: Mapping[str, Json]) -> dict[str, str]:
    return {name: value for name, value in _named_entries(container, "Environment") if value}


def _named_entries(container: Mapping[str, Json], key: str) -> Iterator[tuple[str, str]]:
    entries = container.get(key)
    for entry in entries if isinstance(entries, list) else ():
        name = entry.get("Name") if isinstance(entry, dict) else None
        value = entry.get("Value") if isinstance(entry, dict) else None
        if isinstance(name, str):
            yield name, value if isinstance(value, str) else ""


def _mentions_wrapper(container: Mapping[str, Json], *keys: str) -> bool:
    arguments = [argument for key in keys for argument in _as_list(container.get(key))]
    return any(isinstance(argument, str) and WRAPPER in argument for argument in arguments)


def _as_list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


# --- task definitions -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DefinitionAssessment:
    """The assessment that all tasks of a task definition share, and the traces of the agent in it."""

    assessment: Assessment
    footprint: AgentFootprint


def assess_definition(definition: RegisteredTaskDefinition, resolved: ResolvedSettings) -> DefinitionAssessment:
    """Assess a task definition, without regard to any one of its tasks."""
    task_properties = to_properties(dict(definition.response), "described task definition")
    footprint = AgentFootprint.of(task_properties)
    plan = _plan(task_properties, _settings_for_running_tasks(resolved))
    if plan is None:
        return DefinitionAssessment(
            Assessment(TaskStatus.UNKNOWN, ("Its task definition has no containers",)), footprint
        )
    if resolved.values.mode == "opt-in" and isinstance(protection(plan), LeftAlone):
        plan = _plan(task_properties, _with_opt_in(_settings_for_running_tasks(resolved), footprint)) or plan
    return DefinitionAssessment(
        _assess_plan(plan, footprint, resolved).with_remarks(*_status_remarks(definition)), footprint
    )


def _plan(task_properties: Json, resolved: ResolvedSettings) -> TaskPlan | None:
    return next(
        iter(plan_with_lookups(task_properties, Context(deployment_settings=resolved), look_up_nothing).tasks), None
    )


def _with_opt_in(resolved: ResolvedSettings, footprint: AgentFootprint) -> ResolvedSettings:
    """Return settings that include the wrapped containers.

    A template may have opted in by its Metadata, which ECS does not show. A wrapped container shows that it did, so
    these containers must be fully protected.
    """
    values: dict[str, Json] = {"IncludeContainers": list(footprint.wrapped_containers)}
    return (
        with_layer(resolved, Layer("the wrapped containers", values, SettingScope.TASK))[0]
        if footprint.wrapped_containers
        else resolved
    )


_ANY_SECRET: Final = "arn:aws:secretsmanager:us-east-1:000000000000:secret:any-AbCdEf"  # noqa: S105 - the ARN of no secret
"""Where the settings name no secret, the agent must have one, whichever it is."""


def _settings_for_running_tasks(resolved: ResolvedSettings) -> ResolvedSettings:
    """Return the settings for running tasks.

    Their launch type is known, and requirements of a deployment do not apply.
    """
    values: dict[str, Json] = {"LaunchTypes": "ALL", "UnsupportedArchitecture": "warn"}
    if resolved.values.collector is None:
        values["Collector"] = "collector.invalid"
    if resolved.values.access_key_secret is None:
        values["AccessKeySecret"] = _ANY_SECRET
    if resolved.values.agent_memory is None and resolved.values.agent_memory_reservation is None:
        values["AgentMemoryReservation"] = "256"
    return with_layer(resolved, Layer("the running task", values))[0]


def _assess_plan(plan: TaskPlan, footprint: AgentFootprint, resolved: ResolvedSettings) -> Assessment:
    excluded = tuple((str(each.name), each.why) for each in plan.containers if _is_excluded(each))
    match protection(plan):
        case LeftAlone(why):
            explanations = (f'Container "{name}": {each}' for name, each in excluded)
            return Assessment(
                TaskStatus.EXCLUDED, tuple(explanations) or (_capitalized(why),), excluded_containers=excluded
            )
        case Unprotected(reasons):
            assessment = Assessment(
                TaskStatus.UNPROTECTED, reasons, has_no_agent=footprint.has_no_agent and not _has_invalid_tags(plan)
            )
        case Protected():
            assessment = Assessment(TaskStatus.PROTECTED)
    assessment = replace(assessment, excluded_containers=excluded)
    if not any(outcome.status is Status.AGENT for outcome in plan.containers):
        return assessment
    assessment = replace(assessment, agent_image=footprint.agent_image).with_remarks(
        *_settings_remarks(footprint, resolved)
    )
    return (
        assessment if footprint.has_access_key else assessment.with_reasons("The agent's container has no access key")
    )


def _is_excluded(outcome: Outcome) -> bool:
    return outcome.status is Status.SKIPPED and not outcome.image_unread


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
    if assessment.status in (TaskStatus.PROTECTED, TaskStatus.UNPROTECTED):
        assessment = assessment.with_reasons(*_task_reasons(task, definition_assessment.footprint)).with_remarks(
            *_task_remarks(task)
        )
    return assessment.with_remarks(*_service_remarks(task, service))


def _task_reasons(task: Task, footprint: AgentFootprint) -> Iterator[str]:
    """Yield the reasons why this task is unprotected although its task definition is not."""
    agent = next((each for each in task.containers if each.name == AGENT_NAME), None)
    if agent and agent.last_status == "STOPPED":
        yield f"The agent's container has stopped{_stop_suffix(agent)}"
    for name, override in task.overrides.items():
        if override.command and not any(WRAPPER in argument for argument in override.command):
            if name == AGENT_NAME:
                yield "The agent's command was overridden when the task was started"
            elif name in footprint.containers_wrapped_by_command:
                yield f'An override at startup removed the wrapper from the command of container "{name}"'


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
            if variable.startswith("SYSDIG_"):
                yield name, variable


def _service_remarks(task: Task, service: Service | None) -> Iterator[str]:
    if service and service.task_definition and service.task_definition != task.task_definition:
        current = short_name(service.task_definition)
        verb = "is deploying" if service.is_deploying else "already uses"
        yield f"The service {verb} {current}"

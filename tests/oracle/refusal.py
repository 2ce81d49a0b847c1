"""The valid reasons for refusing a template. A refusal without one of them is an error of the engine."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import TypeAlias

from oracle.agent_protection import image_complaints, is_trusted
from oracle.comparison import Comparison, without_agents, workloads, workloads_to_instrument
from oracle.dependencies import agent_waits
from oracle.locks import locked_attempts
from oracle.mounts import covers_the_wrapper, mount_complaints
from oracle.obstacles import obstacles
from oracle.opt_outs import lacks_reason, may_lack_reason
from oracle.other_workloads import cannot_carry_the_agent
from oracle.selection import AGENT, WRAPPER, containers_of, is_agent, is_fargate, looks_like_the_agent
from oracle.settings import Settings
from oracle.structure import has_conditions, has_size_expression, structural_reasons
from oracle.task_sizes import (
    RESERVED_BY,
    agent_is_too_large,
    agent_reservation,
    known_reservations,
    number,
    raised_size,
    unknown_reservations,
)
from oracle.template_settings import forbidden_settings
from oracle.values import Json, argv, canonical, is_unknown, items, mapping, text_of
from oracle.workload import misplaces_the_wrapper

Reasons: TypeAlias = "Iterator[tuple[str, bool]]"  # each reason, and whether a refusal is required if it applies
MAX_CONTAINERS = 10


def _other_workload_reasons(comparison: Comparison) -> Reasons:
    if Settings(dict(comparison.settings)).string("OtherWorkloads") == "fail":
        for name, resource in comparison.before.resources.items():
            if name not in comparison.before.inactive and cannot_carry_the_agent(resource):
                yield "workload-without-agent", resource.get("Type") != "AWS::ECS::TaskDefinition"


def find_reasons(comparison: Comparison) -> dict[str, bool]:
    """Return the valid reasons for refusing the input, each with whether a refusal is required."""
    found = dict.fromkeys(_uncertain_conditions(comparison), False)
    found |= dict(_other_workload_reasons(comparison))
    for name in comparison.before.task_definitions():
        for attempt in locked_attempts(
            comparison.settings, comparison.at_run_time.metadata, comparison.before.resources[name]
        ):
            found.setdefault("setting-is-locked", attempt.is_fault and comparison.is_deployed(name))
        if _names_missing_container(comparison, name):
            found.setdefault("settings-for-a-missing-container", False)
        for reason in forbidden_settings(comparison, name):
            found[reason] = comparison.is_deployed(name)
        if _has_nothing_but_agents(comparison, name):
            found.setdefault("workload-with-the-agents-name", False)
        for reason, is_required in _opt_out_reasons(comparison, name):
            found[reason] = found.get(reason, False) or is_required
        source, has_workloads = comparison.expression(name), bool(workloads(comparison, name))
        # Even if conditions leave no workload now, the macro may report what is wrong in the other branches.
        may_have_others = has_conditions(source) or _has_unknown_containers(comparison, name)
        if not comparison.is_selected(name) or not (has_workloads or may_have_others):
            continue
        applies_now = bool(workloads_to_instrument(comparison, name)) and comparison.is_deployed(name)
        for reason, is_required in (*_task_reasons(comparison, name), *_launcher_reasons(comparison, name)):
            found[reason] = found.get(reason, False) or (is_required and applies_now)
        for reason in (*_raised_size_reasons(comparison, name), *structural_reasons(source)):
            found.setdefault(reason, False)
    return found


def _uncertain_conditions(comparison: Comparison) -> Iterator[str]:
    """Yield a reason if the conditions may have other values than it seems: what they compare is not certain."""
    if comparison.certain_conditions != comparison.at_run_time.conditions:
        yield "condition-not-certain"


def _names_missing_container(comparison: Comparison, name: str) -> bool:
    """Return whether settings of this task definition name a container that it does not have."""
    resource = comparison.before.resources[name]
    names = {text_of(mapping(item).get("Name")) for item in containers_of(resource)}
    resource_settings = Settings(mapping(mapping(resource.get("Metadata")).get("SysdigInstrument")))
    patterns = [
        *resource_settings.string_list("ExcludeContainers"),
        *resource_settings.string_list("IncludeContainers"),
    ]
    unmatched = [pattern for pattern in patterns if not any(fnmatchcase(each, pattern) for each in names)]
    return bool(unmatched or set(comparison.settings_of(name).object("Containers")) - names)


def _has_nothing_but_agents(comparison: Comparison, name: str) -> bool:
    """Return whether the agent's name may be that of a workload: no other container is one."""
    containers = [mapping(item) for item in containers_of(comparison.before.resources[name])]
    return any(map(is_agent, containers)) and not workloads(comparison, name)


def _has_unknown_containers(comparison: Comparison, name: str) -> bool:
    """Return whether the list of containers is an expression with an unknown value."""
    containers = mapping(comparison.before.resources[name].get("Properties")).get("ContainerDefinitions")
    return not (containers is None or isinstance(containers, list))


def _task_reasons(comparison: Comparison, name: str) -> Reasons:
    resource, settings = comparison.before.resources[name], comparison.settings_of(name)
    properties = mapping(resource.get("Properties"))
    yield from _image_reasons(comparison, name)
    if properties.get("PidMode") == "host":
        yield "pid-mode-host", True
    platform = mapping(comparison.certain.resources[name].get("Properties")).get("RuntimePlatform")
    if is_unknown(platform) or is_unknown(mapping(platform).get("OperatingSystemFamily")):
        yield "platform-unknown", True
    if settings.collector is None:
        yield "collector-missing", True
    platform = properties.get("RuntimePlatform")
    if settings.values.get("AccessKeySecret") is None:
        yield "access-key-missing", True
    if settings.string("UnsupportedArchitecture") == "fail" and "ARM64" in canonical(platform):
        yield "unsupported-architecture", True
    yield from _execution_role_reasons(properties, settings)
    memory = properties.get("Memory") or settings.integer("AgentMemory") or settings.integer("AgentMemoryReservation")
    if not memory and (settings.string("LaunchTypes") == "ALL" or not is_fargate(properties)):
        yield "agent-without-memory-on-ec2", False
    containers = [mapping(container) for container in containers_of(resource)]
    yield from obstacles(containers)
    if any(any(mount_complaints(container)) for container in containers):
        yield "wrapper-covered", False
    agents = [container for container in containers if is_agent(container)]
    deployment = Settings(dict(comparison.settings))
    yield from _agent_reasons(containers, agents, settings, deployment)
    if any(is_unknown(container.get("FirelensConfiguration")) for container in containers):
        yield "log-router-unknown", False
    if len(containers) - len(agents) + 1 > MAX_CONTAINERS:
        yield "too-many-containers", True
    yield from _name_reasons(containers)
    yield from _agent_setting_reasons(containers, settings)
    yield from _size_reasons(properties, containers, settings)


def _agent_reasons(
    containers: list[dict[str, Json]], agents: list[dict[str, Json]], settings: Settings, deployment: Settings
) -> Reasons:
    waits = list(agent_waits(containers))
    if waits:
        yield "waits-for-the-agent", any(complaint.is_fault for complaint in waits)
    if any(list(image_complaints(agent, settings)) for agent in agents):
        yield "agent-name-taken", False
    looks_like = [looks_like_the_agent(agent, lambda image: is_trusted(image, deployment)) for agent in agents]
    if not all(looks_like):
        yield "agent-name-taken", not any(map(_has_unknown_image, agents)) and not any(looks_like)


def _execution_role_reasons(properties: Mapping[str, Json], settings: Settings) -> Reasons:
    role, default_role = properties.get("ExecutionRoleArn"), settings.string("DefaultExecutionRoleArn")
    # An expression that evaluates to "" cannot get the default role: the macro replaces no expression.
    has_no_role = not role and (default_role is None or role is not None)
    if has_no_role and settings.string("AccessKeySecret") is not None:
        yield "execution-role-missing", default_role is None


def _launcher_reasons(comparison: Comparison, name: str) -> Reasons:
    """Yield a reason if the task is launched on a Fargate platform before 1.4.0, which does not run PidMode `task`."""
    for logical_id, launcher in comparison.before.resources.items():
        is_active = logical_id not in comparison.before.inactive
        if launcher.get("Type") != "AWS::ECS::TaskDefinition" and is_active:
            for key, version in _launcher_members(launcher.get("Properties"), name):
                if key == "PlatformVersion" and re.fullmatch(r"1\.[0-3](\..*)?", text_of(version)):
                    yield "platform-version-too-old", False


def _launcher_members(value: Json, name: str) -> Iterator[tuple[str, Json]]:
    """Yield the members of every object that refers to the task definition."""
    children = value if isinstance(value, list) else list(mapping(value).values())
    if any(name in canonical(mapping(value).get(key)) for key in ("TaskDefinition", "TaskDefinitionArn")):
        yield from mapping(value).items()
    for each in children:
        yield from _launcher_members(each, name)


def _opt_out_reasons(comparison: Comparison, name: str) -> Reasons:
    if Settings(comparison.settings).boolean("RequireReason"):
        if lacks_reason(comparison, name):
            yield "reason-missing", comparison.is_deployed(name)
        elif may_lack_reason(comparison, name):
            yield "reason-missing", False


def _has_unknown_image(container: Mapping[str, Json]) -> bool:
    """Return whether a container of the agent's name may have the agent's image, so that the macro need not refuse it."""
    return is_unknown(container.get("Image")) or "Image" not in container


def _image_reasons(comparison: Comparison, name: str) -> Reasons:
    skips = comparison.settings_of(name).string("OnUnresolvedImage") == "skip"
    for workload in workloads(comparison, name):
        if misplaces_the_wrapper(workload.container, workload.config):
            yield "wrapper-elsewhere", comparison.is_deployed(name) and not workload.is_unresolved
        # It may be a part of an expression, come from the image, or count on a config that the template itself gives.
        source = canonical(comparison.expression(name).get("Properties"))
        config = workload.config
        if "/draios/" in source or (config and "/draios/" in canonical([config.entrypoint, config.cmd])):
            yield "wrapper-may-be-elsewhere", False
        if covers_the_wrapper(workload.container):
            yield "wrapper-covered", True
        if workload.is_unresolved:
            yield "image-unresolved", comparison.is_deployed(name) and not skips
        for key in ("EntryPoint", "Command"):
            value = workload.container.get(key)
            if not (value is None or isinstance(value, list)) or value == [""]:  # a blank CommaDelimitedList
                yield "argv-is-not-a-list-of-strings", False
        if argv(workload.container.get("EntryPoint")) == [WRAPPER]:
            yield "wrapper-with-nothing-to-run", False


def _name_reasons(containers: list[dict[str, Json]]) -> Reasons:
    names = Counter(text_of(container.get("Name")) for container in containers)
    if any(count > 1 for count in names.values()):
        yield "names-not-unique", False
    if any("Name" not in container for container in containers):
        yield "container-without-a-name", False
    for container in containers:
        targets = [mapping(entry).get("SourceContainer") for entry in items(container.get("VolumesFrom"))]
        targets += [mapping(entry).get("ContainerName") for entry in items(container.get("DependsOn"))]
        if any(target is not None and text_of(target) not in {*names, AGENT} for target in targets):
            yield "target-does-not-exist", False
        if any(text_of(target) == AGENT and AGENT not in names for target in targets):
            yield "names-the-agent-before-it-is-there", False
        secrets = {text_of(mapping(entry).get("Name")) for entry in items(container.get("Secrets"))}
        variables = {text_of(mapping(entry).get("Name")) for entry in items(container.get("Environment"))}
        if secrets & (variables | {"SYSDIG_SIDECAR", "SYSDIG_ACCESS_KEY"}):
            yield "secret-and-variable-of-one-name", False


def _agent_setting_reasons(containers: list[dict[str, Json]], settings: Settings) -> Reasons:
    """Yield a reason if ECS would refuse the agent's container as the settings describe it."""
    logs = settings.values.get("AgentLogConfiguration")
    driver = mapping(json.loads(logs) if isinstance(logs, str) and logs.startswith("{") else logs).get("LogDriver")
    if logs == "inherit":
        driver = "awsfirelens" if "awsfirelens" in canonical(list(containers)) else None
    if driver == "awsfirelens" and not any("FirelensConfiguration" in container for container in containers):
        yield "agent-logs-to-no-router", logs != "inherit"
    memory, reservation = settings.integer("AgentMemory"), settings.integer("AgentMemoryReservation")
    if memory is not None and reservation is not None and memory < reservation:
        yield "agent-reserves-more-than-its-limit", True


def _raised_size_reasons(comparison: Comparison, name: str) -> Iterator[str]:
    """Yield a reason if the agent does not fit and the task cannot be raised, or its size is an expression."""
    resource, settings = comparison.before.resources[name], comparison.settings_of(name)
    properties = mapping(resource.get("Properties"))
    others = [mapping(container) for container in without_agents(containers_of(resource))]
    if settings.string("TaskSize") != "raise" or not agent_is_too_large(properties, others, settings):
        return
    if raised_size(properties, others, settings) is None or has_size_expression(comparison.expression(name)):
        yield "size-not-raised"


def _size_reasons(properties: Mapping[str, Json], containers: list[dict[str, Json]], settings: Settings) -> Reasons:
    """Yield a reason if the agent does not fit. It is not a reason if the other containers alone do not fit."""
    agents = [container for container in containers if is_agent(container)]
    others = [container for container in containers if not is_agent(container)]
    for key, members in RESERVED_BY.items():
        size, total = number(properties.get(key)), known_reservations(others, key)
        if size is None:
            continue
        agent = agent_reservation(settings)[key]
        if unknown_reservations(others, key):
            # A reservation is at most the hard limit, so the macro may count the hard limit instead.
            largest = sum(max(number(container.get(member)) or 0 for member in members) for container in others)
            if largest + agent > size:
                yield f"{key.lower()}-too-small", False
        elif total <= size < total + agent and settings.string("TaskSize") != "raise":
            yield f"{key.lower()}-too-small", True
        if total <= size < total + known_reservations(agents, key):  # an agent that the input has may keep its size
            yield f"{key.lower()}-too-small", False

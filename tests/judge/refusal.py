"""The rightful reasons for refusing a template. A refusal without one of them is a finding as well."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import TypeAlias

from judge.selection import AGENT, containers_of, is_agent, is_fargate, looks_like_the_agent
from judge.settings import Settings
from judge.shapes import has_conditions, has_live_size, of_shape
from judge.task import Run, without_agents, workloads
from judge.task_sizes import does_not_fit, number, raised
from judge.values import Json, argv, canonical, is_opaque, items, mapping, text_of

Reasons: TypeAlias = "Iterator[tuple[str, bool]]"  # the reason, and whether refusing is a must
MOST_CONTAINERS = 10


def reasons(run: Run, raw: Json) -> dict[str, bool]:
    """Reason → whether the contract leaves no choice. `raw` is the template with its loops written out."""
    found: dict[str, bool] = {}
    resources = mapping(mapping(raw).get("Resources"))
    for name in run.before.task_definitions():
        touched = workloads(run, name)
        # Where conditions take every workload away now, what is wrong with the other branches may still be told.
        if _names_nobody(run, name):
            found.setdefault("settings-for-no-container", False)
        raw_task = mapping(resources.get(name))
        if not run.is_selected(name) or not (touched or has_conditions(raw_task) or _is_no_list(run, name)):
            continue
        for reason, must in (*_of_task(run, name), *_of_launches(run, name)):
            found[reason] = found.get(reason, False) or (must and bool(touched) and run.takes(name))
        for reason in of_raising(run, name, is_live=has_live_size(raw_task)):
            found.setdefault(reason, False)
        for reason in of_shape(raw_task):
            found.setdefault(reason, False)
    return found


def _names_nobody(run: Run, name: str) -> bool:
    """Whether there are settings for a container that is not there, or its own Metadata names such a one."""
    resource = run.before.resources[name]
    names = {text_of(mapping(item).get("Name")) for item in containers_of(resource)}
    own = Settings(mapping(mapping(resource.get("Metadata")).get("SysdigInstrument")))
    listed = [*own.names("ExcludeContainers"), *own.names("IncludeContainers")]
    nobody = [pattern for pattern in listed if not any(fnmatchcase(each, pattern) for each in names)]
    return bool(nobody or set(run.settings_of(name).table("Containers")) - names)


def _is_no_list(run: Run, name: str) -> bool:
    """Whether there may be containers that cannot be seen."""
    containers = mapping(run.before.resources[name].get("Properties")).get("ContainerDefinitions")
    return not (containers is None or isinstance(containers, list))


def _of_task(run: Run, name: str) -> Reasons:
    resource, settings = run.before.resources[name], run.settings_of(name)
    properties = mapping(resource.get("Properties"))
    yield from _of_images(run, name)
    if properties.get("PidMode") == "host":
        yield "pid-mode-host", True
    platform = properties.get("RuntimePlatform")
    if is_opaque(platform) or is_opaque(mapping(platform).get("OperatingSystemFamily")):
        yield "platform-unknown", True
    if settings.collector is None:
        yield "collector-missing", True
    if settings.text("UnsupportedArchitecture") == "fail" and "ARM64" in canonical(properties.get("RuntimePlatform")):
        yield "unsupported-architecture", True
    role, default_role = properties.get("ExecutionRoleArn"), settings.text("DefaultExecutionRoleArn")
    # An expression that is worth "" cannot be given the default one without being replaced.
    no_role = not role and (default_role is None or role is not None)
    if no_role and settings.text("AccessKeySecret") is not None:
        yield "execution-role-missing", default_role is None
    memory = properties.get("Memory") or settings.number("AgentMemory") or settings.number("AgentMemoryReservation")
    if not memory and (settings.text("LaunchTypes") == "ALL" or not is_fargate(properties)):
        yield "agent-without-memory-on-ec2", False
    containers = [mapping(container) for container in containers_of(resource)]
    agents = [container for container in containers if is_agent(container)]
    if any(not looks_like_the_agent(agent) for agent in agents):
        yield "agent-name-taken", not any(map(_could_be_the_agent, agents))
    if any(is_opaque(container.get("FirelensConfiguration")) for container in containers):
        yield "log-router-unknown", False
    if len(containers) - len(agents) + 1 > MOST_CONTAINERS:
        yield "too-many-containers", True
    yield from _of_names(containers)
    yield from _of_sizes(properties, containers, settings)


def _of_launches(run: Run, name: str) -> Reasons:
    """A Fargate platform before 1.4.0 takes no task with PidMode task."""
    for logical_id, launcher in run.before.resources.items():
        if launcher.get("Type") != "AWS::ECS::TaskDefinition" and logical_id not in run.before.dropped:
            for key, version in _launched(launcher.get("Properties"), name):
                if key == "PlatformVersion" and re.fullmatch(r"1\.[0-3](\..*)?", text_of(version)):
                    yield "platform-version-too-old", False


def _launched(value: Json, name: str) -> Iterator[tuple[str, Json]]:
    """The members of all objects that launch the task definition."""
    below = value if isinstance(value, list) else list(mapping(value).values())
    if any(name in canonical(mapping(value).get(key)) for key in ("TaskDefinition", "TaskDefinitionArn")):
        yield from mapping(value).items()
    for each in below:
        yield from _launched(each, name)


def _could_be_the_agent(container: Mapping[str, Json]) -> bool:
    """An image that cannot be known, or any hint at all: then refusing is a choice."""
    return looks_like_the_agent(container) or is_opaque(container.get("Image")) or "Image" not in container


def _of_images(run: Run, name: str) -> Reasons:
    skips = run.settings_of(name).text("OnUnresolvedImage") == "skip"
    for work in workloads(run, name):
        if work.unresolved:
            yield "image-unresolved", run.takes(name) and not skips
        for key in ("EntryPoint", "Command"):
            value = work.container.get(key)
            if not (value is None or isinstance(value, list)) or value == [""]:  # a blank CommaDelimitedList
                yield "argv-is-no-list-of-words", False
        if argv(work.container.get("EntryPoint")) == ["/opt/draios/bin/instrument"]:
            yield "wrapper-with-nothing-to-run", False


def _of_names(containers: list[dict[str, Json]]) -> Reasons:
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


def of_raising(run: Run, name: str, *, is_live: bool) -> Iterator[str]:
    """Why a task that is too small for the agent need not be raised. `is_live`: its size is an expression somewhere."""
    properties = mapping(run.before.resources[name].get("Properties"))
    own = [mapping(container) for container in without_agents(containers_of(run.before.resources[name]))]
    settings = run.settings_of(name)
    is_possible = raised(properties, own, settings) is not None and not is_live
    if settings.text("TaskSize") == "raise" and does_not_fit(properties, own, settings) and not is_possible:
        yield "size-not-raised"


def _of_sizes(properties: Mapping[str, Json], containers: list[dict[str, Json]], settings: Settings) -> Reasons:
    if settings.text("TaskSize") == "raise":
        return
    for key, limits in (("Cpu", ("Cpu",)), ("Memory", ("Memory", "MemoryReservation"))):
        task = number(properties.get(key))
        own = [number(settings.text(f"Agent{limit}")) for limit in limits]
        for index, limit in enumerate(limits):
            total = sum(number(container.get(limit)) or 0 for container in containers if not is_agent(container))
            if task is not None and total + (own[index] or 0) > task:
                # Where it was too much without the agent, that is not for the macro to say.
                yield f"{key.lower()}-too-small", index == 0 and total <= task
        hard = sum(max(number(container.get(limit)) or 0 for limit in limits) for container in containers)
        if task is not None and hard + max(size or 0 for size in own) > task:
            yield f"{key.lower()}-too-small", False

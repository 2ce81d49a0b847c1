"""What the template says of how an instrumented task is launched, and does not go with it. Changes nothing.

A shared process namespace needs Fargate's Linux platform 1.4.0 (ECS API reference, RegisterTaskDefinition, ``pidMode``).
In such a task ECS Exec reaches one container only, and nobody can say which (aws/containers-roadmap, issue 2268).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Final

from sysdig_instrument.engine.agent import AGENT_NAME
from sysdig_instrument.engine.container import Container, is_given
from sysdig_instrument.engine.expressions.evaluate import evaluate, evaluate_now, is_active
from sysdig_instrument.engine.expressions.references import references
from sysdig_instrument.engine.expressions.scope import EvaluationScope, Launcher
from sysdig_instrument.engine.expressions.values import Literal, Unknown
from sysdig_instrument.engine.fargate_sizes import MEMORY
from sysdig_instrument.engine.findings import Location, Notice, Problem, Reason, quote
from sysdig_instrument.engine.json_types import ABSENT, Json
from sysdig_instrument.engine.patch import Pointer
from sysdig_instrument.engine.platforms import is_platform_too_old, platform_member
from sysdig_instrument.engine.settings.table import Settings
from sysdig_instrument.engine.steps.step import InstrumentedTask
from sysdig_instrument.engine.template import TaskDefinition, resources_of_types


def task_notices(instrumented: InstrumentedTask) -> Iterator[Notice | Problem]:
    """Settings that are missing, and what may not work."""
    task, settings, containers = instrumented.task, instrumented.settings, instrumented.containers
    place = Location(task.name, None, task.properties_pointer)
    if settings.collector is None:
        yield Problem(
            Location(task.name), Reason("Setting Collector has no value, so the agent would have nowhere to report to",
            "Set Collector to a host name or a Sysdig SaaS region, such as us2"),
        )  # fmt: skip
    if settings.access_key_secret is None:
        yield Notice(
            Location(task.name), Reason("Setting AccessKeySecret has no value, so the agent is given no access key",
            "Set AccessKeySecret to the ARN of the secret that holds it"),
        )  # fmt: skip
    if _takes_all_memory(task, settings, containers):
        yield Notice(
            Location(task.name, None, (*place.pointer, "Memory")),
            Reason("The containers reserve all of the task's memory, and leave none for the agent",
            "Give the task more, or set AgentMemoryReservation and TaskSize"),
        )  # fmt: skip
    if _needs_reservation(task, settings):
        yield Problem(
            place, Reason("A task without Memory needs a memory limit for each container, and the agent's has none",
            "Set AgentMemoryReservation or AgentMemory, or give the task Memory"),
        )  # fmt: skip


def _takes_all_memory(task: TaskDefinition, settings: Settings, containers: Iterable[Container]) -> bool:
    """Whether the containers may use up the task's memory, as things are now, where the agent has no share of its own."""
    if settings.agent_memory or settings.agent_memory_reservation:
        return False
    properties = task.properties if isinstance(task.properties, dict) else {}
    limit = MEMORY.parse(evaluate_now(properties.get("Memory", ABSENT), task.scope))
    return limit is not None and limit == sum(
        MEMORY.reserved_by(each.value, partial(evaluate_now, scope=task.scope))
        for each in containers
        if each.name != AGENT_NAME and (each.assumptions == task.assumptions or is_active(each.assumptions, task.scope))
    )


def _needs_reservation(task: TaskDefinition, settings: Settings) -> bool:
    """Whether ECS would refuse the agent's container: neither it nor the task says how much memory it may have."""
    if settings.launch_types == "FARGATE" or settings.agent_memory or settings.agent_memory_reservation:
        return False
    properties = task.properties if isinstance(task.properties, dict) else {}
    return not is_given(properties.get("Memory", ABSENT), task.scope)


_ARM64: Final = "The task runs on ARM64, which Sysdig does not document for the agent"


def runtime_platform(instrumented: InstrumentedTask) -> Iterator[Notice | Problem]:
    """What the agent is not for, as things are now or, where a loop is around the task, for one of its items."""
    task, settings = instrumented.task, instrumented.settings
    properties = task.properties if isinstance(task.properties, dict) else {}
    if "RuntimePlatform" not in properties:  # as in most
        return
    systems = [platform_member(properties, "OperatingSystemFamily", scope) for scope in task.scopes]
    architectures = [platform_member(properties, "CpuArchitecture", scope) for scope in task.scopes]
    place = Location(task.name, None, (*task.properties_pointer, "RuntimePlatform"))
    if unknown := _first_unknown(systems):
        yield Problem(
            place, Reason(f"OperatingSystemFamily cannot be worked out ({unknown.reason.fact}), and the agent is not for Windows",
            unknown.reason.advice or "Write it as it is, or exclude the task (Enabled: false) if it is for Windows"),
        )  # fmt: skip
    if "ARM64" in architectures:
        if settings.unsupported_architecture == "fail":
            yield Problem(place, Reason(_ARM64, "Use X86_64, or set UnsupportedArchitecture to warn"))
        else:
            yield Notice(place, Reason(_ARM64, "Make sure that the agent's image is there for arm64, or use X86_64"))
    elif settings.unsupported_architecture == "fail" and (unknown := _first_unknown(architectures)):
        yield Problem(
            place, Reason(f"CpuArchitecture cannot be worked out ({unknown.reason.fact}), and UnsupportedArchitecture is fail",
            unknown.reason.advice or "Write it as it is, or set UnsupportedArchitecture to warn"),
        )  # fmt: skip


def _first_unknown(members: Iterable[str | Unknown]) -> Unknown | None:
    """Return why one of them is not known, or ``None``."""
    return next((each for each in members if isinstance(each, Unknown)), None)


LAUNCHER_TYPES: Final = frozenset(
    {
        "AWS::ECS::Service", "AWS::ECS::TaskSet", "AWS::Events::Rule", "AWS::Pipes::Pipe", "AWS::Scheduler::Schedule",
    }
)  # fmt: skip
_TASK_DEFINITION_KEYS: Final = ("TaskDefinition", "TaskDefinitionArn")


def launchers(instrumented: InstrumentedTask) -> Iterator[Notice | Problem]:
    """What is wrong with the services, rules and schedules of the template that launch the task."""
    task = instrumented.task
    for launch in _launchers_by_task(task.scope).get(task.name, ()):
        version = _launcher_value(launch, "PlatformVersion", task.scope)
        if is_platform_too_old(version):
            yield Problem(
                Location(task.name, None, (*launch.pointer, "PlatformVersion")),
                Reason(f"The task is launched on platform version {quote(version)}, and a process namespace for the whole task needs 1.4.0",
                "Write LATEST, or 1.4.0"),
            )  # fmt: skip
        if _launcher_value(launch, "EnableExecuteCommand", task.scope).lower() == "true":
            yield Notice(
                Location(task.name, None, (*launch.pointer, "EnableExecuteCommand")),
                Reason("With one process namespace for the task, aws ecs execute-command reaches one of its containers only, and AWS does not say which"),
            )  # fmt: skip


def _launcher_value(launch: Launcher, key: str, scope: EvaluationScope) -> str:
    match evaluate(launch.value.get(key, ABSENT), scope.assuming(launch.assumptions)):
        case Literal(str() | bool() as value):
            return str(value)
    return ""


def _launchers_by_task(scope: EvaluationScope) -> Mapping[str, list[Launcher]]:
    """What launches each task definition, by its logical id; worked out once in a run."""
    if scope.state.launchers is None:
        scope.state.launchers = {}
        for pointer, resource in resources_of_types(scope.template, LAUNCHER_TYPES):
            condition = resource.get("Condition")
            assumptions = {condition: True} if isinstance(condition, str) else {}
            if is_active(assumptions, scope.assuming({})) is False:
                continue
            for place, value in _launching_objects(resource.get("Properties"), (*pointer, "Properties")):
                for name in dict.fromkeys(
                    name for key in _TASK_DEFINITION_KEYS for name in references(value.get(key, ABSENT))
                ):
                    scope.state.launchers.setdefault(name, []).append(Launcher(place, value, assumptions))
    return scope.state.launchers


def _launching_objects(value: Json, pointer: Pointer) -> Iterator[tuple[Pointer, Mapping[str, Json]]]:
    """All objects in a value that name a task definition."""
    if isinstance(value, dict):
        if not value.keys().isdisjoint(_TASK_DEFINITION_KEYS):
            yield pointer, value
        for key, member in value.items():
            yield from _launching_objects(member, (*pointer, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _launching_objects(item, (*pointer, index))


# FOLDED: What there is to say about a whole task definition. Changes nothing.
# FOLDED: The platform that the task runs on: the agent is not for Windows, and not documented for ARM64. Changes nothing. What is known to be for Windows is left alone before (``selection``).

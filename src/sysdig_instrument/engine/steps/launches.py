"""What the template says of how an instrumented task is launched, and does not go with it. Changes nothing.

A shared process namespace needs Fargate's Linux platform 1.4.0 (ECS API reference, RegisterTaskDefinition, ``pidMode``).
In such a task ECS Exec reaches one container only, and nobody can say which (aws/containers-roadmap, issue 2268).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from sysdig_instrument.engine import conditions, intrinsics
from sysdig_instrument.engine.findings import Notice, Place, Problem, Reason, quoted
from sysdig_instrument.engine.json_types import ABSENT, Json
from sysdig_instrument.engine.known import Literal
from sysdig_instrument.engine.patch import Pointer
from sysdig_instrument.engine.references import references
from sysdig_instrument.engine.scope import Launch, Scope
from sysdig_instrument.engine.steps.step import InstrumentedTask
from sysdig_instrument.engine.template import resources_of

LAUNCHERS: Final = frozenset(
    {
        "AWS::ECS::Service", "AWS::ECS::TaskSet", "AWS::Events::Rule", "AWS::Pipes::Pipe", "AWS::Scheduler::Schedule",
    }
)  # fmt: skip
_TASK_KEYS: Final = ("TaskDefinition", "TaskDefinitionArn")
_VERSION: Final = r"([0-9]{1,4})\.([0-9]{1,4})(\.[0-9]{1,4})?"
_LEAST: Final = (1, 4)


def launches(instrumented: InstrumentedTask) -> Iterator[Notice | Problem]:
    """What is wrong with the services, rules and schedules of the template that launch the task."""
    task = instrumented.task
    for launch in _by_task(task.scope).get(task.name, ()):
        version = _text(launch, "PlatformVersion", task.scope)
        match = re.fullmatch(_VERSION, version)
        if match and (int(match[1]), int(match[2])) < _LEAST:
            yield Problem(
                Place(task.name, None, (*launch.pointer, "PlatformVersion")),
                Reason(f"The task is launched on platform version {quoted(version)}, and a process namespace for the whole task needs 1.4.0",
                "Write LATEST, or 1.4.0"),
            )  # fmt: skip
        if _text(launch, "EnableExecuteCommand", task.scope).lower() == "true":
            yield Notice(
                Place(task.name, None, (*launch.pointer, "EnableExecuteCommand")),
                Reason("With one process namespace for the task, aws ecs execute-command reaches one of its containers only, and AWS does not say which"),
            )  # fmt: skip


def _text(launch: Launch, key: str, scope: Scope) -> str:
    match intrinsics.resolve(launch.value.get(key, ABSENT), scope.assuming(launch.when)):
        case Literal(str() | bool() as value):
            return str(value)
    return ""


def _by_task(scope: Scope) -> Mapping[str, list[Launch]]:
    """What launches each task definition, by its logical id; worked out once in a run."""
    if scope.run.launches is None:
        scope.run.launches = {}
        for pointer, resource in resources_of(scope.template, LAUNCHERS):
            condition = resource.get("Condition")
            when = {condition: True} if isinstance(condition, str) else {}
            if conditions.taken(when, scope.assuming({})) is False:
                continue
            for place, value in _objects(resource.get("Properties"), (*pointer, "Properties")):
                for name in dict.fromkeys(name for key in _TASK_KEYS for name in references(value.get(key, ABSENT))):
                    scope.run.launches.setdefault(name, []).append(Launch(place, value, when))
    return scope.run.launches


def _objects(value: Json, pointer: Pointer) -> Iterator[tuple[Pointer, Mapping[str, Json]]]:
    """All objects in a value that name a task definition."""
    if isinstance(value, dict):
        if not value.keys().isdisjoint(_TASK_KEYS):
            yield pointer, value
        for key, member in value.items():
            yield from _objects(member, (*pointer, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _objects(item, (*pointer, index))

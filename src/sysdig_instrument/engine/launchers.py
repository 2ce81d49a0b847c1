"""The resources of a template that launch tasks, and the launch types with which they do.

Source: the ECS API reference, RunTask, ``launchType`` (without it and without ``capacityProviderStrategy``, the cluster's
default strategy counts, and without that EC2); the CloudFormation user guide for the resources that have these members.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from sysdig_instrument.engine.expressions.decision_tree import Assumptions
from sysdig_instrument.engine.expressions.evaluate import evaluate, is_active
from sysdig_instrument.engine.expressions.references import names_in_loop, reference_to, references, strings_in
from sysdig_instrument.engine.expressions.scope import EvaluationScope, Launcher
from sysdig_instrument.engine.expressions.values import Known
from sysdig_instrument.engine.expressions.work import steps_of
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json, Pointer
from sysdig_instrument.engine.template import TASK_DEFINITION, TaskDefinition, resources_of_types
from sysdig_instrument.lazy_dataclasses import replace

LAUNCHER_TYPES: Final = frozenset(
    {
        "AWS::ECS::Service", "AWS::ECS::TaskSet", "AWS::Events::Rule", "AWS::Pipes::Pipe", "AWS::Scheduler::Schedule",
    }
)  # fmt: skip
_Resource: TypeAlias = "tuple[Pointer, dict[str, Json], Assumptions]"
_TASK_DEFINITION_KEYS: Final = ("TaskDefinition", "TaskDefinitionArn", "TaskDefinition.$")
_LAUNCH_TYPE_KEYS: Final = ("LaunchType", "LaunchType.$")
_STRATEGY_KEYS: Final = ("CapacityProviderStrategy", "CapacityProviderStrategy.$")
_OTHER_LAUNCH_TYPES: Final = frozenset({"EC2", "EXTERNAL", "MANAGED_INSTANCES"})
_CAPACITY_PROVIDER: Final = "AWS::ECS::CapacityProvider"
_FAMILY_IN_TEXT: Final = r"""(?:task-definition/|"TaskDefinition(?:Arn)?"\s*:\s*")([\w-]+)"""


def launchers_by_task(scope: EvaluationScope) -> Mapping[str, list[Launcher]]:
    """Return the launchers of each task definition, by its logical id. Computed once for each plan."""
    if scope.state.launchers_by_task is None:
        scope.state.launchers_by_task = {}
        for launcher in _launchers(_active_resources(scope, LAUNCHER_TYPES)):
            values = [launcher.value[key] for key in _TASK_DEFINITION_KEYS if key in launcher.value]
            scope.state.work.spend(steps_of(values))  # launchers inside of each other are read once for each
            for name in dict.fromkeys(references(values)):
                scope.state.launchers_by_task.setdefault(name, []).append(launcher)
    return scope.state.launchers_by_task


def starts_on_fargate(task: TaskDefinition, scope: EvaluationScope) -> bool:
    """Return whether a resource of the template starts the task on Fargate, or with a launch type that is not known.

    The resource may name the task definition by a function or by its Family. One that is not known to launch tasks, such
    as a state machine with its definition as text, counts if it refers to the task definition and names Fargate.
    """
    if scope.state.started_on_fargate is None:
        plain = replace(scope, loops={}, assumptions={})
        scope.state.started_on_fargate = frozenset(_names_started_on_fargate(plain))
    family = task.properties_or_empty.get("Family", ABSENT)
    names = {task.name, *_names_in(task.name, scope), *_names_in(family, scope)}  # in a loop, its name has variables
    return not scope.state.started_on_fargate.isdisjoint(names)


def _names_started_on_fargate(scope: EvaluationScope) -> Iterator[str]:
    """Yield the logical ids and the families of the task definitions that are started on Fargate."""
    resources = [each for each in _active_resources(scope, None) if each[1].get("Type") != TASK_DEFINITION]
    is_default = any(
        _names_fargate(value, scope)
        for _, resource, _ in resources
        for value in _members(resource.get("Properties"), "DefaultCapacityProviderStrategy")
    )
    for resource in resources:
        on_fargate: set[str] = set()
        elsewhere: set[str] = set()
        resource_type = resource[1].get("Type")
        is_launcher = isinstance(resource_type, str) and resource_type in LAUNCHER_TYPES
        for launcher in _launchers([resource]):
            is_on_fargate = _is_on_fargate(launcher, scope, default=is_default)
            if is_on_fargate or is_launcher or _says_where(launcher):
                names = {
                    name for key in _TASK_DEFINITION_KEYS for name in _names_in(launcher.value.get(key, ABSENT), scope)
                }
                (on_fargate if is_on_fargate else elsewhere).update(names)
        yield from on_fargate
        named = set(references(resource[1].get("Properties")))
        texts = list(strings_in(resource[1].get("Properties")))
        if _name_fargate(texts, named, scope):
            yield from {*named, *re.findall(_FAMILY_IN_TEXT, "\n".join(texts))} - elsewhere


def _says_where(launcher: Launcher) -> bool:
    """Return whether an object says itself where it launches. One of an unknown type may say it with another member."""
    return not launcher.value.keys().isdisjoint((*_LAUNCH_TYPE_KEYS, *_STRATEGY_KEYS))


def _name_fargate(texts: list[str], named: Iterable[str], scope: EvaluationScope) -> bool:
    """Return whether texts, also when they are joined, or parameters that they refer to, name Fargate."""
    values = (evaluate(reference_to(name), scope) for name in named if name in scope.section("Parameters"))
    words = [*texts, "".join(texts), *(each.value for each in values if isinstance(each, Known))]
    return any("FARGATE" in word.upper() for word in words if isinstance(word, str))


def _active_resources(scope: EvaluationScope, types: frozenset[str] | None) -> Iterator[_Resource]:
    """Yield the resources that may be created, each with its pointer and the assumption under which it is."""
    for pointer, resource in resources_of_types(scope.template, types):
        condition = resource.get("Condition")
        assumptions = {condition: True} if isinstance(condition, str) else {}
        if is_active(assumptions, scope.assuming({})) is not False:
            yield pointer, resource, assumptions


def _launchers(resources: Iterable[_Resource]) -> Iterator[Launcher]:
    """Yield the objects in resources that name a task definition."""
    for pointer, resource, assumptions in resources:
        for object_pointer, value in _launching_objects(resource.get("Properties"), (*pointer, "Properties")):
            yield Launcher(object_pointer, value, assumptions)


def _launching_objects(value: Json, pointer: Pointer) -> Iterator[tuple[Pointer, Mapping[str, Json]]]:
    """Yield all objects in a value that name a task definition, each with its pointer."""
    if isinstance(value, dict):
        if not value.keys().isdisjoint(_TASK_DEFINITION_KEYS):
            yield pointer, value
        for key, member in value.items():
            yield from _launching_objects(member, (*pointer, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _launching_objects(item, (*pointer, index))


def _members(value: Json, key: str) -> Iterator[Json]:
    """Yield each member of this name in a value, at any depth."""
    if isinstance(value, dict):
        if key in value:
            yield value[key]
        for member in value.values():
            yield from _members(member, key)
    elif isinstance(value, list):
        for item in value:
            yield from _members(item, key)


def _is_on_fargate(launcher: Launcher, scope: EvaluationScope, *, default: bool) -> bool:
    """Return whether an object launches on Fargate. What is not known counts as yes.

    ``default`` is true if a cluster of the template does so by default.
    """
    scope = scope.assuming(launcher.assumptions)
    for key in _LAUNCH_TYPE_KEYS:
        match evaluate(launcher.value.get(key, ABSENT), scope):
            case Absent():
                continue
            case Known(str(name)):
                return name.upper() not in _OTHER_LAUNCH_TYPES
        return True
    strategies = [launcher.value[key] for key in _STRATEGY_KEYS if key in launcher.value]
    strategies = [each for each in strategies if evaluate(each, scope) not in (ABSENT, Known([]))]
    return any(_names_fargate(each, scope) for each in strategies) if strategies else default


def _names_fargate(strategy: Json, scope: EvaluationScope) -> bool:
    """Return whether a capacity provider strategy has a Fargate provider. What is not known counts as yes."""
    match evaluate(strategy, scope):
        case Known(list(items)):
            pass
        case _ if isinstance(strategy, list):
            items = strategy
        case _:
            return True
    return any(_is_fargate_provider(item, scope) for item in items)


def _is_fargate_provider(item: Json, scope: EvaluationScope) -> bool:
    provider = item.get("CapacityProvider") if isinstance(item, dict) else None
    match evaluate(provider, scope):
        case Known(str(name)):
            return name.upper() in ("FARGATE", "FARGATE_SPOT")
    resources = [scope.section("Resources").get(name) for name in references(provider)]
    return not any(isinstance(each, dict) and each.get("Type") == _CAPACITY_PROVIDER for each in resources)


def _names_in(value: Json | Absent, scope: EvaluationScope) -> Iterator[str]:
    """Yield what may identify a task definition in an expression: logical ids, a family, or the expression itself."""
    if value is ABSENT:
        return
    scope.state.work.spend(steps_of(value))
    yield from references(value)
    yield from names_in_loop(value)
    if not isinstance(value, str):
        yield json.dumps(value, sort_keys=True)
    match evaluate(value, scope):
        case Known(str(text)):
            yield text.rsplit("/", 1)[-1].partition(":")[0]

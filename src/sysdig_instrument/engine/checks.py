"""Checks of a processed task definition, before it is returned: a stack with an invalid one may hang without a message.

A check is a function that yields the problems of one processed task definition, or notices, as ECS would get it with the current
parameter values. What is unknown is not checked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias, cast

from sysdig_instrument.engine.agent import AGENT_NAME
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import container_definitions, container_lists, member_values
from sysdig_instrument.engine.ecr import EcrRepository
from sysdig_instrument.engine.expressions.evaluate import is_active, is_expression, is_get_att, known_value
from sysdig_instrument.engine.fargate_sizes import RESOURCES, Resource, Size, next_size, paste_size
from sysdig_instrument.engine.findings import Finding, Location, Notice, Problem, Reason, quote
from sysdig_instrument.engine.json_size import json_bytes
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json, Pointer
from sysdig_instrument.engine.paste import EXCLUDE_TASK, Paste, PasteInto, paste
from sysdig_instrument.engine.selection import runs_on_fargate
from sysdig_instrument.engine.template import TaskDefinition
from sysdig_instrument.lazy_dataclasses import dataclass

# --- The processed task definition


@dataclass(frozen=True, slots=True)
class ProcessedContainer:
    """A container that exists under the current conditions. ``name`` is ``None`` if it is unknown."""

    name: str | None
    position: int
    value: Mapping[str, Json]
    pointer: Pointer


@dataclass(frozen=True, slots=True)
class ProcessedTask:
    """A processed task definition and its containers.

    ``containers`` are those that are known to exist, ``agents`` those of the agent's name, and ``names`` their names. ``is_complete`` is true if there can be no others. As compact JSON the task
    definition has at most ``most_bytes``.
    """

    task: TaskDefinition
    containers: tuple[ProcessedContainer, ...]
    agents: tuple[ProcessedContainer, ...]
    names: frozenset[str | None]
    is_complete: bool
    most_bytes: int

    @property
    def knows_all_names(self) -> bool:
        """True if all containers and their names are known."""
        return self.is_complete and None not in self.names

    def location(self, key: str) -> Location:
        """Return the location of a property of the task definition."""
        return Location(self.task.name, None, (*self.task.properties_pointer, key))

    def container_location(self, container: ProcessedContainer, pointer: Pointer) -> Location:
        """Return the location of a pointer inside one of the containers."""
        return Location(self.task.name, container.name or f"#{container.position}", pointer)

    def known_value(self, value: Json | Absent) -> Json | Absent | None:
        """Return the current value of an expression, or ``None`` if it is unknown."""
        return known_value(value, self.task.scope)

    def entries(
        self, container: ProcessedContainer, key: str, member: str
    ) -> Iterator[tuple[Json | Absent | None, Mapping[str, Json], Pointer]]:
        """Yield the objects in the list ``key`` of a container that exist under the current conditions.

        Each comes as the value of its member ``member``, the object itself, and its pointer.
        """
        if key not in container.value:
            return
        scope = self.task.scope
        for leaf, assumptions in member_values(container.value, key, container.pointer, scope.assumptions):
            if assumptions != scope.assumptions and not is_active(assumptions, scope):
                continue
            for index, item in enumerate(leaf.value if isinstance(leaf.value, list) else ()):
                entry = known_value(item, scope) if is_expression(item) else item
                if isinstance(entry, dict):
                    yield known_value(entry.get(member, ABSENT), scope), entry, (*leaf.pointer, index)


def processed_task(task: TaskDefinition, most_bytes: int) -> ProcessedTask:
    """Return a processed task definition of at most so many bytes with the containers that exist under the current conditions."""
    found: list[ProcessedContainer] = []
    is_complete = True
    for containers, assumptions in container_lists(task):
        if not isinstance(containers.value, list):
            is_complete = False
            continue
        for position, leaf, assumed in container_definitions(containers.value, containers.pointer, assumptions):
            exists = True if assumed == task.assumptions else is_active(assumed, task.scope)
            if exists is None or not isinstance(leaf.value, dict):
                is_complete = False
            elif exists:
                found.append(_container(task, leaf.value, leaf.pointer, position))
    agents = tuple([container for container in found if container.name == AGENT_NAME])
    names = frozenset([container.name for container in found])
    return ProcessedTask(task, tuple(found), agents, names, is_complete, most_bytes)


def _container(task: TaskDefinition, value: Mapping[str, Json], pointer: Pointer, position: int) -> ProcessedContainer:
    name = known_value(value.get("Name", ABSENT), task.scope)
    return ProcessedContainer(name if isinstance(name, str) else None, position, value, pointer)


# --- The containers of a task (ECS API reference, RegisterTaskDefinition; ECS service quotas)

MAX_CONTAINERS: Final = 10


def unique_names(processed: ProcessedTask) -> Iterator[Problem]:
    """Yield a problem for each container that has the name of another."""
    if len(processed.names) == len(processed.containers):  # as in nearly all task definitions
        return
    seen: set[str | None] = set()
    for container in processed.containers:
        if container.name is not None and container.name in seen:
            yield Problem(
                processed.container_location(container, (*container.pointer, "Name")),
                Reason(
                    "Another container has the same name", "Give this container a name of its own", code=Code.NAME_WRONG
                ),
            )
        seen.add(container.name)


_MAX_NAME: Final = 255
_NAME: Final = rf"[A-Za-z0-9_-]{{0,{_MAX_NAME}}}"
_PLACEHOLDER: Final = r"[{}<>$%@#]"
"""Characters of what a pipeline replaces before it registers the task definition, such as ``{{ name }}``."""


def container_names(processed: ProcessedTask) -> Iterator[Notice]:
    """Yield a notice for each container whose name ECS does not accept. Its refusal is immediate, and names the reason."""
    for container in processed.containers:
        name = container.name or ""
        if name.isascii() and name.isalnum() and len(name) < _MAX_NAME:  # as most are
            continue
        if not re.fullmatch(_NAME, name) and not re.search(_PLACEHOLDER, name):
            yield Notice(
                processed.container_location(container, (*container.pointer, "Name")),
                Reason("ECS does not accept the container's name", "Give it a name of at most 255 letters, digits, - and _", code=Code.NAME_NOT_ACCEPTED),
            )  # fmt: skip


def container_count(processed: ProcessedTask) -> Iterator[Problem]:
    """Yield a problem if there are more than ten containers, including the agent's."""
    count = len(processed.containers)
    if count > MAX_CONTAINERS:
        yield Problem(
            processed.location("ContainerDefinitions"),
            Reason(f"With the agent's container there are {count} containers, and ECS accepts {MAX_CONTAINERS} at most",
            "Move one to a task definition of its own, or exclude this task (Enabled: false)", code=Code.TOO_MANY_CONTAINERS,
            paste=EXCLUDE_TASK),
        )  # fmt: skip


# --- Containers that refer to others by name (ECS API reference, VolumeFrom and ContainerDependency)


def volumes_from_targets(processed: ProcessedTask) -> Iterator[Problem]:
    """Yield a problem for each entry of VolumesFrom that names a container that does not exist."""
    yield from _missing_targets(processed, "VolumesFrom", "SourceContainer")


def depends_on_targets(processed: ProcessedTask) -> Iterator[Problem]:
    """Yield a problem for each entry of DependsOn that names a container that does not exist."""
    yield from _missing_targets(processed, "DependsOn", "ContainerName")


def _missing_targets(processed: ProcessedTask, key: str, member: str) -> Iterator[Problem]:
    referring = [container for container in processed.containers if key in container.value]
    if not referring or not processed.knows_all_names:
        return
    names = processed.names
    for container in referring:
        if names >= _entry_names(processed, container, key, member):  # as in nearly all
            continue
        for target, _, pointer in processed.entries(container, key, member):
            if isinstance(target, str) and target not in names:
                fact = f"{key} names {quote(target)}, and there is no container of that name"
                yield Problem(
                    processed.container_location(container, pointer),
                    Reason(fact, "Correct the name", code=Code.NAME_WRONG),
                )


# --- Variables and secrets share one set of names (ECS API reference, ContainerDefinition, ``secrets``)


def name_clashes(processed: ProcessedTask) -> Iterator[Problem]:
    """Yield a problem for each name that is both a secret and a variable of a container."""
    for container in processed.containers:
        if "Secrets" not in container.value:
            continue
        secrets, variables = (_entry_names(processed, container, key, "Name") for key in ("Secrets", "Environment"))
        for name in sorted(secrets & variables):
            yield Problem(
                processed.container_location(container, (*container.pointer, "Secrets")),
                Reason(
                    f"{quote(name)} is both a secret and an environment variable",
                    "Remove one of them",
                    code=Code.NAME_CLASH,
                ),
            )


def _entry_names(processed: ProcessedTask, container: ProcessedContainer, key: str, member: str) -> set[str]:
    """Return the names in a list that are known. Nearly all are written as strings, which are then read at once."""
    try:
        written = {entry[member] for entry in cast("list[dict[str, str]]", container.value.get(key, []))}
        if "{" not in "".join(written):
            return written
    except (LookupError, TypeError):  # the list, an entry or its name is an expression, or malformed
        pass
    return {name for name, *_ in processed.entries(container, key, member) if isinstance(name, str)}


# --- ECS acts with the execution role to start a container (ECS developer guide, «Amazon ECS task execution IAM role»)

_KEYS_THAT_NEED_A_ROLE: Final = ("Secrets", "RepositoryCredentials")


def _needs_role(container: ProcessedContainer) -> bool:
    image, logs = container.value.get("Image"), container.value.get("LogConfiguration")
    return (
        any(key in container.value for key in _KEYS_THAT_NEED_A_ROLE)
        or (isinstance(image, str) and EcrRepository.from_image(image) is not None)
        or (isinstance(logs, dict) and logs.get("LogDriver") == "awslogs")
    )


def missing_execution_role(processed: ProcessedTask) -> Iterator[Problem]:
    """Yield a problem if the agent's container needs an execution role and the task has none."""
    role = processed.task.properties_or_empty.get("ExecutionRoleArn", ABSENT)
    # Fn::GetAtt always has a value. Most templates use it for the role, and evaluating it takes time.
    if is_get_att(role) or processed.known_value(role) not in (ABSENT, ""):
        return
    for container in processed.agents:
        if _needs_role(container):
            yield Problem(
                processed.location("ExecutionRoleArn"),
                Reason("The task has no execution role, and ECS needs one to start the agent's container",
                "Give the task an ExecutionRoleArn, or set DefaultExecutionRoleArn", code=Code.ROLE_MISSING,
                paste=paste(PasteInto.PROPERTIES, {"ExecutionRoleArn": "arn:aws:iam::ACCOUNT:role/NAME"})),
            )  # fmt: skip


# --- The size of the task (ECS developer guide, «Task size»)


def task_size(processed: ProcessedTask) -> Iterator[Problem]:
    """Yield a problem for CPU or memory if the containers reserve more than the task has, and only with the agent.

    It is not a problem if they reserve too much even without the agent: the template asks for that itself.
    """
    for resource in RESOURCES:
        agent_reservation = sum(resource.reserved_by(each.value, processed.known_value) for each in processed.agents)
        if agent_reservation == 0:
            continue
        total = _total_reservation(processed, resource)
        limit = _task_limit(processed, resource)
        if limit is not None and total - agent_reservation <= limit < total:
            fact = f"With {agent_reservation} {resource.unit} for the agent, the containers reserve {total}, and the task has {limit}"
            larger, which = _larger_size(processed)
            yield Problem(processed.location(resource.key), Reason(fact, which, code=Code.SIZE_TOO_SMALL, paste=larger))


def _total_reservation(processed: ProcessedTask, resource: Resource) -> int:
    return sum(resource.reserved_by(each.value, processed.known_value) for each in processed.containers)


def _task_limit(processed: ProcessedTask, resource: Resource) -> int | None:
    """Return what the task has of a resource; ``None`` if it sets no limit, or an unknown one."""
    return resource.parse(processed.known_value(processed.task.properties_or_empty.get(resource.key, ABSENT)))


def _larger_size(processed: ProcessedTask) -> tuple[tuple[Paste, ...], str]:
    """Return the size that is large enough, if there is one, and the advice."""
    needed = (
        max(_total_reservation(processed, resource), _task_limit(processed, resource) or 0) for resource in RESOURCES
    )
    on_fargate = runs_on_fargate(processed.task, processed.task.scope)
    larger = next_size(Size(*needed), on_fargate=on_fargate)
    if larger is None:
        return (), "Make the containers smaller: no Fargate size is large enough"
    which = "the next Fargate size that fits" if on_fargate else "which is enough"
    advice = f"Give the task {larger.text}, {which}, set TaskSize to raise, or make the containers smaller"
    return paste_size(larger), advice


# --- The agent's container, as the settings describe it (ECS API reference, ContainerDefinition and LogConfiguration)


def agent_memory(processed: ProcessedTask) -> Iterator[Problem]:
    """Yield a problem if the agent's container reserves more memory than it may have."""
    for container in processed.agents:
        memory, reservation = container.value.get("Memory"), container.value.get("MemoryReservation")
        if isinstance(memory, int) and isinstance(reservation, int) and memory < reservation:
            fact = f"The agent's container reserves {reservation} MiB of memory, and its limit is {memory}"
            reason = Reason(
                fact,
                "Make AgentMemory at least as large as AgentMemoryReservation",
                code=Code.AGENT_MEMORY_LIMIT,
                paste=paste(PasteInto.SETTINGS_FILE, {"AgentMemory": "MIB"}),
            )
            yield Problem(processed.container_location(container, (*container.pointer, "Memory")), reason)


def agent_log_router(processed: ProcessedTask) -> Iterator[Problem]:
    """Yield a problem if the agent's container logs to a FireLens router, and the task has none."""
    if not processed.is_complete or any("FirelensConfiguration" in each.value for each in processed.containers):
        return
    for container in processed.agents:
        logs = container.value.get("LogConfiguration")
        if isinstance(logs, dict) and logs.get("LogDriver") == "awsfirelens":
            yield Problem(
                processed.container_location(container, (*container.pointer, "LogConfiguration")),
                Reason("The agent's container logs to a FireLens log router, and the task has none",
                "Give this task definition another AgentLogConfiguration, such as inherit, or add a log router", code=Code.LOG_ROUTER_MISSING,
                paste=paste(PasteInto.SETTINGS_FILE, {"AgentLogConfiguration": "inherit"})),
            )  # fmt: skip


# --- The size of the task definition (ECS service quotas, «Task definition size»)

MAX_TASK_DEFINITION_BYTES: Final = 64 << 10


def task_definition_bytes(processed: ProcessedTask) -> Iterator[Problem]:
    """Yield a problem if the task definition is larger than ECS accepts, whatever its expressions evaluate to."""
    if processed.most_bytes <= MAX_TASK_DEFINITION_BYTES:  # as nearly every task definition
        return
    size = _least_json_bytes(dict(processed.task.properties_or_empty))
    if size > MAX_TASK_DEFINITION_BYTES:
        fact = f"With the agent's container the task definition has {size:,} bytes, and ECS accepts {MAX_TASK_DEFINITION_BYTES:,} at most"
        yield Problem(
            processed.location("ContainerDefinitions"),
            Reason(
                fact,
                "Move long values to Secrets Manager, Parameter Store or an environment file",
                code=Code.DEFINITION_TOO_LARGE,
            ),
        )


def _least_json_bytes(value: Json) -> int:
    """Return the size of a value as compact JSON, in bytes. What an expression evaluates to counts as nothing."""
    if is_expression(value):
        return 0
    if isinstance(value, dict):
        return 1 + sum(_least_json_bytes(key) + _least_json_bytes(each) + 2 for key, each in value.items())
    if isinstance(value, list):
        return 1 + sum(_least_json_bytes(each) + 1 for each in value)
    return json_bytes(value)


# --- All checks

Check: TypeAlias = Callable[[ProcessedTask], Iterator[Finding]]

CHECKS: Final[tuple[Check, ...]] = (
    unique_names,
    container_names,
    container_count,
    volumes_from_targets,
    depends_on_targets,
    name_clashes,
    missing_execution_role,
    task_size,
    agent_memory,
    agent_log_router,
    task_definition_bytes,
)


def findings(processed: ProcessedTask) -> list[Finding]:
    """Return all findings about a processed task definition."""
    return [finding for check in CHECKS for finding in check(processed)]

"""The macro checks what it made, before it answers: a stack with a bad task definition may hang without a word.

A check is a function of one processed task definition that yields problems. What cannot be known is not checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from sysdig_instrument.engine.agent import AGENT_NAME
from sysdig_instrument.engine.container import container_definitions, container_lists, member_values
from sysdig_instrument.engine.expressions.evaluate import evaluate_now, is_active, is_expression, is_get_att
from sysdig_instrument.engine.fargate_sizes import RESOURCES, Resource, Size, next_size
from sysdig_instrument.engine.findings import Location, Problem, Reason, quote
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.patch import Pointer
from sysdig_instrument.engine.selection import runs_on_fargate
from sysdig_instrument.engine.template import TaskDefinition
from sysdig_instrument.lazy_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProcessedContainer:
    """A container that is there now. ``name`` is nothing where it is not known."""

    name: str | None
    position: int
    value: Mapping[str, Json]
    pointer: Pointer


@dataclass(frozen=True, slots=True)
class ProcessedTask:
    """A processed task definition. ``is_complete`` says whether it is known of every container if it is there."""

    task: TaskDefinition
    containers: tuple[ProcessedContainer, ...]
    is_complete: bool

    @property
    def properties(self) -> Mapping[str, Json]:
        """Its Properties."""
        return self.task.properties if isinstance(self.task.properties, dict) else {}

    @property
    def knows_all_names(self) -> bool:
        """Whether every container is in sight with its name."""
        return self.is_complete and all(container.name is not None for container in self.containers)

    def location(self, container: ProcessedContainer | None = None, *keys: str | int) -> Location:
        """A place in the task definition, or in one of its containers."""
        if container is None:
            return Location(self.task.name, None, (*self.task.properties_pointer, *keys))
        return self.container_location(container, (*container.pointer, *keys))

    def container_location(self, container: ProcessedContainer, pointer: Pointer) -> Location:
        """A place in one of the containers, by its pointer in the template."""
        return Location(self.task.name, container.name or f"#{container.position}", pointer)

    def evaluate_now(self, value: Json | Absent) -> Json | Absent | None:
        """What a value is worth now, or ``None`` where that is not known."""
        return evaluate_now(value, self.task.scope)

    def entries(
        self, container: ProcessedContainer, key: str, name: str
    ) -> Iterator[tuple[Json | Absent | None, Mapping[str, Json], Pointer]]:
        """The objects in a list of a container that are there now, each after what its member ``name`` is worth."""
        if key not in container.value:
            return
        scope, always = self.task.scope, self.task.assumptions
        for leaf, assumptions in member_values(container.value, key, container.pointer, always):
            if assumptions != always and not is_active(assumptions, scope):
                continue
            for index, item in enumerate(leaf.value if isinstance(leaf.value, list) else ()):
                entry = evaluate_now(item, scope) if is_expression(item) else item
                if isinstance(entry, dict):
                    yield evaluate_now(entry.get(name, ABSENT), scope), entry, (*leaf.pointer, index)


def processed_task(task: TaskDefinition) -> ProcessedTask:
    """A processed task definition with the containers that are there now."""
    found: list[ProcessedContainer] = []
    is_complete = True
    for containers, assumptions in container_lists(task):
        if not isinstance(containers.value, list):
            is_complete = False
            continue
        for position, leaf, assumed in container_definitions(containers.value, containers.pointer, assumptions):
            is_present = True if assumed == task.assumptions else is_active(assumed, task.scope)
            if is_present is None or not isinstance(leaf.value, dict):
                is_complete = False
            elif is_present:
                found.append(_container(task, leaf.value, leaf.pointer, position))
    return ProcessedTask(task, tuple(found), is_complete)


def _container(task: TaskDefinition, value: Mapping[str, Json], pointer: Pointer, position: int) -> ProcessedContainer:
    name = evaluate_now(value.get("Name", ABSENT), task.scope)
    return ProcessedContainer(name if isinstance(name, str) else None, position, value, pointer)


MAX_CONTAINERS: Final = 10


def unique_names(made: ProcessedTask) -> Iterator[Problem]:
    """No two containers have the same name."""
    seen: set[str | None] = set()
    for container in made.containers:
        if container.name is not None and container.name in seen:
            yield Problem(
                made.location(container, "Name"),
                Reason("Another container has the same name", "Give it a name of its own"),
            )
        seen.add(container.name)


def container_count(made: ProcessedTask) -> Iterator[Problem]:
    """A task definition has ten containers at most, the agent's included."""
    count = len(made.containers)
    if count > MAX_CONTAINERS:
        yield Problem(
            made.location(None, "ContainerDefinitions"),
            Reason(f"With the agent's container there are {count} containers, and ECS takes {MAX_CONTAINERS} at most",
            "Move one into a task definition of its own, or leave this task alone (Enabled: false)"),
        )  # fmt: skip


def volumes_from_targets(made: ProcessedTask) -> Iterator[Problem]:
    """VolumesFrom names containers that are there."""
    yield from _targets(made, "VolumesFrom", "SourceContainer")


def depends_on_targets(made: ProcessedTask) -> Iterator[Problem]:
    """DependsOn names containers that are there."""
    yield from _targets(made, "DependsOn", "ContainerName")


def agent_health_dependency(made: ProcessedTask) -> Iterator[Problem]:
    """Nobody waits for the agent to be healthy: its container has no health check, and ECS refuses to wait for one."""
    for container in made.containers:
        for target, entry, pointer in made.entries(container, "DependsOn", "ContainerName"):
            if target == AGENT_NAME and made.evaluate_now(entry.get("Condition")) == "HEALTHY":
                fact = "DependsOn waits for the agent to be HEALTHY, and the agent's container has no HealthCheck"
                yield Problem(
                    made.container_location(container, pointer),
                    Reason(fact, "Take the dependency out, or let it wait for START"),
                )


def _targets(made: ProcessedTask, key: str, name: str) -> Iterator[Problem]:
    referring = [container for container in made.containers if key in container.value]
    if not referring or not made.knows_all_names:
        return
    names = {container.name for container in made.containers}
    for container in referring:
        for target, _, pointer in made.entries(container, key, name):
            if isinstance(target, str) and target not in names:
                fact = f"{key} names {quote(target)}, and there is no such container"
                yield Problem(made.container_location(container, pointer), Reason(fact, "Correct the name"))


def name_clashes(made: ProcessedTask) -> Iterator[Problem]:
    """No secret has the name of a variable."""
    for container in made.containers:
        if "Secrets" not in container.value:
            continue
        for name in sorted(_entry_names(made, container, "Secrets") & _entry_names(made, container, "Environment")):
            yield Problem(
                made.location(container, "Secrets"), Reason(f"{quote(name)} is both a secret and an environment variable",
                "Take one of them out"),
            )  # fmt: skip


def _entry_names(made: ProcessedTask, container: ProcessedContainer, key: str) -> set[str]:
    return {name for name, *_ in made.entries(container, key, "Name") if isinstance(name, str)}


_KEYS_THAT_NEED_A_ROLE: Final = ("Secrets", "RepositoryCredentials")


def missing_execution_role(made: ProcessedTask) -> Iterator[Problem]:
    """There is an execution role where the agent's container needs one."""
    role = made.properties.get("ExecutionRoleArn", ABSENT)
    # An attribute will be there, whatever it is worth: most roles are one, and to find that out takes its time.
    if is_get_att(role) or made.evaluate_now(role) not in (ABSENT, ""):
        return
    for container in made.containers:
        if container.name == AGENT_NAME and any(key in container.value for key in _KEYS_THAT_NEED_A_ROLE):
            yield Problem(
                made.location(None, "ExecutionRoleArn"),
                Reason("The task has no execution role, and ECS needs one to give the agent its access key",
                "Give the task an ExecutionRoleArn, or set DefaultExecutionRoleArn"),
            )  # fmt: skip


def task_size(made: ProcessedTask) -> Iterator[Problem]:
    """With the agent's, what the containers reserve together is not more than the task has.

    A problem only where it is the agent's share that is too much: what the template asks for itself is its own affair.
    """
    for resource in RESOURCES:
        agent_reservation = sum(
            resource.reserved_by(each.value, made.evaluate_now) for each in made.containers if each.name == AGENT_NAME
        )
        if agent_reservation == 0:
            continue
        total = sum(resource.reserved_by(each.value, made.evaluate_now) for each in made.containers)
        limit = _task_limit(made, resource)
        if limit is not None and total - agent_reservation <= limit < total:
            fact = f"With {agent_reservation} {resource.unit} for the agent the containers reserve {total}, and the task has {limit}"
            yield Problem(made.location(None, resource.key), Reason(fact, _size_advice(made)))


def _task_limit(made: ProcessedTask, resource: Resource) -> int | None:
    """What the task has of a resource; nothing where it sets no limit, or none that is known."""
    return resource.parse(made.evaluate_now(made.properties.get(resource.key, ABSENT)))


def _size_advice(made: ProcessedTask) -> str:
    needs = (
        max(
            sum(resource.reserved_by(each.value, made.evaluate_now) for each in made.containers),
            _task_limit(made, resource) or 0,
        )
        for resource in RESOURCES
    )
    on_fargate = runs_on_fargate(made.properties, made.task.scope)
    larger = next_size(Size(*needs), on_fargate=on_fargate)
    if larger is None:
        return "Make the containers smaller: no Fargate size is large enough"
    which = "the next Fargate size that fits" if on_fargate else "which is enough"
    return f"Give the task {larger.text}, {which}, set TaskSize to raise, or make the containers smaller"


Check: TypeAlias = Callable[[ProcessedTask], Iterator[Problem]]

CHECKS: Final[tuple[Check, ...]] = (
    unique_names,
    container_count,
    volumes_from_targets,
    depends_on_targets,
    agent_health_dependency,
    name_clashes,
    missing_execution_role,
    task_size,
)


def problems(made: ProcessedTask) -> Iterator[Problem]:
    """All that is wrong with a processed task definition."""
    for check in CHECKS:
        yield from check(made)


# FOLDED: A processed task definition as ECS would get it with the parameter values of now, as far as that is known.
# FOLDED: The containers of a task definition among themselves (ECS API reference, RegisterTaskDefinition; ECS service quotas).
# FOLDED: Containers that refer to containers by name (ECS API reference, VolumeFrom and ContainerDependency).
# FOLDED: Variables and secrets share one set of names (ECS API reference, ContainerDefinition.secrets).
# FOLDED: ECS reads secrets and private images' credentials with the execution role (ECS developer guide).
# FOLDED: What containers reserve fits into the task, and if not, which size would do (ECS developer guide, «Task size»).

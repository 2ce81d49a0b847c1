"""A processed task definition as ECS would get it with the parameter values of now, as far as that is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sysdig_instrument.engine import conditions, intrinsics
from sysdig_instrument.engine.container import container_lists, elements, member
from sysdig_instrument.engine.findings import Place
from sysdig_instrument.engine.intrinsics import worth
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.patch import Pointer
from sysdig_instrument.engine.template import TaskDefinition
from sysdig_instrument.values import dataclass


@dataclass(frozen=True, slots=True)
class MadeContainer:
    """A container that is there now. ``name`` is nothing where it is not known."""

    name: str | None
    position: int
    value: Mapping[str, Json]
    pointer: Pointer


@dataclass(frozen=True, slots=True)
class Made:
    """A processed task definition. ``is_whole`` says whether it is known of every container if it is there."""

    task: TaskDefinition
    containers: tuple[MadeContainer, ...]
    is_whole: bool

    @property
    def properties(self) -> Mapping[str, Json]:
        """Its Properties."""
        return self.task.properties if isinstance(self.task.properties, dict) else {}

    @property
    def knows_all_names(self) -> bool:
        """Whether every container is in sight with its name."""
        return self.is_whole and all(container.name is not None for container in self.containers)

    def place(self, container: MadeContainer | None = None, *keys: str | int) -> Place:
        """A place in the task definition, or in one of its containers."""
        if container is None:
            return Place(self.task.name, None, (*self.task.properties_pointer, *keys))
        return self.place_of(container, (*container.pointer, *keys))

    def place_of(self, container: MadeContainer, pointer: Pointer) -> Place:
        """A place in one of the containers, by its pointer in the template."""
        return Place(self.task.name, container.name or f"#{container.position}", pointer)

    def worth(self, value: Json | Absent) -> Json | Absent | None:
        """What a value is worth now, or ``None`` where that is not known."""
        return worth(value, self.task.scope)

    def entries(
        self, container: MadeContainer, key: str, name: str
    ) -> Iterator[tuple[Json | Absent | None, Mapping[str, Json], Pointer]]:
        """The objects in a list of a container that are there now, each after what its member ``name`` is worth."""
        if key not in container.value:
            return
        scope, always = self.task.scope, self.task.when
        for leaf, when in member(container.value, key, container.pointer, always):
            if when != always and not conditions.taken(when, scope):
                continue
            for index, item in enumerate(leaf.value if isinstance(leaf.value, list) else ()):
                entry = worth(item, scope) if intrinsics.is_expression(item) else item
                if isinstance(entry, dict):
                    yield worth(entry.get(name, ABSENT), scope), entry, (*leaf.pointer, index)


def made(task: TaskDefinition) -> Made:
    """A processed task definition with the containers that are there now."""
    found: list[MadeContainer] = []
    is_whole = True
    for containers, when in container_lists(task):
        if not isinstance(containers.value, list):
            is_whole = False
            continue
        for position, leaf, under in elements(containers.value, containers.pointer, when):
            is_there = True if under == task.when else conditions.taken(under, task.scope)
            if is_there is None or not isinstance(leaf.value, dict):
                is_whole = False
            elif is_there:
                found.append(_container(task, leaf.value, leaf.pointer, position))
    return Made(task, tuple(found), is_whole)


def _container(task: TaskDefinition, value: Mapping[str, Json], pointer: Pointer, position: int) -> MadeContainer:
    name = worth(value.get("Name", ABSENT), task.scope)
    return MadeContainer(name if isinstance(name, str) else None, position, value, pointer)

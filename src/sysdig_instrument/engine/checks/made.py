"""A processed task definition as ECS would get it with the parameter values of now, as far as that is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from sysdig_instrument.engine import conditions, intrinsics
from sysdig_instrument.engine.choices import Leaf
from sysdig_instrument.engine.container import container_lists, elements, member
from sysdig_instrument.engine.findings import Place
from sysdig_instrument.engine.intrinsics import Literal
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.patch import Pointer
from sysdig_instrument.engine.scope import Scope
from sysdig_instrument.engine.template import TaskDefinition
from sysdig_instrument.values import dataclass

Known: TypeAlias = "Json | Absent | None"
"""A value that is worked out, or ``None`` where it is not known (JSON's null counts as ``ABSENT``)."""


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

    def known(self, value: Json | Absent) -> Known:
        """What a value is worth now."""
        return known(value, self.task.scope)

    def entries(
        self, container: MadeContainer, key: str, name: str
    ) -> Iterator[tuple[Known, Mapping[str, Json], Leaf, int]]:
        """The objects in a list of a container that are there now, in a leaf and with their index.

        Before each is what its member ``name`` is worth.
        """
        if key not in container.value:
            return
        scope, always = self.task.scope, self.task.when
        for leaf, when in member(container.value, key, container.pointer, always):
            if when != always and not conditions.taken(when, scope):
                continue
            for index, item in enumerate(leaf.value if isinstance(leaf.value, list) else ()):
                entry = known(item, scope) if intrinsics.is_expression(item) else item
                if isinstance(entry, dict):
                    yield known(entry.get(name, ABSENT), scope), entry, leaf, index


def known(value: Json | Absent, scope: Scope) -> Known:
    """What a value is worth as things are now."""
    if value is None:
        return ABSENT
    if isinstance(value, str) and "{" not in value:  # nearly every value
        return value
    match intrinsics.resolve(value, scope):
        case Literal(worth):
            return worth
        case Absent():
            return ABSENT
    return None


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
    name = known(value.get("Name", ABSENT), task.scope)
    return MadeContainer(name if isinstance(name, str) else None, position, value, pointer)

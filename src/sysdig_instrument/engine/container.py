"""A task definition's containers, wherever ``Fn::If`` puts them, and how their members are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from sysdig_instrument.engine import conditions, intrinsics
from sysdig_instrument.engine.choices import Leaf, Tree, When, branches, read
from sysdig_instrument.engine.findings import Notice, Place, Problem, Reason
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.known import Literal
from sysdig_instrument.engine.patch import Change, Owner, Pointer
from sysdig_instrument.engine.scope import Scope
from sysdig_instrument.engine.settings.layers import Settled
from sysdig_instrument.engine.settings.table import Settings
from sysdig_instrument.engine.template import FOR_EACH, TRANSFORM, TaskDefinition, is_own_transform
from sysdig_instrument.values import dataclass

Effect: TypeAlias = Change | Notice | Problem
"""What a step yields."""


@dataclass(frozen=True, slots=True)
class Container:
    """One container definition, as it is under ``when``.

    ``name`` is its name as far as it is known; ``position`` its number in the list, from 1, for those without.
    ``settled`` are the settings for this container, ``scope`` is what its expressions may refer to.
    """

    task: TaskDefinition
    value: Mapping[str, Json]
    pointer: Pointer
    when: When
    name: str | None
    position: int
    settled: Settled
    scope: Scope

    @property
    def settings(self) -> Settings:
        """The values of the settings."""
        return self.settled.settings

    @property
    def owner(self) -> Owner:
        """The owner of the changes to it."""
        return Owner(self.task.name, self.label, self.pointer)

    @property
    def label(self) -> str:
        """What messages call it."""
        return self.name or f"#{self.position}"

    def branches(self, key: str) -> Iterable[tuple[Leaf, When]]:
        """What the value of one of its keys can be, each with the conditions that lead to it."""
        return branches(self.value.get(key, ABSENT), (*self.pointer, key), self.when)

    def member(self, key: str) -> Tree[Leaf]:
        """The value of one of its keys, as a tree."""
        return read(self.value.get(key, ABSENT), (*self.pointer, key))

    def place(self, pointer: Pointer) -> Place:
        """A place in this container, for a message."""
        return Place(self.task.name, self.label, pointer)

    def notice(self, pointer: Pointer, reason: Reason) -> Notice:
        """A notice about a place in this container."""
        return Notice(self.place(pointer), reason)

    def fault(self, pointer: Pointer, when: When, reason: Reason) -> Notice | Problem:
        """A problem; only a notice where the place is in a branch that is not taken now."""
        return fault(Problem(self.place(pointer), reason), when, self.task)


def fault(problem: Problem, when: When, task: TaskDefinition) -> Notice | Problem:
    """A problem; only a notice where its place is in a branch that is not taken now."""
    if conditions.taken(when, task.scope) is not False:
        return problem
    return Notice(problem.place, problem.reason.but("it is left as it was in this branch, which is not taken now"))


def member(owner: Mapping[str, Json], key: str, pointer: Pointer, when: When) -> Iterable[tuple[Leaf, When]]:
    """What the value of a key of an object at ``pointer`` can be; a missing key is a leaf that stores nothing."""
    return branches(owner.get(key, ABSENT), (*pointer, key), when)


def put(leaf: Leaf, value: Json, reason: str, *, protects: bool = True) -> Change:
    """The change that makes a leaf's value another: an add where nothing stands there, else a replace."""
    if leaf.stored is ABSENT:
        return Change("add", leaf.pointer, reason, value, protects=protects)
    return Change("replace", leaf.pointer, reason, value, was=leaf.stored, protects=protects)


def entry_name(entry: Json, scope: Scope) -> str | None:
    """The Name of an entry of Environment or Secrets, where it is known."""
    name = entry.get("Name") if isinstance(entry, dict) else None
    if isinstance(name, dict):
        match intrinsics.resolve(name, scope):
            case Literal(str(text)):
                return text
    return name if isinstance(name, str) else None


def is_empty(value: Json | Absent) -> bool:
    """Whether ECS takes the value as not given: absent, null, or an empty list."""
    return value is ABSENT or value is None or value == []


def present(value: Json | Absent, scope: Scope) -> bool:
    """Whether a value is given as things are now; what is not known counts as given."""
    return not is_empty(value) and intrinsics.resolve(value, scope) is not ABSENT


EXPAND_FIRST: Final = "Write out what it brings, or give the template as it is after that transform"


def hidden(owner: Mapping[str, Json], keys: frozenset[str], scope: Scope) -> str | None:
    """Why some of the keys of an object may not be in sight, a clause; nothing where all are.

    ``Fn::Transform`` and ``Fn::ForEach`` beside other keys bring members that this template does not show.
    """
    for key in [key for key in owner if key.startswith("Fn::")]:
        value = owner[key]
        if key == TRANSFORM and not is_own_transform(value):
            return "holds Fn::Transform, whose result is not in sight"
        if key.startswith(FOR_EACH) and not keys.isdisjoint(_generated(value, scope) or keys):
            return "holds Fn::ForEach, whose result is not in sight"
    return None


def _generated(loop: Json, scope: Scope) -> set[str] | None:
    """The keys that a loop inside an object makes; nothing where they are not known."""
    match loop:
        case [str(variable), collection, dict(body)]:
            match intrinsics.resolve(collection, scope):
                case Literal(list(items)):
                    texts = [item for item in items if isinstance(item, str)]
                    return {key.replace(f"${{{variable}}}", text) for key in body for text in texts}
    return None


def container_lists(task: TaskDefinition) -> Iterable[tuple[Leaf, When]]:
    """The lists that ContainerDefinitions can be, with the conditions that lead to each."""
    properties = task.properties
    return (
        member(properties, "ContainerDefinitions", task.properties_pointer, task.when)
        if isinstance(properties, dict)
        else ()
    )


def elements(containers: list[Json], pointer: Pointer, when: When) -> Iterator[tuple[int, Leaf, When]]:
    """The container definitions of a list, with their position and the conditions that lead to each."""
    for index, element in enumerate(containers):
        for leaf, under in branches(element, (*pointer, index), when):
            if leaf.value is not ABSENT:
                yield index + 1, leaf, under

"""A task definition's containers, wherever ``Fn::If`` puts them, and how their members are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from sysdig_instrument.engine.expressions.decision_tree import Assumptions, LocatedValue, Tree, parse_tree, value_leaves
from sysdig_instrument.engine.expressions.evaluate import evaluate, is_active
from sysdig_instrument.engine.expressions.scope import EvaluationScope
from sysdig_instrument.engine.expressions.values import Literal
from sysdig_instrument.engine.findings import Location, Notice, Problem, Reason
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.patch import Change, Owner, Pointer
from sysdig_instrument.engine.settings.layers import ResolvedSettings
from sysdig_instrument.engine.settings.table import Settings
from sysdig_instrument.engine.template import FOR_EACH, TRANSFORM, TaskDefinition, is_own_transform
from sysdig_instrument.lazy_dataclasses import dataclass

StepOutput: TypeAlias = Change | Notice | Problem
"""What a step yields."""


@dataclass(frozen=True, slots=True)
class Container:
    """One container definition, as it is under ``assumptions``.

    ``name`` is its name as far as it is known; ``position`` its number in the list, from 1, for those without.
    ``resolved`` are the settings for this container, ``scope`` is what its expressions may refer to.
    """

    task: TaskDefinition
    value: Mapping[str, Json]
    pointer: Pointer
    assumptions: Assumptions
    name: str | None
    position: int
    resolved: ResolvedSettings
    scope: EvaluationScope

    @property
    def settings(self) -> Settings:
        """The values of the settings."""
        return self.resolved.values

    @property
    def owner(self) -> Owner:
        """The owner of the changes to it."""
        return Owner(self.task.name, self.label, self.pointer)

    @property
    def label(self) -> str:
        """What messages call it."""
        return self.name or f"#{self.position}"

    def values(self, key: str) -> Iterable[tuple[LocatedValue, Assumptions]]:
        """What the value of one of its keys can be, each with the conditions that lead to it."""
        return value_leaves(self.value.get(key, ABSENT), (*self.pointer, key), self.assumptions)

    def tree(self, key: str) -> Tree[LocatedValue]:
        """The value of one of its keys, as a tree."""
        return parse_tree(self.value.get(key, ABSENT), (*self.pointer, key))

    def location(self, pointer: Pointer) -> Location:
        """A place in this container, for a message."""
        return Location(self.task.name, self.label, pointer)

    def notice(self, pointer: Pointer, reason: Reason) -> Notice:
        """A notice about a place in this container."""
        return Notice(self.location(pointer), reason)

    def problem_or_notice(self, pointer: Pointer, assumptions: Assumptions, reason: Reason) -> Notice | Problem:
        """A problem; only a notice where the place is in a branch that is not taken now."""
        return problem_or_notice(Problem(self.location(pointer), reason), assumptions, self.task)


def problem_or_notice(problem: Problem, assumptions: Assumptions, task: TaskDefinition) -> Notice | Problem:
    """A problem; only a notice where its place is in a branch that is not taken now."""
    if is_active(assumptions, task.scope) is not False:
        return problem
    return Notice(
        problem.location, problem.reason.with_clause("it is left as it was in this branch, which is not taken now")
    )


def member_values(
    owner: Mapping[str, Json], key: str, pointer: Pointer, assumptions: Assumptions
) -> Iterable[tuple[LocatedValue, Assumptions]]:
    """What the value of a key of an object at ``pointer`` can be; a missing key is a leaf that stores nothing."""
    return value_leaves(owner.get(key, ABSENT), (*pointer, key), assumptions)


def set_value(leaf: LocatedValue, value: Json, reason: str, *, protects: bool = True) -> Change:
    """The change that makes a leaf's value another: an add where nothing stands there, else a replace."""
    if leaf.stored is ABSENT:
        return Change("add", leaf.pointer, reason, value, protects=protects)
    return Change("replace", leaf.pointer, reason, value, was=leaf.stored, protects=protects)


def entry_name(entry: Json, scope: EvaluationScope) -> str | None:
    """The Name of an entry of Environment or Secrets, where it is known."""
    name = entry.get("Name") if isinstance(entry, dict) else None
    if isinstance(name, dict):
        match evaluate(name, scope):
            case Literal(str(text)):
                return text
    return name if isinstance(name, str) else None


def is_empty(value: Json | Absent) -> bool:
    """Whether ECS takes the value as not given: absent, null, or an empty list."""
    return value is ABSENT or value is None or value == []


def is_given(value: Json | Absent, scope: EvaluationScope) -> bool:
    """Whether a value is given as things are now; what is not known counts as given."""
    return not is_empty(value) and evaluate(value, scope) is not ABSENT


EXPAND_ADVICE: Final = "Write out what it brings, or give the template as it is after that transform"


def opaque_reason(owner: Mapping[str, Json], keys: frozenset[str], scope: EvaluationScope) -> str | None:
    """Why some of the keys of an object may not be in sight, a clause; nothing where all are.

    ``Fn::Transform`` and ``Fn::ForEach`` beside other keys bring members that this template does not show.
    """
    for key in [key for key in owner if key.startswith("Fn::")]:
        value = owner[key]
        if key == TRANSFORM and not is_own_transform(value):
            return "holds Fn::Transform, whose result is not in sight"
        if key.startswith(FOR_EACH) and not keys.isdisjoint(_generated_keys(value, scope) or keys):
            return "holds Fn::ForEach, whose result is not in sight"
    return None


def _generated_keys(loop: Json, scope: EvaluationScope) -> set[str] | None:
    """The keys that a loop inside an object makes; nothing where they are not known."""
    match loop:
        case [str(variable), collection, dict(body)]:
            match evaluate(collection, scope):
                case Literal(list(items)):
                    texts = [item for item in items if isinstance(item, str)]
                    return {key.replace(f"${{{variable}}}", text) for key in body for text in texts}
    return None


def container_lists(task: TaskDefinition) -> Iterable[tuple[LocatedValue, Assumptions]]:
    """The lists that ContainerDefinitions can be, with the conditions that lead to each."""
    properties = task.properties
    return (
        member_values(properties, "ContainerDefinitions", task.properties_pointer, task.assumptions)
        if isinstance(properties, dict)
        else ()
    )


def container_definitions(
    containers: list[Json], pointer: Pointer, assumptions: Assumptions
) -> Iterator[tuple[int, LocatedValue, Assumptions]]:
    """The container definitions of a list, with their position and the conditions that lead to each."""
    for index, element in enumerate(containers):
        for leaf, assumed in value_leaves(element, (*pointer, index), assumptions):
            if leaf.value is not ABSENT:
                yield index + 1, leaf, assumed

"""The containers of a task definition, at any depth of ``Fn::If``, and how their members are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.expressions.decision_tree import Assumptions, LocatedValue, Tree, parse_tree, value_leaves
from sysdig_instrument.engine.expressions.evaluate import evaluate, is_active, is_expression, known_value
from sysdig_instrument.engine.expressions.scope import ConfigUse, EvaluationScope
from sysdig_instrument.engine.expressions.values import Evaluated, Known
from sysdig_instrument.engine.expressions.work import MAX_ITEMS
from sysdig_instrument.engine.findings import Location, Notice, Problem, Reason
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json, Pointer
from sysdig_instrument.engine.paste import PasteInto, paste
from sysdig_instrument.engine.patch import Change, Owner
from sysdig_instrument.engine.settings.layers import ResolvedSettings
from sysdig_instrument.engine.settings.table import Settings
from sysdig_instrument.engine.template import FOR_EACH, TRANSFORM, TaskDefinition, is_own_transform
from sysdig_instrument.lazy_dataclasses import dataclass, replace
from sysdig_instrument.printable import Hidden


@dataclass(frozen=True, slots=True)
class Container:
    """One container definition, which exists under ``assumptions``.

    ``name`` is its name, or None if that is not known; ``position`` is its number in the list, from 1. ``resolved`` are the
    settings of this container, ``scope`` is what its expressions may refer to.
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
        """Its name in messages: ``web``, or its position (``#1``) if the name is not known or is not shown."""
        return f"#{self.position}" if isinstance(self.name, Hidden) else self.name or f"#{self.position}"

    def values(self, key: str) -> Iterable[tuple[LocatedValue, Assumptions]]:
        """Return the values that a key can have, each with the assumptions that lead to it."""
        return value_leaves(self.value.get(key, ABSENT), (*self.pointer, key), self.assumptions)

    def tree(self, key: str) -> Tree[LocatedValue]:
        """Return the value of a key as a tree."""
        return parse_tree(self.value.get(key, ABSENT), (*self.pointer, key))

    def entries(self, key: str) -> Iterator[tuple[LocatedValue, Assumptions]]:
        """Yield the entries of the list ``key``, each with the assumptions that lead to it. An expression is yielded as it is."""
        for leaf, assumptions in self.values(key) if key in self.value else ():
            yield from list_entries(leaf, assumptions)

    def evaluations(self, value: Json | Absent, assumptions: Assumptions) -> list[Evaluated]:
        """Return the value of an expression in each item of the enclosing loops."""
        return [evaluate(value, scope.assuming(assumptions)) for scope in self.task.scopes]

    def location(self, pointer: Pointer) -> Location:
        """Return a location in this container, for a message."""
        return Location(self.task.name, self.label, pointer)

    def notice(self, pointer: Pointer, reason: Reason) -> Notice:
        """Return a notice about a location in this container."""
        return Notice(self.location(pointer), reason)

    def use_setting(self, setting: str, key: str) -> None:
        """Record that an image config from a setting is used."""
        use = ConfigUse(self.task.name, self.name, setting, self.resolved.layer_name(setting), key)
        self.scope.state.used_configs[use] = None

    def problem_or_notice(self, pointer: Pointer, assumptions: Assumptions, reason: Reason) -> Notice | Problem:
        """Return a problem, or only a notice if its location is in a branch that is not active."""
        return problem_or_notice(Problem(self.location(pointer), reason), assumptions, self.task)


def container_at(
    task: TaskDefinition,
    leaf: LocatedValue,
    assumptions: Assumptions,
    position: int,
    settings_of: Callable[[str | None], ResolvedSettings],
) -> Container | None:
    """Return the container definition at a location, or None if it is not written as an object.

    ``settings_of`` returns the settings of a container, by its name.
    """
    if not isinstance(leaf.value, dict) or is_expression(leaf.value):
        return None
    scope = task.scope.assuming(assumptions)
    value = known_value(leaf.value.get("Name", ABSENT), scope)
    name = value if isinstance(value, str) else None
    return Container(task, leaf.value, leaf.pointer, assumptions, name, position, settings_of(name), scope)


def problem_or_notice(problem: Problem, assumptions: Assumptions, task: TaskDefinition) -> Notice | Problem:
    """Return the problem, or a notice in its place if its location is in a branch that is not active."""
    if is_active(assumptions, task.scope) is not False:
        return problem
    return Notice(
        problem.location,
        problem.reason.with_clause("this branch is not active with the current parameters, so it was left unchanged"),
    )


def member_values(
    parent: Mapping[str, Json], key: str, pointer: Pointer, assumptions: Assumptions
) -> Iterable[tuple[LocatedValue, Assumptions]]:
    """Return the values that a key of the object at ``pointer`` can have, each with the assumptions that lead to it.

    A missing key has one value, whose ``stored`` is ``ABSENT``.
    """
    return value_leaves(parent.get(key, ABSENT), (*pointer, key), assumptions)


def list_entries(leaf: LocatedValue, assumptions: Assumptions) -> Iterator[tuple[LocatedValue, Assumptions]]:
    """Yield the entries of a list, each with the assumptions that lead to it. Yield a value that is not a list as it is."""
    if isinstance(leaf.value, list):
        for index, item in enumerate(leaf.value):
            for entry, assumed in value_leaves(item, (*leaf.pointer, index), assumptions):
                if entry.value is not ABSENT:
                    yield entry, assumed
    elif not is_empty(leaf.value):
        yield leaf, assumptions


def is_written_out(value: Json | Absent) -> bool:
    """Return whether a value is an object whose members are all visible in the template."""
    return isinstance(value, dict) and not is_expression(value) and not any(key.startswith("Fn::") for key in value)


def set_value(leaf: LocatedValue, value: Json, reason: str, *, protects: bool = True) -> Change:
    """Return the change that gives a leaf another value: an add if nothing is stored there, else a replace."""
    if leaf.stored is ABSENT:
        return Change("add", leaf.pointer, reason, value, protects=protects)
    return Change("replace", leaf.pointer, reason, value, was=leaf.stored, protects=protects)


def entry_name(entry: Json | Absent, scope: EvaluationScope) -> str | None:
    """Return the Name of an entry of Environment or Secrets, or None if it is not known."""
    written = entry.get("Name") if isinstance(entry, dict) else None
    name = known_value(written, scope) if isinstance(written, dict) else written
    return name if isinstance(name, str) else None


def is_empty(value: Json | Absent) -> bool:
    """Return whether ECS treats the value as not given: absent, null, or an empty list."""
    return value is ABSENT or value is None or value == []


def is_given(value: Json | Absent, scope: EvaluationScope) -> bool:
    """Return whether a value is given under the scope's assumptions; one that is not known counts as given."""
    return not is_empty(value) and evaluate(value, scope) is not ABSENT


WRITE_OUT_RESULT: Final = "Write the result into the template, or use the template as it is after that transform"
"""The advice where an ``Fn::Transform`` or ``Fn::ForEach`` hides members that have to be visible."""


def why_opaque(
    parent: Mapping[str, Json], keys: frozenset[str], scope: EvaluationScope, *, is_snippet_place: bool = False
) -> str | None:
    """Return a clause that says why some of the keys of an object may be hidden, or None if all are visible.

    ``Fn::Transform`` and ``Fn::ForEach`` beside other keys insert members that this template does not show. With
    ``is_snippet_place``, as in the Properties of a task definition, an ``Fn::Transform`` may be this macro itself.
    """
    if "Fn::" not in "".join(parent):  # as in most objects
        return None
    for key in [key for key in parent if key.startswith("Fn::")]:
        value = parent[key]
        if key == TRANSFORM and not (is_snippet_place and is_own_transform(value)):
            return "contains Fn::Transform, whose result is not known here"
        if key.startswith(FOR_EACH) and not keys.isdisjoint(_generated_keys(value, scope) or keys):
            return "contains Fn::ForEach, whose result is not known here"
    return None


def is_inserted(value: Json | Absent) -> bool:
    """Return whether the result of a transform takes the place of a value. The macro gets it, and the tool does not."""
    return isinstance(value, dict) and value.keys() == {TRANSFORM}


def _generated_keys(loop: Json, scope: EvaluationScope) -> set[str] | None:
    """Return the keys that a loop inside an object generates, or None if they are not known."""
    match loop:
        case [str(variable), collection, dict(body)]:
            match evaluate(collection, scope):
                case Known(list(items)) if len(items) * len(body) <= MAX_ITEMS:
                    names = [item for item in items if isinstance(item, str)]
                    scope.state.work.spend(len(items) * len(body))
                    return {key.replace(f"${{{variable}}}", name) for key in body for name in names}
    return None


def container_lists(task: TaskDefinition) -> Iterable[tuple[LocatedValue, Assumptions]]:
    """Return the values that ContainerDefinitions can have, each with the assumptions that lead to it."""
    return member_values(task.properties_or_empty, "ContainerDefinitions", task.properties_pointer, task.assumptions)


def container_definitions(
    containers: list[Json], pointer: Pointer, assumptions: Assumptions
) -> Iterator[tuple[int, LocatedValue, Assumptions]]:
    """Yield the container definitions of a list, each with its position (from 1) and the assumptions that lead to it."""
    for index, element in enumerate(containers):
        for leaf, assumed in value_leaves(element, (*pointer, index), assumptions):
            if leaf.value is not ABSENT:
                yield index + 1, leaf, assumed


_IF_CLAUSE: Final = "its Fn::If is not the name of a condition and two values"
_IF_ADVICE: Final = (
    "Give Fn::If a condition, the value if it is true, and the value if it is false, which may be Ref AWS::NoValue"
)


def explaining_if(reason: Reason, value: Json | Absent) -> Reason:
    """Return a reason why an expression cannot be used, with what is wrong if it is an ``Fn::If``.

    A leaf of a tree is an ``Fn::If`` only if it is not well-formed: one argument is missing, for example.
    """
    if not isinstance(value, dict) or value.keys() != {"Fn::If"}:
        return reason
    corrected = [
        paste(each.into, {key: {"Fn::If": ["CONDITION", item, item]} for key, item in each.members().items()})
        for each in reason.paste
    ]
    explained = replace(reason.with_clause(_IF_CLAUSE), advice=_IF_ADVICE)
    return replace(explained, paste=tuple(chain(*corrected)), not_known_here=False)


def not_a_list_problem(task: TaskDefinition, containers: LocatedValue) -> Problem:
    """Return the problem that ContainerDefinitions is not a list."""
    reason = Reason("ContainerDefinitions is not written as a list in the template",
        "Write ContainerDefinitions as a list; its items, and the list under Fn::If, may be expressions",
        code=Code.NOT_WRITTEN_OUT, not_known_here=is_inserted(containers.value),
        paste=paste(PasteInto.PROPERTIES, {"ContainerDefinitions": [{"Name": "NAME", "Image": "REPOSITORY:TAG", "EntryPoint": ["PROGRAM", "ARGUMENT"]}]}),
    )  # fmt: skip
    return Problem(Location(task.name, None, containers.pointer), explaining_if(reason, containers.value))


def not_a_container_problem(task: TaskDefinition, leaf: LocatedValue, position: int) -> Problem:
    """Return the problem that a container definition is not an object."""
    return Problem(
        Location(task.name, f"#{position}", leaf.pointer), Reason("The container definition is not written as an object in the template",
        "Write it as an object; its members, and the object under Fn::If, may be expressions",
        code=Code.NOT_WRITTEN_OUT, not_known_here=is_inserted(leaf.value)),
    )  # fmt: skip


def opaque_task_problem(task: TaskDefinition, keys: frozenset[str]) -> Iterator[Problem]:
    """Yield the problem that some of the keys of a task definition's Properties may be hidden."""
    if why := why_opaque(task.properties_or_empty, keys, task.scope, is_snippet_place=True):
        location = Location(task.name, None, task.properties_pointer)
        yield Problem(
            location,
            Reason(f"The task definition {why}", WRITE_OUT_RESULT, code=Code.PART_UNKNOWN, not_known_here=True),
        )

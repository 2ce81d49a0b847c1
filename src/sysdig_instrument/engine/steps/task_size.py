"""A larger task where the agent's share does not fit into it, if the setting TaskSize says so.

Owns: Cpu, Memory of the task.

Numbers are raised, under each condition by itself. An expression keeps its say: where its value is too small, that is
refused. What is added up is what checks/sizes.py holds against the task's size in the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from sysdig_instrument.engine.agent import AGENT_NAME
from sysdig_instrument.engine.container import (
    StepOutput,
    container_definitions,
    container_lists,
    member_values,
    problem_or_notice,
    set_value,
)
from sysdig_instrument.engine.expressions.decision_tree import (
    Assumptions,
    Leaf,
    LocatedValue,
    Tree,
    flat_map,
    leaves,
    parse_tree,
    render_tree,
    where,
)
from sysdig_instrument.engine.expressions.evaluate import evaluate, evaluate_by_condition
from sysdig_instrument.engine.expressions.scope import EXPAND_LOOPS, EvaluationScope
from sysdig_instrument.engine.expressions.values import Evaluated, Literal, Unknown
from sysdig_instrument.engine.fargate_sizes import NO_SIZE, RESOURCES, Resource, Size, next_size
from sysdig_instrument.engine.findings import Location, Notice, Problem, Reason
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.selection import runs_on_fargate
from sysdig_instrument.engine.steps.step import InstrumentedTask
from sysdig_instrument.engine.template import TaskDefinition
from sysdig_instrument.lazy_dataclasses import dataclass

_MAX_LEAVES: Final = 256
_TOO_MANY_CONDITIONS: Final = Unknown(Reason("it depends on too many conditions"))


@dataclass(frozen=True, slots=True)
class Reservation:
    """What containers reserve: the part that is known, and why there may be more."""

    known: int = 0
    unknown: Unknown | None = None

    def plus(self, other: Reservation) -> Reservation:
        """Both together."""
        return Reservation(self.known + other.known, self.unknown or other.unknown)


def reserved_by_containers(task: TaskDefinition, scope: EvaluationScope, resource: Resource) -> Tree[Reservation]:
    """What the containers reserve without the agent."""
    total: Tree[Reservation] = Leaf(Reservation())
    for containers, assumptions in container_lists(task):
        values = containers.value if isinstance(containers.value, list) else []
        for _, leaf, assumed in container_definitions(values, containers.pointer, assumptions):
            if isinstance(leaf.value, dict) and not _is_agent(leaf.value, scope.assuming(assumed)):
                more = _container_reservation(leaf.value, resource.container_keys, resource, scope, assumed)
                total = _sum(total, where(assumed, task.assumptions, more, Leaf(Reservation())), task.assumptions)
                if sum(1 for _ in leaves(total, task.assumptions)) > _MAX_LEAVES:
                    return Leaf(Reservation(unknown=_TOO_MANY_CONDITIONS))
    return total


def _sum(left: Tree[Reservation], right: Tree[Reservation], assumptions: Assumptions) -> Tree[Reservation]:
    return flat_map(
        left, assumptions, lambda one, assumed: flat_map(right, assumed, lambda two, _assumptions: Leaf(one.plus(two)))
    )


def _is_agent(container: Mapping[str, Json], scope: EvaluationScope) -> bool:
    return evaluate(container.get("Name", ABSENT), scope) == Literal(AGENT_NAME)


def _container_reservation(
    container: Mapping[str, Json],
    keys: tuple[str, ...],
    resource: Resource,
    scope: EvaluationScope,
    assumptions: Assumptions,
) -> Tree[Reservation]:
    """The first of some members of a container that says how much of a resource is reserved."""
    if not keys:
        return Leaf(Reservation())

    def of(known: Evaluated, assumed: Assumptions) -> Tree[Reservation]:
        known_amount = evaluated_amount(known, resource)
        if known_amount is None:
            return _container_reservation(container, keys[1:], resource, scope, assumed)
        return Leaf(Reservation(known_amount) if isinstance(known_amount, int) else Reservation(unknown=known_amount))

    return flat_map(evaluate_by_condition(container.get(keys[0], ABSENT), scope, assumptions), assumptions, of)


def evaluated_amount(known: Evaluated, resource: Resource) -> int | Unknown | None:
    """The units of a value that is worked out; nothing where it is no size, or none is given."""
    match known:
        case Unknown():
            return known
        case Literal(value):
            return resource.parse(value)
    return None


_REASON: Final = "the agent's share fits into it"

_TargetSize: TypeAlias = Size | Problem | Unknown | None
"""The size to raise a task to, why that cannot be, why it is not known, or nothing where all fits as it is."""


@dataclass(frozen=True, slots=True)
class _Usage:
    """What a task has of a resource, and what its containers and the agent reserve of it, under some conditions.

    ``limit`` is nothing where the task sets none; ``is_number`` says whether it can be raised.
    """

    limit: int | Unknown | None
    is_number: bool
    reserved: Reservation
    agent: int

    @property
    def agent_does_not_fit(self) -> bool:
        """Whether it is the agent's share that does not fit."""
        return isinstance(self.limit, int) and self.reserved.known <= self.limit < self.reserved.known + self.agent

    @property
    def unknown(self) -> Unknown | None:
        """Why it is not known whether it fits."""
        return self.limit if isinstance(self.limit, Unknown) else self.reserved.unknown

    @property
    def minimum(self) -> int:
        """What the task has to have at least."""
        return max(self.limit if isinstance(self.limit, int) else 0, self.reserved.known + self.agent)


def task_size(instrumented: InstrumentedTask) -> Iterator[StepOutput]:
    """The next size that fits, where containers are instrumented (``protected``) and the agent's share is too much."""
    task, settings, protected = instrumented.task, instrumented.settings, instrumented.is_instrumented
    share = Size(settings.agent_cpu or 0, settings.agent_memory_reservation or settings.agent_memory or 0)
    if settings.task_size == "keep" or share == NO_SIZE or not isinstance(task.properties, dict):
        return
    wanted, *others = (_target_size(task, scope, share, protected) for scope in task.scopes)
    if any(other != wanted for other in others):
        yield Problem(
            _location(task),
            Reason("The items of the Fn::ForEach around it differ in the size of the task", EXPAND_LOOPS),
        )
        return
    yield from _findings(task, wanted)
    for index, resource in enumerate(RESOURCES):
        for leaf, assumptions in member_values(
            task.properties, resource.key, task.properties_pointer, task.assumptions
        ):
            new = _raise_to(leaf, assumptions, wanted, index)
            if new != Leaf(leaf.stored):
                yield set_value(leaf, render_tree(new), _REASON)


def _location(task: TaskDefinition, *keys: str) -> Location:
    return Location(task.name, None, (*task.properties_pointer, *keys))


def _findings(task: TaskDefinition, wanted: Tree[_TargetSize]) -> Iterator[Notice | Problem]:
    for each, assumptions in leaves(wanted, task.assumptions):
        match each:
            case Size():
                yield Notice(
                    _location(task),
                    Reason(f"The task is raised to {each.text}, so that the agent's share fits into it"),
                )
            case Problem():
                yield each if assumptions == task.assumptions else problem_or_notice(each, assumptions, task)
            case Unknown(Reason(why, advice)):
                fact = f"Whether the agent's share fits into the task cannot be worked out: {why}"
                yield Notice(_location(task), Reason(fact, advice or "Make sure that it does"))


def _raise_to(
    leaf: LocatedValue, assumptions: Assumptions, wanted: Tree[_TargetSize], index: int
) -> Tree[Json | Absent]:
    """A number as it is to be under each combination of conditions: a number again, or text if it was text."""
    now = RESOURCES[index].parse(leaf.value)

    def of(each: _TargetSize, _assumptions: Assumptions) -> Tree[Json | Absent]:
        if now is None or not isinstance(each, Size) or each.amounts[index] <= now:
            return Leaf(leaf.stored)
        more = each.amounts[index]
        return Leaf(str(more) if isinstance(leaf.value, str) else more)

    return flat_map(wanted, assumptions, of)


def _target_size(task: TaskDefinition, scope: EvaluationScope, share: Size, protected: Tree[bool]) -> Tree[_TargetSize]:
    properties = task.properties if isinstance(task.properties, dict) else {}
    platforms = evaluate_by_condition(properties.get("RequiresCompatibilities", ABSENT), scope, task.assumptions)
    # A size of Fargate's is good elsewhere, too; so it is one where the task is for Fargate under some condition.
    on_fargate = any(
        runs_on_fargate(properties, scope.assuming(assumptions))
        for _, assumptions in leaves(platforms, task.assumptions)
    )
    cpu, memory = (_usage(task, scope, *each) for each in zip(RESOURCES, share.amounts, strict=True))

    def of(is_protected: bool, assumptions: Assumptions) -> Tree[_TargetSize]:  # noqa: FBT001 - a leaf, not a switch
        if not is_protected:
            return Leaf(None)
        return flat_map(cpu, assumptions, lambda of_cpu, assumed: flat_map(
            memory, assumed, lambda of_memory, _assumptions: Leaf(_size_for(task, (of_cpu, of_memory), on_fargate=on_fargate))
        ))  # fmt: skip

    return flat_map(protected, task.assumptions, of)


def _size_for(task: TaskDefinition, usages: tuple[_Usage, _Usage], *, on_fargate: bool) -> _TargetSize:
    """The size that fits, where one of the resources does not suffice."""
    is_too_much = any(use.agent_does_not_fit for use in usages)
    asked = [use for use in usages if is_too_much or (use.agent and use.limit is not None)]
    unknown = next((use.unknown for use in asked if use.unknown), None)
    if unknown and is_too_much:
        fact = f"The agent's share does not fit into the task, and which size would do cannot be worked out: {unknown.reason.fact}"
        return Problem(
            _location(task), Reason(fact, unknown.reason.advice or "Give the task a size that is large enough")
        )
    if unknown or not is_too_much:
        return unknown
    least = Size(*(use.minimum for use in usages))
    size = next_size(least, on_fargate=on_fargate)
    if size is None:
        fact = f"With the agent's share the task needs {least.text}, and no Fargate size is large enough"
        return Problem(_location(task), Reason(fact, "Make the containers smaller"))
    for resource, use, more in zip(RESOURCES, usages, size.amounts, strict=True):
        if isinstance(use.limit, int) and not use.is_number and use.limit < more:
            fact = f"The agent's share needs {size.text}, and {resource.key} is an expression, which TaskSize does not raise"
            advice = f"Give it the value {more}, or write {resource.key} as a number"
            return Problem(_location(task, resource.key), Reason(fact, advice))
    return size


def _usage(task: TaskDefinition, scope: EvaluationScope, resource: Resource, share: int) -> Tree[_Usage]:
    """What there is and what is reserved of a resource, under each combination of the conditions that decide it."""
    properties = task.properties if isinstance(task.properties, dict) else {}
    limit = parse_tree(properties.get(resource.key, ABSENT), (*task.properties_pointer, resource.key))
    own = reserved_by_containers(task, scope, resource)

    def of_leaf(leaf: LocatedValue, assumptions: Assumptions) -> Tree[_Usage]:
        is_number = resource.parse(leaf.value) is not None

        def of(known: Evaluated, assumed: Assumptions) -> Tree[_Usage]:
            limit = evaluated_amount(known, resource)
            return flat_map(own, assumed, lambda each, _assumptions: Leaf(_Usage(limit, is_number, each, share)))

        return flat_map(evaluate_by_condition(leaf.value, scope, assumptions), assumptions, of)

    return flat_map(limit, task.assumptions, of_leaf)


# FOLDED: What a task's containers reserve of a resource, under each combination of the conditions that decide it.

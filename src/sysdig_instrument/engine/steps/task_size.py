"""A larger task size if the agent's reservation does not fit into the task, with ``TaskSize: raise``.

Owns: Cpu, Memory of the task.

A number is raised, in each branch separately. An expression is never replaced: if its value is too small, the template
is refused. ``checks.task_size`` compares the same reservations with the size of the processed task.

Source: the ECS developer guide, «Task definition parameters for Fargate», «Task size»; the ECS API reference,
ContainerDefinition: MemoryReservation is what a container reserves, or Memory if there is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from sysdig_instrument.engine.agent import AGENT_NAME
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import (
    container_definitions,
    container_lists,
    member_values,
    problem_or_notice,
    set_value,
)
from sysdig_instrument.engine.expressions.decision_tree import (
    TRUE,
    Assumptions,
    Leaf,
    LocatedValue,
    Tree,
    any_of,
    branch_on,
    flat_map,
    leaves,
    parse_tree,
    render_tree,
)
from sysdig_instrument.engine.expressions.evaluate import evaluate, evaluate_by_condition
from sysdig_instrument.engine.expressions.scope import EXPAND_LOOPS, EvaluationScope
from sysdig_instrument.engine.expressions.values import Evaluated, Known, Unknown
from sysdig_instrument.engine.fargate_sizes import NO_SIZE, RESOURCES, Resource, Size, next_size, paste_size
from sysdig_instrument.engine.findings import Location, Notice, Problem, Reason
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.selection import runs_on_fargate
from sysdig_instrument.engine.steps.step import ChangeOrFinding, InstrumentedTask
from sysdig_instrument.engine.template import TaskDefinition, expand_loops
from sysdig_instrument.lazy_dataclasses import dataclass

# --- The reservations of the containers, under each combination of the conditions that decide them

_MAX_LEAVES: Final = 256
_TOO_MANY_CONDITIONS: Final = Unknown(Reason("it depends on too many conditions", code=Code.CONDITION_UNKNOWN))


@dataclass(frozen=True, slots=True)
class Reservation:
    """The units of a resource that containers reserve: a known number, and the reason why there may be more."""

    known: int = 0
    unknown: Unknown | None = None

    def __add__(self, other: Reservation) -> Reservation:
        """Return the sum of two reservations."""
        return Reservation(self.known + other.known, self.unknown or other.unknown)


def _reserved_by_containers(task: TaskDefinition, scope: EvaluationScope, resource: Resource) -> Tree[Reservation]:
    """Return what the containers reserve of a resource, without the agent."""
    total: Tree[Reservation] = Leaf(Reservation())
    for containers, assumptions in container_lists(task):
        values = containers.value if isinstance(containers.value, list) else []
        for _, leaf, assumed in container_definitions(values, containers.pointer, assumptions):
            if isinstance(leaf.value, dict) and not _is_agent(leaf.value, scope.assuming(assumed)):
                more = _container_reservation(leaf.value, resource.container_keys, resource, scope, assumed)
                total = _sum(total, branch_on(assumed, task.assumptions, more, Leaf(Reservation())), task.assumptions)
                if sum(1 for _ in leaves(total, task.assumptions)) > _MAX_LEAVES:
                    return Leaf(Reservation(unknown=_TOO_MANY_CONDITIONS))
    return total


def _sum(left: Tree[Reservation], right: Tree[Reservation], assumptions: Assumptions) -> Tree[Reservation]:
    return flat_map(
        left, assumptions, lambda one, assumed: flat_map(right, assumed, lambda two, _assumptions: Leaf(one + two))
    )


def _is_agent(container: Mapping[str, Json], scope: EvaluationScope) -> bool:
    return evaluate(container.get("Name", ABSENT), scope) == Known(AGENT_NAME)


def _container_reservation(
    container: Mapping[str, Json],
    keys: tuple[str, ...],
    resource: Resource,
    scope: EvaluationScope,
    assumptions: Assumptions,
) -> Tree[Reservation]:
    """Return what a container reserves of a resource, by the first of its members ``keys`` that is a size.

    A member that is unknown makes the reservation unknown: it may be the one that counts.
    """
    if not keys:
        return Leaf(Reservation())

    def of_member(value: Evaluated, assumed: Assumptions) -> Tree[Reservation]:
        amount = _evaluated_amount(value, resource)
        if amount is None:
            return _container_reservation(container, keys[1:], resource, scope, assumed)
        return Leaf(Reservation(amount) if isinstance(amount, int) else Reservation(unknown=amount))

    return flat_map(evaluate_by_condition(container.get(keys[0], ABSENT), scope, assumptions), assumptions, of_member)


def _evaluated_amount(value: Evaluated, resource: Resource) -> int | Unknown | None:
    """Return the units of an evaluated value; ``None`` if it is absent or not a size."""
    match value:
        case Unknown():
            return value
        case Known(literal):
            return resource.parse(literal)
    return None


# --- The size that the task needs

_REASON: Final = "makes room for the agent's reservation"

_TargetSize: TypeAlias = Size | Problem | Unknown | None
"""The size to raise a task to; or why there is none, why it is unknown, or ``None`` if everything fits already."""


@dataclass(frozen=True, slots=True)
class _Usage:
    """The amount of a resource that a task has, and the amounts that its containers and the agent reserve, under some conditions.

    ``limit`` is ``None`` if the task sets none. ``is_number`` is true if the limit is written as a number, which can be
    raised. ``agent`` is the agent's reservation.
    """

    limit: int | Unknown | None
    is_number: bool
    reserved: Reservation
    agent: int

    @property
    def agent_does_not_fit(self) -> bool:
        """True if the containers fit without the agent, and do not fit with it."""
        return isinstance(self.limit, int) and self.reserved.known <= self.limit < self.reserved.known + self.agent

    @property
    def unknown(self) -> Unknown | None:
        """The reason why it is unknown whether the agent fits, or ``None``."""
        return self.limit if isinstance(self.limit, Unknown) else self.reserved.unknown

    @property
    def minimum(self) -> int:
        """The units that the task needs at least."""
        return max(self.limit if isinstance(self.limit, int) else 0, self.reserved.known + self.agent)


def task_size(instrumented: InstrumentedTask) -> Iterator[ChangeOrFinding]:
    """Yield the changes to the next size that fits, under the conditions in which there is an agent."""
    task, settings = instrumented.task, instrumented.settings
    agent = Size(settings.agent_cpu or 0, settings.agent_memory_reservation or settings.agent_memory or 0)
    if settings.task_size == "keep" or agent == NO_SIZE:
        return
    has_agent = _has_agent(instrumented)
    target, *others = (_target_size(task, scope, agent, has_agent) for scope in task.scopes)
    if any(other != target for other in others):
        yield Problem(
            _location(task),
            Reason(
                "The items of the enclosing Fn::ForEach need different task sizes",
                EXPAND_LOOPS,
                code=Code.SIZES_DIFFER,
                paste=expand_loops(task.scope.template, settings.macro_name),
            ),
        )
        return
    yield from _findings(task, target)
    for index, resource in enumerate(RESOURCES):
        for leaf, assumptions in member_values(
            task.properties_or_empty, resource.key, task.properties_pointer, task.assumptions
        ):
            new = _raise_to(leaf, assumptions, target, index)
            if new != Leaf(leaf.stored):
                yield set_value(leaf, render_tree(new), _REASON)


def _has_agent(instrumented: InstrumentedTask) -> Tree[bool]:
    """Return under which conditions the processed task has an agent: it had one before, or a container is instrumented."""
    agents = [each.assumptions for each in instrumented.containers if each.name == AGENT_NAME]
    existing = any_of(agents, instrumented.task.assumptions)
    return flat_map(
        instrumented.is_instrumented,
        instrumented.task.assumptions,
        lambda is_instrumented, _assumptions: TRUE if is_instrumented else existing,
    )


def _location(task: TaskDefinition, *keys: str) -> Location:
    return Location(task.name, None, (*task.properties_pointer, *keys))


def _findings(task: TaskDefinition, target: Tree[_TargetSize]) -> Iterator[Notice | Problem]:
    for each, assumptions in leaves(target, task.assumptions):
        match each:
            case Size():
                yield Notice(
                    _location(task),
                    Reason(
                        f"The task's size is raised to {each.text}, so that the agent's reservation fits into it",
                        code=Code.SIZE_RAISED,
                    ),
                )
            case Problem():
                yield each if assumptions == task.assumptions else problem_or_notice(each, assumptions, task)
            case Unknown(Reason(why, advice)):
                fact = f"It is unknown whether the agent's reservation fits into the task: {why}"
                yield Notice(_location(task), Reason(fact, advice or "Make sure that it does", code=Code.SIZE_UNKNOWN))


def _raise_to(
    leaf: LocatedValue, assumptions: Assumptions, target: Tree[_TargetSize], index: int
) -> Tree[Json | Absent]:
    """Return a size raised to the target under each combination of conditions: a number, or a string if it was one."""
    present = RESOURCES[index].parse(leaf.value)

    def raised(each: _TargetSize, _assumptions: Assumptions) -> Tree[Json | Absent]:
        if present is None or not isinstance(each, Size) or each.amounts[index] <= present:
            return Leaf(leaf.stored)
        amount = each.amounts[index]
        return Leaf(str(amount) if isinstance(leaf.value, str) else amount)

    return flat_map(target, assumptions, raised)


def _target_size(task: TaskDefinition, scope: EvaluationScope, agent: Size, has_agent: Tree[bool]) -> Tree[_TargetSize]:
    properties = task.properties_or_empty
    compatibilities = evaluate_by_condition(properties.get("RequiresCompatibilities", ABSENT), scope, task.assumptions)
    # Fargate's sizes are valid elsewhere, too, so they are used if the task is for Fargate under some condition.
    on_fargate = any(
        runs_on_fargate(task, scope.assuming(assumptions))
        for _, assumptions in leaves(compatibilities, task.assumptions)
    )
    cpu, memory = (_usage(task, scope, *each) for each in zip(RESOURCES, agent.amounts, strict=True))

    def size(agent_exists: bool, assumptions: Assumptions) -> Tree[_TargetSize]:  # noqa: FBT001 - a leaf, not a switch
        if not agent_exists:
            return Leaf(None)
        return flat_map(cpu, assumptions, lambda cpu_usage, assumed: flat_map(
            memory, assumed,
            lambda memory_usage, _assumptions: Leaf(_size_for(task, (cpu_usage, memory_usage), on_fargate=on_fargate)),
        ))  # fmt: skip

    return flat_map(has_agent, task.assumptions, size)


def _size_for(task: TaskDefinition, usages: tuple[_Usage, _Usage], *, on_fargate: bool) -> _TargetSize:
    """Return the size that the agent fits into, if it does not fit into the present one."""
    must_raise = any(usage.agent_does_not_fit for usage in usages)
    # A raised task needs enough of both resources; otherwise, only those count that the task limits and the agent reserves.
    relevant = [usage for usage in usages if must_raise or (usage.agent and usage.limit is not None)]
    unknown = next((usage.unknown for usage in relevant if usage.unknown), None)
    if unknown and must_raise:
        fact = f"The agent's reservation does not fit into the task, and the size that it needs is unknown: {unknown.reason.fact}"
        advice = unknown.reason.advice or "Give the task a size that is large enough"
        return Problem(
            _location(task), Reason(fact, advice, code=Code.SIZE_UNKNOWN, not_known_here=unknown.reason.is_unknown)
        )
    if unknown or not must_raise:
        return unknown
    minimum = Size(*(usage.minimum for usage in usages))
    size = next_size(minimum, on_fargate=on_fargate)
    if size is None:
        fact = f"With the agent's reservation the task needs {minimum.text}, and no Fargate size is large enough"
        return Problem(_location(task), Reason(fact, "Make the containers smaller", code=Code.NO_SIZE_FITS))
    for resource, usage, amount in zip(RESOURCES, usages, size.amounts, strict=True):
        if isinstance(usage.limit, int) and not usage.is_number and usage.limit < amount:
            fact = f"The agent's reservation needs {size.text}, and {resource.key} is an expression, which TaskSize does not raise"
            advice = f"Give it the value {amount}, or write {resource.key} as a number"
            reason = Reason(fact, advice, code=Code.SIZE_IS_EXPRESSION, paste=paste_size(size))
            return Problem(_location(task, resource.key), reason)
    return size


def _usage(task: TaskDefinition, scope: EvaluationScope, resource: Resource, agent: int) -> Tree[_Usage]:
    """Return the usage of a resource under each combination of the conditions that decide it."""
    limit_tree = parse_tree(
        task.properties_or_empty.get(resource.key, ABSENT), (*task.properties_pointer, resource.key)
    )
    reserved = _reserved_by_containers(task, scope, resource)

    def of_leaf(leaf: LocatedValue, assumptions: Assumptions) -> Tree[_Usage]:
        is_number = resource.parse(leaf.value) is not None

        def of_value(value: Evaluated, assumed: Assumptions) -> Tree[_Usage]:
            limit = _evaluated_amount(value, resource)
            return flat_map(reserved, assumed, lambda each, _assumptions: Leaf(_Usage(limit, is_number, each, agent)))

        return flat_map(evaluate_by_condition(leaf.value, scope, assumptions), assumptions, of_value)

    return flat_map(limit_tree, task.assumptions, of_leaf)

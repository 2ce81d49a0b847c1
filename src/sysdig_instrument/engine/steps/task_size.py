"""A larger task where the agent's share does not fit into it, if the setting TaskSize says so.

Owns: Cpu, Memory of the task.

Numbers are raised, under each condition by itself. An expression keeps its say: where its value is too small, that is
refused. What is added up is what checks/sizes.py holds against the task's size in the result.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from sysdig_instrument.engine import intrinsics
from sysdig_instrument.engine.choices import Always, Leaf, Tree, When, bind, leaves, read, render
from sysdig_instrument.engine.container import Effect, fault, member, put
from sysdig_instrument.engine.findings import Notice, Place, Problem, Reason
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.known import Known, Unknown
from sysdig_instrument.engine.reservations import Reserved, amount, reserved
from sysdig_instrument.engine.scope import Scope
from sysdig_instrument.engine.selection import runs_on_fargate
from sysdig_instrument.engine.sizes import NOTHING, RESOURCES, Resource, Size, next_size
from sysdig_instrument.engine.steps.step import InstrumentedTask
from sysdig_instrument.engine.template import EXPAND_LOOP, TaskDefinition
from sysdig_instrument.values import dataclass

_REASON: Final = "the agent's share fits into it"

_Wanted: TypeAlias = Size | Problem | Unknown | None
"""The size to raise a task to, why that cannot be, why it is not known, or nothing where all fits as it is."""


@dataclass(frozen=True, slots=True)
class _Use:
    """What a task has of a resource, and what its containers and the agent reserve of it, under some conditions.

    ``limit`` is nothing where the task sets none; ``is_number`` says whether it can be raised.
    """

    limit: int | Unknown | None
    is_number: bool
    own: Reserved
    share: int

    @property
    def is_too_much(self) -> bool:
        """Whether it is the agent's share that does not fit."""
        return isinstance(self.limit, int) and self.own.known <= self.limit < self.own.known + self.share

    @property
    def unknown(self) -> Unknown | None:
        """Why it is not known whether it fits."""
        return self.limit if isinstance(self.limit, Unknown) else self.own.unknown

    @property
    def least(self) -> int:
        """What the task has to have at least."""
        return max(self.limit if isinstance(self.limit, int) else 0, self.own.known + self.share)


def task_size(instrumented: InstrumentedTask) -> Iterator[Effect]:
    """The next size that fits, where containers are instrumented (``protected``) and the agent's share is too much."""
    task, settings, protected = instrumented.task, instrumented.settings, instrumented.instrumented
    share = Size(settings.agent_cpu or 0, settings.agent_memory_reservation or settings.agent_memory or 0)
    if settings.task_size == "keep" or share == NOTHING or not isinstance(task.properties, dict):
        return
    wanted, *others = (_wanted(task, scope, share, protected) for scope in task.scopes)
    if any(other != wanted for other in others):
        yield Problem(
            _place(task), Reason("The items of the Fn::ForEach around it differ in the size of the task", EXPAND_LOOP)
        )
        return
    yield from _told(task, wanted)
    for index, resource in enumerate(RESOURCES):
        for leaf, when in member(task.properties, resource.key, task.properties_pointer, task.when):
            new = _raised(leaf, when, wanted, index)
            if new != Always(leaf.stored):
                yield put(leaf, render(new), _REASON)


def _place(task: TaskDefinition, *keys: str) -> Place:
    return Place(task.name, None, (*task.properties_pointer, *keys))


def _told(task: TaskDefinition, wanted: Tree[_Wanted]) -> Iterator[Notice | Problem]:
    for each, when in leaves(wanted, task.when):
        match each:
            case Size():
                yield Notice(
                    _place(task), Reason(f"The task is raised to {each.text}, so that the agent's share fits into it")
                )
            case Problem():
                yield each if when == task.when else fault(each, when, task)
            case Unknown(Reason(why, advice)):
                fact = f"Whether the agent's share fits into the task cannot be worked out: {why}"
                yield Notice(_place(task), Reason(fact, advice or "Make sure that it does"))


def _raised(leaf: Leaf, when: When, wanted: Tree[_Wanted], index: int) -> Tree[Json | Absent]:
    """A number as it is to be under each combination of conditions: a number again, or text if it was text."""
    now = RESOURCES[index].read(leaf.value)

    def of(each: _Wanted, _when: When) -> Tree[Json | Absent]:
        if now is None or not isinstance(each, Size) or each.amounts[index] <= now:
            return Always(leaf.stored)
        more = each.amounts[index]
        return Always(str(more) if isinstance(leaf.value, str) else more)

    return bind(wanted, when, of)


def _wanted(task: TaskDefinition, scope: Scope, share: Size, protected: Tree[bool]) -> Tree[_Wanted]:
    properties = task.properties if isinstance(task.properties, dict) else {}
    platforms = intrinsics.cases(properties.get("RequiresCompatibilities", ABSENT), scope, task.when)
    # A size of Fargate's is good elsewhere, too; so it is one where the task is for Fargate under some condition.
    on_fargate = any(runs_on_fargate(properties, scope.assuming(when)) for _, when in leaves(platforms, task.when))
    cpu, memory = (_use(task, scope, *each) for each in zip(RESOURCES, share.amounts, strict=True))

    def of(is_protected: bool, when: When) -> Tree[_Wanted]:  # noqa: FBT001 - a leaf, not a switch
        if not is_protected:
            return Always(None)
        return bind(cpu, when, lambda of_cpu, under: bind(
            memory, under, lambda of_memory, _when: Always(_fitting(task, (of_cpu, of_memory), on_fargate=on_fargate))
        ))  # fmt: skip

    return bind(protected, task.when, of)


def _fitting(task: TaskDefinition, uses: tuple[_Use, _Use], *, on_fargate: bool) -> _Wanted:
    """The size that fits, where one of the resources does not suffice."""
    is_too_much = any(use.is_too_much for use in uses)
    asked = [use for use in uses if is_too_much or (use.share and use.limit is not None)]
    unknown = next((use.unknown for use in asked if use.unknown), None)
    if unknown and is_too_much:
        fact = f"The agent's share does not fit into the task, and which size would do cannot be worked out: {unknown.reason.fact}"
        return Problem(_place(task), Reason(fact, unknown.reason.advice or "Give the task a size that is large enough"))
    if unknown or not is_too_much:
        return unknown
    least = Size(*(use.least for use in uses))
    size = next_size(least, on_fargate=on_fargate)
    if size is None:
        fact = f"With the agent's share the task needs {least.text}, and no Fargate size is large enough"
        return Problem(_place(task), Reason(fact, "Make the containers smaller"))
    for resource, use, more in zip(RESOURCES, uses, size.amounts, strict=True):
        if isinstance(use.limit, int) and not use.is_number and use.limit < more:
            fact = f"The agent's share needs {size.text}, and {resource.key} is an expression, which TaskSize does not raise"
            advice = f"Give it the value {more}, or write {resource.key} as a number"
            return Problem(_place(task, resource.key), Reason(fact, advice))
    return size


def _use(task: TaskDefinition, scope: Scope, resource: Resource, share: int) -> Tree[_Use]:
    """What there is and what is reserved of a resource, under each combination of the conditions that decide it."""
    properties = task.properties if isinstance(task.properties, dict) else {}
    limit = read(properties.get(resource.key, ABSENT), (*task.properties_pointer, resource.key))
    own = reserved(task, scope, resource)

    def of_leaf(leaf: Leaf, when: When) -> Tree[_Use]:
        is_number = resource.read(leaf.value) is not None

        def of(known: Known, under: When) -> Tree[_Use]:
            limit = amount(known, resource)
            return bind(own, under, lambda each, _when: Always(_Use(limit, is_number, each, share)))

        return bind(intrinsics.cases(leaf.value, scope, when), when, of)

    return bind(limit, task.when, of_leaf)

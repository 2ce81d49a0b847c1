"""One task definition: what is decided about it and its containers, and all that changes in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sysdig_instrument.engine import intrinsics
from sysdig_instrument.engine.choices import Leaf, TooManyConditionsError, Tree, When, any_of
from sysdig_instrument.engine.container import EXPAND_FIRST, Container, container_lists, elements, hidden, is_empty
from sysdig_instrument.engine.findings import Finding, Notice, Place, Problem, Reason
from sysdig_instrument.engine.json_types import ABSENT, Json
from sysdig_instrument.engine.layering import TaskSettings
from sysdig_instrument.engine.outcomes import Outcome, Status, TaskPlan, finished
from sysdig_instrument.engine.patch import Change, Owner
from sysdig_instrument.engine.selection import (
    CONTAINER_KEYS,
    TASK_KEYS,
    Agent,
    Include,
    Refuse,
    Skip,
    SkipReason,
    decide_container,
    decide_task,
)
from sysdig_instrument.engine.settings.layers import Settled
from sysdig_instrument.engine.steps import CONTAINER_STEPS, TASK_STEPS
from sysdig_instrument.engine.steps.agent import add_agent, agent, update_agent
from sysdig_instrument.engine.steps.step import Input, InstrumentedTask, Output, Source, Step, Unresolved
from sysdig_instrument.engine.strangers import strangers
from sysdig_instrument.engine.template import TaskDefinition
from sysdig_instrument.values import dataclass, replace


def _keys(steps: Iterable[Step[Container] | Step[InstrumentedTask]]) -> frozenset[str]:
    return frozenset(key for step in steps if step.missing is not None for key in step.keys)


_TASK_KEYS: Final = TASK_KEYS | _keys(TASK_STEPS)
_CONTAINER_KEYS: Final = CONTAINER_KEYS | _keys(CONTAINER_STEPS)
"""With ``_TASK_KEYS``, the members that must be visible: those that decide, and those that protection depends on."""


@dataclass(frozen=True, slots=True)
class _Planned:
    """A container and what is to be done to it."""

    container: Container
    outcome: Outcome
    outputs: tuple[Output, ...] = ()

    @property
    def is_instrumented(self) -> bool:
        return self.outcome.status is Status.INSTRUMENTED


def rewrite(task: TaskDefinition, settings: TaskSettings) -> TaskPlan:
    """The plan for one task definition."""
    match decide_task(task, settings):
        case Skip(why, reason):
            return finished(task, settings, Outcome(None, Status.SKIPPED, why, reason=reason), (), settings.findings)
        case Refuse(key, reason):
            pointer = (*task.properties_pointer, key) if key else task.properties_pointer
            problem = Problem(Place(task.name, None, pointer), reason)
            return finished(
                task, settings, Outcome(None, Status.REFUSED, reason.fact), (), (*settings.findings, problem)
            )
    try:
        return _rewrite_lists(task, settings)
    except TooManyConditionsError:
        fact = "The items of one of its lists stand under too many different conditions"
        problem = Problem(
            Place(task.name, None, task.properties_pointer), Reason(fact, "Let several items share a condition")
        )
        return finished(task, settings, Outcome(None, Status.REFUSED, fact), (), (*settings.findings, problem))


def _rewrite_lists(task: TaskDefinition, settings: TaskSettings) -> TaskPlan:
    outputs: list[Output] = [*settings.findings, *_out_of_sight(task)]
    planned: list[_Planned] = []
    for containers, when in container_lists(task):
        if is_empty(containers.value):
            continue
        if not isinstance(containers.value, list):
            outputs.append(_not_a_list(task, containers))
            continue
        here, odd = _containers(task, containers.value, containers, when, settings)
        planned += here
        outputs += odd
        for each in here:
            outputs += each.outputs
        outputs += _agents(here, containers, when, settings.settled)
    if settings.settled is not settings.inherited or settings.containers:
        outputs += strangers(task, settings, [each.container.name for each in planned])
    outcomes = tuple(each.outcome for each in planned)
    instrumented = [each.container.when for each in planned if each.is_instrumented]
    if not instrumented:
        findings = [output for output in outputs if isinstance(output, Finding)]
        why, reason = "no container is to be instrumented", SkipReason.NOTHING_TO_INSTRUMENT
        none = _refused(outputs) or Outcome(None, Status.SKIPPED, why, reason=reason)
        return finished(task, settings, none, outcomes, findings)
    containers_of_task = tuple(each.container for each in planned)
    found = InstrumentedTask(
        task, settings.settled.settings, containers_of_task, any_of(instrumented, task.when), tuple(outputs)
    )
    all_outputs = [output for step in TASK_STEPS for output in _made(step, found, task.owner)]
    return finished(task, settings, _refused(all_outputs) or Outcome(None, Status.INSTRUMENTED), outcomes, all_outputs)


def _made(step: Step[Input], found: Input, owner: Owner) -> Iterator[Output]:
    """What a step yields; its changes get their owner and the name of the step, unless they have them already."""
    for output in step.plan(found):
        yield output.of(owner, step.name) if isinstance(output, Change) and not output.step else output


def _refused(outputs: Iterable[Output]) -> Outcome | None:
    """What becomes of a task definition where one of the outputs is a problem: which, the containers and messages say."""
    return Outcome(None, Status.REFUSED) if any(isinstance(output, Problem) for output in outputs) else None


def _containers(
    task: TaskDefinition, values: list[Json], containers: Leaf, when: When, settings: TaskSettings
) -> tuple[list[_Planned], list[Problem]]:
    planned: list[_Planned] = []
    odd: list[Problem] = []
    for position, leaf, under in elements(values, containers.pointer, when):
        if not isinstance(leaf.value, dict) or intrinsics.is_expression(leaf.value):
            odd.append(_not_a_container(task, leaf, position))
            continue
        scope = task.scope.assuming(under)
        value = intrinsics.worth(leaf.value.get("Name", ABSENT), scope)
        name = value if isinstance(value, str) else None
        container = Container(task, leaf.value, leaf.pointer, under, name, position, settings.of(name), scope)
        planned.append(_plan_container(container))
    return planned, odd


def _plan_container(container: Container) -> _Planned:
    if why := hidden(container.value, _CONTAINER_KEYS, container.scope):
        fault = container.fault(container.pointer, container.when, Reason(f"The container {why}", EXPAND_FIRST))
        return _Planned(container, _outcome(container, Status.REFUSED, why), (fault,))
    match decide_container(container):
        case Skip(why, reason):
            return _Planned(container, replace(_outcome(container, Status.SKIPPED, why), reason=reason))
        case Refuse(key, reason):
            fault = container.fault((*container.pointer, key), container.when, reason)
            return _Planned(container, _outcome(container, Status.REFUSED, reason.fact), (fault,))
        case Agent.AGENT:
            return _Planned(container, _outcome(container, Status.AGENT))
        case Include.INCLUDE:
            return _instrument(container)


def _outcome(container: Container, status: Status, why: str = "", *, unread: bool = False) -> Outcome:
    return Outcome(container.label, status, why, container.pointer, unread)


def _instrument(container: Container) -> _Planned:
    outputs: list[Output] = []
    for step in CONTAINER_STEPS:
        outputs += _made(step, container, container.owner)
        if unresolved := [output.finding for output in outputs if isinstance(output, Unresolved)]:
            return _unresolved(container, unresolved)
    for output in outputs:
        if isinstance(output, Problem):
            return _Planned(container, _outcome(container, Status.REFUSED, output.reason.fact), tuple(outputs))
    source = next((output.text for output in outputs if isinstance(output, Source)), "")
    return _Planned(container, _outcome(container, Status.INSTRUMENTED, source), tuple(outputs))


def _unresolved(container: Container, findings: list[Finding]) -> _Planned:
    """A container whose image could not be read: the setting OnUnresolvedImage says what follows."""
    why = "its image could not be read"
    if container.settings.on_unresolved_image == "fail":
        return _Planned(container, _outcome(container, Status.REFUSED, why, unread=True), tuple(findings))
    skipped = replace(_outcome(container, Status.SKIPPED, why, unread=True), reason=SkipReason.IMAGE_UNREAD)
    return _Planned(container, skipped, tuple(Notice(each.place, each.reason) for each in findings))


def _agents(planned: Iterable[_Planned], containers: Leaf, when: When, settled: Settled) -> Iterator[Output]:
    """The agent's container in one list of containers: those that are there are updated, a missing one is added."""
    instrumented = [each.container for each in planned if each.is_instrumented]
    if not instrumented:
        return
    existing = [each.container for each in planned if each.outcome.status is Status.AGENT]
    definition = agent(settled.settings, instrumented, when)
    for container in existing:
        for output in update_agent(container, definition):
            yield output.of(container.owner, "ContainerDefinitions") if isinstance(output, Change) else output
    protected: Tree[bool] = any_of([container.when for container in instrumented], when)
    yield from add_agent(definition, containers, when, protected, existing)


def _out_of_sight(task: TaskDefinition) -> Iterator[Problem]:
    properties = task.properties if isinstance(task.properties, dict) else {}
    if why := hidden(properties, _TASK_KEYS, task.scope):
        place = Place(task.name, None, task.properties_pointer)
        yield Problem(place, Reason(f"The task definition {why}", EXPAND_FIRST))


def _not_a_list(task: TaskDefinition, containers: Leaf) -> Problem:
    return Problem(
        Place(task.name, None, containers.pointer), Reason("ContainerDefinitions is not a list that is in sight",
        "Write ContainerDefinitions as a list; its items, and the list under Fn::If, may be expressions"),
    )  # fmt: skip


def _not_a_container(task: TaskDefinition, leaf: Leaf, position: int) -> Problem:
    return Problem(
        Place(task.name, f"#{position}", leaf.pointer), Reason("The container definition is not an object that is in sight",
        "Write it as an object; its members, and the object under Fn::If, may be expressions"),
    )  # fmt: skip

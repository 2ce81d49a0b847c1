"""One task definition: what is decided about it and its containers, and all that changes in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Final

from sysdig_instrument.engine.container import (
    EXPAND_ADVICE,
    Container,
    container_definitions,
    container_lists,
    is_empty,
    opaque_reason,
)
from sysdig_instrument.engine.expressions.decision_tree import (
    Assumptions,
    LocatedValue,
    TooManyConditionsError,
    Tree,
    any_of,
)
from sysdig_instrument.engine.expressions.evaluate import evaluate_now, is_active, is_expression
from sysdig_instrument.engine.findings import Finding, Location, Notice, Problem, Reason
from sysdig_instrument.engine.json_types import ABSENT, Json
from sysdig_instrument.engine.patch import Change, Owner, Pointer
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
from sysdig_instrument.engine.settings.layers import ResolvedSettings
from sysdig_instrument.engine.settings.template_layers import TaskSettings, unknown_containers
from sysdig_instrument.engine.steps import CONTAINER_STEPS, TASK_STEPS
from sysdig_instrument.engine.steps.agent import add_agent, agent_definition, update_agent
from sysdig_instrument.engine.steps.result import result
from sysdig_instrument.engine.steps.step import Grant, Input, InstrumentedTask, Output, Source, Step, Unresolved
from sysdig_instrument.engine.template import TaskDefinition
from sysdig_instrument.lazy_dataclasses import dataclass, replace


class Status(Enum):
    """What became of a task definition or a container."""

    INSTRUMENTED = "instrumented"
    SKIPPED = "skipped"
    REFUSED = "refused"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of something, and why. ``name`` and ``pointer`` are a container's, or nothing for the task definition.

    ``image_unread`` says that it was not instrumented for want of its image's config alone; ``skip_reason`` is what a skipped one
    is counted under.
    """

    name: str | None
    status: Status
    why: str = ""
    pointer: Pointer = ()
    image_unread: bool = False
    skip_reason: SkipReason | None = None

    @property
    def text(self) -> str:
        """``instrumented: entry point from the image``."""
        return f"{self.status.value}: {self.why}" if self.why else self.status.value


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """What is to be done to one task definition, and the settings that say so."""

    task: TaskDefinition
    settings: TaskSettings
    outcome: Outcome
    containers: tuple[Outcome, ...]
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    grant: Grant | None = None


def finish(
    task: TaskDefinition,
    settings: TaskSettings,
    outcome: Outcome,
    containers: tuple[Outcome, ...],
    outputs: Iterable[Output],
) -> TaskPlan:
    """The plan for a task definition, with what its Metadata is to say.

    What is wrong with one that is not created now refuses nothing: it is left as it was, and that is told.
    """
    changes: list[Change] = []
    findings: list[Finding] = []
    grant: Grant | None = None
    for output in outputs:
        if isinstance(output, Change):
            changes.append(output)
        elif isinstance(output, Grant):
            grant = output
        elif isinstance(output, Finding):
            findings.append(output)
    if any(isinstance(each, Problem) for each in findings) and is_active(task.assumptions, task.scope) is False:
        changes, findings = [], [_as_notice(each) for each in findings]
        outcome = Outcome(
            None, Status.SKIPPED, "not created now, and not to be instrumented", skip_reason=SkipReason.NOT_CREATED
        )
    for told in result(task, _result_metadata(outcome, containers, findings), changed=bool(changes)):
        if isinstance(told, Change):
            changes.append(told.owned_by(task.owner, "Metadata"))
        else:
            findings.append(told)
    if outcome.status is not Status.INSTRUMENTED:
        grant = None
    return TaskPlan(task, settings, outcome, containers, tuple(changes), tuple(findings), grant)


def _result_metadata(outcome: Outcome, containers: Iterable[Outcome], findings: Iterable[Finding]) -> Json:
    value: dict[str, Json] = {"Task": outcome.text}
    if named := {str(each.name): each.text for each in containers}:
        value["Containers"] = dict(named)
    if notices := [finding.stable_text for finding in findings if isinstance(finding, Notice)]:
        value["Notices"] = list(dict.fromkeys(notices))
    return value


def _as_notice(finding: Finding) -> Finding:
    if not isinstance(finding, Problem):
        return finding
    return Notice(finding.location, finding.reason.with_clause("the task is not created now, and is left as it was"))


def _keys(steps: Iterable[Step[Container] | Step[InstrumentedTask]]) -> frozenset[str]:
    return frozenset(key for step in steps if step.missing is not None for key in step.keys)


_TASK_KEYS: Final = TASK_KEYS | _keys(TASK_STEPS)
_CONTAINER_KEYS: Final = CONTAINER_KEYS | _keys(CONTAINER_STEPS)
"""With ``_TASK_KEYS``, the members that must be visible: those that decide, and those that protection depends on."""


@dataclass(frozen=True, slots=True)
class _PlannedContainer:
    """A container and what is to be done to it."""

    container: Container
    outcome: Outcome
    outputs: tuple[Output, ...] = ()

    @property
    def is_instrumented(self) -> bool:
        return self.outcome.status is Status.INSTRUMENTED


def plan_task(task: TaskDefinition, settings: TaskSettings) -> TaskPlan:
    """The plan for one task definition."""
    match decide_task(task, settings):
        case Skip(why, reason):
            return finish(task, settings, Outcome(None, Status.SKIPPED, why, skip_reason=reason), (), settings.findings)
        case Refuse(key, reason):
            pointer = (*task.properties_pointer, key) if key else task.properties_pointer
            problem = Problem(Location(task.name, None, pointer), reason)
            return finish(task, settings, Outcome(None, Status.REFUSED, reason.fact), (), (*settings.findings, problem))
    try:
        return _plan_lists(task, settings)
    except TooManyConditionsError:
        fact = "The items of one of its lists stand under too many different conditions"
        problem = Problem(
            Location(task.name, None, task.properties_pointer), Reason(fact, "Let several items share a condition")
        )
        return finish(task, settings, Outcome(None, Status.REFUSED, fact), (), (*settings.findings, problem))


def _plan_lists(task: TaskDefinition, settings: TaskSettings) -> TaskPlan:
    outputs: list[Output] = [*settings.findings, *_opaque_task(task)]
    planned: list[_PlannedContainer] = []
    for containers, assumptions in container_lists(task):
        if is_empty(containers.value):
            continue
        if not isinstance(containers.value, list):
            outputs.append(_not_a_list(task, containers))
            continue
        here, odd = _plan_containers(task, containers.value, containers, assumptions, settings)
        planned += here
        outputs += odd
        for each in here:
            outputs += each.outputs
        outputs += _agent_outputs(here, containers, assumptions, settings.resolved)
    if settings.resolved is not settings.inherited or settings.containers:
        outputs += unknown_containers(task, settings, [each.container.name for each in planned])
    outcomes = tuple(each.outcome for each in planned)
    instrumented = [each.container.assumptions for each in planned if each.is_instrumented]
    if not instrumented:
        findings = [output for output in outputs if isinstance(output, Finding)]
        why, reason = "no container is to be instrumented", SkipReason.NOTHING_TO_INSTRUMENT
        none = _refused_outcome(outputs) or Outcome(None, Status.SKIPPED, why, skip_reason=reason)
        return finish(task, settings, none, outcomes, findings)
    containers_of_task = tuple(each.container for each in planned)
    found = InstrumentedTask(
        task, settings.resolved.values, containers_of_task, any_of(instrumented, task.assumptions), tuple(outputs)
    )
    all_outputs = [output for step in TASK_STEPS for output in _attributed(step, found, task.owner)]
    return finish(
        task, settings, _refused_outcome(all_outputs) or Outcome(None, Status.INSTRUMENTED), outcomes, all_outputs
    )


def _attributed(step: Step[Input], step_input: Input, owner: Owner) -> Iterator[Output]:
    """What a step yields; its changes get their owner and the name of the step, unless they have them already."""
    for output in step.plan(step_input):
        yield output.owned_by(owner, step.name) if isinstance(output, Change) and not output.step else output


def _refused_outcome(outputs: Iterable[Output]) -> Outcome | None:
    """What becomes of a task definition where one of the outputs is a problem: which, the containers and messages say."""
    return Outcome(None, Status.REFUSED) if any(isinstance(output, Problem) for output in outputs) else None


def _plan_containers(
    task: TaskDefinition, values: list[Json], containers: LocatedValue, assumptions: Assumptions, settings: TaskSettings
) -> tuple[list[_PlannedContainer], list[Problem]]:
    planned: list[_PlannedContainer] = []
    problems: list[Problem] = []
    for position, leaf, assumed in container_definitions(values, containers.pointer, assumptions):
        if not isinstance(leaf.value, dict) or is_expression(leaf.value):
            problems.append(_not_a_container(task, leaf, position))
            continue
        scope = task.scope.assuming(assumed)
        value = evaluate_now(leaf.value.get("Name", ABSENT), scope)
        name = value if isinstance(value, str) else None
        container = Container(
            task, leaf.value, leaf.pointer, assumed, name, position, settings.for_container(name), scope
        )
        planned.append(_plan_container(container))
    return planned, problems


def _plan_container(container: Container) -> _PlannedContainer:
    if why := opaque_reason(container.value, _CONTAINER_KEYS, container.scope):
        fault = container.problem_or_notice(
            container.pointer, container.assumptions, Reason(f"The container {why}", EXPAND_ADVICE)
        )
        return _PlannedContainer(container, _outcome(container, Status.REFUSED, why), (fault,))
    match decide_container(container):
        case Skip(why, reason):
            return _PlannedContainer(container, replace(_outcome(container, Status.SKIPPED, why), skip_reason=reason))
        case Refuse(key, reason):
            fault = container.problem_or_notice((*container.pointer, key), container.assumptions, reason)
            return _PlannedContainer(container, _outcome(container, Status.REFUSED, reason.fact), (fault,))
        case Agent.AGENT:
            return _PlannedContainer(container, _outcome(container, Status.AGENT))
        case Include.INCLUDE:
            return _instrument(container)


def _outcome(container: Container, status: Status, why: str = "", *, unread: bool = False) -> Outcome:
    return Outcome(container.label, status, why, container.pointer, unread)


def _instrument(container: Container) -> _PlannedContainer:
    outputs: list[Output] = []
    for step in CONTAINER_STEPS:
        outputs += _attributed(step, container, container.owner)
        unresolved = [output.finding for output in outputs if isinstance(output, Unresolved)]
        if unresolved and not container.scope.state.lookups:  # else the plan goes on, to know all lookups at once
            return _unresolved(container, unresolved)
    for output in outputs:
        if isinstance(output, Problem):
            return _PlannedContainer(container, _outcome(container, Status.REFUSED, output.reason.fact), tuple(outputs))
    source = next((output.text for output in outputs if isinstance(output, Source)), "")
    return _PlannedContainer(container, _outcome(container, Status.INSTRUMENTED, source), tuple(outputs))


def _unresolved(container: Container, findings: list[Finding]) -> _PlannedContainer:
    """A container whose image could not be read: the setting OnUnresolvedImage says what follows."""
    why = "its image could not be read"
    if container.settings.on_unresolved_image == "fail":
        return _PlannedContainer(container, _outcome(container, Status.REFUSED, why, unread=True), tuple(findings))
    skipped = replace(_outcome(container, Status.SKIPPED, why, unread=True), skip_reason=SkipReason.IMAGE_UNREAD)
    return _PlannedContainer(container, skipped, tuple(Notice(each.location, each.reason) for each in findings))


def _agent_outputs(
    planned: Iterable[_PlannedContainer], containers: LocatedValue, assumptions: Assumptions, resolved: ResolvedSettings
) -> Iterator[Output]:
    """The agent's container in one list of containers: those that are there are updated, a missing one is added."""
    instrumented = [each.container for each in planned if each.is_instrumented]
    if not instrumented:
        return
    existing = [each.container for each in planned if each.outcome.status is Status.AGENT]
    definition = agent_definition(resolved.values, instrumented, assumptions)
    for container in existing:
        for output in update_agent(container, definition):
            yield output.owned_by(container.owner, "ContainerDefinitions") if isinstance(output, Change) else output
    protected: Tree[bool] = any_of([container.assumptions for container in instrumented], assumptions)
    yield from add_agent(definition, containers, assumptions, protected, existing)


def _opaque_task(task: TaskDefinition) -> Iterator[Problem]:
    properties = task.properties if isinstance(task.properties, dict) else {}
    if why := opaque_reason(properties, _TASK_KEYS, task.scope):
        place = Location(task.name, None, task.properties_pointer)
        yield Problem(place, Reason(f"The task definition {why}", EXPAND_ADVICE))


def _not_a_list(task: TaskDefinition, containers: LocatedValue) -> Problem:
    return Problem(
        Location(task.name, None, containers.pointer), Reason("ContainerDefinitions is not a list that is in sight",
        "Write ContainerDefinitions as a list; its items, and the list under Fn::If, may be expressions"),
    )  # fmt: skip


def _not_a_container(task: TaskDefinition, leaf: LocatedValue, position: int) -> Problem:
    return Problem(
        Location(task.name, f"#{position}", leaf.pointer), Reason("The container definition is not an object that is in sight",
        "Write it as an object; its members, and the object under Fn::If, may be expressions"),
    )  # fmt: skip


# FOLDED: What became of a task definition and its containers, and what is to be done to it.

"""Plan one task definition: the decisions about it and its containers, the steps' changes, and the outcome of each.

:func:`plan_task` is the entry point. The outcomes also go into the resource's Metadata, as its Result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Final

from sysdig_instrument.engine.container import (
    WRITE_OUT_RESULT,
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
    """The outcome for a task definition or a container."""

    INSTRUMENTED = "instrumented"
    SKIPPED = "skipped"
    REFUSED = "refused"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The status of a task definition or a container, and why.

    ``name`` and ``pointer`` are a container's; for the task definition they are None and empty. ``image_unread`` is true
    if only the missing config of its image kept it from being instrumented. ``skip_reason`` is what metrics count a skipped
    one under.
    """

    name: str | None
    status: Status
    why: str = ""
    pointer: Pointer = ()
    image_unread: bool = False
    skip_reason: SkipReason | None = None

    @property
    def text(self) -> str:
        """The status and why, as in ``instrumented: entry point from the image``."""
        return f"{self.status.value}: {self.why}" if self.why else self.status.value


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """The plan for one task definition, with its settings and the outcome for each of its containers."""

    task: TaskDefinition
    settings: TaskSettings
    outcome: Outcome
    containers: tuple[Outcome, ...]
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    grant: Grant | None = None


def _keys(steps: Iterable[Step[Container] | Step[InstrumentedTask]]) -> frozenset[str]:
    return frozenset(key for step in steps if step.missing is not None for key in step.keys)


_TASK_KEYS: Final = TASK_KEYS | _keys(TASK_STEPS)
_CONTAINER_KEYS: Final = CONTAINER_KEYS | _keys(CONTAINER_STEPS)
"""With ``_TASK_KEYS``, the members that must be visible: the decisions or the protection depend on them."""


@dataclass(frozen=True, slots=True)
class _PlannedContainer:
    """A container with its outcome and the outputs of its steps."""

    container: Container
    outcome: Outcome
    outputs: tuple[Output, ...] = ()

    @property
    def is_instrumented(self) -> bool:
        return self.outcome.status is Status.INSTRUMENTED


def plan_task(task: TaskDefinition, settings: TaskSettings) -> TaskPlan:
    """Return the plan for one task definition."""
    match decide_task(task, settings):
        case Skip(why, reason):
            return _finish(
                task, settings, Outcome(None, Status.SKIPPED, why, skip_reason=reason), (), settings.findings
            )
        case Refuse(key, reason):
            pointer = (*task.properties_pointer, key) if key else task.properties_pointer
            problem = Problem(Location(task.name, None, pointer), reason)
            return _finish(
                task, settings, Outcome(None, Status.REFUSED, reason.fact), (), (*settings.findings, problem)
            )
    try:
        return _plan_lists(task, settings)
    except TooManyConditionsError:
        fact = "The items of one of its lists are under too many different conditions"
        problem = Problem(
            Location(task.name, None, task.properties_pointer), Reason(fact, "Let several items share a condition")
        )
        return _finish(task, settings, Outcome(None, Status.REFUSED, fact), (), (*settings.findings, problem))


def _plan_lists(task: TaskDefinition, settings: TaskSettings) -> TaskPlan:
    outputs: list[Output] = [*settings.findings, *_opaque_task(task)]
    planned: list[_PlannedContainer] = []
    for containers, assumptions in container_lists(task):
        if is_empty(containers.value):
            continue
        if not isinstance(containers.value, list):
            outputs.append(_not_a_list(task, containers))
            continue
        in_list, problems = _plan_containers(task, containers.value, containers, assumptions, settings)
        planned += in_list
        outputs += problems
        for each in in_list:
            outputs += each.outputs
        outputs += _agent_outputs(in_list, containers, assumptions, settings.resolved)
    if settings.resolved is not settings.inherited or settings.containers:
        outputs += unknown_containers(task, settings, [each.container.name for each in planned])
    outcomes = tuple(each.outcome for each in planned)
    instrumented = [each.container.assumptions for each in planned if each.is_instrumented]
    if not instrumented:
        findings = [output for output in outputs if isinstance(output, Finding)]
        skipped = Outcome(
            None, Status.SKIPPED, "no container to instrument", skip_reason=SkipReason.NOTHING_TO_INSTRUMENT
        )
        return _finish(task, settings, _refused_outcome(outputs) or skipped, outcomes, findings)
    containers_of_task = tuple(each.container for each in planned)
    found = InstrumentedTask(
        task, settings.resolved.values, containers_of_task, any_of(instrumented, task.assumptions), tuple(outputs)
    )
    all_outputs = [output for step in TASK_STEPS for output in _attributed(step, found, task.owner)]
    return _finish(
        task, settings, _refused_outcome(all_outputs) or Outcome(None, Status.INSTRUMENTED), outcomes, all_outputs
    )


def _attributed(step: Step[Input], step_input: Input, owner: Owner) -> Iterator[Output]:
    """Yield the outputs of a step; its changes get their owner and the step's name, unless they have them already."""
    for output in step.plan(step_input):
        yield output.owned_by(owner, step.name) if isinstance(output, Change) and not output.step else output


def _refused_outcome(outputs: Iterable[Output]) -> Outcome | None:
    """Return the outcome for a task definition if one of the outputs is a problem, else None. The problem itself says why."""
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
        finding = container.problem_or_notice(
            container.pointer, container.assumptions, Reason(f"The container {why}", WRITE_OUT_RESULT)
        )
        return _PlannedContainer(container, _outcome(container, Status.REFUSED, why), (finding,))
    match decide_container(container):
        case Skip(why, reason):
            return _PlannedContainer(container, replace(_outcome(container, Status.SKIPPED, why), skip_reason=reason))
        case Refuse(key, reason):
            finding = container.problem_or_notice((*container.pointer, key), container.assumptions, reason)
            return _PlannedContainer(container, _outcome(container, Status.REFUSED, reason.fact), (finding,))
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
        if unresolved and not container.scope.state.lookups:  # else the plan goes on, to collect all lookups at once
            return _unresolved(container, unresolved)
    for output in outputs:
        if isinstance(output, Problem):
            return _PlannedContainer(container, _outcome(container, Status.REFUSED, output.reason.fact), tuple(outputs))
    source = next((output.text for output in outputs if isinstance(output, Source)), "")
    return _PlannedContainer(container, _outcome(container, Status.INSTRUMENTED, source), tuple(outputs))


def _unresolved(container: Container, findings: list[Finding]) -> _PlannedContainer:
    """Return the plan for a container whose image could not be read, as the setting OnUnresolvedImage decides."""
    why = "its image could not be read"
    if container.settings.on_unresolved_image == "fail":
        return _PlannedContainer(container, _outcome(container, Status.REFUSED, why, unread=True), tuple(findings))
    skipped = replace(_outcome(container, Status.SKIPPED, why, unread=True), skip_reason=SkipReason.IMAGE_UNREAD)
    return _PlannedContainer(container, skipped, tuple(Notice(each.location, each.reason) for each in findings))


def _agent_outputs(
    planned: Iterable[_PlannedContainer], containers: LocatedValue, assumptions: Assumptions, resolved: ResolvedSettings
) -> Iterator[Output]:
    """Yield the changes for the agent's container in one list of containers: update those that exist, or add one."""
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


def _finish(
    task: TaskDefinition,
    settings: TaskSettings,
    outcome: Outcome,
    containers: tuple[Outcome, ...],
    outputs: Iterable[Output],
) -> TaskPlan:
    """Return the plan for a task definition, with the Result for its Metadata.

    If the task definition has a problem but is not created now, the template is not refused: the task definition is left
    unchanged, and its problems become notices.
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
            None,
            Status.SKIPPED,
            "not created with the current parameters, and cannot be instrumented",
            skip_reason=SkipReason.NOT_CREATED,
        )
    for output in result(task, _result_metadata(outcome, containers, findings), changed=bool(changes)):
        if isinstance(output, Change):
            changes.append(output.owned_by(task.owner, "Metadata"))
        else:
            findings.append(output)
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
    clause = "the task is not created with the current parameters, so it was left unchanged"
    return Notice(finding.location, finding.reason.with_clause(clause))


def _opaque_task(task: TaskDefinition) -> Iterator[Problem]:
    if why := opaque_reason(task.known_properties, _TASK_KEYS, task.scope):
        location = Location(task.name, None, task.properties_pointer)
        yield Problem(location, Reason(f"The task definition {why}", WRITE_OUT_RESULT))


def _not_a_list(task: TaskDefinition, containers: LocatedValue) -> Problem:
    return Problem(
        Location(task.name, None, containers.pointer), Reason("ContainerDefinitions is not written as a list in the template",
        "Write ContainerDefinitions as a list; its items, and the list under Fn::If, may be expressions"),
    )  # fmt: skip


def _not_a_container(task: TaskDefinition, leaf: LocatedValue, position: int) -> Problem:
    return Problem(
        Location(task.name, f"#{position}", leaf.pointer), Reason("The container definition is not written as an object in the template",
        "Write it as an object; its members, and the object under Fn::If, may be expressions"),
    )  # fmt: skip

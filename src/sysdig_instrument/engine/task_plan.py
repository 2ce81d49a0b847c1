"""Plan one task definition: decide what to instrument, run the steps, and record the outcomes.

:func:`plan_task` is the entry point. The Result in the resource's Metadata also has the outcomes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import (
    WRITE_OUT_RESULT,
    Container,
    container_at,
    container_definitions,
    container_lists,
    is_empty,
    not_a_container_problem,
    not_a_list_problem,
    opaque_task_problem,
    why_opaque,
)
from sysdig_instrument.engine.expressions.decision_tree import (
    TOO_MANY_CONDITIONS,
    Assumptions,
    LocatedValue,
    TooManyConditionsError,
    any_of,
)
from sysdig_instrument.engine.expressions.evaluate import is_active
from sysdig_instrument.engine.expressions.work import TOO_MUCH_WORK, WorkLimitError
from sysdig_instrument.engine.findings import Finding, Location, Notice, Problem, Reason, as_notice, quote
from sysdig_instrument.engine.json_types import Json, Pointer
from sysdig_instrument.engine.opt_outs import container_opt_outs, task_opt_out
from sysdig_instrument.engine.other_workloads import managed_instances_notice
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.selection import (
    CONTAINER_KEYS,
    TASK_KEYS,
    Agent,
    Instrument,
    Refuse,
    Skip,
    SkipReason,
    decide_container,
    decide_task,
)
from sysdig_instrument.engine.settings.layers import ResolvedSettings
from sysdig_instrument.engine.settings.table import Settings
from sysdig_instrument.engine.settings.template_layers import TaskSettings, task_settings, unknown_containers
from sysdig_instrument.engine.steps import CONTAINER_STEPS, OPT_OUT_STEPS, TASK_STEPS, protecting_keys
from sysdig_instrument.engine.steps.agent_container import agent_container, disguised_workloads
from sysdig_instrument.engine.steps.result import result, result_value
from sysdig_instrument.engine.steps.step import (
    AddedTags,
    DecidedTask,
    EntryPointSource,
    Grant,
    HiddenOptOut,
    Input,
    InstrumentedTask,
    Output,
    Step,
    UnresolvedImage,
)
from sysdig_instrument.engine.template import TaskDefinition
from sysdig_instrument.lazy_dataclasses import dataclass, replace


class Status(Enum):
    """The result of the decisions about a task definition or a container."""

    INSTRUMENTED = "instrumented"
    SKIPPED = "skipped"
    REFUSED = "refused"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The status of a task definition or a container, and why.

    ``name`` and ``pointer`` are those of a container; for a task definition they are None and empty. ``image_unread`` is
    true if a container is not instrumented only because its image's config is not available. ``is_unknown`` is true if nothing
    is wrong with it, and only something that decides is not known here. If the status is ``SKIPPED``,
    ``skip_reason`` is set, by which metrics count, and ``layer`` is the layer of settings that decides, or empty.
    """

    name: str | None
    status: Status
    why: str = ""
    pointer: Pointer = ()
    image_unread: bool = False
    skip_reason: SkipReason | None = None
    layer: str = ""
    is_unknown: bool = False

    @property
    def text(self) -> str:
        """The status and why, as in ``instrumented: entry point from the image``."""
        return f"{self.status.value}: {self.why}" if self.why else self.status.value


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """The plan for one task definition, with its settings.

    ``outcome`` is that of the task definition, ``containers`` are the outcomes of its containers. ``hidden_opt_outs`` are
    what the hook and ``coverage`` do not see of what is left alone. ``made_from`` is the pointer of the resource that the task definition is made from, if the template does not have it itself.
    """

    task: TaskDefinition
    settings: TaskSettings
    outcome: Outcome
    containers: tuple[Outcome, ...]
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    grant: Grant | None = None
    hidden_opt_outs: tuple[HiddenOptOut, ...] = ()
    made_from: Pointer | None = None

    @property
    def pointer(self) -> Pointer:
        """The pointer of the resource: that of the task definition, or of what it is made from; empty if there are only Properties."""
        return self.made_from or self.task.pointer or ()


_TASK_KEYS: Final = TASK_KEYS | protecting_keys(TASK_STEPS)
_CONTAINER_KEYS: Final = CONTAINER_KEYS | protecting_keys(CONTAINER_STEPS) | {"DependsOn", "MountPoints"}
"""With ``_TASK_KEYS``, the members that must not be hidden by a transform: decisions or protection depend on them."""


@dataclass(frozen=True, slots=True)
class _PlannedContainer:
    """A container with its outcome and the outputs of its steps."""

    container: Container
    outcome: Outcome
    outputs: tuple[Output, ...] = ()

    @property
    def is_instrumented(self) -> bool:
        return self.outcome.status is Status.INSTRUMENTED


def plan_task(task: TaskDefinition, inherited: ResolvedSettings, deployment: ResolvedSettings) -> TaskPlan:
    """Return the plan for one task definition. ``inherited`` are the settings of the whole template."""
    settings = TaskSettings.of_deployment(inherited)
    try:
        settings = task_settings(task, inherited, deployment)
        return _plan_task(task, settings)
    except TooManyConditionsError:
        return _refuse_task(
            task, settings, Problem(Location(task.name, None, task.properties_pointer), TOO_MANY_CONDITIONS)
        )
    except WorkLimitError:  # not by _refuse_task, which would have to evaluate the task's condition
        problem = Problem(Location(task.name, None, task.properties_pointer), TOO_MUCH_WORK)
        refused = Outcome(None, Status.REFUSED, problem.reason.fact)
        return TaskPlan(task, settings, refused, (), (), (*settings.findings, problem))


def _plan_task(task: TaskDefinition, settings: TaskSettings) -> TaskPlan:
    decision = decide_task(task, settings)
    if isinstance(decision, Refuse):
        pointer = (*task.properties_pointer, decision.key) if decision.key else task.properties_pointer
        return _refuse_task(task, settings, Problem(Location(task.name, None, pointer), decision.reason))
    if isinstance(decision, Skip):
        return _skip_task(task, settings, decision)
    return _plan_container_lists(task, settings)


def _skip_task(task: TaskDefinition, settings: TaskSettings, skip: Skip) -> TaskPlan:
    opt_outs = task_opt_out(task, settings, skip.why)
    decided = DecidedTask(task, settings, (), opt_outs, is_whole=True)
    outputs = _run_steps(OPT_OUT_STEPS, decided, task) if settings.has_own else []
    skipped = Outcome(None, Status.SKIPPED, skip.why, skip_reason=skip.skip_reason, layer=skip.layer)
    findings = (*settings.findings, *managed_instances_notice(task, skip), *outputs)
    return _finish(task, settings, skipped, (), findings)


def _refuse_task(task: TaskDefinition, settings: TaskSettings, problem: Problem) -> TaskPlan:
    """Return the plan for a task definition whose containers are not planned, because it has this problem."""
    outcome = Outcome(None, Status.REFUSED, problem.reason.fact, is_unknown=problem.reason.is_unknown)
    return _finish(task, settings, outcome, (), (*settings.findings, problem))


def _plan_container_lists(task: TaskDefinition, settings: TaskSettings) -> TaskPlan:
    outputs: list[Output] = [*settings.findings, *opaque_task_problem(task, _TASK_KEYS)]
    planned: list[_PlannedContainer] = []
    for containers, assumptions in container_lists(task):
        if is_empty(containers.value):
            continue
        if not isinstance(containers.value, list):
            outputs.append(not_a_list_problem(task, containers))
            continue
        in_list, problems = _plan_containers(task, containers.value, containers.pointer, assumptions, settings)
        planned += in_list
        outputs += problems
        for each in in_list:
            outputs += each.outputs
        if not task.scope.state.lookups:  # otherwise it is planned again
            outputs += _agent_outputs(in_list, containers, assumptions, settings.resolved.values)
    outcomes = tuple(each.outcome for each in planned)
    instrumented = [each.container for each in planned if each.is_instrumented]
    if settings.resolved is not settings.inherited or settings.containers:
        unknown = unknown_containers(task, settings, [each.container.name for each in planned])
        # Where nothing is instrumented, a tag may say that of the whole task definition: names in it exclude nothing more.
        outputs += [each for each in unknown if instrumented or isinstance(each, Problem)]
    opt_out_outputs: list[Output] = []
    if settings.has_own:  # otherwise there are no opt-outs
        opt_out_outputs = _run_steps(OPT_OUT_STEPS, _decided_task(task, settings, planned), task)
    if not instrumented:
        findings = [output for output in outputs if isinstance(output, Finding)]
        why = _why_not_protected(outcomes) or "no container to instrument"
        skipped = Outcome(None, Status.SKIPPED, why, skip_reason=SkipReason.NOTHING_TO_INSTRUMENT)
        return _finish(task, settings, skipped, outcomes, [*findings, *opt_out_outputs])
    instrumented_task = InstrumentedTask(
        task,
        settings.resolved.values,
        tuple([each.container for each in planned]),
        any_of([each.assumptions for each in instrumented], task.assumptions),
        tuple(outputs),
        tuple(instrumented),
    )
    all_outputs = [*_run_steps(TASK_STEPS, instrumented_task, task), *opt_out_outputs]
    why = _why_not_protected(outcomes)
    outcome = Outcome(None, Status.INSTRUMENTED, why and f"in part; {why}")
    if task.scope.state.lookups:
        return TaskPlan(task, settings, outcome, outcomes, (), ())
    return _finish(task, settings, outcome, outcomes, all_outputs)


def _agent_outputs(
    planned: Iterable[_PlannedContainer], containers: LocatedValue, assumptions: Assumptions, settings: Settings
) -> Iterator[Output]:
    """Yield what is planned for the agent's containers of one list."""
    workloads = [each.container for each in planned if each.is_instrumented]
    agents = [each.container for each in planned if each.outcome.status is Status.AGENT]
    yield from agent_container(workloads, agents, containers, assumptions, settings)
    if not workloads:
        yield from disguised_workloads(agents, assumptions, settings)


def _why_not_protected(outcomes: Iterable[Outcome]) -> str:
    """Return why the task definition is not protected once the plan is applied; an empty string if it is."""
    unread = [quote(str(outcome.name)) for outcome in outcomes if outcome.image_unread]
    return f"not protected, because the wrapper does not start {', '.join(unread)}" if unread else ""


def _decided_task(task: TaskDefinition, settings: TaskSettings, planned: Iterable[_PlannedContainer]) -> DecidedTask:
    """Return what the steps about opt-outs need: the containers that are instrumented, and those that the template leaves alone.

    A container whose image could not be read is not left alone on purpose.
    """
    planned = [each for each in planned if each.outcome.status is not Status.AGENT]
    instrumented = tuple(each.container for each in planned if each.is_instrumented)
    skipped = [
        (each.container, each.outcome.why)
        for each in planned
        if each.outcome.status is Status.SKIPPED and not each.outcome.image_unread
    ]
    opt_outs = container_opt_outs(task, settings, skipped, is_instrumented=bool(instrumented)) if skipped else ()
    return DecidedTask(task, settings, instrumented, opt_outs, is_whole=len(skipped) == len(planned))


def _run_steps(steps: Iterable[Step[Input]], step_input: Input, task: TaskDefinition) -> list[Output]:
    """Return the outputs of steps. Changes without an owner belong to the task definition, and get the name of the step.

    While there are lookups, only the steps that look up are run.
    """
    owner = task.owner
    outputs: list[Output] = []
    for step in [step for step in steps if step.looks_up] if task.scope.state.lookups else steps:
        if step.has_owners:
            outputs += step.plan(step_input)
            continue
        for output in step.plan(step_input):
            outputs.append(output.owned_by(owner, step.name) if isinstance(output, Change) else output)
    return outputs


def _are_unknown(findings: Iterable[Finding]) -> bool:
    return all(finding.reason.is_unknown for finding in findings)


def _plan_containers(
    task: TaskDefinition, containers: list[Json], pointer: Pointer, assumptions: Assumptions, settings: TaskSettings
) -> tuple[list[_PlannedContainer], list[Problem]]:
    planned: list[_PlannedContainer] = []
    problems: list[Problem] = []
    for position, leaf, assumed in container_definitions(containers, pointer, assumptions):
        container = container_at(task, leaf, assumed, position, settings.for_container)
        if container:
            planned.append(_plan_container(container))
        else:
            problems.append(not_a_container_problem(task, leaf, position))
    return planned, problems


def _plan_container(container: Container) -> _PlannedContainer:
    if why := why_opaque(container.value, _CONTAINER_KEYS, container.scope):
        reason = Reason(f"The container {why}", WRITE_OUT_RESULT, code=Code.PART_UNKNOWN, not_known_here=True)
        finding = container.problem_or_notice(container.pointer, container.assumptions, reason)
        return _PlannedContainer(container, _refused(container, why, [finding]), (finding,))
    match decide_container(container):
        case Skip(why, skip_reason, layer):
            skipped = replace(_outcome(container, Status.SKIPPED, why), skip_reason=skip_reason, layer=layer)
            return _PlannedContainer(container, skipped)
        case Refuse(key, reason):
            finding = container.problem_or_notice((*container.pointer, key), container.assumptions, reason)
            return _PlannedContainer(container, _refused(container, reason.fact, [finding]), (finding,))
        case Agent.AGENT:
            return _PlannedContainer(container, _outcome(container, Status.AGENT))
        case Instrument.INSTRUMENT:
            return _instrument(container)


def _outcome(container: Container, status: Status, why: str = "") -> Outcome:
    return Outcome(container.label, status, why, container.pointer)


def _refused(container: Container, why: str, findings: Iterable[Finding]) -> Outcome:
    return replace(_outcome(container, Status.REFUSED, why), is_unknown=_are_unknown(findings))


def _instrument(container: Container) -> _PlannedContainer:
    outputs: list[Output] = []
    unresolved: list[UnresolvedImage] = []
    problems: list[Problem] = []
    source, owner = "", container.owner
    lookups = container.scope.state.lookups
    for step in CONTAINER_STEPS:
        if lookups and not step.looks_up:
            continue
        for output in step.plan(container):
            if isinstance(output, Change):
                outputs.append(output.owned_by(owner, step.name))
                continue
            outputs.append(output)
            if isinstance(output, EntryPointSource):
                source = output.value
            elif isinstance(output, UnresolvedImage):
                unresolved.append(output)
            elif isinstance(output, Problem):
                problems.append(output)
        if unresolved and not lookups:  # otherwise it goes on, to collect all lookups at once
            return _plan_unresolved(container, unresolved, outputs)
    if problems:
        return _PlannedContainer(container, _refused(container, problems[0].reason.fact, problems), tuple(outputs))
    return _PlannedContainer(container, _outcome(container, Status.INSTRUMENTED, source), tuple(outputs))


def _plan_unresolved(container: Container, images: list[UnresolvedImage], outputs: list[Output]) -> _PlannedContainer:
    """Return the plan for a container whose image has no config that is available: OnUnresolvedImage decides."""
    why, findings = images[0].why, [each.finding for each in images]
    notices = [each for each in outputs if isinstance(each, Notice)]  # one of these may be the cause
    refused = replace(_refused(container, why, findings), image_unread=True)
    if container.settings.on_unresolved_image == "fail":
        return _PlannedContainer(container, refused, (*notices, *findings))
    skipped = replace(refused, status=Status.SKIPPED, skip_reason=SkipReason.IMAGE_UNREAD)
    notices += [Notice(each.location, each.reason) for each in findings]
    return _PlannedContainer(container, skipped, tuple(notices))


def _finish(
    task: TaskDefinition,
    settings: TaskSettings,
    outcome: Outcome,
    containers: tuple[Outcome, ...],
    outputs: Sequence[Output],
) -> TaskPlan:
    """Return the plan for a task definition, with the change that records the Result.

    If the task definition has a problem but is not created with the current parameters, the template is not refused: the
    task definition is left unchanged, and its problems become notices.
    """
    changes: list[Change] = []
    findings: list[Finding] = []
    grant: Grant | None = None
    added_tags = settings.added_tags
    for output in outputs:
        if isinstance(output, Change):
            changes.append(output)
        elif isinstance(output, Finding):
            findings.append(output)
        elif isinstance(output, Grant):
            grant = output
        elif isinstance(output, AddedTags):
            added_tags |= output.keys
    if problems := [each for each in findings if isinstance(each, Problem)]:
        outcome = _outcome_with_problems(task, outcome, problems)
        if outcome.skip_reason is SkipReason.NOT_CREATED:
            clause = "the task is not created with the current parameters, so it was left unchanged"
            changes, findings = [], [as_notice(each, clause) for each in findings]
            added_tags = settings.added_tags
    by_container = {str(each.name): each.text for each in containers}
    value = result_value(outcome.text, by_container, findings, added_tags)
    for output in result(task, value, changed=bool(changes)):
        if isinstance(output, Change):
            changes.append(output.owned_by(task.owner, "Metadata"))
        else:
            findings.append(output)
    hidden = tuple([output for output in outputs if isinstance(output, HiddenOptOut)] if settings.has_own else ())
    grant = grant if outcome.status is Status.INSTRUMENTED else None
    return TaskPlan(task, settings, outcome, containers, tuple(changes), tuple(findings), grant, hidden)


def _outcome_with_problems(task: TaskDefinition, outcome: Outcome, problems: Sequence[Problem]) -> Outcome:
    """Return the outcome for a task definition with problems, which themselves say why it is refused."""
    if is_active(task.assumptions, task.scope) is False:
        why = "not created with the current parameters, and cannot be instrumented"
        return Outcome(None, Status.SKIPPED, why, skip_reason=SkipReason.NOT_CREATED)
    if outcome.status is Status.REFUSED:
        return outcome
    return Outcome(None, Status.REFUSED, is_unknown=_are_unknown(problems))

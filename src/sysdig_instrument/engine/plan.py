"""Plan the changes to a template, and apply them.

:func:`plan` is pure. It raises no exception for a mistake in a template: ``Plan.problems`` lists the mistakes.
``Plan.lookups`` lists what has to be looked up first. While a plan has lookups, the rest of it is provisional: answer
them, and plan again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TypeVar

from sysdig_instrument.engine import checks, patch
from sysdig_instrument.engine.checks import processed_task
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.express_services import Conversion, conversions
from sysdig_instrument.engine.expressions.evaluate import is_active
from sysdig_instrument.engine.expressions.scope import ConfigUse, EvaluationScope, PlanState
from sysdig_instrument.engine.expressions.work import TOO_MUCH_WORK, WorkLimitError, counting
from sysdig_instrument.engine.findings import Finding, Location, Notice, Problem, Reason, quote
from sysdig_instrument.engine.hidden import hidden_notices
from sysdig_instrument.engine.json_size import JsonSize, json_size
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import Answers, Lookup
from sysdig_instrument.engine.other_workloads import other_workloads
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.removal.records import records
from sysdig_instrument.engine.settings import template_layers
from sysdig_instrument.engine.settings.agent_images import is_pinned
from sysdig_instrument.engine.settings.layers import ResolvedSettings
from sysdig_instrument.engine.steps.execution_role import grant_changes
from sysdig_instrument.engine.steps.result import with_record
from sysdig_instrument.engine.task_plan import Status, TaskPlan, plan_task
from sysdig_instrument.engine.template import (
    TASK_DEFINITION,
    TaskDefinition,
    fragment_kind,
    task_definitions,
)
from sysdig_instrument.engine.unused_configs import unused_configs
from sysdig_instrument.engine.without_effect import functions_as_text, misspelt_types, unknown_transform_keys
from sysdig_instrument.lazy_dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """All input of a plan besides the template.

    ``deployment_settings`` are the settings of the macro's deployment, ``transform_parameters`` the Parameters of the
    Transform. ``parameter_values`` has strings or lists of strings by name, as a macro event's ``templateParameterValues``
    has. ``region`` and ``account`` are None if the command line tool does not know them.
    """

    deployment_settings: ResolvedSettings
    transform_parameters: Mapping[str, Json] = field(default_factory=dict)
    parameter_values: Mapping[str, Json] = field(default_factory=dict)
    region: str | None = None
    account: str | None = None
    answers: Answers = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """The planned changes to a template, with the findings about it.

    ``grants`` are the changes to execution roles. ``lookups`` are the lookups without an answer; while there are any, the
    rest is provisional, and ``processed`` is None: otherwise it is the template with all changes, and ``processed_size`` its size
    as compact JSON, in bytes. ``used_configs`` are the image configs from settings that were used. ``needs_account`` is true if ``AWS::AccountId`` was needed and is not known.
    """

    context: Context
    tasks: tuple[TaskPlan, ...]
    grants: tuple[Change, ...]
    notices: tuple[Notice, ...]
    problems: tuple[Problem, ...]
    lookups: tuple[Lookup, ...]
    used_configs: tuple[ConfigUse, ...] = ()
    processed: Json | None = field(default=None, repr=False)
    processed_size: int | None = None
    needs_account: bool = False

    @property
    def changes(self) -> Iterator[Change]:
        """The JSON Patch, in the order in which it is applied."""
        for task in self.tasks:
            yield from task.changes
        yield from self.grants


def unpinned_agent_images(planned: Plan) -> Iterator[str]:
    """Yield each AgentImage of a plan without a fixed version. That is for one notice in a run, and not for a task's Result."""
    instrumented = (task for task in planned.tasks if task.outcome.status is Status.INSTRUMENTED)
    images = dict.fromkeys(task.settings.resolved.values.agent_image for task in instrumented)
    yield from (image for image in images if not is_pinned(image))


def agent_image_notices(images: Iterable[str]) -> Iterator[Notice]:
    """Yield a notice for each AgentImage without a fixed version."""
    for image in dict.fromkeys(images):
        fact = f"AgentImage is {quote(image)}, so each task may start with another version of the agent"
        yield Notice(
            Location(),
            Reason(fact, "Set AgentImage to a tag or a digest that you have tried", code=Code.AGENT_IMAGE_NOT_PINNED),
        )


def process(template: Json, planned: Plan) -> tuple[Json, tuple[Problem, ...]]:
    """Return the processed template and all problems; if there are any, the template is returned unchanged."""
    if planned.problems:
        return template, planned.problems
    return (patch.apply(template, planned.changes) if planned.processed is None else planned.processed), ()


def _evaluation_scope(template: Json, context: Context, state: PlanState) -> EvaluationScope:
    return EvaluationScope(template, context.parameter_values, context.region, context.account, context.answers, state)


def plan(template: Json, context: Context) -> Plan:
    """Return the plan for a template, or for the fragment in which the macro is used as a snippet."""
    if fragment_kind(template) is None or _is_other_resource(template):
        return Plan(context, (), (), (), (_not_a_template(template),), ())
    state = PlanState()
    try:
        with counting(state.work):
            return _plan_template(template, context, state)
    except WorkLimitError:
        return Plan(context, (), (), (), (Problem(Location(), TOO_MUCH_WORK),), ())


def _plan_template(template: Json, context: Context, state: PlanState) -> Plan:
    scope = _evaluation_scope(template, context, state)
    resolved, setting_findings = template_layers.template_settings(
        template, context.deployment_settings, context.transform_parameters, scope
    )
    converted = tuple(conversions(template, resolved, context.deployment_settings, scope))
    made = tuple(each for each in converted if isinstance(each, Conversion))
    about_services = [each for each in converted if isinstance(each, Finding)]
    if made:
        scope = replace(scope, template=patch.apply(template, (change for each in made for change in each.changes)))
    planned = [
        plan_task(task, resolved, context.deployment_settings) for task in task_definitions(scope.template, scope)
    ]
    tasks = tuple(_with_conversions(planned, made))
    kept = {each.task.pointer for each in tasks}
    left_alone = [each for each in planned if each.task.pointer not in kept]
    reported = {each.made_from for each in tasks if each.made_from}
    reported |= {each.location.pointer for each in about_services if each.reason.code is Code.EXPRESS_SERVICE}
    others = tuple(other_workloads(template, context.deployment_settings.values.other_workloads, scope, reported))
    if state.lookups:  # all of this is planned again, and what looks like a problem now may be none then
        return Plan(context, tasks, (), (), (), tuple(state.lookups), needs_account=state.needs_account)
    grant_outputs = _grants(tasks, scope)
    grants = tuple(each for each in grant_outputs if isinstance(each, Change))
    processed = _processed(template, tasks, grants)
    size = json_size(processed)
    tasks = _checked(tasks, processed, size, context)
    if recorded := _with_records(template, processed, tasks, grants):
        tasks = recorded
        processed = _processed(template, tasks, grants)
        size = json_size(processed)
    findings = [
        *setting_findings,
        *about_services,
        *others,
        *_in_template((finding for task in (*tasks, *left_alone) for finding in task.findings), made),
        *(each for each in grant_outputs if isinstance(each, Finding)),
        *unused_configs(template, tasks, state.used_configs),
        *_functions_as_text(template, tasks, grants, size),
        *misspelt_types(template),
        *unknown_transform_keys(template, context.deployment_settings.values.macro_name),
    ]
    notices = tuple(dict.fromkeys(finding for finding in findings if isinstance(finding, Notice)))
    problems = tuple(dict.fromkeys(finding for finding in findings if isinstance(finding, Problem)))
    return Plan(
        context,
        tasks,
        grants,
        (*hidden_notices(template), *notices),
        problems,
        (),
        tuple(state.used_configs),
        processed,
        size.size,
        state.needs_account,
    )


def _functions_as_text(
    template: Json, tasks: tuple[TaskPlan, ...], grants: tuple[Change, ...], size: JsonSize
) -> Iterator[Notice]:
    """Yield the notices about functions as text, which have an exclamation mark: in nearly all templates, no text has one.

    If all changes are additions, as in most plans, the processed template has each text of the template.
    """
    operations = {change.operation for change in chain(*(task.changes for task in tasks), grants)}
    if size.has_exclamation_mark or not operations <= {"add"}:
        yield from functions_as_text(template, {each.pointer: each.task.name for each in tasks})


def _processed(template: Json, tasks: tuple[TaskPlan, ...], grants: tuple[Change, ...]) -> Json:
    return patch.apply(template, chain(*(task.changes for task in tasks), grants))


def _with_records(
    template: Json, processed: Json, tasks: tuple[TaskPlan, ...], grants: tuple[Change, ...]
) -> tuple[TaskPlan, ...] | None:
    """Return the plans with what the Results must have so that all can be undone; None if there is nothing to add."""
    if any(isinstance(finding, Problem) for task in tasks for finding in task.findings):
        return None
    by_pointer = records(
        template,
        processed,
        [(each.task.pointer, each.changes) for each in tasks if each.task.pointer is not None and each.changes],
        grants,
    )
    if not by_pointer:
        return None
    return tuple(
        replace(each, changes=with_record(each.changes, by_pointer.get(each.task.pointer or (), []))) for each in tasks
    )


def _with_conversions(planned: Iterable[TaskPlan], made: Sequence[Conversion]) -> Iterator[TaskPlan]:
    """Yield the plans, with the conversion first for a task definition that it made.

    If the settings leave such a task definition alone, there is no need for it: its service stays as it is.
    """
    by_pointer = {each.task_definition: each for each in made}
    for plan in planned:
        conversion = by_pointer.get(plan.task.pointer or ())
        if conversion is None:
            yield plan
        elif plan.outcome.status is not Status.SKIPPED or any(each.image_unread for each in plan.containers):
            yield replace(plan, changes=(*conversion.changes, *plan.changes), made_from=conversion.service)


_F = TypeVar("_F", bound=Finding)


def _in_template(findings: Iterable[_F], made: Sequence[Conversion]) -> Iterator[_F]:
    """Yield the findings, those about a task definition that is made at the place in the service that they are about."""
    by_pointer = {each.task_definition: each for each in made}
    for finding in findings:
        pointer = finding.location.pointer
        conversion = by_pointer.get(pointer[:2])
        if conversion is None:
            yield finding
        else:
            yield replace(finding, location=replace(finding.location, pointer=conversion.in_template(pointer)))


def _checked(tasks: tuple[TaskPlan, ...], processed: Json, size: JsonSize, context: Context) -> tuple[TaskPlan, ...]:
    """Return the plans with a finding for everything that ECS would refuse in what they make: it can leave a stack operation hanging."""
    scope = _evaluation_scope(processed, context, PlanState())
    with counting(scope.state.work):
        return tuple(
            _checked_task(before, after, size)
            for before, after in zip(tasks, task_definitions(processed, scope), strict=True)
        )


def _checked_task(planned: TaskPlan, processed: TaskDefinition, size: JsonSize) -> TaskPlan:
    if planned.outcome.status is not Status.INSTRUMENTED:
        return planned
    try:
        exists = is_active(processed.assumptions, processed.scope) is not False
        found = checks.findings(processed_task(processed, size.at_most(processed.pointer))) if exists else []
    except WorkLimitError:
        found = [Problem(Location(), TOO_MUCH_WORK)]
    if not found:  # as for nearly every task definition
        return planned
    problems = [finding for finding in found if isinstance(finding, Problem)]
    is_unknown = all(problem.reason.is_unknown for problem in problems)
    refused = replace(planned.outcome, status=Status.REFUSED, is_unknown=is_unknown)
    outcome = refused if problems else planned.outcome
    return replace(planned, outcome=outcome, findings=(*planned.findings, *found))


def _grants(tasks: tuple[TaskPlan, ...], scope: EvaluationScope) -> tuple[Change | Finding, ...]:
    """Return the changes to execution roles. Too much work here does not take away the tasks, off which verdicts are read."""
    try:
        return tuple(grant_changes([task.grant for task in tasks if task.grant], scope))
    except WorkLimitError:
        return (Problem(Location(), TOO_MUCH_WORK),)


def _is_other_resource(fragment: Json) -> bool:
    """Return whether the macro was used as a snippet in a resource that is not a task definition."""
    return isinstance(fragment, dict) and fragment_kind(fragment) == "resource" and fragment["Type"] != TASK_DEFINITION


def _not_a_template(template: Json) -> Problem:
    if isinstance(template, dict):
        return Problem(
            Location(), Reason("There is no task definition where this macro is used: Resources and ContainerDefinitions are both missing",
            "Use it in the Transform section, or as Fn::Transform beside the Type or inside the Properties of an AWS::ECS::TaskDefinition", code=Code.NO_TEMPLATE),
        )  # fmt: skip
    return Problem(
        Location(), Reason("The template is not an object", "Use a CloudFormation template", code=Code.NO_TEMPLATE)
    )

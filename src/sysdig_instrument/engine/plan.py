"""The product: a template in, a plan out.

``plan`` is pure. It never raises for what a user wrote: what is wrong is in ``Plan.problems``, what it lacks is in
``Plan.requests``. With open requests the rest of a plan is provisional: answer them, and plan again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sysdig_instrument.engine import checks, conditions, layering, patch
from sysdig_instrument.engine.checks.made import made
from sysdig_instrument.engine.container import EXPAND_FIRST
from sysdig_instrument.engine.findings import Notice, Place, Problem, Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import Answers, Request
from sysdig_instrument.engine.outcomes import Status, TaskPlan
from sysdig_instrument.engine.patch import Change, Pointer
from sysdig_instrument.engine.rewrite import rewrite
from sysdig_instrument.engine.scope import Run, Scope
from sysdig_instrument.engine.settings.layers import Settled
from sysdig_instrument.engine.steps.execution_role import grant_changes
from sysdig_instrument.engine.template import STACK, TASK_DEFINITION, outline, resources_of, task_definitions, unseen
from sysdig_instrument.values import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """All that a plan needs beside the template.

    ``settled`` are the settings of the macro's deployment, ``params`` the Parameters of the Transform.
    ``parameters`` are values by name, strings or lists of strings, as a macro event's ``templateParameterValues``.
    ``region`` and ``account`` may be unknown to the command line tool.
    """

    settled: Settled
    params: Mapping[str, Json] = field(default_factory=dict)
    parameters: Mapping[str, Json] = field(default_factory=dict)
    region: str | None = None
    account: str | None = None
    answers: Answers = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done to a template, and all there is to say about it."""

    context: Context
    tasks: tuple[TaskPlan, ...]
    grants: tuple[Change, ...]
    notices: tuple[Notice, ...]
    problems: tuple[Problem, ...]
    requests: tuple[Request, ...]

    @property
    def changes(self) -> Iterator[Change]:
        """The JSON Patch, in order."""
        for task in self.tasks:
            yield from task.changes
        yield from self.grants


def process(template: Json, current: Plan) -> tuple[Json, tuple[Problem, ...]]:
    """The processed template, and all that is wrong; where anything is, the template comes back as it was.

    What the plan makes is checked before it is handed out: a bad task definition can leave a stack hanging.
    """
    if current.problems:
        return template, current.problems
    processed = patch.apply(template, current.changes)
    problems = tuple(_check(processed, current))
    return (template if problems else processed), problems


def _check(processed: Json, current: Plan) -> Iterator[Problem]:
    for before, after in zip(
        current.tasks, task_definitions(processed, _scope(processed, current.context, Run())), strict=True
    ):
        if before.outcome.status is Status.INSTRUMENTED and conditions.taken(after.when, after.scope) is not False:
            yield from checks.problems(made(after))


def _scope(template: Json, context: Context, run: Run) -> Scope:
    return Scope(template, context.parameters, context.region, context.account, context.answers, run)


def plan(template: Json, context: Context) -> Plan:
    """The plan for a template, or for a snippet's fragment."""
    run = Run()
    scope = _scope(template, context, run)
    if outline(template) is None or _is_other_resource(template):
        return Plan(context, (), (), (), (_not_a_template(template),), ())
    settled, faults = layering.of_template(template, context.settled, context.params, scope)
    tasks = tuple(rewrite(task, layering.of_task(task, settled)) for task in task_definitions(template, scope))
    stacks = (pointer for pointer, _ in resources_of(template, {STACK}))
    elsewhere = (*map(_out_of_reach, stacks), *map(_out_of_sight, unseen(template)))
    granted = tuple(grant_changes([task.grant for task in tasks if task.grant], scope))
    findings = [
        *faults,
        *(finding for task in tasks for finding in task.findings),
        *(each for each in granted if isinstance(each, Notice)),
    ]
    notices = tuple(dict.fromkeys(finding for finding in findings if isinstance(finding, Notice)))
    # An answer may still decide what looks like a problem now, so a plan with open requests has none.
    problems = () if run.requests else tuple(dict.fromkeys(each for each in findings if isinstance(each, Problem)))
    permissions = tuple(each for each in granted if isinstance(each, Change))
    return Plan(context, tasks, permissions, elsewhere + notices, problems, tuple(run.requests))


def _is_other_resource(fragment: Json) -> bool:
    """Whether the macro was used as a snippet beside a resource that is no task definition."""
    return isinstance(fragment, dict) and outline(fragment) == "resource" and fragment["Type"] != TASK_DEFINITION


def _out_of_reach(stack: Pointer) -> Notice:
    return Notice(
        Place(None, None, stack),
        Reason(
            "A nested stack's template is not in reach of this macro", "List the macro in that template's own Transform"
        ),
    )


def _out_of_sight(transform: Pointer) -> Notice:
    return Notice(
        Place(None, None, transform),
        Reason(
            "Fn::Transform brings what is not in sight, and a task definition in it is not instrumented", EXPAND_FIRST
        ),
    )


def _not_a_template(template: Json) -> Problem:
    if isinstance(template, dict):
        return Problem(
            Place(), Reason("There is no task definition where this macro stands: neither Resources nor ContainerDefinitions are in sight",
            "Use it in the Transform section, or as Fn::Transform beside the Type or inside the Properties of an AWS::ECS::TaskDefinition"),
        )  # fmt: skip
    return Problem(Place(), Reason("The template is not an object", "Give a CloudFormation template"))

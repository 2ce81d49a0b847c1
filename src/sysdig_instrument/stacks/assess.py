"""Assess a stack: whether its template lists the macro, and what the macro would change today in what is deployed. Pure."""

from __future__ import annotations

from enum import Enum

from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.macro_line import MacroLine, find_line, listed_entries
from sysdig_instrument.engine.plan import Context, Plan
from sysdig_instrument.engine.settings.layers import ResolvedSettings
from sysdig_instrument.engine.steps.result import has_result
from sysdig_instrument.engine.task_plan import TaskPlan
from sysdig_instrument.engine.template import SECTION
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.planning import look_up_nothing, plan_with_lookups
from sysdig_instrument.stacks.model import Stack, StackTemplates


class Behind(Enum):
    """The answers to whether an update of the stack would change a task definition. Reports show the value."""

    YES = "yes"
    NO = "no"
    NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True)
class AssessedStack:
    """A stack, the line of the template that was submitted, and a plan over the template that is deployed."""

    stack: Stack
    line: MacroLine
    processed: Json
    plan: Plan

    def behind(self, task: TaskPlan) -> Behind | None:
        """Return whether the macro would make the task definition differently today; None if it does not get it.

        The macro changes nothing in its own output. So if it would, the settings or the release have changed since then.
        """
        if not self.line.covers(task.task.pointer or ()):
            return None
        if self.plan.problems or any(each.image_unread for each in task.containers):
            return Behind.NOT_KNOWN
        return Behind.YES if task.changes or not has_result(task.task) else Behind.NO


def assess_stack(templates: StackTemplates, resolved: ResolvedSettings) -> AssessedStack:
    """Assess a stack. Nothing is looked up: an image whose config would be needed leaves it open whether the stack is behind."""
    original, processed = templates.original, templates.processed.value
    context = stack_context(templates, resolved)
    line = find_line(original.value, resolved.values.macro_name, original.earlier_values(SECTION))
    return AssessedStack(templates.stack, line, processed, plan_with_lookups(processed, context, look_up_nothing))


def stack_context(templates: StackTemplates, resolved: ResolvedSettings) -> Context:
    """Return the context of a plan for one of the stack's templates."""
    stack = templates.stack
    return Context(
        deployment_settings=resolved,
        transform_parameters=_transform_parameters(templates.original.value, resolved.values.macro_name),
        parameter_values=stack.parameters,
        region=stack.region,
        account=stack.account or None,
    )


def _transform_parameters(template: Json, macro_name: str) -> dict[str, Json]:
    found = (each.get("Parameters") for each in listed_entries(template, macro_name) if isinstance(each, dict))
    parameters = next(found, None)
    return parameters if isinstance(parameters, dict) else {}

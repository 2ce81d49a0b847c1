"""Assess a stack for an inventory: what protects each task definition as it is deployed, and what an update would change. Pure."""

from __future__ import annotations

from enum import Enum

from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.macro_line import MacroLine
from sysdig_instrument.engine.plan import Plan
from sysdig_instrument.engine.settings.layers import ResolvedSettings
from sysdig_instrument.engine.task_plan import TaskPlan
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.planning import look_up_nothing, plan_with_lookups
from sysdig_instrument.stacks.model import Stack, StackTemplates
from sysdig_instrument.stacks.updates import (
    LookUpFor,
    ResourceEffect,
    StackState,
    StackUpdate,
    assess_update,
    is_listed_in,
    line_of,
    stack_context,
)


class Behind(Enum):
    """The answers to whether an update of the stack would change a task definition. Reports show the value."""

    YES = "yes"
    NO = "no"
    REFUSED = "refused"
    NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True)
class AssessedStack:
    """A stack, the line of the template that was submitted, a plan over what is deployed, and what an update would change.

    ``update`` is None for a stack that does not list the macro.
    """

    stack: Stack
    line: MacroLine
    processed: Json
    plan: Plan
    update: StackUpdate | None

    def behind(self, task: TaskPlan) -> Behind | None:
        """Return whether an update would change the task definition; None if the macro does not get it."""
        if self.update is None or not self.line.covers(task.task.pointer or ()):
            return None
        match self.update.state:
            case StackState.BEHIND | StackState.UP_TO_DATE:
                names = {each.logical_id for each in self.update.effects}
                return Behind.YES if task.task.name in names else Behind.NO
            case StackState.REFUSED:
                return Behind.REFUSED
        return Behind.NOT_KNOWN

    @property
    def other_effects(self) -> tuple[ResourceEffect, ...]:
        """Return what an update would change, if that is none of the task definitions that are deployed."""
        effects = self.update.effects if self.update else ()
        names = {task.task.name for task in self.plan.tasks}
        return () if any(each.logical_id in names for each in effects) else effects


def assess_stack(templates: StackTemplates, resolved: ResolvedSettings, look_up_for: LookUpFor) -> AssessedStack:
    """Assess a stack. Nothing is looked up for what is deployed: it is judged as it is."""
    processed = templates.processed.value
    line = line_of(templates.original, resolved.values.macro_name)
    plan = plan_with_lookups(processed, stack_context(templates, resolved), look_up_nothing)
    update = assess_update(templates, resolved, look_up_for) if is_listed_in(line) else None
    return AssessedStack(templates.stack, line, processed, plan, update)

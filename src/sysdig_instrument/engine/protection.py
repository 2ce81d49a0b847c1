"""Protection: a task definition is protected if the plan for it changes nothing that protection depends on.

An agent's container protects although it differs from the settings where nothing depends on the difference
(:mod:`sysdig_instrument.engine.steps.agent_differences`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from sysdig_instrument.engine.findings import Problem
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.steps import CONTAINER_STEPS, ENTRY_POINT_STEP, TASK_STEPS
from sysdig_instrument.engine.task_plan import Status, TaskPlan
from sysdig_instrument.lazy_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Protected:
    """Every container that the settings select is instrumented."""


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """The task definition is not instrumented on purpose. ``why`` says which setting or which property decides that."""

    why: str


@dataclass(frozen=True, slots=True)
class Unprotected:
    """The plan has a problem or a protecting change. Each reason is a sentence without its full stop."""

    reasons: tuple[str, ...]


Protection: TypeAlias = Protected | LeftAlone | Unprotected


def protection(plan: TaskPlan) -> Protection:
    """Return whether a task definition is protected, according to the plan for it.

    The plan may have been made without lookups (``planning.look_up_nothing``). A container whose image would have to be looked
    up has no EntryPoint, so the wrapper does not start it.
    """
    if plan.outcome.status is Status.SKIPPED and not any(outcome.image_unread for outcome in plan.containers):
        return LeftAlone(plan.outcome.why)
    reasons = tuple(dict.fromkeys(_reasons(plan)))
    return Unprotected(reasons) if reasons else Protected()


def _reasons(plan: TaskPlan) -> Iterator[str]:
    unread = [outcome for outcome in plan.containers if outcome.image_unread]
    for outcome in unread:
        yield f'Container "{outcome.name}" {ENTRY_POINT_STEP.unprotected_reason}'
    unread_pointers = {(*outcome.pointer, "Image") for outcome in unread}  # the problems there are named already
    for finding in plan.findings:
        if isinstance(finding, Problem) and finding.location.pointer not in unread_pointers:
            yield finding.reason.fact
    for change in plan.changes:
        if reason := _unprotected_reason(change):
            yield reason


def _unprotected_reason(change: Change) -> str | None:
    """Return why the task definition is not protected without a change; ``None`` if protection does not depend on it."""
    if not change.protects:
        return None
    if change.unprotected_reason:
        return change.unprotected_reason.fact
    container = change.owner.container
    if container is None:
        return next((step.unprotected_reason for step in TASK_STEPS if step.name == change.step), None)
    reason = next((step.unprotected_reason for step in CONTAINER_STEPS if step.name == change.step), None)
    return reason and f'Container "{container}" {reason}'

"""Protection: a task definition is protected if the plan for it changes nothing that protection depends on.

An agent's container that differs from the settings (another image, another collector) still protects the task.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from sysdig_instrument.engine.findings import Problem
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.steps import CONTAINER_STEPS, TASK_STEPS, WRAP
from sysdig_instrument.engine.task_plan import Status, TaskPlan
from sysdig_instrument.lazy_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Protected:
    """Every container that the settings select is instrumented."""


@dataclass(frozen=True, slots=True)
class OutOfScope:
    """The task definition is not to be instrumented. ``why`` names the setting and where it comes from, or the reason."""

    why: str


@dataclass(frozen=True, slots=True)
class Unprotected:
    """Something is missing. Each reason is a sentence without its full stop, with the container's name if it is about one."""

    reasons: tuple[str, ...]


Protection: TypeAlias = Protected | OutOfScope | Unprotected


def protection(plan: TaskPlan) -> Protection:
    """Return whether a task definition is protected, by the plan for it.

    The plan may be one without lookups (``planning.no_lookups``): a container whose image would have to be read has no
    EntryPoint, so it is not started by the wrapper.
    """
    unread = [outcome for outcome in plan.containers if outcome.image_unread]
    if plan.outcome.status is Status.SKIPPED and not unread:
        return OutOfScope(plan.outcome.why)
    reasons = tuple(dict.fromkeys(_reasons(plan)))
    return Unprotected(reasons) if reasons else Protected()


def _reasons(plan: TaskPlan) -> Iterator[str]:
    unread = [outcome for outcome in plan.containers if outcome.image_unread]
    for outcome in unread:
        yield f'Container "{outcome.name}" {WRAP.missing}'
    unread_pointers = {outcome.pointer for outcome in unread}
    for finding in plan.findings:
        if isinstance(finding, Problem) and finding.location.pointer[:-1] not in unread_pointers:
            yield finding.reason.fact
    for change in plan.changes:
        if reason := _missing(change):
            yield reason


def _missing(change: Change) -> str | None:
    """Return what is missing without a change; ``None`` if protection does not depend on it."""
    if not change.protects:
        return None
    container = change.owner.container
    if container is None:
        return next((step.missing for step in TASK_STEPS if step.name == change.step), None)
    missing = next((step.missing for step in CONTAINER_STEPS if step.name == change.step), None)
    return missing and f'Container "{container}" {missing}'

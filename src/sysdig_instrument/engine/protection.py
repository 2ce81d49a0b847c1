"""Is a task definition instrumented, as the settings ask for it? Read off a plan: what the macro would still change.

An agent's container that only differs from the settings (another image, another collector) is an agent all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from sysdig_instrument.engine.container import Container
from sysdig_instrument.engine.findings import Problem
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.steps import CONTAINER_STEPS, TASK_STEPS
from sysdig_instrument.engine.steps.step import Step
from sysdig_instrument.engine.task_plan import Status, TaskPlan
from sysdig_instrument.lazy_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Protected:
    """Every container that should be is under the agent."""


@dataclass(frozen=True, slots=True)
class OutOfScope:
    """The settings do not ask for it; ``why`` says which, and where they come from."""

    why: str


@dataclass(frozen=True, slots=True)
class Unprotected:
    """Something is missing. Each reason is a sentence without its full stop that names the container."""

    reasons: tuple[str, ...]


Protection: TypeAlias = Protected | OutOfScope | Unprotected


def protection(plan: TaskPlan) -> Protection:
    """The verdict that a task definition's plan comes to. The plan needs no image's config: see ``planning.no_lookups``."""
    unread = [outcome for outcome in plan.containers if outcome.image_unread]
    if plan.outcome.status is Status.SKIPPED and not unread:
        return OutOfScope(plan.outcome.why)
    reasons = tuple(dict.fromkeys(_reasons(plan)))
    return Unprotected(reasons) if reasons else Protected()


def _reasons(plan: TaskPlan) -> Iterator[str]:
    for outcome in plan.containers:
        if outcome.image_unread:
            yield _container_lacks(outcome.name, CONTAINER_STEPS[0])
    unread = {outcome.pointer for outcome in plan.containers if outcome.image_unread}
    for finding in plan.findings:
        if isinstance(finding, Problem) and finding.location.pointer[:-1] not in unread:
            yield finding.reason.fact
    for change in plan.changes:
        if reason := _missing(change):
            yield reason


def _missing(change: Change) -> str | None:
    """What a change says is missing; nothing for a change that does not matter for protection."""
    if not change.protects:
        return None
    for container_step in CONTAINER_STEPS:
        if container_step.name == change.step:
            return container_step.missing and _container_lacks(change.owner.container, container_step)
    return next((step.missing for step in TASK_STEPS if step.name == change.step), None)


def _container_lacks(container: str | None, step: Step[Container]) -> str:
    return f'Container "{container}" {step.missing}'

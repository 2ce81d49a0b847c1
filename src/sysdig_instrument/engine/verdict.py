"""Is a task definition instrumented, as the settings ask for it? Read off a plan: what the macro would still change.

An agent's container that only differs from the settings (another image, another collector) is an agent all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from sysdig_instrument.engine.findings import Problem
from sysdig_instrument.engine.outcomes import Outcome, Status, TaskPlan
from sysdig_instrument.engine.patch import Change, Pointer
from sysdig_instrument.engine.steps.environment import SIDECAR
from sysdig_instrument.values import dataclass


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


Verdict: TypeAlias = Protected | OutOfScope | Unprotected

_MISSING: Final = {
    "EntryPoint": "is not started by the wrapper",
    "Command": "is not started by the wrapper",
    "VolumesFrom": "does not have the volume with the wrapper",
    "LinuxParameters": "does not have the capability SYS_PTRACE",
    "Environment": "does not have the variables that the wrapper needs",
}


def verdict(plan: TaskPlan) -> Verdict:
    """The verdict that a task definition's plan comes to. The plan needs no image's config: see ``planning.nobody``."""
    unread = [outcome for outcome in plan.containers if outcome.unread]
    if plan.outcome.status is Status.SKIPPED and not unread:
        return OutOfScope(plan.outcome.why)
    reasons = tuple(dict.fromkeys(_reasons(plan)))
    return Unprotected(reasons) if reasons else Protected()


def _reasons(plan: TaskPlan) -> Iterator[str]:
    for outcome in plan.containers:
        if outcome.unread:
            yield f'Container "{outcome.name}" {_MISSING["EntryPoint"]}'
    unread = {outcome.pointer for outcome in plan.containers if outcome.unread}
    for finding in plan.findings:
        if isinstance(finding, Problem) and finding.place.pointer[:-1] not in unread:
            yield finding.fact
    for change in plan.changes:
        if reason := _reason(change, plan.containers, plan.task.properties_pointer):
            yield reason


def _reason(change: Change, containers: tuple[Outcome, ...], properties: Pointer) -> str | None:
    """What a change says is missing; nothing for a change of what does not matter for protection."""
    if change.pointer[: len(properties) + 1] == (*properties, "PidMode"):
        return "The task's PidMode is not task"
    for container in containers:
        if change.pointer[: len(container.pointer)] == container.pointer:
            key = str(change.pointer[len(container.pointer)])
            matters = container.status is not Status.AGENT and not _is_detail(key, change)
            return f'Container "{container.name}" {_MISSING[key]}' if matters else None
    is_in_list = change.pointer[: len(properties) + 1] == (*properties, "ContainerDefinitions")
    return "The agent's container is missing" if is_in_list and change.operation == "add" else None


def _is_detail(key: str, change: Change) -> bool:
    """Whether a change only sets a value right, or brings variables beyond the wrapper's own."""
    if key == "Environment":
        return change.operation == "replace" or SIDECAR not in str(change.value)
    return change.pointer[-1] == "ReadOnly"

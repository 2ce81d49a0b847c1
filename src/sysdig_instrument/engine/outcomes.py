"""What became of a task definition and its containers, and what is to be done to it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from sysdig_instrument.engine import conditions
from sysdig_instrument.engine.findings import Finding, Notice, Problem
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.layering import TaskSettings
from sysdig_instrument.engine.patch import Change, Pointer
from sysdig_instrument.engine.selection import SkipReason
from sysdig_instrument.engine.steps.result import result
from sysdig_instrument.engine.steps.step import Grant, Output
from sysdig_instrument.engine.template import TaskDefinition
from sysdig_instrument.values import dataclass


class Status(Enum):
    """What became of a task definition or a container."""

    INSTRUMENTED = "instrumented"
    SKIPPED = "skipped"
    REFUSED = "refused"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of something, and why. ``name`` and ``pointer`` are a container's, or nothing for the task definition.

    ``unread`` says that it was not instrumented for want of its image's config alone; ``reason`` is what a skipped one
    is counted under.
    """

    name: str | None
    status: Status
    why: str = ""
    pointer: Pointer = ()
    unread: bool = False
    reason: SkipReason | None = None

    @property
    def text(self) -> str:
        """``instrumented: entry point from the image``."""
        return f"{self.status.value}: {self.why}" if self.why else self.status.value


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """What is to be done to one task definition, and the settings that say so."""

    task: TaskDefinition
    settings: TaskSettings
    outcome: Outcome
    containers: tuple[Outcome, ...]
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    grant: Grant | None = None


def finished(
    task: TaskDefinition,
    settings: TaskSettings,
    outcome: Outcome,
    containers: tuple[Outcome, ...],
    outputs: Iterable[Output],
) -> TaskPlan:
    """The plan for a task definition, with what its Metadata is to say.

    What is wrong with one that is not created now refuses nothing: it is left as it was, and that is told.
    """
    changes: list[Change] = []
    findings: list[Finding] = []
    given: Grant | None = None
    for output in outputs:
        if isinstance(output, Change):
            changes.append(output)
        elif isinstance(output, Grant):
            given = output
        elif isinstance(output, Finding):
            findings.append(output)
    if any(isinstance(each, Problem) for each in findings) and conditions.taken(task.when, task.scope) is False:
        changes, findings = [], [_passed_over(each) for each in findings]
        outcome = Outcome(
            None, Status.SKIPPED, "not created now, and not to be instrumented", reason=SkipReason.NOT_CREATED
        )
    for told in result(task, _result(outcome, containers, findings), changed=bool(changes)):
        if isinstance(told, Change):
            changes.append(told.of(task.owner, "Metadata"))
        else:
            findings.append(told)
    if outcome.status is not Status.INSTRUMENTED:
        given = None
    return TaskPlan(task, settings, outcome, containers, tuple(changes), tuple(findings), given)


def _result(outcome: Outcome, containers: Iterable[Outcome], findings: Iterable[Finding]) -> Json:
    value: dict[str, Json] = {"Task": outcome.text}
    if named := {str(each.name): each.text for each in containers}:
        value["Containers"] = dict(named)
    if notices := [finding.stable_text for finding in findings if isinstance(finding, Notice)]:
        value["Notices"] = list(dict.fromkeys(notices))
    return value


def _passed_over(finding: Finding) -> Finding:
    if not isinstance(finding, Problem):
        return finding
    return Notice(finding.place, finding.reason.but("the task is not created now, and is left as it was"))

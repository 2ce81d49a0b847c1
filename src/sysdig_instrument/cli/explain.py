"""``sysdig-instrument explain``: what becomes of each task definition and container, and why."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import Final

from sysdig_instrument.cli.batch import each
from sysdig_instrument.cli.lookups import lookup, shared_line
from sysdig_instrument.cli.owned import name_of
from sysdig_instrument.cli.reports.model import (
    LEFT_ALONE,
    NOTICE,
    REFUSED,
    FileReport,
    Mark,
    Remark,
    Row,
    Rule,
    TaskReport,
)
from sysdig_instrument.cli.reports.places import Places
from sysdig_instrument.cli.reports.printing import printed
from sysdig_instrument.cli.subject import Prospect, Subject, prospect
from sysdig_instrument.engine.findings import Finding, Reason, path_text
from sysdig_instrument.engine.outcomes import Outcome, Status, TaskPlan
from sysdig_instrument.engine.plan import Context

_MARKS: Final = {
    Status.INSTRUMENTED: Mark.GOOD,
    Status.SKIPPED: Mark.LEFT_ALONE,
    Status.REFUSED: Mark.BAD,
    Status.AGENT: Mark.AGENT,
}


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print the report; 1 where something is refused.

    Raises:
        UsageError: The call is wrong.
    """
    line = shared_line(environment, options.profile)

    def work(subject: Subject, context: Context) -> FileReport:
        outlook = prospect(subject, context, lookup(options, context, environment, line))
        return report(subject, outlook)

    return printed(each(options, environment, work), options, environment)


def report(subject: Subject, outlook: Prospect) -> FileReport:
    """The report on a document."""
    places = Places(subject)
    refused = {problem.place.task for problem in outlook.problems}
    tasks = tuple(_task(task, task.task.name in refused, places) for task in outlook.plan.tasks)
    remarks = [
        *(_remark(REFUSED, problem, places) for problem in dict.fromkeys(outlook.problems)),
        *(_remark(NOTICE, notice, places) for notice in dict.fromkeys(outlook.notices)),
        *(remark for task in tasks for remark in _left_alone(task)),
    ]
    return FileReport(subject.document.name, tasks, tuple(remarks))


def _task(plan: TaskPlan, is_refused: bool, places: Places) -> TaskReport:  # noqa: FBT001 - private
    row = _row(name_of(plan.task.name), plan.outcome, places, plan.task.pointer or ())
    if is_refused:
        row = Row(row.name, Mark.BAD, Status.REFUSED.value, row.why, row.line)
    return TaskReport(
        row,
        tuple(_row(each.name or "", each, places, each.pointer) for each in plan.containers),
        {name: layer.name for name, layer in plan.settings.settled.layers.items()},
    )


def _row(name: str, outcome: Outcome, places: Places, pointer: tuple[str | int, ...]) -> Row:
    return Row(name, _MARKS[outcome.status], outcome.status.value, outcome.why, places.line(pointer))


def _remark(rule: Rule, finding: Finding, places: Places) -> Remark:
    place = finding.place
    line = places.line(place.pointer)
    return Remark(rule, finding.reason, place.task, place.container, path_text(place.pointer), line)


def _left_alone(task: TaskReport) -> Iterator[Remark]:
    if task.row.mark is Mark.LEFT_ALONE:
        yield Remark(LEFT_ALONE, Reason(f"Left alone: {task.row.why}"), task.row.name, None, "", task.row.line)
        return
    for row in task.containers:
        if row.mark is Mark.LEFT_ALONE:
            yield Remark(LEFT_ALONE, Reason(f"Left alone: {row.why}"), task.row.name, row.name, "", row.line)

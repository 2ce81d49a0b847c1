"""``sysdig-instrument check``: is everything in these files instrumented, as the macro's hook would see it?"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping

from sysdig_instrument.cli.batch import each
from sysdig_instrument.cli.owned import name_of
from sysdig_instrument.cli.reports.model import (
    LEFT_ALONE,
    NOT_INSTRUMENTED,
    FileReport,
    Mark,
    Remark,
    Row,
    TaskReport,
)
from sysdig_instrument.cli.reports.places import Places
from sysdig_instrument.cli.reports.printing import printed
from sysdig_instrument.cli.subject import Subject
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.outcomes import TaskPlan
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.verdict import OutOfScope, Protected, Unprotected, verdict
from sysdig_instrument.planning import nobody, planned


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print what is instrumented and what is not; 1 where something is not.

    Raises:
        UsageError: The call is wrong.
    """
    return printed(each(options, environment, _report), options, environment)


def _report(subject: Subject, context: Context) -> FileReport:
    places = Places(subject)
    plans = planned(subject.fragment, subject.context(context), nobody).tasks
    tasks = tuple(TaskReport(_row(plan, places)) for plan in plans)
    remarks = tuple(remark for plan in plans for remark in _remarks(plan, places))
    return FileReport(subject.document.name, tasks, remarks)


def _row(plan: TaskPlan, places: Places) -> Row:
    name, line = name_of(plan.task.name), places.line(plan.task.pointer or ())
    match verdict(plan):
        case Protected():
            return Row(name, Mark.GOOD, "instrumented", "", line)
        case OutOfScope(why):
            return Row(name, Mark.LEFT_ALONE, "left alone", why, line)
        case Unprotected(reasons):
            return Row(name, Mark.BAD, "NOT instrumented", "; ".join(reasons), line)


def _remarks(plan: TaskPlan, places: Places) -> Iterator[Remark]:
    name, line = name_of(plan.task.name), places.line(plan.task.pointer or ())
    match verdict(plan):
        case OutOfScope(why):
            yield Remark(LEFT_ALONE, Reason(f"Left alone: {why}"), name, None, "", line)
        case Unprotected(reasons):
            yield from (Remark(NOT_INSTRUMENTED, Reason(reason), name, None, "", line) for reason in reasons)

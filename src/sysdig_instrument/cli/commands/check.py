"""``sysdig-instrument check``: is everything in these files instrumented, as the macro's hook would see it?"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping

from sysdig_instrument.cli.attribution import task_label
from sysdig_instrument.cli.batch import process_files
from sysdig_instrument.cli.documents import InputDocument
from sysdig_instrument.cli.formats.model import (
    LEFT_ALONE,
    NOT_INSTRUMENTED,
    FileReport,
    LineLocator,
    ReportItem,
    ReportRow,
    Result,
    TaskReport,
)
from sysdig_instrument.cli.formats.output import print_reports
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.protection import OutOfScope, Protected, Unprotected, protection
from sysdig_instrument.engine.task_plan import TaskPlan
from sysdig_instrument.planning import no_lookups, plan_with_lookups


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print what is instrumented and what is not; 1 where something is not.

    Raises:
        UsageError: The call is wrong.
    """
    return print_reports(process_files(options, environment, _file_report), options, environment)


def _file_report(document: InputDocument, context: Context) -> FileReport:
    locator = LineLocator(document)
    plans = plan_with_lookups(document.fragment, document.with_transform_parameters(context), no_lookups).tasks
    tasks = tuple(TaskReport(_report_row(plan, locator)) for plan in plans)
    items = tuple(item for plan in plans for item in _report_items(plan, locator))
    return FileReport(document.source.name, tasks, items)


def _report_row(plan: TaskPlan, locator: LineLocator) -> ReportRow:
    name, line = task_label(plan.task.name), locator.line(plan.task.pointer or ())
    match protection(plan):
        case Protected():
            return ReportRow(name, Result.PASSED, "instrumented", "", line)
        case OutOfScope(why):
            return ReportRow(name, Result.SKIPPED, "left alone", why, line)
        case Unprotected(reasons):
            return ReportRow(name, Result.FAILED, "NOT instrumented", "; ".join(reasons), line)


def _report_items(plan: TaskPlan, locator: LineLocator) -> Iterator[ReportItem]:
    name, line = task_label(plan.task.name), locator.line(plan.task.pointer or ())
    match protection(plan):
        case OutOfScope(why):
            yield ReportItem(LEFT_ALONE, Reason(f"Left alone: {why}"), name, None, "", line)
        case Unprotected(reasons):
            yield from (ReportItem(NOT_INSTRUMENTED, Reason(reason), name, None, "", line) for reason in reasons)

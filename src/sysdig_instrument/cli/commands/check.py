"""``sysdig-instrument check``: report whether each task definition is instrumented, by the rules of the macro's hook."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

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
    RowResult,
    TaskReport,
)
from sysdig_instrument.cli.formats.output import print_reports
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.protection import LeftAlone, Protected, Unprotected, protection
from sysdig_instrument.engine.task_plan import TaskPlan
from sysdig_instrument.planning import look_up_nothing, plan_with_lookups


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print which task definitions are instrumented. Return 1 if one is not.

    Raises:
        UsageError: An option is wrong.
    """
    return print_reports(process_files(options, environment, _file_report), options, environment)


def _file_report(document: InputDocument, context: Context) -> FileReport:
    locator = LineLocator(document)
    plans = plan_with_lookups(document.fragment, document.with_transform_parameters(context), look_up_nothing).tasks
    rows, items = zip(*(_task_report(plan, locator) for plan in plans), strict=True) if plans else ((), ())
    tasks = tuple(TaskReport(row) for row in rows)
    return FileReport(document.source.name, tasks, tuple(item for each in items for item in each))


def _task_report(plan: TaskPlan, locator: LineLocator) -> tuple[ReportRow, list[ReportItem]]:
    name, line = task_label(plan.task.name), locator.line(plan.task.pointer or ())
    match protection(plan):
        case Protected():
            return ReportRow(name, RowResult.PASSED, "instrumented", "", line), []
        case LeftAlone(why):
            item = ReportItem(LEFT_ALONE, Reason(f"Left alone: {why}"), name, None, "", line)
            return ReportRow(name, RowResult.SKIPPED, "left alone", why, line), [item]
        case Unprotected(reasons):
            items = [ReportItem(NOT_INSTRUMENTED, Reason(reason), name, None, "", line) for reason in reasons]
            return ReportRow(name, RowResult.FAILED, "NOT instrumented", "; ".join(reasons), line), items

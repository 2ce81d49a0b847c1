"""``sysdig-instrument explain``: report what happens to each task definition and container, and why."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sysdig_instrument.cli.attribution import task_label
from sysdig_instrument.cli.build_notices import read_from_dockerfiles
from sysdig_instrument.cli.callers_account import with_callers_account
from sysdig_instrument.cli.calls import Call
from sysdig_instrument.cli.construct_paths import construct_path
from sysdig_instrument.cli.documents import InputDocument, Preview, preview_document
from sysdig_instrument.cli.formats.model import (
    LEFT_ALONE,
    NOTICE,
    REFUSED,
    UNKNOWN,
    FileReport,
    LineLocator,
    ReportItem,
    ReportRow,
    RowResult,
    Rule,
    TaskReport,
    warning_items,
)
from sysdig_instrument.cli.formats.output import report_files
from sysdig_instrument.cli.inputs import is_unknown_a_warning
from sysdig_instrument.cli.line_report import line_report
from sysdig_instrument.cli.lookups import look_up_from_options
from sysdig_instrument.cli.planned_resources import planned_resource_report
from sysdig_instrument.cli.snippets import snippets
from sysdig_instrument.engine.codes import Verdict
from sysdig_instrument.engine.findings import Finding, Problem, Reason, format_pointer
from sysdig_instrument.engine.macro_line import MacroLine, tasks_without_line
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.protection import skip_code
from sysdig_instrument.engine.task_plan import Outcome, Status, TaskPlan
from sysdig_instrument.lazy_dataclasses import replace

_RESULTS: Final = {
    Status.INSTRUMENTED: RowResult.PASSED,
    Status.SKIPPED: RowResult.SKIPPED,
    Status.REFUSED: RowResult.FAILED,
    Status.AGENT: RowResult.AGENT,
}


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print the report. Return 1 if a template is refused, or if that is unknown.

    Raises:
        UsageError: An option is wrong.
    """
    return report_files(Call.of(options, environment), explain_document)


def explain_document(document: InputDocument, context: Context, call: Call) -> FileReport:
    """Return the report on a document. Any process of the call can do that."""
    context = with_callers_account(call.options, document, context, call.session)
    call.notices.record_settings(context.deployment_settings)
    look_up = look_up_from_options(call.options, document, context, call.environment, call.session)
    preview = preview_document(document, context, look_up)
    call.notices.record(preview.plan)
    if document.reason:
        level = "warning" if is_unknown_a_warning(context) else ""
        return planned_resource_report(document, document.reason, preview, level)
    return _file_report(document, preview, document.macro_line(context), call)


def _file_report(document: InputDocument, preview: Preview, line: MacroLine | None, call: Call) -> FileReport:
    locator = LineLocator(document, preview.plan.tasks)
    problems = tuple(dict.fromkeys(preview.problems))
    planned = preview.plan.tasks
    without_line = {each.pointer for each in tasks_without_line(line, planned)} if line else set()
    by_task: defaultdict[str | None, list[Problem]] = defaultdict(list)
    for problem in problems:
        by_task[problem.location.task].append(problem)
    tasks = tuple(
        _with_result(report, RowResult.WITHOUT_LINE if task.pointer in without_line else None, is_applied=not problems)
        for task in planned
        for report in [_task_report(task, by_task[task.task.name], locator)]
    )
    unknown_level = "warning" if is_unknown_a_warning(preview.plan.context) else ""
    macro_line, line_items = line_report(
        line, without_line, locator, document, lowered_to="" if call.options.line == "fail" else "warning"
    )
    sources = read_from_dockerfiles(preview.plan)
    items = [
        *line_items,
        *warning_items(document, line),
        *(replace(_problem_item(each, locator, unknown_level), snippets=snippets(each, document)) for each in problems),
        *(
            replace(_report_item(NOTICE, each, locator), snippets=snippets(each, document))
            for each in dict.fromkeys((*preview.notices, *sources))
        ),
        *(item for task, plan in zip(tasks, planned, strict=True) for item in _left_alone_items(task, plan)),
    ]
    layers = preview.plan.context.deployment_settings.layers
    run_settings = {name: layer.name for name, layer in layers.items()}
    return FileReport(
        document.source.name, tasks, tuple(items), macro_line, call.shown(document), run_settings, document.address
    )


def _with_result(report: TaskReport, result: RowResult | None, *, is_applied: bool) -> TaskReport:
    """Return the report on a task definition that would be instrumented, and is not.

    That is so if the macro does not get it (``result``), or if the document is refused or unknown.
    """
    if is_applied and result is None:
        return report
    rows = [
        replace(row, result=result or RowResult.NOT_APPLIED, outcome="would be instrumented")
        if row.result is RowResult.PASSED
        else row
        for row in (report.row, *report.containers)
    ]
    return replace(report, row=rows[0], containers=tuple(rows[1:]))


def _task_report(plan: TaskPlan, problems: Sequence[Problem], locator: LineLocator) -> TaskReport:
    row = _report_row(task_label(plan.task.name), plan.outcome, locator, plan.pointer)
    row = replace(row, construct=construct_path(plan.task.resource))
    if problems:
        result, word = _refused_or_unknown(is_unknown=all(problem.reason.is_unknown for problem in problems))
        row = replace(row, result=result, outcome=word)
    return TaskReport(
        row,
        tuple(
            _report_row(container.name or "", container, locator, container.pointer) for container in plan.containers
        ),
        {name: layer.name for name, layer in plan.settings.resolved.layers.items()},
    )


def _report_row(name: str, outcome: Outcome, locator: LineLocator, pointer: tuple[str | int, ...]) -> ReportRow:
    result, word = _RESULTS[outcome.status], outcome.status.value
    if outcome.status is Status.REFUSED:
        result, word = _refused_or_unknown(is_unknown=outcome.is_unknown)
    return ReportRow(name, result, word, outcome.why, locator.place(pointer))


def _refused_or_unknown(*, is_unknown: bool) -> tuple[RowResult, str]:
    if is_unknown:
        return RowResult.UNKNOWN, Verdict.UNKNOWN.value
    return RowResult.FAILED, Status.REFUSED.value


def _problem_item(problem: Problem, locator: LineLocator, lowered_to: str) -> ReportItem:
    if problem.reason.is_unknown:
        return replace(_report_item(UNKNOWN, problem, locator), lowered_to=lowered_to)
    return _report_item(REFUSED, problem, locator)


def _report_item(rule: Rule, finding: Finding, locator: LineLocator) -> ReportItem:
    location = finding.location
    places = (locator.place_of(location),)
    text, construct = format_pointer(location.pointer), location.construct
    return ReportItem(rule, finding.reason, location.task, location.container, text, places, construct=construct)


def _left_alone_items(task: TaskReport, plan: TaskPlan) -> Iterator[ReportItem]:
    if task.row.result is RowResult.SKIPPED:
        yield _left_alone_item(task.row, plan.outcome, task.row.name, None)
        return
    for row, outcome in zip(task.containers, plan.containers, strict=True):
        if row.result is RowResult.SKIPPED:
            yield _left_alone_item(row, outcome, task.row.name, row.name)


def _left_alone_item(row: ReportRow, outcome: Outcome, task: str, container: str | None) -> ReportItem:
    reason = Reason(f"Left alone: {row.why}", code=skip_code(outcome))
    return ReportItem(LEFT_ALONE, reason, task, container, "", (row.place,) if row.place else ())

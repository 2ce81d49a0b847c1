"""``sysdig-instrument check``: report whether each task definition is protected, by the rules of the macro's hook.

A template that lists the macro is judged by what the macro would make of it, everything else as it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import TypeAlias

from sysdig_instrument.cli.attribution import task_label
from sysdig_instrument.cli.callers_account import with_callers_account
from sysdig_instrument.cli.calls import Call
from sysdig_instrument.cli.construct_paths import construct_path
from sysdig_instrument.cli.documents import InputDocument, Preview, preview_document
from sysdig_instrument.cli.formats.model import (
    LEFT_ALONE,
    NOT_INSTRUMENTED,
    NOTICE,
    REFUSED,
    UNKNOWN,
    FileReport,
    LineLocator,
    LineReport,
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
from sysdig_instrument.cli.lookups import look_up_from_options, look_up_only_here
from sysdig_instrument.cli.plain_documents import plain_protection
from sysdig_instrument.cli.planned_resources import planned_resource_report
from sysdig_instrument.cli.snippets import snippets
from sysdig_instrument.engine.codes import Verdict
from sysdig_instrument.engine.findings import Finding, Location, Notice, Problem, Reason, format_pointer
from sysdig_instrument.engine.hidden import HIDDEN_LOOP
from sysdig_instrument.engine.json_types import Pointer
from sysdig_instrument.engine.macro_line import MacroLine, tasks_without_line
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.protection import Protection
from sysdig_instrument.engine.task_plan import TaskPlan
from sysdig_instrument.engine.verdicts import template_verdicts
from sysdig_instrument.engine.without_effect import CODES as WITHOUT_EFFECT
from sysdig_instrument.lazy_dataclasses import replace
from sysdig_instrument.planning import LookupFunction, look_up_nothing, plan_definition

_RowAndItems: TypeAlias = tuple[ReportRow, list[ReportItem]]


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print which task definitions are protected. Return 1 if one should be and is not, or if that is unknown.

    Raises:
        UsageError: An option is wrong.
    """
    look_up_only_here(options, environment)  # what is wrong with an option is said once
    return report_files(Call.of(options, environment), check_document)


def check_document(document: InputDocument, context: Context, call: Call) -> FileReport:
    """Return the report on a document. Any process of the call can do that."""
    report = replace(_report(document, context, call), document=call.shown(document), address=document.address)
    return _with_warnings(report) if is_unknown_a_warning(context) else report


def _report(document: InputDocument, context: Context, call: Call) -> FileReport:
    call.notices.record_settings(context.deployment_settings)
    if document.reason:
        preview = preview_document(document, context, look_up_nothing)
        return planned_resource_report(document, document.reason, preview)
    line = document.macro_line(context)
    if line is None:
        plan = plan_definition(document.fragment, context.deployment_settings)
        return _file_report(document, [_task_report(plan, plain_protection(plan), LineLocator(document), document)])
    look_up: LookupFunction
    if line.is_listed or line.in_fn_transform:
        context = with_callers_account(call.options, document, context, call.session)
        look_up = look_up_from_options(call.options, document, context, call.environment, call.session)
    else:
        look_up = look_up_only_here(call.options, call.environment)(document, context)
    preview = preview_document(document, context, look_up)
    call.notices.record_image_configs(preview.plan)
    return _template_report(document, preview, line)


def _with_warnings(report: FileReport) -> FileReport:
    """Return a report in which that something is unknown is only a warning."""
    items = (replace(item, lowered_to="warning") if item.rule is UNKNOWN else item for item in report.items)
    return replace(report, items=tuple(items))


def _file_report(
    document: InputDocument,
    rows: Sequence[_RowAndItems],
    items: Sequence[ReportItem] = (),
    line: LineReport | None = None,
) -> FileReport:
    tasks = tuple(TaskReport(row) for row, _ in rows)
    of_text = warning_items(document, line.found if line else None)
    of_tasks = (item for _, own in rows for item in own)
    return FileReport(document.source.name, tasks, (*items, *of_text, *of_tasks), line)


def _template_report(document: InputDocument, preview: Preview, line: MacroLine) -> FileReport:
    """Return the report on a template: whether everything in it is protected once it is deployed."""
    locator = LineLocator(document)
    plan, problems = preview.plan, preview.problems
    macro_line, items = line_report(line, tasks_without_line(line, plan.tasks), locator, document)
    verdicts = template_verdicts(document.fragment, line, plan.tasks, problems, preview.notices)
    rows = [_task_report(task, verdict, locator, document) for task, verdict in verdicts.tasks]
    rows += [_other_workload_report(findings, locator, document) for findings in verdicts.other_workloads]
    items += [_refusal(each, locator, document) for each in verdicts.refusals]
    items += [_hidden_loop(pointer, locator) for pointer in verdicts.hidden_loops]
    items += [_notice(each, locator, document) for each in preview.notices if each.reason.code in WITHOUT_EFFECT]
    return _file_report(document, rows, items, macro_line)


def _refusal(problem: Problem, locator: LineLocator, document: InputDocument) -> ReportItem:
    place = format_pointer(problem.location.pointer)
    rule = UNKNOWN if problem.reason.is_unknown else REFUSED
    places = (locator.place(problem.location.pointer),)
    return ReportItem(rule, problem.reason, None, None, place, places, snippets=snippets(problem, document))


def _notice(notice: Notice, locator: LineLocator, document: InputDocument) -> ReportItem:
    location = notice.location
    places, pasted = (locator.place_of(location),), snippets(notice, document)
    place = format_pointer(location.pointer)
    return ReportItem(NOTICE, notice.reason, location.task, location.container, place, places, snippets=pasted)


def _hidden_loop(pointer: Pointer, locator: LineLocator) -> ReportItem:
    return ReportItem(UNKNOWN, HIDDEN_LOOP, None, None, format_pointer(pointer), (locator.place(pointer),))


def _other_workload_report(findings: Sequence[Finding], locator: LineLocator, document: InputDocument) -> _RowAndItems:
    pointer = findings[0].location.pointer
    name, place = str(pointer[-1]), locator.place(pointer)
    is_refused = any(isinstance(each, Problem) for each in findings)
    row = ReportRow(
        name,
        RowResult.FAILED if is_refused else RowResult.SKIPPED,
        Verdict.CANNOT_BE_PROTECTED.value,
        "; ".join(each.reason.fact for each in findings),
        place,
        tuple(dict.fromkeys(each.reason.code.value for each in findings)),
    )
    rule = NOT_INSTRUMENTED if is_refused else LEFT_ALONE
    return row, [
        ReportItem(rule, _as_shown(each.reason), name, None, "", (place,), snippets=snippets(each, document))
        for each in findings
    ]


def _task_report(plan: TaskPlan, verdict: Protection, locator: LineLocator, document: InputDocument) -> _RowAndItems:
    name, place = task_label(plan.task.name), locator.place(plan.pointer)
    why = "; ".join(reason.fact for reason in verdict.reasons)
    result, outcome = RowResult.FAILED, verdict.verdict.value
    if verdict.passes:
        result = RowResult.PASSED if verdict.verdict is Verdict.PROTECTED else RowResult.SKIPPED
    elif verdict.verdict is Verdict.UNKNOWN:
        result = RowResult.UNKNOWN
    elif verdict.verdict is Verdict.NOT_PROTECTED:
        outcome = "NOT protected"
    codes, construct = tuple(code.value for code in verdict.codes), construct_path(plan.task.resource)
    row = ReportRow(name, result, outcome, why, place, codes, verdict.left_alone, construct)
    rule = _rule(verdict)
    items = [
        ReportItem(
            rule,
            _as_shown(reason),
            name,
            None,
            "",
            tuple(locator.place(each.pointer) for each in at if each.pointer) or (place,),
            construct=construct,
            snippets=tuple(
                each
                for location in at or (Location(plan.task.name, None, plan.pointer),)
                for each in snippets(Finding(location, reason), document)
            ),
        )
        for reason, at in zip(verdict.reasons, verdict.locations or repeat(()), strict=False)
    ]
    return row, sorted(items, key=lambda item: item.places[0].start)  # as a person reads the file


def _rule(verdict: Protection) -> Rule:
    if verdict.passes:
        return LEFT_ALONE
    return UNKNOWN if verdict.verdict is Verdict.UNKNOWN else NOT_INSTRUMENTED


def _as_shown(reason: Reason) -> Reason:
    """Return a reason as the report shows it: what is left alone says so."""
    return replace(reason, fact=f"Left alone: {reason.fact}") if reason.code.verdict is Verdict.LEFT_ALONE else reason

"""``sysdig-instrument check``: report whether each task definition is protected, by the rules of the macro's hook."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from sysdig_instrument.cli.attribution import task_label
from sysdig_instrument.cli.batch import process_files
from sysdig_instrument.cli.documents import InputDocument
from sysdig_instrument.cli.formats.model import (
    LEFT_ALONE,
    NOT_INSTRUMENTED,
    UNKNOWN,
    FileReport,
    LineLocator,
    ReportItem,
    ReportRow,
    RowResult,
    Rule,
    TaskReport,
)
from sysdig_instrument.cli.formats.output import print_reports
from sysdig_instrument.cli.plain_documents import plain_reason
from sysdig_instrument.engine.codes import Code, Verdict
from sysdig_instrument.engine.findings import Finding, Problem, Reason
from sysdig_instrument.engine.other_workloads import OTHER_WORKLOAD_CODES
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.protection import Protection, protection
from sysdig_instrument.engine.task_plan import TaskPlan
from sysdig_instrument.lazy_dataclasses import replace
from sysdig_instrument.planning import look_up_nothing, plan_definition, plan_with_lookups


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print which task definitions are protected. Return 1 if one should be and is not, or may not be.

    Raises:
        UsageError: An option is wrong.
    """
    return print_reports(process_files(options, environment, _file_report), options, environment)


def _file_report(document: InputDocument, context: Context) -> FileReport:
    locator = LineLocator(document)
    # In a template that the macro will process, an image that is not read here is not known to be unprotected.
    unread = Code.IMAGE_UNREAD if document.lists_macro else Code.NOT_WRAPPED
    plans, others = _plans(document, context)
    reports = [_task_report(plan, unread, locator, is_plain=document.kind != "template") for plan in plans]
    reports += [_other_workload_report(finding, locator) for finding in others]
    tasks = tuple(TaskReport(row) for row, _ in reports)
    return FileReport(document.source.name, tasks, tuple(item for _, items in reports for item in items))


def _plans(document: InputDocument, context: Context) -> tuple[tuple[TaskPlan, ...], list[Finding]]:
    """Return the plans for the task definitions, and the findings about workloads without one."""
    if document.kind != "template":
        return (plan_definition(document.fragment, context.deployment_settings),), []
    plan = plan_with_lookups(document.fragment, document.with_transform_parameters(context), look_up_nothing)
    others = [each for each in (*plan.problems, *plan.notices) if each.reason.code in OTHER_WORKLOAD_CODES]
    return plan.tasks, others


def _other_workload_report(finding: Finding, locator: LineLocator) -> tuple[ReportRow, list[ReportItem]]:
    name, line = str(finding.location.pointer[-1]), locator.line(finding.location.pointer)
    is_refused = isinstance(finding, Problem)
    code = (finding.reason.code.value,) if finding.reason.code else ()
    row = ReportRow(
        name,
        RowResult.FAILED if is_refused else RowResult.SKIPPED,
        Verdict.CANNOT_BE_PROTECTED.value,
        finding.reason.fact,
        line,
        code,
    )
    rule = NOT_INSTRUMENTED if is_refused else LEFT_ALONE
    return row, [ReportItem(rule, _with_code(finding.reason), name, None, "", line)]


def _task_report(
    plan: TaskPlan, unread: Code, locator: LineLocator, *, is_plain: bool
) -> tuple[ReportRow, list[ReportItem]]:
    name, line = task_label(plan.task.name), locator.line(plan.task.pointer or ())
    verdict = protection(plan, unread=unread)
    reasons = [plain_reason(reason) if is_plain else reason for reason in verdict.reasons]
    why = "; ".join(reason.fact for reason in reasons)
    result, outcome = RowResult.FAILED, verdict.verdict.value
    if verdict.passes:
        result = RowResult.PASSED if verdict.verdict is Verdict.PROTECTED else RowResult.SKIPPED
    elif verdict.verdict is Verdict.NOT_PROTECTED:
        outcome = "NOT protected"
    row = ReportRow(name, result, outcome, why, line, tuple(code.value for code in verdict.codes), verdict.left_alone)
    return row, [ReportItem(_rule(verdict), _with_code(reason), name, None, "", line) for reason in reasons]


def _rule(verdict: Protection) -> Rule:
    if verdict.passes:
        return LEFT_ALONE
    return UNKNOWN if verdict.verdict is Verdict.UNKNOWN else NOT_INSTRUMENTED


def _with_code(reason: Reason) -> Reason:
    """Return a reason with its code in the fact, for people who read the text."""
    code = f" ({reason.code.value})" if reason.code else ""
    is_left_alone = reason.code is not None and reason.code.verdict is Verdict.LEFT_ALONE
    return replace(reason, fact=f"{'Left alone: ' if is_left_alone else ''}{reason.fact}{code}")

"""The coverage report for people: as wide as the terminal, one row for similar tasks, unprotected tasks first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sysdig_instrument.cli.columns import Columns
from sysdig_instrument.cli.console import Console, StyleName
from sysdig_instrument.coverage.assess import FAILING, Assessment, TaskStatus
from sysdig_instrument.coverage.json_report import protected_percent
from sysdig_instrument.coverage.model import short_name
from sysdig_instrument.coverage.report import Report, ReportGroup
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.help_page import help_address

_HEADINGS: Final = ("REGION", "CLUSTER", "SERVICE", "TASK DEFINITION", "TASKS", "VERDICT")
_ACCOUNT: Final = "ACCOUNT"
_LAST_HEADING: Final = "WHY"
_INDENT: Final = " " * 4
_SHRINKABLE: Final = ("CLUSTER", "SERVICE", "TASK DEFINITION")
_STYLES: Final[Mapping[TaskStatus, StyleName]] = {
    TaskStatus.PROTECTED: "good",
    TaskStatus.UNPROTECTED: "bad",
    TaskStatus.CANNOT_BE_PROTECTED: "bad",
    TaskStatus.AGENT_SILENT: "bad",
    TaskStatus.UNKNOWN: "warn",
    TaskStatus.BY_DAEMON: "good",
    TaskStatus.EXCLUDED: "faint",
}


def render(report: Report, console: Console) -> str:
    """Return the report as lines of text. Tasks that are out of scope are only counted."""
    shown = [group for group in report.groups if group.key.assessment.status is not TaskStatus.OUT_OF_SCOPE]
    lines = [*_table(shown, console, has_accounts=bool(report.accounts)), *(["\n"] if shown else [])]
    lines += console.paragraph(summary(report))
    if report.read_errors:
        lines += ["\n", "Could not be read:\n"]
        lines += [line for error in report.read_errors for line in console.paragraph(error.text, _INDENT)]
    lines += _help(shown, console)
    return "".join(lines)


def _table(groups: Sequence[ReportGroup], console: Console, *, has_accounts: bool) -> Iterator[str]:
    """Yield the table. The accounts are shown if they were named."""
    if not groups:
        return
    headings = (_ACCOUNT, *_HEADINGS) if has_accounts else _HEADINGS
    rows = [headings, *(_cells(group)[-len(headings) :] for group in groups)]
    columns = Columns.of(
        rows,
        console,
        shrinkable=[headings.index(each) for each in _SHRINKABLE],
        right_aligned={headings.index("TASKS")},
    )
    yield from columns.heading(headings, _LAST_HEADING)
    for group, cells in zip(groups, rows[1:], strict=True):
        status, why = group.key.assessment.status, _why(group.key.assessment)
        styles = {headings.index("VERDICT"): _STYLES[status]} if status in _STYLES else {}
        yield from columns.row(cells, why, styles)


def _cells(group: ReportGroup) -> tuple[str, ...]:
    key = group.key
    return (
        group.account,
        key.region,
        short_name(key.cluster),
        group_name(group),
        short_name(key.task_definition),
        str(len(group.tasks)),
        key.assessment.status.value,
    )


def _help(groups: Sequence[ReportGroup], console: Console) -> list[str]:
    """Return the addresses of what explains the codes of the tasks that are not protected."""
    failing = [group.key.assessment for group in groups if group.key.assessment.status in FAILING]
    codes = dict.fromkeys(code for assessment in failing for code in assessment.codes)
    addresses = [address for code in codes if (address := help_address(code.value))]
    return ["\n", "Help:\n", *(console.line(f"{_INDENT}{each}") for each in addresses)] if addresses else []


def group_name(group: ReportGroup) -> str:
    """Return the service; for tasks without one their group in parentheses, which is free text."""
    name = quote(group.service or group.key.group or "no group")[1:-1]
    return name if group.service else f"({name})"


def _why(assessment: Assessment) -> str:
    """Return the reason in a few words. If a task has nothing of Sysdig's, one sentence is enough."""
    reasons = ("It is not instrumented",) if assessment.has_no_agent else assessment.reasons
    if assessment.status is TaskStatus.BY_DAEMON and assessment.agent_image:
        reasons = (*reasons, assessment.agent_image)
    if assessment.status is TaskStatus.PROTECTED and assessment.agent_image:
        reasons = (assessment.agent_image,)
    sentences = [*reasons, *assessment.remarks]
    containers = [each.container for each in assessment.left_alone if each.container is not None]
    if containers and assessment.status is not TaskStatus.EXCLUDED:
        sentences.append("Left alone: " + ", ".join(containers))
    return "; ".join(sentences)


def summary(report: Report) -> str:
    """Return how many tasks are protected, and how many are not, on one line."""
    regions = ", ".join(report.regions)
    if not report.count(*TaskStatus) and not report.cluster_count:
        if report.read_errors:
            return f"No task in {regions} was looked at, because not everything could be read."
        return Reason(
            f"There is no cluster in {regions}, so no task was looked at",
            "Check the account and the region: --profile, --region, --all-regions",
            code=Code.NO_CLUSTER,
        ).coded_text
    if not report.count(*TaskStatus):
        clusters = f"{report.cluster_count} cluster{'' if report.cluster_count == 1 else 's'}"
        return f"No task runs in {clusters} in {regions}."
    percent = protected_percent(report)
    unprotected = _format_counts({each.value: report.failing_count(each) for each in FAILING})
    headline = "No task should be protected"
    if percent is not None:
        headline = f"{report.covered_count} of {report.expected_count} tasks protected ({percent} %)"
    by_daemon = report.count(TaskStatus.BY_DAEMON)
    if by_daemon:
        headline += f", {by_daemon} of them by a daemon"
    not_counted = {
        "excluded": report.count(TaskStatus.EXCLUDED),
        "that cannot be protected and need not": report.let_through_count,
        **_out_of_scope_counts(report),
    }
    return (
        ". ".join(
            part
            for part in (f"{headline}: {unprotected}" if unprotected else headline, _format_counts(not_counted))
            if part
        )
        + "."
    )


def _out_of_scope_counts(report: Report) -> dict[str, int]:
    return {f"out of scope ({each})": count for each, count in report.out_of_scope_counts.items()}


def _format_counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {label}" for label, count in counts.items() if count)

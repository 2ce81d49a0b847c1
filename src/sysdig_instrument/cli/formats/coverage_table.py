"""The coverage report for people: as wide as the terminal, one row for similar tasks, unprotected tasks first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sysdig_instrument.cli.console import GAP, Console, StyleName, display_width, pad, wrap, wrap_words
from sysdig_instrument.coverage.assess import Assessment, TaskStatus
from sysdig_instrument.coverage.json_report import protected_percent
from sysdig_instrument.coverage.model import short_name
from sysdig_instrument.coverage.report import Report, ReportGroup
from sysdig_instrument.engine.findings import quote

_HEADINGS: Final = ("REGION", "CLUSTER", "SERVICE", "TASK DEFINITION", "TASKS", "VERDICT", "WHY")
_TASKS_COLUMN: Final = _HEADINGS.index("TASKS")
_STATUS_COLUMN: Final = _HEADINGS.index("VERDICT")
_MIN_WHY_WIDTH: Final = 40
"""If less room is left beside the other columns, WHY goes below them."""

_INDENT: Final = " " * 4
_MIN_NAME_WIDTH: Final = 12
_SHRINKABLE_COLUMNS: Final = (1, 2, 3)
_STYLES: Final[Mapping[TaskStatus, StyleName]] = {
    TaskStatus.PROTECTED: "good",
    TaskStatus.UNPROTECTED: "bad",
    TaskStatus.UNKNOWN: "warn",
    TaskStatus.EXCLUDED: "faint",
}


def render(report: Report, console: Console) -> str:
    """Return the report as lines of text. Tasks that are out of scope are only counted."""
    shown = [group for group in report.groups if group.key.assessment.status is not TaskStatus.OUT_OF_SCOPE]
    lines = [*_table(shown, console), *(["\n"] if shown else []), *console.paragraph(_summary(report))]
    if report.read_errors:
        lines += ["\n", "Could not be read:\n"]
        lines += [line for error in report.read_errors for line in console.paragraph(error.text, _INDENT)]
    return "".join(lines)


def _table(groups: Sequence[ReportGroup], console: Console) -> Iterator[str]:
    if not groups:
        return
    rows = [_HEADINGS[:-1], *(_cells(group) for group in groups)]
    widths = _widths(rows, console.width)
    why_width = None if console.width is None else console.width - sum(widths) - len(GAP) * len(widths)
    is_beside = why_width is None or why_width >= _MIN_WHY_WIDTH
    yield from console.row(_fit_cells(rows[0], widths), [_HEADINGS[-1]] if is_beside else [])
    for group, cells in zip(groups, rows[1:], strict=True):
        status, why = group.key.assessment.status, _why(group.key.assessment)
        padded = _fit_cells(cells, widths)
        if status in _STYLES:
            label = console.paint(_STYLES[status], status.value)
            padded[_STATUS_COLUMN] = padded[_STATUS_COLUMN].replace(status.value, label)
        if not is_beside:
            yield from console.row(padded, [])
            yield from console.paragraph(why, _INDENT)
        else:
            yield from console.row(padded, [why] if why_width is None else wrap_words(why, why_width))


def _cells(group: ReportGroup) -> tuple[str, ...]:
    key = group.key
    return (
        key.region,
        short_name(key.cluster),
        _group_name(group),
        short_name(key.task_definition),
        str(len(group.tasks)),
        key.assessment.status.value,
    )


def _group_name(group: ReportGroup) -> str:
    """Return the service; for tasks without one their group in parentheses, which is free text."""
    name = quote(group.service or group.key.group or "no group")[1:-1]
    return name if group.service else f"({name})"


def _why(assessment: Assessment) -> str:
    """Return the reason in a few words. If a task has nothing of Sysdig's, one sentence is enough."""
    reasons = ("It is not instrumented",) if assessment.has_no_agent else assessment.reasons
    if assessment.status is TaskStatus.PROTECTED and assessment.agent_image:
        reasons = (assessment.agent_image,)
    sentences = [*reasons, *assessment.remarks]
    containers = [each.container for each in assessment.left_alone if each.container is not None]
    if containers and assessment.status is not TaskStatus.EXCLUDED:
        sentences.append("Left alone: " + ", ".join(containers))
    return "; ".join(sentences)


def _widths(rows: Sequence[Sequence[str]], width: int | None) -> list[int]:
    """Return the columns' widths. If their sum exceeds the width, the widest names are shortened."""
    widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
    while width is not None and sum(widths) + len(GAP) * (len(widths) - 1) > width:
        widest = max(_SHRINKABLE_COLUMNS, key=lambda column: widths[column])
        if widths[widest] <= _MIN_NAME_WIDTH:
            break
        widths[widest] -= 1
    return widths


def _fit_cells(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    fitted = [pad(_shorten(cell, width), width) for cell, width in zip(cells, widths, strict=True)]
    fitted[_TASKS_COLUMN] = cells[_TASKS_COLUMN].rjust(widths[_TASKS_COLUMN])
    return fitted


def _shorten(name: str, width: int) -> str:
    """Shorten a name in the middle: its end, a revision, is more useful."""
    if display_width(name) <= width:
        return name
    tail_width = (width - 1) // 2
    tail = wrap(name[::-1], tail_width)[0][::-1]
    return f"{wrap(name, width - 1 - tail_width)[0]}…{tail}"


def _summary(report: Report) -> str:
    if not report.count(*TaskStatus):
        return f"No task runs in {', '.join(report.regions)}."
    percent = protected_percent(report)
    unprotected = _format_counts(
        {each.value: report.count(each) for each in (TaskStatus.UNPROTECTED, TaskStatus.UNKNOWN)}
    )
    headline = "No task should be protected"
    if percent is not None:
        headline = f"{report.count(TaskStatus.PROTECTED)} of {report.expected_count} tasks protected ({percent} %)"
    not_counted = {"excluded": report.count(TaskStatus.EXCLUDED), **_out_of_scope_counts(report)}
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

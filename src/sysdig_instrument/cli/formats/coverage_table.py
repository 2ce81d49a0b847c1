"""The report as a table for people: as wide as the terminal, one row for tasks that are alike, the unprotected first."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sysdig_instrument.coverage.assess import Assessment, TaskStatus
from sysdig_instrument.coverage.json_report import protected_percent
from sysdig_instrument.coverage.model import short_name
from sysdig_instrument.coverage.report import Report, ReportGroup
from sysdig_instrument.engine.findings import quote
from sysdig_instrument.lazy_dataclasses import dataclass

_HEADINGS: Final = ("REGION", "CLUSTER", "SERVICE", "TASK DEFINITION", "TASKS", "VERDICT", "WHY")
_TASKS_COLUMN: Final = _HEADINGS.index("TASKS")
_STATUS_COLUMN: Final = _HEADINGS.index("VERDICT")
_GAP: Final = "  "
_MIN_WHY_WIDTH: Final = 40
"""With less room beside the other columns, WHY stands below them."""

_INDENT: Final = " " * 4
_MIN_NAME_WIDTH: Final = 12
_SHRINKABLE_COLUMNS: Final = (1, 2, 3)
_COLOURS: Final = {
    TaskStatus.PROTECTED: "32",
    TaskStatus.UNPROTECTED: "1;31",
    TaskStatus.UNKNOWN: "1;33",
    TaskStatus.EXCLUDED: "2",
}


@dataclass(frozen=True, slots=True)
class Console:
    """How the table may look: ``width`` is nothing where lines may be as long as they like."""

    width: int | None = None
    colours: bool = False


def render(report: Report, console: Console) -> str:
    """The report as lines of text. Tasks that are out of scope are only counted."""
    shown = [group for group in report.groups if group.key.assessment.status is not TaskStatus.OUT_OF_SCOPE]
    lines = [*_table(shown, console), *([""] if shown else []), *_wrapped(_summary(report), console.width)]
    if report.read_errors:
        lines += ["", "Could not be read:"]
        lines += [line for each in report.read_errors for line in _wrapped(each.text, console.width, _INDENT)]
    return "".join(f"{line}\n" for line in lines)


def _table(groups: Sequence[ReportGroup], console: Console) -> Iterator[str]:
    if not groups:
        return
    rows = [_HEADINGS[:-1], *(_cells(group) for group in groups)]
    widths = _widths(rows, console.width)
    why_width = None if console.width is None else console.width - sum(widths) - len(_GAP) * len(widths)
    is_beside = why_width is None or why_width >= _MIN_WHY_WIDTH
    yield _line(rows[0], widths) + _GAP + _HEADINGS[-1] if is_beside else _line(rows[0], widths).rstrip()
    for group, cells in zip(groups, rows[1:], strict=True):
        assessment = group.key.assessment
        line = _line(cells, widths, _COLOURS.get(assessment.status) if console.colours else None)
        if not is_beside:
            yield line.rstrip()
            yield from _wrapped(_why(assessment), console.width, _INDENT)
            continue
        first, *more = _wrapped(_why(assessment), why_width) or [""]
        yield (line + _GAP + first).rstrip()
        yield from (" " * (sum(widths) + len(_GAP) * len(widths)) + each for each in more)


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
    """The service; in brackets the group of tasks that belong to none, which may be called anything."""
    name = quote(group.service or group.key.group or "no group")[1:-1]
    return name if group.service else f"({name})"


def _why(assessment: Assessment) -> str:
    """Why, in a few words: of a task without anything of Sysdig's it is enough to say so."""
    reasons = ("It is not instrumented",) if assessment.has_no_agent else assessment.reasons
    if assessment.status is TaskStatus.PROTECTED and assessment.agent_image:
        reasons = (assessment.agent_image,)
    sentences = [*reasons, *assessment.remarks]
    if assessment.excluded_containers and assessment.status is not TaskStatus.EXCLUDED:
        sentences.append("Left alone: " + ", ".join(name for name, _ in assessment.excluded_containers))
    return "; ".join(sentences)


def _widths(rows: Sequence[Sequence[str]], width: int | None) -> list[int]:
    """The columns' widths; where they are too wide together, the widest names are shortened."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    while width is not None and sum(widths) + len(_GAP) * (len(widths) - 1) > width:
        widest = max(_SHRINKABLE_COLUMNS, key=lambda column: widths[column])
        if widths[widest] <= _MIN_NAME_WIDTH:
            break
        widths[widest] -= 1
    return widths


def _line(cells: Sequence[str], widths: Sequence[int], colour: str | None = None) -> str:
    padded = [
        _shortened(cell, width).rjust(width) if number == _TASKS_COLUMN else _shortened(cell, width).ljust(width)
        for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    if colour:
        padded[_STATUS_COLUMN] = padded[_STATUS_COLUMN].replace(
            cells[_STATUS_COLUMN], f"\x1b[{colour}m{cells[_STATUS_COLUMN]}\x1b[0m"
        )
    return _GAP.join(padded)


def _shortened(name: str, width: int) -> str:
    """The name with its middle left out: what comes last, a revision, tells more than what is in between."""
    if len(name) <= width:
        return name
    tail = (width - 1) // 2
    return f"{name[: width - 1 - tail]}…{name[len(name) - tail :]}"


def _wrapped(line: str, width: int | None, indent: str = "") -> list[str]:
    if width is None:
        return [indent + line]
    return textwrap.wrap(
        line, max(width, 20), initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )  # fmt: skip


def _summary(report: Report) -> str:
    if not report.count(*TaskStatus):
        return f"No task runs in {', '.join(report.regions)}."
    percent = protected_percent(report)
    unprotected = _format_counts(
        {each.value: report.count(each) for each in (TaskStatus.UNPROTECTED, TaskStatus.UNKNOWN)}
    )
    headline = "No task should be protected"
    if percent is not None:
        headline = f"{report.count(TaskStatus.PROTECTED)} of {report.expected} tasks protected ({percent} %)"
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
    return {f"out of scope ({each})": count for each, count in report.launch_types_out_of_scope.items()}


def _format_counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {label}" for label, count in counts.items() if count)

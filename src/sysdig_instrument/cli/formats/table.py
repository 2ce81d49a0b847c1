"""The report for people: a block for each file, as wide as the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from sysdig_instrument.cli.console import (
    GAP,
    Console,
    StyleName,
    display_width,
    pad,
    wrap_words,
)
from sysdig_instrument.cli.excerpts import Excerpts, finding_lines, snippet_lines
from sysdig_instrument.cli.formats.model import (
    NOT_INSTRUMENTED,
    NOT_LISTED,
    NOTICE,
    REFUSED,
    UNKNOWN,
    FileReport,
    LineReport,
    ReportItem,
    ReportRow,
    RowResult,
    Rule,
    TaskReport,
)
from sysdig_instrument.cli.formats.once import SaidOnce
from sysdig_instrument.cli.harmless import sanitize
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.lazy_dataclasses import replace

_RESULT_STYLES: Final[Mapping[RowResult, StyleName]] = {
    RowResult.PASSED: "good",
    RowResult.SKIPPED: "warn",
    RowResult.FAILED: "bad",
    RowResult.AGENT: "faint",
    RowResult.WITHOUT_LINE: "warn",
    RowResult.NOT_APPLIED: "faint",
    RowResult.UNKNOWN: "warn",
}
_STYLES: Final[Mapping[Rule, StyleName]] = {
    NOT_INSTRUMENTED: "bad",
    NOT_LISTED: "bad",
    REFUSED: "bad",
    UNKNOWN: "warn",
    NOTICE: "warn",
}
_ABOVE_ROWS: Final = NOT_LISTED
"""The items that are printed above the rows: what is wrong in the rows follows from them."""
_BELOW_ROWS: Final = (REFUSED, UNKNOWN, NOTICE)
"""The items that are printed below the rows, if the rows do not show them."""
_IN_ROWS: Final = (NOT_INSTRUMENTED, UNKNOWN)
"""The items that are printed below the row of their task definition, if they have no location of their own."""

_MAX_NAME_WIDTH: Final = 40
_MIN_WHY_WIDTH: Final = 24
"""If less room is left beside the other columns, the reason goes below them."""


def render(reports: Iterable[FileReport], console: Console) -> Iterator[str]:
    """Yield the report in chunks. It has no unusable files."""
    counts = Counter[RowResult]()
    files = set[str]()  # a Terraform plan has a report for each of its task definitions
    has_uninstrumented = False
    once = SaidOnce()
    for report in reports:
        files.add(report.path)
        counts.update(task.row.result for task in report.tasks)
        has_uninstrumented |= any(item.rule is NOT_INSTRUMENTED and not item.reason.advice for item in report.items)
        yield from _file_lines(report, console, once)
    for item, text in once.items():
        yield from finding_lines(item.rule.label, _STYLES[item.rule], text, console, snippets=item.snippets)
    if once.settings:
        yield from console.paragraph(f"settings: {once.settings}", hanging=GAP)
    if len(files) > 1:
        yield from console.paragraph(_summary(len(files), counts), hanging=GAP)
    if has_uninstrumented:
        yield from console.paragraph(NOT_INSTRUMENTED.help, hanging=GAP)


def _file_lines(report: FileReport, console: Console, once: SaidOnce) -> Iterator[str]:
    excerpts = Excerpts(report.path, report.document, report.address)
    yield from heading_lines(report.path, report.macro_line, console, has_tasks=bool(report.tasks))
    rows = [row for task in report.tasks for row in _task_rows(task)]
    name_width = min(_MAX_NAME_WIDTH, max((display_width(name) for name, _ in rows), default=0))
    outcome_width = max((display_width(row.outcome) for _, row in rows), default=0)
    above, in_rows, below = _items_by_place(report)
    yield from _item_lines(above, console, excerpts, once)
    for task in report.tasks:
        own = in_rows[task.row.name]
        for name, row in _task_rows(task):
            yield from _row_lines(name, replace(row, why="") if own else row, (name_width, outcome_width), console)
        if task.row.construct:
            yield from console.paragraph(f"construct: {sanitize(task.row.construct)}", "    ", "      ")
        for item in own:
            if once.keep(item):
                continue
            yield from console.paragraph(_fact_and_advice(item.reason), "    ", "      ")
            yield from excerpts.lines(item.places, console, _STYLES[item.rule], "      ")
            yield from snippet_lines(excerpts.not_shown(item.snippets), console, "        ")
        if settings := once.settings_of(report, task):
            yield from console.paragraph(f"settings: {settings}", "    ", "      ")
    yield from _item_lines(below, console, excerpts, once)


def _item_lines(items: Iterable[ReportItem], console: Console, excerpts: Excerpts, once: SaidOnce) -> Iterator[str]:
    for item in items:
        if not once.keep(item):
            yield from finding_lines(
                item.rule.label,
                _STYLES[item.rule],
                item.full_text,
                console,
                excerpts=excerpts,
                places=item.places,
                code=item.reason.code,
                snippets=item.snippets,
                indent="  ",
            )


def _items_by_place(
    report: FileReport,
) -> tuple[Sequence[ReportItem], Mapping[str | None, Sequence[ReportItem]], Sequence[ReportItem]]:
    """Return the items above all rows, those in the rows of each task definition, and those below all rows."""
    in_rows: dict[str | None, list[ReportItem]] = {task.row.name: [] for task in report.tasks}
    below = []
    for item in report.items:
        if item.rule in _IN_ROWS and not item.location and item.task in in_rows:
            in_rows[item.task].append(item)
        elif item.rule in _BELOW_ROWS:
            below.append(item)
    return [item for item in report.items if item.rule is _ABOVE_ROWS], in_rows, below


def heading_lines(path: str, line: LineReport | None, console: Console, *, has_tasks: bool) -> Iterator[str]:
    """Yield the path, and whether the template lists the macro: beside the path, or below it if there is no room."""
    path = sanitize(path)
    style: StyleName = "bad" if line and line.is_needed else "faint"
    if not has_tasks and not (line and line.is_needed):
        yield console.line(f"{console.paint('strong', path)}: no task definitions")
    elif line is None:
        yield console.line(console.paint("strong", path))
    elif console.width is None or display_width(f"{path}: {line.text}") <= console.width:
        yield console.line(f"{console.paint('strong', path)}: {console.paint(style, line.text)}")
    else:
        yield console.line(f"{console.paint('strong', path)}:")
        yield from console.painted_paragraph(style, line.text, GAP, GAP * 2)


def _fact_and_advice(reason: Reason) -> str:
    """Return why a task definition is not protected, with the code. Without advice of its own, that below the table applies."""
    return reason.coded_text if reason.advice else f"{reason.fact} ({reason.code.value})"


def _task_rows(task: TaskReport) -> Iterator[tuple[str, ReportRow]]:
    yield f"  {sanitize(task.row.name)}", task.row
    for container in task.containers:
        yield f"    {sanitize(container.name)}", container


def _row_lines(name: str, row: ReportRow, widths: tuple[int, int], console: Console) -> Iterator[str]:
    name_width, outcome_width = widths
    cells = (pad(name, name_width), console.paint(_RESULT_STYLES[row.result], pad(row.outcome, outcome_width)))
    if console.width is None or display_width(name) > name_width:
        yield from console.row(cells, [row.why])
        return
    why_width = console.width - sum(widths) - len(GAP) * len(widths)
    if why_width >= _MIN_WHY_WIDTH:
        yield from console.row(cells, wrap_words(row.why, why_width))
    else:
        yield from console.row(cells, [])
        yield from console.paragraph(row.why, "      ", "        ")


def _summary(file_count: int, counts: Mapping[RowResult, int]) -> str:
    labels = {
        RowResult.PASSED: "instrumented",
        RowResult.WITHOUT_LINE: "instrumented if the template listed the macro",
        RowResult.SKIPPED: "left alone",
        RowResult.NOT_APPLIED: "instrumented if nothing beside it were refused or unknown",
        RowResult.UNKNOWN: "unknown",
        RowResult.FAILED: "refused or not instrumented",
    }
    parts = [f"{counts[result]} {label}" for result, label in labels.items() if counts[result]]
    total = sum(counts.values())
    noun = "task definition" if total == 1 else "task definitions"
    return f"{file_count} files, {total} {noun}{': ' if parts else ''}{', '.join(parts)}."

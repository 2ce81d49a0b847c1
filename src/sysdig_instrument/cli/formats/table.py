"""The report for people: a block for each file, as wide as the terminal."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from sysdig_instrument.cli.console import Console, StyleName, display_width, pad, sanitize, write_stderr
from sysdig_instrument.cli.formats.model import (
    NOT_INSTRUMENTED,
    NOTICE,
    REFUSED,
    UNUSABLE,
    FileReport,
    ReportRow,
    Result,
    Rule,
    TaskReport,
)
from sysdig_instrument.lazy_dataclasses import replace

_RESULT_STYLES: Final[dict[Result, StyleName]] = {
    Result.PASSED: "good", Result.SKIPPED: "warn", Result.FAILED: "bad", Result.AGENT: "faint",
}  # fmt: skip
_ITEM_STYLES: Final[dict[Rule, StyleName]] = {REFUSED: "bad", NOTICE: "warn"}
"""The remarks that say more than the rows do."""

_MAX_NAME_WIDTH: Final = 40
_MIN_WHY_WIDTH: Final = 24


def render(reports: Iterable[FileReport], console: Console) -> Iterator[str]:
    """The report as pieces of text. Files that could not be used are told on standard error instead."""
    counts = Counter[Result]()
    file_count = 0
    has_uninstrumented = False
    for report in reports:
        if any(item.rule is UNUSABLE for item in report.items):
            write_stderr("\n".join(f"sysdig-instrument: {item.text}" for item in report.items))
            continue
        file_count += 1
        counts.update(task.row.result for task in report.tasks)
        has_uninstrumented |= any(item.rule is NOT_INSTRUMENTED for item in report.items)
        yield from _file_lines(report, console)
    if file_count > 1:
        yield from _wrap_text(_summary(file_count, counts), "", console)
    if has_uninstrumented:
        yield from _wrap_text(NOT_INSTRUMENTED.help, "", console)


def _file_lines(report: FileReport, console: Console) -> Iterator[str]:
    yield console.paint("strong", sanitize(report.path)) + ("" if report.tasks else ": no task definition") + "\n"
    rows = [row for task in report.tasks for row in _task_rows(task)]
    name_width = min(_MAX_NAME_WIDTH, max((display_width(name) for name, _ in rows), default=0))
    outcome_width = max((display_width(row.outcome) for _, row in rows), default=0)
    for task in report.tasks:
        missing = [
            each.reason.fact for each in report.items if each.rule is NOT_INSTRUMENTED and each.task == task.row.name
        ]
        for name, row in _task_rows(task):
            yield from _row_lines(name, replace(row, why="") if missing else row, (name_width, outcome_width), console)
        for fact in missing:
            yield from _wrap_text(fact, "    ", console)
        if task.settings:
            yield from _wrap_text(f"settings: {settings_by_layer(task.settings)}", "    ", console)
    for item in report.items:
        if style := _ITEM_STYLES.get(item.rule):
            label = item.rule.label
            yield from _wrap_text(f"{label}: {item.full_text}", "  ", console, (label, style))


def _task_rows(task: TaskReport) -> Iterator[tuple[str, ReportRow]]:
    yield f"  {sanitize(task.row.name)}", task.row
    for container in task.containers:
        yield f"    {sanitize(container.name)}", container


def _row_lines(name: str, row: ReportRow, widths: tuple[int, int], console: Console) -> Iterator[str]:
    name_width, outcome_width = widths
    first = pad(name, name_width) + "  " + console.paint(_RESULT_STYLES[row.result], pad(row.outcome, outcome_width))
    column = name_width + outcome_width + 4
    why_width = None if console.width is None or display_width(name) > name_width else console.width - column
    if why_width is not None and why_width < _MIN_WHY_WIDTH:
        yield first.rstrip() + "\n"
        yield from _wrap_text(row.why, "      ", console)
        return
    lines = [row.why] if why_width is None else textwrap.wrap(row.why, why_width) or [""]
    yield f"{first}  {lines[0]}".rstrip() + "\n"
    yield from (" " * column + line + "\n" for line in lines[1:])


def settings_by_layer(settings: Mapping[str, str]) -> str:
    """``Collector, AccessKeySecret (--set); Mode (the template's Metadata)``."""
    layers: dict[str, list[str]] = {}
    for name, layer in settings.items():
        layers.setdefault(layer, []).append(name)
    return "; ".join(f"{', '.join(names)} ({layer})" for layer, names in layers.items())


def _wrap_text(
    text: str, indent: str, console: Console, styled_prefix: tuple[str, StyleName] | None = None
) -> Iterator[str]:
    if not text:
        return
    lines = [indent + text]
    if console.width is not None:
        lines = textwrap.wrap(
            text, max(console.width, 30), initial_indent=indent, subsequent_indent=indent + "  ",
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
    if styled_prefix:
        lines[0] = lines[0].replace(styled_prefix[0], console.paint(styled_prefix[1], styled_prefix[0]), 1)
    yield from (f"{line}\n" for line in lines)


def _summary(file_count: int, counts: Mapping[Result, int]) -> str:
    labels = {Result.PASSED: "instrumented", Result.SKIPPED: "left alone", Result.FAILED: "refused or not instrumented"}
    parts = [f"{counts[result]} {label}" for result, label in labels.items() if counts[result]]
    total = sum(counts.values())
    noun = "task definition" if total == 1 else "task definitions"
    return f"{file_count} files, {total} {noun}{': ' if parts else ''}{', '.join(parts)}."

"""The report for people: a block for each file, as wide as the terminal."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from sysdig_instrument.cli.messages import tell
from sysdig_instrument.cli.reports.model import (
    NOT_INSTRUMENTED,
    NOTICE,
    REFUSED,
    UNUSABLE,
    FileReport,
    Mark,
    Row,
    Rule,
    TaskReport,
)
from sysdig_instrument.cli.terminal import Look, Paint, cells, harmless, padded
from sysdig_instrument.values import replace

_PAINTS: Final[dict[Mark, Paint]] = {
    Mark.GOOD: "good", Mark.LEFT_ALONE: "warn", Mark.BAD: "bad", Mark.AGENT: "faint",
}  # fmt: skip
_TOLD: Final[dict[Rule, Paint]] = {REFUSED: "bad", NOTICE: "warn"}
"""The remarks that say more than the rows do."""

_WIDEST_NAME: Final = 40
_NARROWEST_WHY: Final = 24


def texts(reports: Iterable[FileReport], look: Look) -> Iterator[str]:
    """The report as pieces of text. Files that could not be used are told on standard error instead."""
    count = Counter[Mark]()
    files = 0
    is_lacking = False
    for report in reports:
        if any(remark.rule is UNUSABLE for remark in report.remarks):
            tell("\n".join(f"sysdig-instrument: {remark.text}" for remark in report.remarks))
            continue
        files += 1
        count.update(task.row.mark for task in report.tasks)
        is_lacking |= any(remark.rule is NOT_INSTRUMENTED for remark in report.remarks)
        yield from _file(report, look)
    if files > 1:
        yield from _wrapped(_summary(files, count), "", look)
    if is_lacking:
        yield from _wrapped(NOT_INSTRUMENTED.help, "", look)


def _file(report: FileReport, look: Look) -> Iterator[str]:
    yield look.paint("strong", harmless(report.path)) + ("" if report.tasks else ": no task definition") + "\n"
    rows = [row for task in report.tasks for row in _rows(task)]
    names = min(_WIDEST_NAME, max((cells(name) for name, _ in rows), default=0))
    statuses = max((cells(row.status) for _, row in rows), default=0)
    for task in report.tasks:
        lacks = [
            each.reason.fact for each in report.remarks if each.rule is NOT_INSTRUMENTED and each.task == task.row.name
        ]
        for name, row in _rows(task):
            yield from _row(name, replace(row, why="") if lacks else row, (names, statuses), look)
        for fact in lacks:
            yield from _wrapped(fact, "    ", look)
        if task.settings:
            yield from _wrapped(f"settings: {by_layer(task.settings)}", "    ", look)
    for remark in report.remarks:
        if paint := _TOLD.get(remark.rule):
            word = remark.rule.word
            yield from _wrapped(f"{word}: {remark.whole}", "  ", look, (word, paint))


def _rows(task: TaskReport) -> Iterator[tuple[str, Row]]:
    yield f"  {harmless(task.row.name)}", task.row
    for container in task.containers:
        yield f"    {harmless(container.name)}", container


def _row(name: str, row: Row, widths: tuple[int, int], look: Look) -> Iterator[str]:
    names, statuses = widths
    first = padded(name, names) + "  " + look.paint(_PAINTS[row.mark], padded(row.status, statuses))
    column = names + statuses + 4
    room = None if look.width is None or cells(name) > names else look.width - column
    if room is not None and room < _NARROWEST_WHY:
        yield first.rstrip() + "\n"
        yield from _wrapped(row.why, "      ", look)
        return
    lines = [row.why] if room is None else textwrap.wrap(row.why, room) or [""]
    yield f"{first}  {lines[0]}".rstrip() + "\n"
    yield from (" " * column + line + "\n" for line in lines[1:])


def by_layer(settings: Mapping[str, str]) -> str:
    """``Collector, AccessKeySecret (--set); Mode (the template's Metadata)``."""
    layers: dict[str, list[str]] = {}
    for name, layer in settings.items():
        layers.setdefault(layer, []).append(name)
    return "; ".join(f"{', '.join(names)} ({layer})" for layer, names in layers.items())


def _wrapped(text: str, indent: str, look: Look, start: tuple[str, Paint] | None = None) -> Iterator[str]:
    if not text:
        return
    lines = [indent + text]
    if look.width is not None:
        lines = textwrap.wrap(
            text, max(look.width, 30), initial_indent=indent, subsequent_indent=indent + "  ",
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
    if start:
        lines[0] = lines[0].replace(start[0], look.paint(start[1], start[0]), 1)
    yield from (f"{line}\n" for line in lines)


def _summary(files: int, count: Mapping[Mark, int]) -> str:
    words = {Mark.GOOD: "instrumented", Mark.LEFT_ALONE: "left alone", Mark.BAD: "refused or not instrumented"}
    parts = [f"{count[mark]} {word}" for mark, word in words.items() if count[mark]]
    total = sum(count.values())
    what = "task definition" if total == 1 else "task definitions"
    return f"{files} files, {total} {what}{': ' if parts else ''}{', '.join(parts)}."

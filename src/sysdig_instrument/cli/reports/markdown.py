"""The report as Markdown, for the comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from sysdig_instrument.cli.reports.model import FileReport, Mark, Row
from sysdig_instrument.cli.terminal import harmless

_MARKER: Final = "<!-- sysdig-instrument -->"
"""By this line a job finds its own comment again, to write it anew instead of adding another."""

_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>|~&])")
_LINKING: Final = re.compile(r"([@#])")
_SIGNS: Final = {Mark.GOOD: "✅", Mark.LEFT_ALONE: "⏭️", Mark.BAD: "❌", Mark.AGENT: "🛡️"}


def texts(reports: Iterable[FileReport]) -> Iterator[str]:
    """The report as pieces of text."""
    yield f"{_MARKER}\n## Sysdig instrumentation\n"
    for report in reports:
        yield from _file(report)


def _file(report: FileReport) -> Iterator[str]:
    yield f"\n### {_text(report.path)}\n\n"
    if report.tasks:
        yield "| Task definition | Container | Outcome | Why |\n|---|---|---|---|\n"
    for task in report.tasks:
        yield _row(task.row.name, "", task.row)
        for container in task.containers:
            yield _row("", container.name, container)
    remarks = [remark for remark in report.remarks if remark.rule.level != "none"]
    if report.tasks and remarks:
        yield "\n"
    for remark in remarks:
        word = f"**{remark.rule.word}**" if remark.rule.level == "error" else remark.rule.word
        where = f" (line {remark.line})" if remark.line else ""
        yield f"- {word}{where}: {_text(remark.whole)}\n"
    if not report.tasks and not remarks:
        yield "No task definition.\n"


def _row(task: str, container: str, row: Row) -> str:
    return f"| {_text(task)} | {_text(container)} | {_SIGNS[row.mark]} {_text(row.status)} | {_text(row.why)} |\n"


def _text(text: str) -> str:
    """The text without a meaning in Markdown: no emphasis, link, mention, HTML or end of a table's cell."""
    escaped = _SPECIAL.sub(r"\\\1", harmless(" ".join(text.split())))
    return _LINKING.sub(r"\1<!-- -->", escaped)  # GitHub finds people and issues in escaped text too

"""The report as Markdown, for the comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from sysdig_instrument.cli.console import Console, sanitize
from sysdig_instrument.cli.formats.model import FileReport, ReportRow, RowResult

_MARKER: Final = "<!-- sysdig-instrument -->"
"""A CI job finds its own comment by this line, and updates it instead of adding another."""

_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>|~&])")
_MENTION: Final = re.compile(r"([@#])")
_ICONS: Final = {RowResult.PASSED: "✅", RowResult.SKIPPED: "⏭️", RowResult.FAILED: "❌", RowResult.AGENT: "🛡️"}


def render(reports: Iterable[FileReport], _console: Console) -> Iterator[str]:
    """Yield the report in chunks."""
    yield f"{_MARKER}\n## Sysdig instrumentation\n"
    for report in reports:
        yield from _file_section(report)


def _file_section(report: FileReport) -> Iterator[str]:
    yield f"\n### {_escape(report.path)}\n\n"
    if report.tasks:
        yield "| Task definition | Container | Outcome | Why |\n|---|---|---|---|\n"
    for task in report.tasks:
        yield _table_row(task.row.name, "", task.row)
        for container in task.containers:
            yield _table_row("", container.name, container)
    items = [item for item in report.items if item.rule.level != "none"]
    if report.tasks and items:
        yield "\n"
    for item in items:
        label = f"**{item.rule.label}**" if item.rule.level == "error" else item.rule.label
        line_suffix = f" (line {item.line})" if item.line else ""
        yield f"- {label}{line_suffix}: {_escape(item.full_text)}\n"
    if not report.tasks and not items:
        yield "No task definitions.\n"


def _table_row(task: str, container: str, row: ReportRow) -> str:
    return f"| {_escape(task)} | {_escape(container)} | {_ICONS[row.result]} {_escape(row.outcome)} | {_escape(row.why)} |\n"


def _escape(text: str) -> str:
    """Escape Markdown: emphasis, links, mentions, HTML, and the end of a table cell."""
    escaped = _SPECIAL.sub(r"\\\1", sanitize(" ".join(text.split())))
    return _MENTION.sub(r"\1<!-- -->", escaped)  # GitHub finds mentions of people and issues in escaped text, too

"""The report as Markdown, for the comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sysdig_instrument.cli.console import Console
from sysdig_instrument.cli.formats.model import FileReport, ReportRow, RowResult
from sysdig_instrument.cli.harmless import markdown_text

_MARKER: Final = "<!-- sysdig-instrument -->"
"""A CI job finds its own comment by this line, and updates it instead of adding another."""

_ICONS: Final = {
    RowResult.PASSED: "✅",
    RowResult.SKIPPED: "⏭️",
    RowResult.FAILED: "❌",
    RowResult.AGENT: "🛡️",
    RowResult.WITHOUT_LINE: "⚠️",
    RowResult.NOT_APPLIED: "⏸️",
    RowResult.UNKNOWN: "❔",
}


def render(reports: Iterable[FileReport], _console: Console) -> Iterator[str]:
    """Yield the report in chunks."""
    yield f"{_MARKER}\n## Sysdig instrumentation\n"
    for report in reports:
        yield from _file_section(report)


def _file_section(report: FileReport) -> Iterator[str]:
    yield f"\n### {markdown_text(report.path)}\n\n"
    if report.macro_line:
        icon = "❌ " if report.macro_line.is_needed else ""
        yield f"{icon}The template {markdown_text(report.macro_line.text)}.\n\n"
    if report.tasks:
        yield "| Task definition | Container | Outcome | Why |\n|---|---|---|---|\n"
    for task in report.tasks:
        construct = f" ({task.row.construct})" if task.row.construct else ""
        yield _table_row(f"{task.row.name}{construct}", "", task.row)
        for container in task.containers:
            yield _table_row("", container.name, container)
    items = [item for item in report.items if item.level != "none"]
    if report.tasks and items:
        yield "\n"
    for item in items:
        label = f"**{item.rule.label}**" if item.level == "error" else item.rule.label
        line_suffix = f" (line {item.line})" if item.line else ""
        yield f"- {label}{line_suffix}: {markdown_text(item.full_text)}\n"
    if not report.tasks and not items:
        yield "No task definitions.\n"


def _table_row(task: str, container: str, row: ReportRow) -> str:
    return f"| {markdown_text(task)} | {markdown_text(container)} | {_ICONS[row.result]} {markdown_text(row.outcome)} | {markdown_text(row.why)} |\n"

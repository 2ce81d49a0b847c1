"""The report as Markdown, for the comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sysdig_instrument.cli.console import Console
from sysdig_instrument.cli.formats.model import FileReport, ReportItem, ReportRow, RowResult
from sysdig_instrument.cli.formats.once import SaidOnce
from sysdig_instrument.cli.harmless import markdown_code, markdown_text
from sysdig_instrument.cli.snippets import Snippet
from sysdig_instrument.help_page import help_address

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
    once = SaidOnce()
    for report in reports:
        yield from _file_section(report, once)
    kept = [_item_line(item, text) for item, text in once.items()]
    if kept:
        yield "\n### Settings\n\n"
        yield from kept
    if once.settings:
        yield f"\nSettings: {markdown_text(once.settings)}\n"


def _file_section(report: FileReport, once: SaidOnce) -> Iterator[str]:
    yield f"\n### {markdown_text(report.path)}\n\n"
    if report.macro_line:
        icon = "❌ " if report.macro_line.is_needed else ""
        yield f"{icon}The template {markdown_text(report.macro_line.text)}.\n\n"
    if report.tasks:
        yield "| Task definition | Container | Outcome | Why |\n|---|---|---|---|\n"
    own_settings = {task.row.name: once.settings_of(report, task) for task in report.tasks}
    for task in report.tasks:
        construct = f" ({task.row.construct})" if task.row.construct else ""
        yield _table_row(f"{task.row.name}{construct}", "", task.row)
        for container in task.containers:
            yield _table_row("", container.name, container)
    items = [item for item in report.items if item.level != "none" and not once.keep(item)]
    if report.tasks and items:
        yield "\n"
    for item in items:
        yield _item_line(item, item.full_text, f" (line {item.line})" if item.line else "")
    settings = [f"{name}: {text}" for name, text in own_settings.items() if text]
    if settings:
        yield f"\nSettings of the template: {markdown_text('; '.join(settings))}\n"
    if not report.tasks and not items:
        yield "No task definitions.\n"


def _item_line(item: ReportItem, text: str, where: str = "") -> str:
    label = f"**{item.rule.label}**" if item.level == "error" else item.rule.label
    code = item.reason.code.value
    address = help_address(code)
    text = markdown_text(text.removesuffix(f"({code})")) + f" ([{code}]({address}))" if address else markdown_text(text)
    return f"- {label}{where}: {text}\n" + "".join(map(_snippet, item.snippets))


def _snippet(snippet: Snippet) -> str:
    """Return what to paste, as a block of code below an item of a list."""
    heading, *lines = snippet.lines
    code = "".join(f"  {markdown_code(line[2:])}\n" for line in lines)
    return f"\n  {markdown_text(heading)}\n\n  ```\n{code}  ```\n"


def _table_row(task: str, container: str, row: ReportRow) -> str:
    return f"| {markdown_text(task)} | {markdown_text(container)} | {_ICONS[row.result]} {markdown_text(row.outcome)} | {markdown_text(row.why)} |\n"

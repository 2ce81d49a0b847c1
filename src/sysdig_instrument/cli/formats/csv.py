"""The report as CSV: a line for each task definition and container, and one for each item about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sysdig_instrument.cli.console import Console
from sysdig_instrument.cli.formats.model import FileReport, ReportItem, ReportRow
from sysdig_instrument.cli.harmless import csv_line
from sysdig_instrument.help_page import help_uri
from sysdig_instrument.printable import shown

_HEADINGS: Final = (
    *("file", "line", "macro line", "task definition", "container", "outcome", "level", "codes", "why", "help uri"),
)


def render(reports: Iterable[FileReport], _console: Console) -> Iterator[str]:
    """Yield the report in chunks. An item has its rule as outcome, and a level."""
    yield csv_line(_HEADINGS)
    for report in reports:
        for task in report.tasks:
            yield _row_line(report, task.row.name, "", task.row)
            for container in task.containers:
                yield _row_line(report, task.row.name, container.name, container)
        for item in report.items:
            if item.level != "none":
                yield _item_line(report, item)


def _row_line(report: FileReport, task: str, container: str, row: ReportRow) -> str:
    code = next(iter(row.codes), "")
    return csv_line(
        (*_place(report, row.line), task, container, row.outcome, "", " ".join(row.codes), row.why, help_uri(code))
    )


def _item_line(report: FileReport, item: ReportItem) -> str:
    code = item.reason.code.value
    names = (shown(item.task or ""), shown(item.container or ""))
    return csv_line((*_place(report, item.line), *names, item.rule.label, item.level, code, item.text, help_uri(code)))


def _place(report: FileReport, line: int | None) -> tuple[str, str, str]:
    status = report.macro_line.found.status.value if report.macro_line else ""
    return report.path, str(line or ""), status

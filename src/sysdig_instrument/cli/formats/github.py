"""The report as GitHub workflow commands: annotations on the lines of a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from sysdig_instrument.cli.console import Console
from sysdig_instrument.cli.formats.model import UNKNOWN, FileReport, ReportItem
from sysdig_instrument.cli.harmless import break_commands, sanitize_lines
from sysdig_instrument.documents.reader import STANDARD_INPUT

_COMMANDS: Final = {"error": "error", "warning": "warning", "note": "notice"}


def render(reports: Iterable[FileReport], _console: Console) -> Iterator[str]:
    """Yield the report, one annotation per item. Skipped containers and task definitions have none."""
    for report in reports:
        for item in report.items:
            if item.level in _COMMANDS:
                yield _annotation(report.path, item)


def _annotation(path: str, item: ReportItem) -> str:
    title = item.subject or item.rule.title
    properties = {"title": f"{item.rule.label}: {title}" if item.rule is UNKNOWN else title}
    if path != STANDARD_INPUT:
        line = {"line": str(item.line), "col": str(item.column)} if item.line else {}
        properties = {"file": Path(path).as_posix(), **line, **properties}
    parameters = ",".join(f"{name}={_escape_property(value)}" for name, value in properties.items())
    return f"::{_COMMANDS[item.level]} {parameters}::{_escape_data(item.text + item.text_to_paste)}\n"


def _escape_data(text: str) -> str:
    text = break_commands(sanitize_lines(text.replace("\r", "\n")))
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape_data(text).replace(":", "%3A").replace(",", "%2C")

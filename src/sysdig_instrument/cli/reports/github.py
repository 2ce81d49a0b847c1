"""The report as GitHub's workflow commands: annotations at the lines of a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from sysdig_instrument.cli.reports.model import FileReport, Remark
from sysdig_instrument.documents.reader import STANDARD_INPUT

_COMMANDS: Final = {"error": "error", "warning": "warning", "note": "notice"}


def texts(reports: Iterable[FileReport]) -> Iterator[str]:
    """The report as pieces of text: a line for each remark but those on what was left alone."""
    for report in reports:
        for remark in report.remarks:
            if remark.rule.level in _COMMANDS:
                yield _line(report.path, remark)


def _line(path: str, remark: Remark) -> str:
    properties = {"title": remark.subject or remark.rule.title}
    if path != STANDARD_INPUT:
        line = {"line": str(remark.line)} if remark.line else {}
        properties = {"file": Path(path).as_posix(), **line, **properties}
    said = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{_COMMANDS[remark.rule.level]} {said}::{_data(remark.text)}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

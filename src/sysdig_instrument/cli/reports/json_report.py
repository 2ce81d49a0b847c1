"""The report as JSON: a list of files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sysdig_instrument.cli.reports.json_text import listed
from sysdig_instrument.cli.reports.model import FileReport, Remark, Row, TaskReport
from sysdig_instrument.engine.json_types import Json


def texts(reports: Iterable[FileReport]) -> Iterator[str]:
    """The report as pieces of text."""
    yield from listed(_file(report) for report in reports)
    yield "\n"


def _file(report: FileReport) -> Json:
    return {
        "file": report.path,
        "taskDefinitions": [_task(task) for task in report.tasks],
        "remarks": [_remark(remark) for remark in report.remarks],
    }


def _task(task: TaskReport) -> Json:
    return {**_row(task.row), "settings": dict(task.settings), "containers": [_row(row) for row in task.containers]}


def _row(row: Row) -> dict[str, Json]:
    return {"name": row.name, "outcome": row.status, "why": row.why, "line": row.line}


def _remark(remark: Remark) -> Json:
    return {
        "rule": remark.rule.name,
        "level": remark.rule.level,
        "taskDefinition": remark.task,
        "container": remark.container,
        "place": remark.place,
        "line": remark.line,
        "message": remark.text,
    }

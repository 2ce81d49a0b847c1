"""The report as JSON, an array with an object per file.

It is streamed, so that the reports of a thousand files are never in memory at once.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from sysdig_instrument.cli.console import Console
from sysdig_instrument.cli.formats.model import FileReport, ReportItem, ReportRow, TaskReport
from sysdig_instrument.cli.harmless import json_text
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.help_page import help_uri
from sysdig_instrument.printable import shown


def stream_json_array(items: Iterable[Json], indent: str = "") -> Iterator[str]:
    """Yield a JSON array of the items, in chunks."""
    separator = "[\n"
    for item in items:
        text = json_text(item)
        yield separator + textwrap.indent(text, indent + "  ")
        separator = ",\n"
    yield "[]" if separator == "[\n" else f"\n{indent}]"


def render(reports: Iterable[FileReport], _console: Console) -> Iterator[str]:
    """Yield the report in chunks."""
    yield from stream_json_array(_file_to_json(report) for report in reports)
    yield "\n"


def _file_to_json(report: FileReport) -> Json:
    return {
        "file": report.path,
        "macro": report.macro_line.as_json if report.macro_line else None,
        "taskDefinitions": [_task_to_json(task) for task in report.tasks],
        "remarks": [_item_to_json(item) for item in report.items],
    }


def _task_to_json(task: TaskReport) -> Json:
    return {
        **_row_to_json(task.row),
        "settings": dict(task.settings),
        "containers": [_row_to_json(row) for row in task.containers],
    }


def _row_to_json(row: ReportRow) -> dict[str, Json]:
    found: dict[str, Json] = {"name": row.name, "outcome": row.outcome, "why": row.why, "line": row.line}
    if row.construct:
        found["construct"] = row.construct
    if row.codes:
        found |= {"codes": list(row.codes), "leftAlone": [each.as_json for each in row.left_alone]}
    return found


def _item_to_json(item: ReportItem) -> Json:
    return {
        "rule": item.rule.name,
        "level": item.level,
        "taskDefinition": None if item.task is None else shown(item.task),
        "container": None if item.container is None else shown(item.container),
        "place": item.location,
        "line": item.line,
        "column": item.column,
        "message": item.text,
        **({"construct": shown(item.construct)} if item.construct else {}),
        "code": item.reason.code.value,
        **({"helpUri": uri} if (uri := help_uri(item.reason.code.value)) else {}),
        **({"paste": [each.as_json for each in item.snippets]} if item.snippets else {}),
    }

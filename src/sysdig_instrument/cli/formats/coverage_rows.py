"""The coverage report as CSV and as Markdown: a row for similar tasks, with all that the table shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sysdig_instrument.cli.formats.coverage_table import group_name, summary
from sysdig_instrument.cli.harmless import csv_line, markdown_heading, markdown_row
from sysdig_instrument.coverage.assess import TaskStatus
from sysdig_instrument.coverage.model import short_name
from sysdig_instrument.coverage.report import Report, ReportGroup

_HEADINGS: Final = (
    *("account", "region", "cluster", "service", "task definition", "launch type", "tasks"),
    *("verdict", "codes", "why", "remarks", "left alone", "agent image"),
)


def render_csv(report: Report) -> str:
    """Return the report as CSV, with the tasks that are out of scope."""
    return "".join([csv_line(_HEADINGS), *(csv_line(_cells(group)) for group in report.groups)])


def render_markdown(report: Report) -> str:
    """Return the report as a Markdown table with a summary. Tasks that are out of scope are only counted."""
    rows = [
        markdown_row(_cells(group))
        for group in report.groups
        if group.key.assessment.status is not TaskStatus.OUT_OF_SCOPE
    ]
    return "".join([*([markdown_heading(_HEADINGS), *rows, "\n"] if rows else []), f"{summary(report)}\n"])


def _cells(group: ReportGroup) -> Iterator[str]:
    key, assessment = group.key, group.key.assessment
    yield group.account
    yield key.region
    yield short_name(key.cluster)
    yield group_name(group)
    yield short_name(key.task_definition)
    yield key.launch_type
    yield str(len(group.tasks))
    yield assessment.status.value
    yield " ".join(code.value for code in assessment.codes)
    yield "; ".join(assessment.reasons)
    yield "; ".join(assessment.remarks)
    yield "; ".join(f"{each.container or 'all'}: {each.reason.fact}" for each in assessment.left_alone)
    yield assessment.agent_image or ""

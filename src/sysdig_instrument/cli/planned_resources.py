"""The report on a resource of a Terraform plan that is not known, or that can never carry the agent."""

from __future__ import annotations

from sysdig_instrument.cli.documents import InputDocument, Preview
from sysdig_instrument.cli.formats.model import (
    LEFT_ALONE,
    NOT_INSTRUMENTED,
    UNKNOWN,
    FileReport,
    ReportItem,
    ReportRow,
    RowResult,
    TaskReport,
)
from sysdig_instrument.engine.codes import Verdict
from sysdig_instrument.engine.findings import Reason


def planned_resource_report(
    document: InputDocument, reason: Reason, preview: Preview, unknown_level: str = ""
) -> FileReport:
    """Return the report on a resource that cannot be judged or protected, for this reason. ``preview`` says whether the settings refuse it.

    ``unknown_level`` is the level if it is not known, if that is not to be an error.
    """
    if reason.is_unknown:
        result, rule, word, level = RowResult.UNKNOWN, UNKNOWN, Verdict.UNKNOWN, unknown_level
    elif preview.problems:
        result, rule, word, level = RowResult.FAILED, NOT_INSTRUMENTED, Verdict.CANNOT_BE_PROTECTED, ""
    else:
        result, rule, word, level = RowResult.SKIPPED, LEFT_ALONE, Verdict.CANNOT_BE_PROTECTED, ""
    row = ReportRow(document.address, result, word.value, reason.fact, codes=(reason.code.value,))
    item = ReportItem(rule, reason, document.address, lowered_to=level)
    return FileReport(document.source.name, (TaskReport(row),), (item,))

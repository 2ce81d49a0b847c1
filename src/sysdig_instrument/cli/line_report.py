"""The part of each report that says whether a template lists the macro."""

from __future__ import annotations

import shlex
from collections.abc import Collection

from sysdig_instrument.cli.construct_paths import construct_path
from sysdig_instrument.cli.documents import InputDocument
from sysdig_instrument.cli.formats.model import NOT_LISTED, NOTICE, LineLocator, LineReport, ReportItem
from sysdig_instrument.cli.snippets import snippets
from sysdig_instrument.documents.reader import STANDARD_INPUT
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.expressions.scope import section
from sysdig_instrument.engine.findings import Location, Notice, Reason, format_pointer, quote
from sysdig_instrument.engine.macro_line import MacroLine
from sysdig_instrument.lazy_dataclasses import replace
from sysdig_instrument.printable import printable_name


def line_report(
    line: MacroLine | None,
    without_line: Collection[object],
    locator: LineLocator,
    document: InputDocument,
    *,
    lowered_to: str = "",
) -> tuple[LineReport | None, list[ReportItem]]:
    """Return the report on a template's line, and the items about it. Both are empty for other documents.

    ``without_line`` are the task definitions that need the macro and do not get it.
    ``lowered_to`` is the level of a missing line if it is no error for the caller.
    """
    if line is None:
        return None, []
    is_needed = bool(without_line)
    at = locator.place(line.pointer)
    items = []
    if line.reason and (is_needed or line.is_listed):
        rule, level = (NOTICE, "") if line.is_listed else (NOT_LISTED, lowered_to)
        place = format_pointer(line.pointer) if line.pointer else ""
        pasted = snippets(Notice(Location(pointer=line.pointer), line.reason), document)
        reason = with_command(line.reason, line.macro_name, document)
        items = [ReportItem(rule, reason, None, None, place, (at,), level, snippets=pasted)]
    return LineReport(line, is_needed, at.line), items


def with_command(reason: Reason, macro_name: str, document: InputDocument) -> Reason:
    """Return a reason why the line is missing with the command that adds it, if the path is one to copy into a shell.

    What the AWS CDK has made it makes again: there, the line belongs into the code.
    """
    path = document.source.name
    if reason.code is not Code.LINE_MISSING:
        return reason
    if any(map(construct_path, section(document.fragment, "Resources").values())):
        return replace(
            reason, advice=f"{reason.advice}: in the AWS CDK, call addTransform({quote(macro_name)}) on the stack"
        )
    if path == STANDARD_INPUT or printable_name(path) != path:
        return reason
    return replace(reason, advice=f"{reason.advice}, or run `sysdig-instrument enable {shlex.quote(path)}`")

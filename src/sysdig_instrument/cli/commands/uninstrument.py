"""``sysdig-instrument uninstrument``: take out of files what was written with the agent."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from sysdig_instrument.cli.console import write_stderr
from sysdig_instrument.cli.documents import InputDocument
from sysdig_instrument.cli.file_changes import FileChange, change_files
from sysdig_instrument.cli.plain_documents import plain_findings
from sysdig_instrument.cli.removal_options import added_from_options
from sysdig_instrument.cli.removals import remove_from
from sysdig_instrument.engine.findings import message
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.errors import RefusedError


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Take the agent out of each file, and everything else that was written with it. Return 0 also if there is nothing.

    Raises:
        UsageError: An option is wrong.
    """
    added = added_from_options(options)

    def uninstrument(document: InputDocument, context: Context) -> FileChange:
        return _uninstrument(document, context, added)

    return change_files(options, environment, uninstrument)


def _uninstrument(document: InputDocument, context: Context, added: dict[str, bool]) -> FileChange:
    source = document.source
    removal, after = remove_from(source, document.kind, added)
    is_template = document.kind == "template"
    if removal.problems:
        problems = removal.problems if is_template else tuple(plain_findings(removal.problems))
        raise RefusedError(f"{source.name}: {message(problems)}", code=None)
    for notice in removal.notices if is_template else plain_findings(removal.notices):
        write_stderr(f"notice: {source.name}: {notice.coded_text}")
    if not removal.changes:
        return FileChange(source, source, "has nothing of the agent")
    line = document.macro_line(context)
    advice = (
        f". It lists {line.macro_name}, which would add it again: `disable` removes that line"
        if line and line.is_listed
        else ""
    )
    return FileChange(source, after, f"has nothing of the agent any more{advice}")

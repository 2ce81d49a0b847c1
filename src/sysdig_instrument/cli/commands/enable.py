"""``sysdig-instrument enable``: add the line that lists the macro to templates."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from sysdig_instrument.cli.documents import InputDocument
from sysdig_instrument.cli.file_changes import FileChange, change_lines
from sysdig_instrument.documents.editing.macro_line import add_line
from sysdig_instrument.engine.macro_line import LineStatus, MacroLine
from sysdig_instrument.engine.template import TASK_DEFINITION, resources_of_types
from sysdig_instrument.errors import RefusedError


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Add the line to each template with a task definition that does not list the macro. Return 1 if one has to be corrected.

    Raises:
        UsageError: An option is wrong.
    """
    return change_lines(options, environment, _enable)


def _enable(document: InputDocument, line: MacroLine) -> FileChange:
    source, name = document.source, line.macro_name
    tasks = [pointer for pointer, _ in resources_of_types(document.fragment, {TASK_DEFINITION})]
    if line.is_listed:
        advice = f". {line.reason.text}" if line.reason else ""
        return FileChange(source, source, f"lists {name} already{advice}")
    if not tasks:
        return FileChange(source, source, "has no task definitions")
    if all(map(line.covers, tasks)):
        return FileChange(source, source, f"lists {name} in Fn::Transform already")
    if line.reason and line.status in (LineStatus.DUPLICATE_KEY, LineStatus.WRONG_KEY):
        raise RefusedError(f"{source.name}: {line.reason.text}", code=line.reason.code)
    return FileChange(source, add_line(source, name), f"lists {name} now")

"""``sysdig-instrument disable``: remove the line that lists the macro from templates."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from sysdig_instrument.cli.documents import InputDocument
from sysdig_instrument.cli.file_changes import FileChange, change_lines
from sysdig_instrument.documents.editing.macro_line import remove_line
from sysdig_instrument.engine.macro_line import MacroLine, listed_entries
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.template import TRANSFORM


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Remove the macro from the Transform section of each template. Return 0 also if there is nothing to remove.

    An ``Fn::Transform`` is left alone: it may have been there before, and a message says that it is.

    Raises:
        UsageError: An option is wrong.
    """
    return change_lines(options, environment, _disable)


def _disable(document: InputDocument, line: MacroLine, _context: Context) -> FileChange:
    source, name = document.source, line.macro_name
    if listed_entries(document.fragment, name):
        return FileChange(source, remove_line(source, name), f"does not list {name} any more")
    is_named = line.in_fn_transform or line.pointer[-1:] == (TRANSFORM,)
    where = " (but an Fn::Transform names it)" if is_named else ""
    return FileChange(source, source, f"does not list {name}{where}")

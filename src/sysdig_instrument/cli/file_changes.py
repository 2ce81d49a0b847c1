"""Change many files in place: what ``enable``, ``disable`` and ``uninstrument`` have in common."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping

from sysdig_instrument.cli.batch import process_files
from sysdig_instrument.cli.console import Console, detect_console, write_stderr, write_stdout
from sysdig_instrument.cli.diff_formats.hunks import hunks
from sysdig_instrument.cli.diff_formats.unified import render_patch, render_terminal
from sysdig_instrument.cli.documents import InputDocument
from sysdig_instrument.cli.excerpts import write_error
from sysdig_instrument.cli.exit_codes import EXIT_OK, exit_code
from sysdig_instrument.cli.harmless import sanitize
from sysdig_instrument.cli.messages import LineToCorrectError, Messages
from sysdig_instrument.cli.output_file import write_output_file
from sysdig_instrument.documents import Document
from sysdig_instrument.documents.reader import STANDARD_INPUT
from sysdig_instrument.engine.macro_line import MacroLine
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.errors import UserError
from sysdig_instrument.lazy_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileChange:
    """A document before and after the change. ``outcome`` says what was done, or why nothing was."""

    before: Document
    after: Document
    outcome: str

    @property
    def is_change(self) -> bool:
        """Return whether the text changes."""
        return self.after.text != self.before.text


ChangeLine = Callable[[InputDocument, MacroLine, Context], FileChange]
ChangeDocument = Callable[[InputDocument, Context], FileChange]


def change_lines(options: argparse.Namespace, environment: Mapping[str, str], change_line: ChangeLine) -> int:
    """Change the line that lists the macro in each template. Return the exit code of the worst file.

    Raises:
        UsageError: An option is wrong.
    """

    def change_document(document: InputDocument, context: Context) -> FileChange:
        line = document.macro_line(context)
        if line is None:
            return FileChange(document.source, document.source, "is not a template")
        return change_line(document, line, context)

    return change_files(options, environment, change_document)


def change_files(options: argparse.Namespace, environment: Mapping[str, str], change_document: ChangeDocument) -> int:
    """Change each file, or with ``--dry-run`` print what would change. Return the exit code of the worst file.

    A document from standard input goes to standard output.

    Raises:
        UsageError: An option is wrong.
    """
    console, messages = detect_console(options.color, environment), Messages(options, environment)
    codes = [EXIT_OK]
    for path, result in process_files(options, environment, change_document, takes_plans=False):
        try:
            if isinstance(result, UserError):
                raise result
            _deliver(path, result, console, is_dry_run=options.dry_run)
        except UserError as error:
            sys.stdout.flush()  # keep both streams in order on a terminal
            codes.append(exit_code(error))
            if isinstance(error, LineToCorrectError):
                messages.write_line("refused", error.line, error.document)
            else:
                write_error(error, environment)
    return max(codes)


def _deliver(path: str, change: FileChange, console: Console, *, is_dry_run: bool) -> None:
    if is_dry_run:
        if change.is_change:
            all_hunks = hunks(change.before.text, change.after.text)
            is_terminal = console.is_terminal
            lines = render_terminal(all_hunks, console) if is_terminal else render_patch(all_hunks, path)
            if is_terminal:
                write_stdout(console.line(console.paint("strong", sanitize(path))), console)
            for text in lines:
                # `git apply` needs the lines as they are, unless they could be a runner's commands.
                write_stdout(text, console, keeps_commands=not console.is_on_runner)
        else:
            write_stderr(f"{path}: {change.outcome}")
    elif path == STANDARD_INPUT:
        sys.stdout.buffer.write(change.before.encode(change.after.text))
    else:
        if change.is_change:
            write_output_file(path, change.before.encode(change.after.text), "Name the file itself")
        write_stdout(console.line(f"{sanitize(path)}: {change.outcome}"), console)

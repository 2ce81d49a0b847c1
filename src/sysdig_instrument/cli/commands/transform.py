"""``sysdig-instrument transform``: print the processed template or task definition."""

from __future__ import annotations

import argparse
import os
import stat
import sys
from collections.abc import Mapping
from typing import TextIO

from sysdig_instrument.cli.batch import check_parameters
from sysdig_instrument.cli.callers_account import with_callers_account
from sysdig_instrument.cli.console import write_stderr, write_stdout
from sysdig_instrument.cli.documents import InputDocument, Preview, input_document, preview_document
from sysdig_instrument.cli.exit_codes import EXIT_OK, EXIT_REFUSED
from sysdig_instrument.cli.harmless import has_commands, is_on_runner
from sysdig_instrument.cli.inputs import context_for_file
from sysdig_instrument.cli.lookups import look_up_from_options, shared_session
from sysdig_instrument.cli.messages import Messages, RefusedDocumentError
from sysdig_instrument.cli.run_notices import RunNotices
from sysdig_instrument.documents import Syntax, load
from sysdig_instrument.documents.editing.writer import render, write
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.expressions.scope import section
from sysdig_instrument.engine.macro_line import tasks_without_line
from sysdig_instrument.errors import UsageError
from sysdig_instrument.quotas import check_size, processed_size


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print the processed document, or write it to a file. Return 1 if it is refused.

    Raises:
        UsageError: An option or the file is wrong.
    """
    context = context_for_file(options, environment, options.file)
    document = input_document(load(options.file))
    check_parameters(options, section(document.fragment, "Parameters"))
    messages = Messages(options, environment)
    for warning in document.source.warnings:
        messages.write("warning", warning.text)
    session = shared_session(environment, options.profile)
    context = with_callers_account(options, document, context, session)
    look_up = look_up_from_options(options, document, context, environment, session)
    preview = preview_document(document, context, look_up)
    notices = RunNotices(options)
    notices.record(preview.plan)
    notices.record_settings(context.deployment_settings)
    notices.write()
    messages.write_findings((*preview.notices, *preview.left_alone), document, preview.plan)
    line = document.macro_line(context)
    without_line = tasks_without_line(line, preview.plan.tasks) if line else ()
    if line and without_line:
        more = " This command does not need it: deploy what it prints."
        messages.write_line("notice", line, document, more=more)
    if preview.problems:
        messages.write_refusal(RefusedDocumentError(document, preview.plan, preview.problems))
    messages.finish()
    if preview.problems:
        notices.write_help(EXIT_REFUSED)
        return EXIT_REFUSED
    text, content = _processed(document, preview, options.format)
    if options.output in (None, "-"):
        _write_to_stdout(text, content, environment)
    else:
        from sysdig_instrument.cli.output_file import write_output_file  # noqa: PLC0415 - only for -o

        write_output_file(options.output, content)
    return EXIT_OK


def _write_to_stdout(text: str, content: bytes, environment: Mapping[str, str]) -> None:
    """Write the bytes as they are; to a terminal, which only shows them, as harmless text.

    Raises:
        UsageError: A CI runner would run a line of the document as a command.
    """
    if sys.stdout.isatty():
        write_stdout(text)
        return
    if is_on_runner(environment) and has_commands(text) and not _is_file(sys.stdout):
        raise UsageError(
            "A line of the processed document would be a command of the CI runner. Write to a file with -o.",
            code=Code.RUNNER_COMMAND,
        )
    sys.stdout.buffer.write(content)


def _is_file(stream: TextIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except OSError:  # it is none of the operating system's
        return False


def _processed(document: InputDocument, preview: Preview, syntax: Syntax | None) -> tuple[str, bytes]:
    """Return the processed document as text and as bytes, in its own syntax or in the given one."""
    source = document.source
    if document.kind == "template":
        check_size(processed_size(preview.processed), "The processed template")
    if syntax is None or syntax == source.syntax:
        text = write(source, preview.changes, preview.processed, write_stderr).text
        return text, source.encode(text)
    text = render(preview.processed, syntax)
    return text, text.encode()

"""``sysdig-instrument transform``: the processed template."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from sysdig_instrument.cli.inputs import context
from sysdig_instrument.cli.lookups import lookup
from sysdig_instrument.cli.messages import tell
from sysdig_instrument.cli.misnamed import tell_misnamed
from sysdig_instrument.cli.subject import Subject, prospect, subject_of
from sysdig_instrument.documents import Syntax, load, render, write
from sysdig_instrument.engine import patch
from sysdig_instrument.engine.findings import message
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.scope import section
from sysdig_instrument.errors import RefusedError, UsageError
from sysdig_instrument.limits import check_size, processed_size


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print the processed document, or write it to a file.

    Raises:
        RefusedError: The document cannot be instrumented as asked.
        UsageError: The call or the file is wrong.
    """
    surroundings = context(options, environment, options.file)
    subject = subject_of(load(options.file))
    tell_misnamed(options, section(subject.fragment, "Parameters"))
    for warning in subject.document.warnings:
        tell(f"warning: {warning}")
    outlook = prospect(subject, surroundings, lookup(options, surroundings, environment))
    for notice in outlook.notices:
        tell(f"notice: {notice.text}")
    if outlook.problems:
        raise RefusedError(message(outlook.problems))
    _deliver(_processed(subject, outlook.changes, options.format), options.output)
    return 0


def _processed(subject: Subject, changes: tuple[Change, ...], syntax: Syntax | None) -> bytes:
    """The document with the changes, in its own syntax or in the one that was asked for."""
    document = subject.document
    value = patch.apply(document.value, changes)
    if subject.kind == "template":
        check_size(processed_size(value), "The processed template")
    if syntax is None or syntax == document.syntax:
        return document.encode(write(document, changes, tell))
    return render(value, syntax).encode()


def _deliver(text: bytes, output: str | None) -> None:
    if output is None:
        sys.stdout.buffer.write(text)
        return
    try:
        Path(output).write_bytes(text)
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}. Give the path of a file to -o.") from None

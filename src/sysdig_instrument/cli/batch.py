"""Many files in one run: one after the other, so that memory stays flat, and what is wrong with one stops no other."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final, TypeVar

from sysdig_instrument.cli.console import Progress, suggest, write_stderr
from sysdig_instrument.cli.documents import InputDocument, InputFile, find_files, open_document
from sysdig_instrument.cli.inputs import PlanInputs, parse_pairs
from sysdig_instrument.documents.reader import STANDARD_INPUT
from sysdig_instrument.engine.expressions.scope import section
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.errors import RefusedError, UsageError, UserError


def warn_unknown_parameters(options: argparse.Namespace, known: Collection[str]) -> None:
    """Say which names of ``-p`` are not among these. A file of ``--parameters`` may serve many templates, and is not asked."""
    for name in parse_pairs(options.parameter, "-p"):
        if name not in known:
            write_stderr(
                f'notice: -p names the parameter "{name}", and no template has it.' + suggest(" ", name, known)
            )


T = TypeVar("T")

_NESTED_TOO_DEEPLY: Final = "is nested too deeply. Take some of the nesting out."


def process_files(
    options: argparse.Namespace, environment: Mapping[str, str], work: Callable[[InputDocument, Context], T]
) -> Iterator[tuple[str, T | UserError]]:
    """What the work on each file came to, with the file's path. The settings may differ from folder to folder.

    Raises:
        UsageError: The call is wrong, or none of the folders has a template in it.
    """
    inputs = PlanInputs(options, environment)
    files = list(find_files(options.files))
    progress = Progress(len(files))
    parameters: set[str] = set()
    has_documents = False

    def record_and_work(document: InputDocument, context: Context) -> T:
        parameters.update(section(document.fragment, "Parameters"))
        return work(document, context)

    try:
        for number, file in enumerate(files):
            progress.show(number, file.path)
            result = _process_file(file, inputs, record_and_work)
            if result is not None:
                has_documents = True
                progress.clear()
                yield STANDARD_INPUT if file.path == "-" else file.path, result
    finally:
        progress.clear()
    if not has_documents:
        raise UsageError("There is no template and no task definition in these folders. Name a file, or other folders.")
    warn_unknown_parameters(options, parameters)


def _process_file(
    file: InputFile, inputs: PlanInputs, work: Callable[[InputDocument, Context], T]
) -> T | UserError | None:
    context = inputs.context_for(file.path)
    try:
        document = open_document(file)
        return None if document is None else work(document, context)
    except UserError as error:
        return error
    except RecursionError:
        return UsageError(f"{file.path} {_NESTED_TOO_DEEPLY}")


def exit_code(error: UserError) -> int:
    """The exit code that an error comes to."""
    return 1 if isinstance(error, RefusedError) else 2


# FOLDED: Parameters that ``-p`` names and no template has: a slip of the pen, most likely, and then another value counts.

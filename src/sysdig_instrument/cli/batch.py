"""Process many files in one run, one at a time, so that memory stays flat. An error in one file does not stop the others."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from sysdig_instrument.cli.calls import Call
from sysdig_instrument.cli.console import Progress, write_stderr
from sysdig_instrument.cli.documents import InputDocument, is_document, open_documents
from sysdig_instrument.cli.folders import find_files
from sysdig_instrument.cli.inputs import PlanInputs
from sysdig_instrument.cli.one_file import process_file
from sysdig_instrument.cli.value_files import parse_pairs
from sysdig_instrument.documents.reader import STANDARD_INPUT
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.suggestions import did_you_mean
from sysdig_instrument.errors import UsageError, UserError
from sysdig_instrument.printable import printable_name

if TYPE_CHECKING:
    from sysdig_instrument.cli.ahead import WorkAhead

T = TypeVar("T")


def process_files_of(
    call: Call, process_document: Callable[[InputDocument, Context, Call], T]
) -> Iterator[tuple[str, T | UserError]]:
    """Process the files of a call as :func:`process_files` does, many of them in other processes: see :mod:`sysdig_instrument.cli.ahead`.

    ``process_document`` is a function of a module. It returns little, because another process may have to send it.
    """

    def process_here(document: InputDocument, context: Context) -> T:
        return process_document(document, context, call)

    def work_ahead() -> WorkAhead[T]:
        from sysdig_instrument.cli.ahead import WorkAhead  # noqa: PLC0415 - only for several files

        return WorkAhead(call, process_document)

    return process_files(call.options, call.environment, process_here, work_ahead=work_ahead)


def process_files(  # noqa: PLR0913 - the last three say how commands differ
    options: argparse.Namespace,
    environment: Mapping[str, str],
    process_document: Callable[[InputDocument, Context], T],
    *,
    of_many_teams: bool = False,
    takes_plans: bool = True,
    work_ahead: Callable[[], WorkAhead[T]] | None = None,
) -> Iterator[tuple[str, T | UserError]]:
    """Yield the path of each file with the result of ``process_document``, or with the error. A Terraform plan has several.

    Without ``takes_plans``, a plan that is named is an error, and one in a folder is left out.

    Settings may differ between folders. With ``of_many_teams``, templates without a workload are processed, too, and a settings
    file in a folder that cannot be used is an error of the files beside it: it does not stop the others.

    Raises:
        UsageError: An option is wrong, or no file was named and no folder contains a template or a task definition.
    """
    inputs = PlanInputs(options, environment)
    ignores_others = getattr(options, "ignore_other_files", False)
    found = find_files(options.files, as_in_folder=ignores_others)
    progress = Progress(len(found.files))
    parameters: set[str] = set()
    has_documents, are_all_read = False, True
    if of_many_teams:
        inputs.context_for("-")  # an option that is wrong is wrong for all files
    read = partial(open_documents, any_template=of_many_teams, takes_plans=takes_plans)

    def process(document: InputDocument, path: str) -> T:
        return process_document(document, inputs.context_for(path))

    with work_ahead() if work_ahead and len(found.files) > 1 else nullcontext() as ahead:
        for number, file in enumerate(found.files):
            progress.show(number, file.path)
            processed = ahead.take(found.files, number, inputs) if ahead else None
            if processed is None:
                if not of_many_teams:
                    inputs.context_for(file.path)  # a settings file that cannot be used ends the run
                processed = process_file(file, read, partial(process, path=file.path))
            has_documents |= processed.has_documents
            are_all_read &= processed.is_read
            parameters |= processed.parameters
            for result in processed.results:
                progress.clear()
                yield STANDARD_INPUT if file.path == "-" else file.path, result
        progress.clear()
    if notice := found.notice(is_document):
        write_stderr(f"notice: {notice}")
    if not has_documents and not ignores_others:
        raise UsageError(
            "No template or task definition found in these folders. Name a file or other folders.",
            code=Code.NOTHING_FOUND,
        )
    check_parameters(options, parameters, are_all=are_all_read)


def check_parameters(options: argparse.Namespace, known: Collection[str], *, are_all: bool = True) -> None:
    """Check that a template has each parameter that ``-p`` names: otherwise the one that is meant has kept its default.

    CloudFormation refuses such a name, too. Nothing is checked unless ``known`` are the parameters of all templates. Names in a file of ``--parameters`` are not checked: it may serve many templates.

    Raises:
        UsageError: No template has a parameter of that name.
    """
    unknown = [name for name in parse_pairs(options.parameter, "-p") if are_all and name not in known]
    if unknown:
        fact = f'No template has the parameter "{printable_name(unknown[0])}" given with -p'
        reason = Reason(
            fact, did_you_mean(unknown[0], known) or "Correct its name, or leave it out", code=Code.PARAMETER_UNKNOWN
        )
        raise UsageError(reason.text, code=reason.code)

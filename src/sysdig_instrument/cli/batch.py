"""Process many files in one run, one at a time, so that memory stays flat. An error in one file does not stop the others."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import TypeVar

from sysdig_instrument.cli.console import Progress, write_stderr
from sysdig_instrument.cli.documents import InputDocument, is_document, open_documents
from sysdig_instrument.cli.folders import InputFile, find_files
from sysdig_instrument.cli.inputs import PlanInputs
from sysdig_instrument.cli.main import NESTED_TOO_DEEPLY
from sysdig_instrument.cli.value_files import parse_pairs
from sysdig_instrument.documents.reader import STANDARD_INPUT
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.expressions.scope import section
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.suggestions import did_you_mean
from sysdig_instrument.errors import UsageError, UserError
from sysdig_instrument.printable import printable_name

T = TypeVar("T")
U = TypeVar("U")


def process_files(
    options: argparse.Namespace,
    environment: Mapping[str, str],
    process_document: Callable[[InputDocument, Context], T],
    *,
    of_many_teams: bool = False,
    takes_plans: bool = True,
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

    def process(document: InputDocument, path: str) -> T:
        parameters.update(section(document.fragment, "Parameters"))
        return process_document(document, inputs.context_for(path))

    try:
        for number, file in enumerate(found.files):
            progress.show(number, file.path)
            if not of_many_teams:
                inputs.context_for(file.path)  # a settings file that cannot be used ends the run
            documents = _guarded(
                file, partial(open_documents, file, any_template=of_many_teams, takes_plans=takes_plans)
            )
            if documents is None:
                continue
            has_documents = True
            shown_path = STANDARD_INPUT if file.path == "-" else file.path
            if isinstance(documents, UserError):
                are_all_read = False
                progress.clear()
                yield shown_path, documents
                continue
            for document in documents:
                result = _guarded(file, partial(process, document, file.path))
                progress.clear()
                yield shown_path, result
    finally:
        progress.clear()
    if notice := found.notice(is_document):
        write_stderr(f"notice: {notice}")
    if not has_documents and not ignores_others:
        raise UsageError(
            "No template or task definition found in these folders. Name a file or other folders.",
            code=Code.NOTHING_FOUND,
        )
    check_parameters(options, parameters, are_all=are_all_read)


def _guarded(file: InputFile, action: Callable[[], U]) -> U | UserError:
    """Return what an action on a file returns, or its error."""
    try:
        return action()
    except UserError as error:
        return error
    except RecursionError:
        return UsageError(f"{printable_name(file.path)} {NESTED_TOO_DEEPLY}", code=Code.NOT_A_TEMPLATE_FILE)


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

"""The inventory of files: the rows of each document, by the Git repository in which it is."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

from sysdig_instrument.cli.batch import process_files
from sysdig_instrument.cli.callers_account import with_callers_account
from sysdig_instrument.cli.documents import InputDocument, preview_document
from sysdig_instrument.cli.formats.model import LineLocator
from sysdig_instrument.cli.inventory_rows import FAILING, InventoryRow, State, finding_row, task_row, template_rows
from sysdig_instrument.cli.lookups import look_up_from_options, look_up_only_here, shared_session
from sysdig_instrument.cli.plain_documents import plain_protection
from sysdig_instrument.cli.run_notices import RunNotices
from sysdig_instrument.cli.settings_file import display_path
from sysdig_instrument.documents.reader import STANDARD_INPUT
from sysdig_instrument.engine.findings import Location, Notice
from sysdig_instrument.engine.macro_line import after_deployment
from sysdig_instrument.engine.other_workloads import OTHER_WORKLOAD_CODES
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.errors import UserError
from sysdig_instrument.lazy_dataclasses import replace
from sysdig_instrument.planning import LookupFunction, plan_definition


def file_rows(options: argparse.Namespace, environment: Mapping[str, str]) -> Iterator[InventoryRow]:
    """Yield the rows of all files. A file that was found and cannot be read has a row that says so.

    Raises:
        UsageError: An option is wrong, a file that was named cannot be used, or the folders have no document.
        RefusedError: A template that was named is too large for CloudFormation.
    """
    named = set(options.files)
    notices = RunNotices(options)
    repository_of = repository_finder()
    read_document = _document_reader(options, environment, notices)
    for path, result in process_files(options, environment, read_document, of_many_teams=True):
        if isinstance(result, UserError) and path in named:
            raise result
        repository, file = repository_of(path)
        if isinstance(result, UserError):
            why, codes = " ".join(result.text.split()), (result.code.value,) if result.code else ()
            yield InventoryRow(repository=repository, place=file, state=State.UNREADABLE, why=why, codes=codes)
        else:
            yield from (replace(row, repository=repository, place=file) for row in result)
    notices.write()


def _document_reader(
    options: argparse.Namespace, environment: Mapping[str, str], notices: RunNotices
) -> Callable[[InputDocument, Context], list[InventoryRow]]:
    """Return the function that gives the rows of a document. Like ``check``, it reads images of templates with the line."""
    session = shared_session(environment, options.profile)
    look_up_here = look_up_only_here(options, environment)
    base = InventoryRow()

    def rows_of(document: InputDocument, context: Context) -> list[InventoryRow]:
        if document.reason:
            state = State.UNKNOWN if document.reason.is_unknown else State.CANNOT_BE_PROTECTED
            finding = Notice(Location(document.address), document.reason)
            return _with_places([finding_row(base, state, finding)], document)
        line = document.macro_line(context)
        if line is None:
            plan = plan_definition(document.fragment, context.deployment_settings)
            return _with_places([task_row(base, plan, plain_protection(plan), None)], document)
        look_up: LookupFunction = look_up_here(document, context)
        if line.is_listed or line.in_fn_transform:
            context = with_callers_account(options, document, context, session)
            look_up = look_up_from_options(options, document, context, environment, session)
        preview = preview_document(document, context, look_up)
        notices.record_image_configs(preview.plan)
        tasks = [
            task_row(base, task, after_deployment(task, line, preview.problems), line) for task in preview.plan.tasks
        ]
        problems = [each for each in preview.problems if each.reason.code not in OTHER_WORKLOAD_CODES]
        if line.is_listed and problems and not any(row.state in FAILING["unprotected"] for row in tasks):
            refusal = finding_row(base, State.REFUSED, problems[0])
            tasks.append(replace(refusal, macro_line=line.status.value))
        return _with_places(template_rows(base, document.fragment, line, preview.plan, tasks), document)

    return rows_of


def _with_places(rows: list[InventoryRow], document: InputDocument) -> list[InventoryRow]:
    """Return the rows with the line and column of each resource."""
    locator = LineLocator(document)
    if document.address:  # of a resource in a Terraform plan
        return rows
    places = [locator.place(row.pointer) for row in rows]
    return [replace(row, at=f":{place.line}:{place.column}") for row, place in zip(rows, places, strict=True)]


def repository_finder() -> Callable[[str], tuple[str, str]]:
    """Return a function that gives the repository of a file, and the file's path in it.

    The repository is the nearest folder above the file that has a ``.git``; its path is empty if there is none.
    """

    @cache
    def root_of(folder: Path) -> Path | None:
        if (folder / ".git").exists():
            return folder
        return None if folder.parent == folder else root_of(folder.parent)

    def find(path: str) -> tuple[str, str]:
        if path == STANDARD_INPUT:
            return "", path
        file = Path(path).absolute()
        try:
            root = root_of(file.parent)
        except OSError:
            root = None
        return (display_path(str(root)), file.relative_to(root).as_posix()) if root else ("", path)

    return find

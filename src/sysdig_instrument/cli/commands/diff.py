"""``sysdig-instrument diff``: print what would change in each file, and why."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from sysdig_instrument.cli.attribution import final_pointers, owner_label
from sysdig_instrument.cli.batch import process_files
from sysdig_instrument.cli.callers_account import with_callers_account
from sysdig_instrument.cli.console import Console, detect_console, write_stdout
from sysdig_instrument.cli.diff_formats.hunks import Hunk, Note, NoteSpan, hunks
from sysdig_instrument.cli.diff_formats.summary import change_records, json_patch, render_summary
from sysdig_instrument.cli.diff_formats.unified import render_patch, render_terminal
from sysdig_instrument.cli.documents import InputDocument, Preview, preview_document
from sysdig_instrument.cli.exit_codes import EXIT_OK, exit_code
from sysdig_instrument.cli.formats.model import REFUSED, UNKNOWN, UNUSABLE, LineLocator
from sysdig_instrument.cli.harmless import sanitize
from sysdig_instrument.cli.line_report import line_report
from sysdig_instrument.cli.lookups import look_up_from_options, shared_session
from sysdig_instrument.cli.messages import Messages, RefusedDocumentError
from sysdig_instrument.cli.run_notices import RunNotices
from sysdig_instrument.documents import Document
from sysdig_instrument.documents.editing.writer import write
from sysdig_instrument.documents.locate import Locator
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json, Pointer
from sysdig_instrument.engine.macro_line import MacroLine, tasks_without_line
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.task_plan import TaskPlan
from sysdig_instrument.errors import RefusedError, UsageError, UserError
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.printable import printable_name

_EXIT_CHANGES: Final = 1
"""The exit code of ``--exit-code`` if something would change, as for ``git diff``."""


_SENSITIVE: Final = Reason(
    "Terraform marks a value of the task definition as sensitive, so its text is not shown", code=Code.TERRAFORM_PLAN
)


@dataclass(frozen=True, slots=True)
class DocumentDiff:
    """A document, its preview, and the document after the changes. ``without_line`` are the task definitions that the macro would not get."""

    document: InputDocument
    preview: Preview
    after: Document
    macro_line: MacroLine | None
    without_line: Sequence[TaskPlan]

    @property
    def has_no_line(self) -> bool:
        """True if the macro would not make these changes, because the template does not list it."""
        return bool(self.macro_line and self.macro_line.reason and self.without_line)

    def hunks(self) -> Iterator[Hunk]:
        """Yield the hunks in which the text changes, with the reasons."""
        source = self.document.source
        if self.after.text == source.text:
            return iter(())
        new_locator = Locator(self.after)
        changes = self.preview.changes
        removed = [change for change in changes if change.operation == "remove"]
        old_locator = Locator(source) if removed else new_locator
        old_spans = [_span(old_locator, change, change.pointer) for change in removed]
        new_spans = [
            _span(new_locator, change, pointer)
            for change, pointer in zip(changes, final_pointers(self.preview.processed, changes), strict=True)
            if change.operation != "remove"
        ]
        return hunks(source.text, self.after.text, old_spans, new_spans)


Results: TypeAlias = Iterable[tuple[str, DocumentDiff | UserError]]


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print what would change in each file. Return 1 if one is refused or unknown, or with ``--exit-code`` if one would change.

    Raises:
        UsageError: An option is wrong.
    """
    if options.format == "patch" and len(options.files) > 1:
        raise UsageError(
            "A JSON Patch applies to one document. Name one file, or use --format json for several.",
            code=Code.ONE_DOCUMENT,
        )
    session = shared_session(environment, options.profile)
    notices = RunNotices(options)

    def diff_document(document: InputDocument, context: Context) -> DocumentDiff:
        if options.format == "patch" and document.address:
            raise UsageError(
                "A JSON Patch applies to one document, and a Terraform plan has several. Use --format json.",
                code=Code.ONE_DOCUMENT,
            )
        context = with_callers_account(options, document, context, session)
        notices.record_settings(context.deployment_settings)
        look_up = look_up_from_options(options, document, context, environment, session)
        preview = preview_document(document, context, look_up)
        notices.record(preview.plan)
        return _document_diff(document, preview, document.macro_line(context))

    codes: list[int] = []
    messages = Messages(options, environment)
    results = _record_exit_codes(
        process_files(options, environment, diff_document),
        codes,
        fail_on_changes=options.exit_code,
        fail_on_line=options.line == "fail",
    )
    if options.format == "json":
        from sysdig_instrument.cli.formats.json import stream_json_array  # noqa: PLC0415 - only for this format

        for text in stream_json_array(_to_json(path, result) for path, result in results):
            write_stdout(text)
        write_stdout("\n")
    elif options.format == "patch":
        for _, result in _report_messages(results, messages):
            write_stdout(json_patch(result.preview.changes))
    else:
        console = detect_console(options.color, environment)
        for path, result in _report_messages(results, messages):
            text = "".join(_render(path, result, console, is_side_by_side=options.side_by_side))
            # `git apply` needs the lines as they are, unless they could be a runner's commands.
            write_stdout(text, console, keeps_commands=not console.is_on_runner)
    notices.write()
    code = max(codes, default=EXIT_OK)
    notices.write_help(code)
    return code


def _document_diff(document: InputDocument, preview: Preview, line: MacroLine | None) -> DocumentDiff:
    if preview.problems:
        raise RefusedDocumentError(document, preview.plan, preview.problems)
    without_line = tasks_without_line(line, preview.plan.tasks) if line else ()
    after = write(document.source, preview.changes, preview.processed)
    return DocumentDiff(document, preview, after, line, without_line)


def _span(locator: Locator, change: Change, pointer: Pointer) -> NoteSpan:
    lines = locator.lines(pointer)
    return NoteSpan(lines.first, lines.last, Note(owner_label(change), change.reason))


def _record_exit_codes(results: Results, codes: list[int], *, fail_on_changes: bool, fail_on_line: bool) -> Results:
    """Yield the results, and add the exit code of each file that fails to ``codes``."""
    for path, result in results:
        if isinstance(result, UserError):
            is_warning = isinstance(result, RefusedDocumentError) and result.is_warning
            codes.append(EXIT_OK if is_warning else exit_code(result))
        elif (fail_on_changes and result.preview.changes) or (fail_on_line and result.has_no_line):
            codes.append(_EXIT_CHANGES)
        yield path, result


def _is_unknown(error: UserError) -> bool:
    return isinstance(error, RefusedDocumentError) and error.is_unknown


def _report_messages(results: Results, messages: Messages) -> Iterator[tuple[str, DocumentDiff]]:
    """Yield the diffs. Write errors, warnings and notices to standard error."""
    for path, result in results:
        sys.stdout.flush()  # keep both streams in order on a terminal
        if isinstance(result, RefusedDocumentError):
            messages.write_refusal(result)
            continue
        if isinstance(result, UserError):
            messages.write_error(result, _with_path(path, result))
            continue
        for warning in result.document.source.warnings:
            messages.write("warning", warning.text)
        preview, line = result.preview, result.macro_line
        if line and (result.has_no_line or line.is_listed):
            messages.write_line("warning" if result.has_no_line else "notice", line, result.document)
        messages.write_findings((*preview.notices, *preview.left_alone), result.document, preview.plan)
        if result.document.is_sensitive and preview.changes:
            messages.write("notice", f"{result.document.address}: {_SENSITIVE.coded_text}")
        yield _shown_path(path, result.document), result
    messages.finish()


def _shown_path(path: str, document: InputDocument) -> str:
    """Return the path, and the address of a resource of a Terraform plan."""
    return f"{path}: {document.address}" if document.address else path


def _with_path(path: str, error: UserError) -> str:
    path, text = printable_name(path), str(error)
    first_line, *other_lines = text.split("\n")
    if path in first_line:
        return text
    return "\n".join([f"{path}:", first_line, *other_lines]) if other_lines else f"{path}: {text}"


def _render(path: str, diff: DocumentDiff, console: Console, *, is_side_by_side: bool) -> Iterator[str]:
    changes, has_text = diff.preview.changes, not diff.document.is_sensitive
    are_beside_text = has_text and (is_side_by_side or console.is_terminal)
    yield console.line(console.paint("strong", sanitize(path)) + ("" if changes else ": no changes"))
    yield from render_summary(
        diff.preview.plan, () if are_beside_text else changes, console, without_line=diff.without_line
    )
    if not changes or not has_text:
        pass
    elif is_side_by_side:
        from sysdig_instrument.cli.diff_formats import side_by_side  # noqa: PLC0415 - only for this format

        yield from side_by_side.render(diff.hunks(), console)
    elif console.is_terminal:
        yield from render_terminal(diff.hunks(), console)
    else:
        yield from render_patch(diff.hunks(), path)
    yield "\n" if console.is_terminal else ""


def _to_json(path: str, result: DocumentDiff | UserError) -> Json:
    if isinstance(result, UserError):
        return {"file": path, "error": str(result), "verdict": _verdict_of(result), "changes": []}
    return {
        "file": path,
        **({"resource": address} if (address := result.document.address) else {}),
        "changes": change_records(result.preview.changes),
        "macro": _line_to_json(result),
        "notices": [notice.coded_text for notice in result.preview.notices],
    }


def _verdict_of(error: UserError) -> str:
    if _is_unknown(error):
        return UNKNOWN.name
    return REFUSED.name if isinstance(error, RefusedError) else UNUSABLE.name


def _line_to_json(result: DocumentDiff) -> Json:
    line, _ = line_report(result.macro_line, result.without_line, LineLocator(result.document), result.document)
    return line.as_json if line else None

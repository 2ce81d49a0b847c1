"""``sysdig-instrument diff``: print what would change in each file, and why."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from sysdig_instrument.cli.attribution import final_pointers, owner_label
from sysdig_instrument.cli.batch import process_files_of
from sysdig_instrument.cli.callers_account import with_callers_account
from sysdig_instrument.cli.calls import Call
from sysdig_instrument.cli.console import Console, write_stdout
from sysdig_instrument.cli.diff_formats.hunks import Hunk, Note, NoteSpan, hunks
from sysdig_instrument.cli.diff_formats.summary import change_records, json_patch, render_summary
from sysdig_instrument.cli.diff_formats.unified import render_patch, render_terminal
from sysdig_instrument.cli.documents import InputDocument, Preview, preview_document
from sysdig_instrument.cli.exit_codes import EXIT_OK, exit_code
from sysdig_instrument.cli.formats.model import REFUSED, UNKNOWN, UNUSABLE, LineLocator
from sysdig_instrument.cli.harmless import sanitize
from sysdig_instrument.cli.line_report import line_report
from sysdig_instrument.cli.lookups import look_up_from_options
from sysdig_instrument.cli.messages import AboutSettings, DocumentMessages, Messages, RefusedDocumentError
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


@dataclass(frozen=True, slots=True)
class DiffResult:
    """The output about a document: messages, and its text or for JSON its record. Any process can make it."""

    exit_code: int
    messages: Sequence[str | AboutSettings] = ()
    text: str = ""
    record: Json = None


Results: TypeAlias = Iterable[tuple[str, DiffResult | UserError]]


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
    call = Call.of(options, environment)
    codes: list[int] = []
    results = _record_exit_codes(process_files_of(call, diff_document), codes)
    if options.format == "json":
        from sysdig_instrument.cli.formats.json import stream_json_array  # noqa: PLC0415 - only for this format

        for text in stream_json_array(_record(path, result) for path, result in results):
            write_stdout(text)
        write_stdout("\n")
    else:
        # `git apply` needs the lines as they are, unless they could be a runner's commands.
        keeps_commands = not call.console.is_on_runner
        for text in _report_messages(results, Messages(options, environment)):
            write_stdout(text, call.console, keeps_commands=keeps_commands)
    call.notices.write()
    code = max(codes, default=EXIT_OK)
    call.notices.write_help(code)
    return code


def diff_document(document: InputDocument, context: Context, call: Call) -> DiffResult:
    """Return what the command prints about a document. Any process of the call can do that."""
    options = call.options
    if options.format == "patch" and document.address:
        raise UsageError(
            "A JSON Patch applies to one document, and a Terraform plan has several. Use --format json.",
            code=Code.ONE_DOCUMENT,
        )
    context = with_callers_account(options, document, context, call.session)
    call.notices.record_settings(context.deployment_settings)
    look_up = look_up_from_options(options, document, context, call.environment, call.session)
    preview = preview_document(document, context, look_up)
    call.notices.record(preview.plan)
    if preview.problems:
        return _refused(RefusedDocumentError(document, preview.plan, preview.problems), call)
    line = document.macro_line(context)
    without_line = tasks_without_line(line, preview.plan.tasks) if line else ()
    after = write(document.source, preview.changes, preview.processed)
    return _result(DocumentDiff(document, preview, after, line, without_line), call)


def _result(diff: DocumentDiff, call: Call) -> DiffResult:
    options, changes = call.options, diff.preview.changes
    fails = (options.exit_code and changes) or (options.line == "fail" and diff.has_no_line)
    code = _EXIT_CHANGES if fails else EXIT_OK
    if options.format == "json":
        return DiffResult(code, record=_to_json(diff))
    messages = _messages(diff, DocumentMessages(call.messages_console))
    if options.format == "patch":
        return DiffResult(code, messages, json_patch(changes))
    text = "".join(_render(diff, call.console, is_side_by_side=options.side_by_side))
    return DiffResult(code, messages, text)


def _refused(error: RefusedDocumentError, call: Call) -> DiffResult:
    """Return what the command prints about a document that is refused, or of which that is unknown."""
    code = EXIT_OK if error.is_warning else exit_code(error)
    if call.options.format == "json":
        verdict = UNKNOWN.name if error.is_unknown else REFUSED.name
        return DiffResult(code, record=_error_record(error.document.source.name, error, verdict))
    messages = DocumentMessages(call.messages_console)
    messages.write_refusal(error)
    return DiffResult(code, messages.collected)


def _span(locator: Locator, change: Change, pointer: Pointer) -> NoteSpan:
    lines = locator.lines(pointer)
    return NoteSpan(lines.first, lines.last, Note(owner_label(change), change.reason))


def _record_exit_codes(results: Results, codes: list[int]) -> Results:
    """Yield the results, and add the exit code of each to ``codes``."""
    for path, result in results:
        codes.append(exit_code(result) if isinstance(result, UserError) else result.exit_code)
        yield path, result


def _messages(diff: DocumentDiff, messages: DocumentMessages) -> Sequence[str | AboutSettings]:
    """Return the warnings and notices about a document."""
    document, preview, line = diff.document, diff.preview, diff.macro_line
    for warning in document.source.warnings:
        messages.write("warning", warning.text)
    if line and (diff.has_no_line or line.is_listed):
        messages.write_line("warning" if diff.has_no_line else "notice", line, document)
    messages.write_findings((*preview.notices, *preview.left_alone), document, preview.plan)
    if document.is_sensitive and preview.changes:
        messages.write("notice", f"{document.address}: {_SENSITIVE.coded_text}")
    return messages.collected


def _report_messages(results: Results, messages: Messages) -> Iterator[str]:
    """Yield the texts. Write errors, warnings and notices to standard error."""
    for path, result in results:
        sys.stdout.flush()  # keep both streams in order on a terminal
        if isinstance(result, UserError):
            messages.write_error(result, _with_path(path, result))
        else:
            messages.write_collected(result.messages)
            yield result.text
    messages.finish()


def _shown_path(document: InputDocument) -> str:
    """Return the path, and the address of a resource of a Terraform plan."""
    path = document.source.name
    return f"{path}: {document.address}" if document.address else path


def _with_path(path: str, error: UserError) -> str:
    path, text = printable_name(path), str(error)
    first_line, *other_lines = text.split("\n")
    if path in first_line:
        return text
    return "\n".join([f"{path}:", first_line, *other_lines]) if other_lines else f"{path}: {text}"


def _render(diff: DocumentDiff, console: Console, *, is_side_by_side: bool) -> Iterator[str]:
    path, changes, has_text = _shown_path(diff.document), diff.preview.changes, not diff.document.is_sensitive
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


def _record(path: str, result: DiffResult | UserError) -> Json:
    if isinstance(result, UserError):
        return _error_record(path, result, REFUSED.name if isinstance(result, RefusedError) else UNUSABLE.name)
    return result.record


def _error_record(path: str, error: UserError, verdict: str) -> Json:
    return {"file": path, "error": str(error), "verdict": verdict, "changes": []}


def _to_json(diff: DocumentDiff) -> Json:
    document, preview = diff.document, diff.preview
    return {
        "file": document.source.name,
        **({"resource": document.address} if document.address else {}),
        "changes": change_records(preview.changes),
        "macro": _line_to_json(diff),
        "notices": [notice.coded_text for notice in preview.notices],
    }


def _line_to_json(result: DocumentDiff) -> Json:
    line, _ = line_report(result.macro_line, result.without_line, LineLocator(result.document), result.document)
    return line.as_json if line else None

"""``sysdig-instrument diff``: what would change in these files, and why."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from sysdig_instrument.cli.batch import code_of, each
from sysdig_instrument.cli.diffs import side_by_side
from sysdig_instrument.cli.diffs.hunks import Hunk, Note, Span, hunks
from sysdig_instrument.cli.diffs.structured import patch_text, records
from sysdig_instrument.cli.diffs.summary import summary
from sysdig_instrument.cli.diffs.unified import patch_lines, terminal_lines
from sysdig_instrument.cli.lookups import lookup, shared_line
from sysdig_instrument.cli.messages import tell
from sysdig_instrument.cli.owned import Owned, owned
from sysdig_instrument.cli.reports.json_text import listed
from sysdig_instrument.cli.subject import Prospect, Subject, prospect
from sysdig_instrument.cli.terminal import Look, look, write
from sysdig_instrument.documents import write as written
from sysdig_instrument.documents.locating import Locator
from sysdig_instrument.engine.findings import message
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.errors import RefusedError, UsageError, UserError
from sysdig_instrument.values import dataclass, replace

_CHANGES: Final = 1
"""What ``--exit-code`` answers where something would change: as ``git diff`` does."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What would change in one document, and its text then."""

    subject: Subject
    prospect: Prospect
    changes: list[Owned]
    after: str

    def hunks(self) -> Iterator[Hunk]:
        """The places where its text changes, with the reasons."""
        document = self.subject.document
        if self.after == document.text:
            return iter(())
        new = Locator(replace(document, text=self.after))
        removed = [each for each in self.changes if each.change.operation == "remove"]
        old = Locator(document) if removed else new
        old_spans = [_span(old, each, each.change.pointer) for each in removed]
        new_spans = [_span(new, each, each.made) for each in self.changes if each.change.operation != "remove"]
        return hunks(document.text, self.after, old_spans, new_spans)


Found: TypeAlias = Iterable[tuple[str, Difference | UserError]]


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print what would change in each file; 1 where one is refused, or with ``--exit-code`` where one would change.

    Raises:
        UsageError: The call is wrong.
    """
    if options.format == "patch" and len(options.files) > 1:
        raise UsageError("A JSON Patch is for one document. Name one file, or use --format json for several.")
    line = shared_line(environment, options.profile)

    def work(subject: Subject, context: Context) -> Difference:
        return _difference(subject, prospect(subject, context, lookup(options, context, environment, line)))

    codes: list[int] = []
    found = _counted(each(options, environment, work), codes, strict=options.exit_code)
    if options.format == "json":
        for text in listed(_record(path, done) for path, done in found):
            write(text)
        write("\n")
    elif options.format == "patch":
        for _, done in _told(found):
            write(patch_text(done.changes))
    else:
        appearance = look(options.color, environment)
        for path, done in _told(found):
            for text in _texts(path, done, appearance, beside=options.side_by_side):
                write(text)
    return max(codes, default=0)


def _difference(subject: Subject, outlook: Prospect) -> Difference:
    if outlook.problems:
        raise RefusedError(message(outlook.problems))
    after = written(subject.document, outlook.changes)
    return Difference(subject, outlook, owned(subject, outlook), after)


def _span(locator: Locator, change: Owned, pointer: tuple[str | int, ...]) -> Span:
    lines = locator.lines(pointer)
    return Span(lines.first, lines.last, Note(change.owner, change.change.reason))


def _counted(found: Found, codes: list[int], *, strict: bool) -> Found:
    for path, done in found:
        if isinstance(done, UserError):
            codes.append(code_of(done))
        elif strict and done.changes:
            codes.append(_CHANGES)
        yield path, done


def _told(found: Found) -> Iterator[tuple[str, Difference]]:
    """What could be worked out; the rest, and what there is to know beside the diff, goes to standard error."""
    for path, done in found:
        sys.stdout.flush()  # on a terminal both are one text
        if isinstance(done, UserError):
            tell(f"sysdig-instrument: {_with_path(path, done)}")
            continue
        for warning in done.subject.document.warnings:
            tell(f"warning: {warning}")
        for notice in done.prospect.notices:
            tell(f"notice: {notice.text}")
        yield path, done


def _with_path(path: str, error: UserError) -> str:
    text = str(error)
    first, *more = text.split("\n")
    if path in first:
        return text
    return "\n".join([f"{path}:", first, *more]) if more else f"{path}: {text}"


def _texts(path: str, difference: Difference, appearance: Look, *, beside: bool) -> Iterator[str]:
    reasons = [] if beside or appearance.is_terminal else difference.changes
    yield from summary(path, difference.prospect.plan, difference.changes, reasons, appearance)
    if difference.changes and beside:
        yield from side_by_side.lines(difference.hunks(), appearance)
    elif difference.changes and appearance.is_terminal:
        yield from terminal_lines(difference.hunks(), appearance)
    elif difference.changes:
        yield from patch_lines(difference.hunks(), path)
    yield "\n" if appearance.is_terminal else ""


def _record(path: str, done: Difference | UserError) -> Json:
    if isinstance(done, UserError):
        return {"file": path, "error": str(done), "changes": []}
    return {
        "file": path,
        "changes": records(done.changes),
        "notices": [notice.text for notice in done.prospect.notices],
    }

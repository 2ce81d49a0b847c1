"""The findings that ``transform`` and ``diff`` write to standard error, each with its place in the file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from sysdig_instrument.cli.console import Console, StyleName, detect_console, write_stderr
from sysdig_instrument.cli.documents import InputDocument
from sysdig_instrument.cli.excerpts import Excerpts, finding_lines, write_error
from sysdig_instrument.cli.formats.model import LineLocator
from sysdig_instrument.cli.inputs import is_unknown_a_warning
from sysdig_instrument.cli.line_report import with_command
from sysdig_instrument.cli.snippets import Snippet, snippets
from sysdig_instrument.engine.findings import Finding, Location, Notice, Problem, Reason, message
from sysdig_instrument.engine.macro_line import MacroLine
from sysdig_instrument.engine.plan import Plan
from sysdig_instrument.engine.steps.task_findings import REQUIRED_SETTINGS_REASONS
from sysdig_instrument.errors import RefusedError, UserError
from sysdig_instrument.lazy_dataclasses import dataclass, replace

_STYLES: Final[Mapping[str, StyleName]] = {"refused": "bad", "unknown": "warn", "warning": "warn", "notice": "warn"}


class RefusedDocumentError(RefusedError):
    """A document has problems: it is refused, or it is not known here whether it is. The text is that of the macro."""

    def __init__(self, document: InputDocument, plan: Plan, problems: Iterable[Problem]) -> None:
        self.document, self.plan, self.problems = document, plan, tuple(dict.fromkeys(problems))
        super().__init__(message(self.problems), code=None)

    @property
    def is_unknown(self) -> bool:
        """True if nothing in the document is wrong."""
        return all(problem.reason.is_unknown for problem in self.problems)

    @property
    def is_warning(self) -> bool:
        """True if it is unknown, and the caller takes that for a warning."""
        return self.is_unknown and is_unknown_a_warning(self.plan.context)


class LineToCorrectError(RefusedError):
    """The line that lists the macro has to be corrected by a person."""

    def __init__(self, document: InputDocument, line: MacroLine) -> None:
        self.document, self.line = document, line
        super().__init__(line.reason.coded_text if line.reason else "", code=None)


@dataclass(frozen=True, slots=True)
class AboutSettings:
    """A finding about the required settings, which other task definitions of a run may have, too."""

    label: str
    finding: Finding
    snippets: tuple[Snippet, ...]


def messages_console(options: argparse.Namespace, environment: Mapping[str, str]) -> Console:
    """Return the console for messages: they are as wide as the terminal."""
    console = detect_console(getattr(options, "color", "auto"), environment, sys.stderr)
    return console if console.is_terminal else replace(console, width=None)


class DocumentMessages:
    """The findings about a document as messages, with an excerpt of it if only a person sees it.

    They are collected, so that another process can write them. :class:`Messages` writes them at once.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self.collected: list[str | AboutSettings] = []

    def write(self, label: str, text: str) -> None:
        """Write a message without a place."""
        self._write(finding_lines(label, _STYLES[label], text, self._console))

    def write_refusal(self, error: RefusedDocumentError) -> None:
        """Write all problems of a document, also those beyond what CloudFormation shows of the macro's message."""
        self.write_findings(error.problems, error.document, error.plan)

    def write_findings(self, findings: Iterable[Finding], document: InputDocument, plan: Plan) -> None:
        """Write the findings about a document."""
        excerpts, locator = _excerpts(document), LineLocator(document, plan.tasks)
        for finding in findings:
            label = _label(finding)
            if finding.reason in REQUIRED_SETTINGS_REASONS:
                self._deliver(AboutSettings(label, finding, snippets(finding, document)))
                continue
            self._write(
                finding_lines(
                    label,
                    _STYLES[label],
                    self._text(finding),
                    self._console,
                    excerpts=excerpts,
                    places=(locator.place_of(finding.location),),
                    code=finding.reason.code,
                    snippets=snippets(finding, document),
                )
            )

    def write_line(self, label: str, line: MacroLine, document: InputDocument, *, more: str = "") -> None:
        """Write what is wrong with the line that lists the macro. ``more`` follows the text."""
        if line.reason is None:
            return
        self._write(
            finding_lines(
                label,
                _STYLES[label],
                f"{with_command(line.reason, line.macro_name, document).coded_text}{more}",
                self._console,
                excerpts=_excerpts(document),
                places=(LineLocator(document).place(line.pointer),),
                code=line.reason.code,
                snippets=snippets(Notice(Location(pointer=line.pointer), line.reason), document),
            )
        )

    def _text(self, finding: Finding) -> str:
        """Return the text of a finding. Where the line is shown, its pointer in the template is not needed."""
        location = finding.location
        if self._console.shows_text and location.task:
            finding = replace(finding, location=replace(location, pointer=()))
        return finding.coded_text

    def _write(self, lines: Iterator[str]) -> None:
        self._deliver("".join(lines).removesuffix("\n"))

    def _deliver(self, message: str | AboutSettings) -> None:
        self.collected.append(message)


class Messages(DocumentMessages):
    """Writes findings to standard error.

    What is wrong with the required settings is the same for each task definition of a run. :meth:`finish` writes it once.
    """

    def __init__(self, options: argparse.Namespace, environment: Mapping[str, str]) -> None:
        super().__init__(messages_console(options, environment))
        self._environment = environment
        self._about_settings: dict[tuple[str, Reason], list[AboutSettings]] = {}

    def write_collected(self, messages: Iterable[str | AboutSettings]) -> None:
        """Write the messages about a document."""
        for each in messages:
            self._deliver(each)

    def _deliver(self, message: str | AboutSettings) -> None:
        if isinstance(message, AboutSettings):
            self._about_settings.setdefault((message.label, message.finding.reason), []).append(message)
        else:
            write_stderr(message, self._console)

    def write_error(self, error: UserError, text: str) -> None:
        """Write an error that has a text of its own, and on a terminal the line that cannot be read."""
        write_error(error, self._environment, text)

    def finish(self) -> None:
        """Write what is wrong with the required settings."""
        for (label, reason), kept in self._about_settings.items():
            is_one = len(kept) == 1
            text = kept[0].finding.coded_text if is_one else f"{len(kept)} task definitions: {reason.coded_text}"
            self._write(finding_lines(label, _STYLES[label], text, self._console, snippets=kept[-1].snippets))


def _excerpts(document: InputDocument) -> Excerpts:
    return Excerpts(document.source.name, document, document.address)


def _label(finding: Finding) -> str:
    if not isinstance(finding, Problem):
        return "notice"
    return "unknown" if finding.reason.is_unknown else "refused"

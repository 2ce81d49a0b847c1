"""Notices and problems: what the user reads, each with its location, the fact, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sysdig_instrument.engine.patch import Pointer
from sysdig_instrument.lazy_dataclasses import dataclass

# Neither what ends a line nor what turns its direction round: a name must not make a message say something else.
# (What is not good, not what is: a set that reaches over all of Unicode takes milliseconds to compile.)
_UNPRINTABLE = r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
_MAX_NAME = 300
_MAX_LINE = 1700
_MAX_MESSAGE = 3500  # bytes; CloudFormation cuts a longer status reason off, and with it what would help


@dataclass(frozen=True, slots=True)
class Location:
    """Where in the document: the task definition, the container if it is about one, and the exact pointer."""

    task: str | None = None
    container: str | None = None
    pointer: Pointer = ()

    @property
    def text(self) -> str:
        """`` Task "Api", container "web" (Resources.Api.Properties.ContainerDefinitions[0].Image)``."""
        names = [f"{word} {quote(name)}" for word, name in (("task", self.task), ("container", self.container)) if name]
        path = f"({format_pointer(self.pointer)})" if self.pointer else ""
        text = " ".join(part for part in (", ".join(names), path) if part)
        return text[:1].upper() + text[1:]


@dataclass(frozen=True, slots=True)
class Reason:
    """A fact, and what to do about it: sentences without their full stop (a question keeps its mark); ``advice`` may be empty.

    ``stable_fact`` is the fact without the part that may differ in the next run (a registry's answer), if it has one.
    """

    fact: str
    advice: str = ""
    stable_fact: str = ""

    @property
    def text(self) -> str:
        """Both sentences."""
        return _sentences(self.fact, self.advice)

    @property
    def stable_text(self) -> str:
        """The sentences that are the same in every run."""
        return _sentences(self.stable_fact) if self.stable_fact else self.text

    def with_clause(self, clause: str) -> Reason:
        """Return the reason with a clause added to its fact."""
        return Reason(f"{self.fact}; {clause}", self.advice, self.stable_fact and f"{self.stable_fact}; {clause}")


def _sentences(*parts: str) -> str:
    return " ".join(part if part.endswith("?") else f"{part}." for part in parts if part)


@dataclass(frozen=True, slots=True)
class Finding:
    """A reason, and where in the document it applies."""

    location: Location
    reason: Reason

    @property
    def text(self) -> str:
        """The finding as one line."""
        return self._with_location(self.reason.text)

    @property
    def stable_text(self) -> str:
        """The finding as one line that is the same in every run."""
        return self._with_location(self.reason.stable_text)

    def _with_location(self, text: str) -> str:
        return single_line(f"{self.location.text}: {text}" if self.location.text else text, _MAX_LINE)


@dataclass(frozen=True, slots=True)
class Notice(Finding):
    """Something to know about; the template is instrumented all the same."""


@dataclass(frozen=True, slots=True)
class Problem(Finding):
    """Something that makes the whole template refused."""


def quote(text: str) -> str:
    """A name or an image reference in quotes, on one line, and not endless whatever it holds."""
    return f'"{single_line(text, _MAX_NAME)}"'


def single_line(text: str, max_length: int) -> str:
    """A text on one line, and not endless whatever it holds."""
    shown = re.sub(_UNPRINTABLE, "?", text)
    return shown if len(shown) <= max_length else shown[:max_length] + "…"


def format_pointer(pointer: Pointer) -> str:
    """A pointer as people write it: ``Resources.Api.Properties.ContainerDefinitions[0].Image``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in pointer).removeprefix(".")
    return single_line(text, _MAX_NAME)


def message(findings: Iterable[Finding]) -> str:
    """One text for all findings, a line each and no line twice; cut at a line's end before it gets too long to show."""
    lines = list(dict.fromkeys(finding.text for finding in findings))
    shown: list[str] = []
    left = _MAX_MESSAGE
    for line in lines:
        left -= len(line.encode(errors="replace")) + 1
        if left < 0 and shown:
            rest = len(lines) - len(shown)
            shown.append(f"… and {rest} more like these.")
            break
        shown.append(line)
    return "\n".join(shown)

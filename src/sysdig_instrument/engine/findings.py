"""Notices and problems, the messages to the user: each has a location, the fact, and what to do about it."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable

from sysdig_instrument.engine.codes import Code, Verdict
from sysdig_instrument.engine.json_types import Pointer
from sysdig_instrument.engine.paste import Paste, PasteInto
from sysdig_instrument.lazy_dataclasses import dataclass, replace
from sysdig_instrument.printable import HIDDEN, Hidden, printable_name, single_line

_MAX_LINE = 1700
_MAX_MESSAGE = 3500  # bytes; CloudFormation truncates a longer status reason, and the advice with it


@dataclass(frozen=True, slots=True)
class Location:
    """A location in the document: the task definition, the container if the finding is about one, and the exact pointer.

    ``construct`` is the AWS CDK's path of the task definition; only the command line tool adds it.
    """

    task: str | None = None
    container: str | None = None
    pointer: Pointer = ()
    construct: str = ""

    @property
    def text(self) -> str:
        """The location in words: ``Task "Api", container "web" (Resources.Api.Properties.ContainerDefinitions[0].Image)``."""
        names = names_text(self.task, self.construct, self.container)
        path = f"({format_pointer(self.pointer)})" if self.pointer else ""
        text = " ".join(part for part in (names, path) if part)
        return text[:1].upper() + text[1:]


def names_text(task: str | None, construct: str, container: str | None) -> str:
    """Return names in words: ``task "Api" (construct "Shop/Api"), container "web"``. What is not given is left out."""
    suffix = f" (construct {quote(construct)})" if construct else ""
    names = (("task", task, suffix), ("container", container, ""))
    return ", ".join(f"{word} {quote(name)}{more}" for word, name, more in names if name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Coded:
    """The field that each reason must be given by name."""

    code: Code


@dataclass(frozen=True, slots=True)
class Reason(_Coded):
    """A fact, and advice what to do about it.

    Both are sentences without a full stop; a question has its question mark. ``advice`` may be empty.

    ``stable_fact`` is the fact without what may differ in the next run, such as a registry's answer. It is empty if the
    fact contains nothing of the kind. ``code`` says what kind of message this is, and where it is explained.

    ``not_known_here`` is true if the fact is no error of the document: a value, or what an image runs, is not known here. The
    macro may know it when the stack is deployed.

    ``paste`` is what to paste to follow the advice, if that can be said.
    """

    fact: str
    advice: str = ""
    stable_fact: str = ""
    not_known_here: bool = False
    paste: tuple[Paste, ...] = ()

    @property
    def is_unknown(self) -> bool:
        """True if the reason leads to the verdict that something is unknown, rather than wrong."""
        return self.not_known_here or self.code.verdict is Verdict.UNKNOWN

    @property
    def text(self) -> str:
        """Both sentences."""
        return _sentences(self.fact, self.advice)

    @property
    def coded_text(self) -> str:
        """Both sentences, and the code."""
        return f"{self.text} ({self.code.value})"

    @property
    def stable_text(self) -> str:
        """The text without what may differ in the next run."""
        return _sentences(self.stable_fact) if self.stable_fact else self.text

    def with_clause(self, clause: str) -> Reason:
        """Return the reason with a clause added to its fact."""
        stable_fact = self.stable_fact and f"{self.stable_fact}; {clause}"
        return replace(self, fact=f"{self.fact}; {clause}", stable_fact=stable_fact)


def _sentences(*parts: str) -> str:
    return " ".join(filter(None, map(sentence, parts)))


def sentence(text: str) -> str:
    """Return a fact or an advice with its full stop. A question has its question mark, and nothing stays nothing."""
    return f"{text}." if text and not text.endswith("?") else text


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
    def coded_text(self) -> str:
        """The finding as one line, with its code at the end."""
        return f"{self.text} ({self.reason.code.value})"

    @property
    def stable_text(self) -> str:
        """The finding as one line, without what may differ in the next run."""
        return self._with_location(self.reason.stable_text)

    @property
    def paste_text(self) -> str:
        """The text to paste into the template, on one line that is JSON and YAML; an empty string if there is nothing."""
        return " ".join(filter(None, (_paste_text(each, self.location) for each in self.reason.paste)))

    def _with_location(self, text: str) -> str:
        return single_line(f"{self.location.text}: {text}" if self.location.text else text, _MAX_LINE)


def _paste_text(paste: Paste, location: Location) -> str:
    place = "" if paste.is_outside else paste_place(paste, location.pointer)
    text = json.dumps(paste.members(location.container), ensure_ascii=False)[1:-1]
    return f"Paste into {place}: {text}" if place else ""


def paste_place(paste: Paste, pointer: Pointer, *, in_template: bool = True) -> str:
    """Return where to paste for a finding at a pointer, in words; an empty string if that is not known."""
    target = paste.target(pointer, in_template=in_template)
    if target:
        return format_pointer(target)
    if not in_template:
        return "the task definition" if target is not None else paste.into.value if paste.is_outside else ""
    return "" if paste.into in (PasteInto.CONTAINER, PasteInto.PARENT) else paste.into.value


@dataclass(frozen=True, slots=True)
class Notice(Finding):
    """A finding that does not keep the template from being instrumented."""


@dataclass(frozen=True, slots=True)
class Problem(Finding):
    """A finding for which the whole template is refused."""


def as_notice(finding: Finding, clause: str) -> Finding:
    """Return a problem as a notice whose fact has one more clause: why it does no harm. Another finding stays as it is."""
    return Notice(finding.location, finding.reason.with_clause(clause)) if isinstance(finding, Problem) else finding


def quote(text: str) -> str:
    """Return a name or an image reference in quotes, on one line and of limited length."""
    return HIDDEN if isinstance(text, Hidden) else f'"{printable_name(text)}"'


_NAMES = r"(?![a-z-]+:[A-Z])[^\s\"'(){}]*[^\s\"'(){},][./:@][^\s\"'(){},]+"
"""Words that are names: hosts, ARNs, references to images; but not permissions such as ``ecr:BatchGetImage``."""


_TAKEN_OUT = "\0"


def _is_name(word: str, parts: Container[str]) -> bool:
    return word in parts or not re.fullmatch(r"[\w-]+", word)


def without_names(reason: Reason, name: str) -> Reason:
    """Return the reason why a lookup failed without the names in it: they depend on the value that is in ``name``."""
    parts = {part for part in re.split(r"[./:@]", name) if part}
    others = sorted((part for part in {name, *parts} if not re.fullmatch(r"[\w-]*", part)), key=len, reverse=True)

    def without(text: str) -> str:
        # No pattern is made of the name: Python keeps patterns for the life of the process.
        for part in others:
            text = text.replace(part, _TAKEN_OUT)
        text = re.sub(rf"{_NAMES}|[\w-]+", lambda word: _TAKEN_OUT if _is_name(word[0], parts) else word[0], text)
        return text.replace(_TAKEN_OUT, HIDDEN)

    return replace(
        reason, fact=without(reason.fact), advice=without(reason.advice), stable_fact="", paste=()
    ).with_clause("names are not shown that depend on a NoEcho parameter, an SSM parameter or an export")


def format_pointer(pointer: Pointer) -> str:
    """Return a pointer with dots and brackets: ``Resources.Api.Properties.ContainerDefinitions[0].Image``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in pointer).removeprefix(".")
    return printable_name(text)


def message(findings: Iterable[Finding]) -> str:
    """Return one message for all findings: a line for each, and no line twice. What to paste is added where it has room.

    It has at most 3,500 bytes, apart from the first line, which is always complete, and the line that counts the rest.
    """
    pastes: dict[str, str] = {}
    for finding in findings:
        pastes.setdefault(finding.coded_text, finding.paste_text)
    room = _MAX_MESSAGE - sum(map(_size, pastes))
    shown: list[str] = []
    left = _MAX_MESSAGE
    for line, paste in pastes.items():
        left -= _size(line)
        if left < 0 and shown:
            rest = len(pastes) - len(shown)
            shown.append(f"… and {rest} more like these.")
            break
        has_room = paste and _size(paste) <= room and len(paste) <= _MAX_LINE
        room -= _size(paste) if has_room else 0
        shown.append(f"{line} {single_line(paste, _MAX_LINE)}" if has_room else line)
    return "\n".join(shown)


def _size(line: str) -> int:
    return len(line.encode(errors="replace")) + 1

"""Two texts as the places where they differ, with a little of what stands around each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Final, Literal

from sysdig_instrument.values import dataclass

_CONTEXT: Final = 3
_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(frozen=True, slots=True)
class Note:
    """Why something is new in the second text, and what it belongs to."""

    owner: str
    reason: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the first text, the second, or both. ``old`` and ``new`` are its numbers, counted from one."""

    sign: Literal[" ", "+", "-"]
    text: str
    old: int | None
    new: int | None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Hunk:
    """One place where the texts differ."""

    lines: tuple[Line, ...]
    before: int
    """Lines of the first text above it; those of the second are ``after``."""
    after: int

    @property
    def header(self) -> str:
        """``@@ -1,3 +1,4 @@``."""
        old = sum(line.sign != "+" for line in self.lines)
        new = sum(line.sign != "-" for line in self.lines)
        return f"@@ -{_range(self.before, old)} +{_range(self.after, new)} @@"

    @property
    def owners(self) -> tuple[str, ...]:
        """What its changes belong to, in the order of the text."""
        return tuple(dict.fromkeys(note.owner for line in self.lines for note in line.notes))


def _range(above: int, count: int) -> str:
    start = above + 1 if count else above  # as diff(1) has it
    return str(start) if count == 1 else f"{start},{count}"


@dataclass(frozen=True, slots=True)
class Span:
    """Lines of a text that a note is about: it is put to the first of them that differs."""

    first: int
    last: int
    note: Note


def hunks(before: str, after: str, old_spans: Iterable[Span], new_spans: Iterable[Span]) -> Iterator[Hunk]:
    """The places where two texts differ, with notes about lines of the first and of the second text."""
    old, new = _LINE.findall(before), _LINE.findall(after)
    matcher = SequenceMatcher(None, old, new)  # its shortcut for lines that are everywhere keeps long templates quick
    changed = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    old_notes = _placed(old_spans, [range(code[1] + 1, code[2] + 1) for code in changed])
    new_notes = _placed(new_spans, [range(code[3] + 1, code[4] + 1) for code in changed])
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        lines = tuple(line for code in group for line in _lines(code, old, new, old_notes, new_notes))
        yield Hunk(lines, group[0][1], group[0][3])


def _placed(spans: Iterable[Span], changed: Sequence[range]) -> dict[int, tuple[Note, ...]]:
    notes: dict[int, tuple[Note, ...]] = {}
    for span in spans:
        lines = (max(part.start, span.first) for part in changed if part.start <= span.last and part.stop > span.first)
        line = next(lines, None)
        if line is not None and span.note not in notes.get(line, ()):
            notes[line] = (*notes.get(line, ()), span.note)
    return notes


def _lines(
    code: tuple[str, int, int, int, int],
    old: Sequence[str],
    new: Sequence[str],
    old_notes: Mapping[int, tuple[Note, ...]],
    new_notes: Mapping[int, tuple[Note, ...]],
) -> Iterator[Line]:
    what, from_old, to_old, from_new, to_new = code
    if what == "equal":
        for index in range(from_old, to_old):
            yield Line(" ", old[index], index + 1, from_new + index - from_old + 1)
        return
    for index in range(from_old, to_old):
        yield Line("-", old[index], index + 1, None, old_notes.get(index + 1, ()))
    for index in range(from_new, to_new):
        yield Line("+", new[index], None, index + 1, new_notes.get(index + 1, ()))

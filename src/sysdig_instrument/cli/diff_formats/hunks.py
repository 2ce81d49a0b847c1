"""The hunks in which two texts differ, with context lines and notes."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal

from sysdig_instrument.cli.diff_formats.matching_lines import LineMatcher
from sysdig_instrument.lazy_dataclasses import dataclass

_CONTEXT_LINES: Final = 3
_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(frozen=True, slots=True)
class Note:
    """The reason for a difference, and what it belongs to."""

    owner: str
    reason: str


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of the old text, the new text, or both. ``old`` and ``new`` are its numbers there, from 1."""

    sign: Literal[" ", "+", "-"]
    text: str
    old: int | None
    new: int | None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Hunk:
    """Adjacent differences between the texts, with context lines."""

    lines: tuple[DiffLine, ...]
    old_offset: int
    """The number of lines above the hunk in the old text; ``new_offset`` is that in the new text."""
    new_offset: int

    @property
    def header(self) -> str:
        """The range information of a unified diff: ``@@ -1,3 +1,4 @@``."""
        old_count = sum(line.sign != "+" for line in self.lines)
        new_count = sum(line.sign != "-" for line in self.lines)
        return f"@@ -{_hunk_range(self.old_offset, old_count)} +{_hunk_range(self.new_offset, new_count)} @@"

    @property
    def owners(self) -> tuple[str, ...]:
        """The owners of the differences in the order of the text, each once."""
        return tuple(dict.fromkeys(note.owner for line in self.lines for note in line.notes))


def _hunk_range(offset: int, count: int) -> str:
    start = offset + 1 if count else offset  # as diff(1) does
    return str(start) if count == 1 else f"{start},{count}"


@dataclass(frozen=True, slots=True)
class NoteSpan:
    """The lines that a note is about. It is attached to the first of them that differs."""

    first: int
    last: int
    note: Note


def hunks(
    old_text: str,
    new_text: str,
    old_spans: Iterable[NoteSpan] = (),
    new_spans: Iterable[NoteSpan] = (),
    context_lines: int = _CONTEXT_LINES,
) -> Iterator[Hunk]:
    """Yield the hunks in which two texts differ, with notes on lines of the old and of the new text."""
    old_lines, new_lines = _LINE.findall(old_text), _LINE.findall(new_text)
    matcher = LineMatcher(old_lines, new_lines)
    changed = [opcode for opcode in matcher.get_opcodes() if opcode[0] != "equal"]
    old_notes = _notes_by_line(old_spans, [range(opcode[1] + 1, opcode[2] + 1) for opcode in changed])
    new_notes = _notes_by_line(new_spans, [range(opcode[3] + 1, opcode[4] + 1) for opcode in changed])
    for group in matcher.get_grouped_opcodes(context_lines):
        lines = tuple(
            line for opcode in group for line in _diff_lines(opcode, old_lines, new_lines, old_notes, new_notes)
        )
        yield Hunk(lines, group[0][1], group[0][3])


def _notes_by_line(spans: Iterable[NoteSpan], changed: Sequence[range]) -> dict[int, tuple[Note, ...]]:
    notes: defaultdict[int, dict[Note, None]] = defaultdict(dict)  # each note once, in order
    ends = [line_range.stop for line_range in changed]
    for span in spans:
        index = bisect_right(ends, span.first)
        if index < len(changed) and changed[index].start <= span.last:
            notes[max(changed[index].start, span.first)][span.note] = None
    return {line: tuple(each) for line, each in notes.items()}


def _diff_lines(
    opcode: tuple[str, int, int, int, int],
    old_lines: Sequence[str],
    new_lines: Sequence[str],
    old_notes: Mapping[int, tuple[Note, ...]],
    new_notes: Mapping[int, tuple[Note, ...]],
) -> Iterator[DiffLine]:
    tag, old_start, old_end, new_start, new_end = opcode
    if tag == "equal":
        for index in range(old_start, old_end):
            yield DiffLine(" ", old_lines[index], index + 1, new_start + index - old_start + 1)
        return
    for index in range(old_start, old_end):
        yield DiffLine("-", old_lines[index], index + 1, None, old_notes.get(index + 1, ()))
    for index in range(new_start, new_end):
        yield DiffLine("+", new_lines[index], None, index + 1, new_notes.get(index + 1, ()))

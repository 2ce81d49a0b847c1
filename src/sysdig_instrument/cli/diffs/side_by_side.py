"""Two texts beside each other, as wide as the terminal, with their line numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, zip_longest
from typing import Final

from sysdig_instrument.cli.diffs.hunks import Hunk, Line
from sysdig_instrument.cli.terminal import Look, Paint, harmless, padded, pieces

_WIDTH: Final = 130
"""Columns where nobody says how many there are, as for ``diff -y``."""
_NARROWEST: Final = 10


def lines(hunks: Iterable[Hunk], look: Look) -> Iterator[str]:
    """The rows of all hunks; a reason stands above the row that it is about."""
    for hunk in hunks:
        numbers = len(str(max(line.old or line.new or 0 for line in hunk.lines) + 1))
        room = max(_NARROWEST, ((look.width or _WIDTH) - 3 - 2 * (numbers + 1)) // 2)
        yield look.paint("place", ", ".join(hunk.owners) or hunk.header) + "\n"
        for old, new in _pairs(hunk.lines):
            for note in (*(old.notes if old else ()), *(new.notes if new and new is not old else ())):
                yield look.paint("faint", f"{' ' * (numbers + 1)}{'▾ ' + note.reason}") + "\n"
            yield from _row(old, new, numbers, room, look)


def _pairs(shown: tuple[Line, ...]) -> Iterator[tuple[Line | None, Line | None]]:
    """Lines that stand beside each other: what was taken out beside what was put in."""
    for is_same, run in groupby(shown, key=lambda line: line.sign == " "):
        group = list(run)
        if is_same:
            yield from ((line, line) for line in group)
        else:
            yield from zip_longest(
                [line for line in group if line.sign == "-"], [line for line in group if line.sign == "+"]
            )


def _row(old: Line | None, new: Line | None, numbers: int, room: int, look: Look) -> Iterator[str]:
    left = pieces(_shown(old), room)
    right = pieces(_shown(new), room)
    for index, (one, other) in enumerate(zip_longest(left, right, fillvalue="")):
        first = index == 0
        cells = [
            look.paint("faint", _number(old.old if old and first else None, numbers)),
            _painted(old, padded(one, room), "old", look),
            _middle(old, new, look),
            look.paint("faint", _number(new.new if new and first else None, numbers)),
            _painted(new, other, "new", look),
        ]
        yield " ".join(cells).rstrip() + "\n"


def _shown(line: Line | None) -> str:
    return harmless(line.text.rstrip("\r\n")) if line else ""


def _number(number: int | None, width: int) -> str:
    return (str(number) if number else "").rjust(width)


def _middle(old: Line | None, new: Line | None, look: Look) -> str:
    if old is new:
        return look.paint("faint", "│")
    return look.paint("new", ">") if old is None else look.paint("old", "<") if new is None else look.paint("warn", "|")


def _painted(line: Line | None, text: str, paint: Paint, look: Look) -> str:
    return text if line is None or line.sign == " " else look.paint(paint, text)

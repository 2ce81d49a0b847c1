"""A side-by-side diff with line numbers, as wide as the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, zip_longest
from typing import Final

from sysdig_instrument.cli.console import Console, StyleName, pad, wrap
from sysdig_instrument.cli.diff_formats.hunks import DiffLine, Hunk
from sysdig_instrument.cli.diff_formats.unified import reason_above
from sysdig_instrument.cli.harmless import sanitize

_DEFAULT_WIDTH: Final = 130
"""Columns if the width is unknown, as for ``diff -y``."""
_MIN_COLUMN_WIDTH: Final = 10


def render(hunks: Iterable[Hunk], console: Console) -> Iterator[str]:
    """Yield the rows of all hunks, each reason above its row."""
    for hunk in hunks:
        number_width = len(str(max(line.old or line.new or 0 for line in hunk.lines) + 1))
        text_width = max(_MIN_COLUMN_WIDTH, ((console.width or _DEFAULT_WIDTH) - 3 - 2 * (number_width + 1)) // 2)
        yield console.line(console.paint("heading", sanitize(", ".join(hunk.owners)) or hunk.header))
        for old, new in _pairs(hunk.lines):
            for note in (*(old.notes if old else ()), *(new.notes if new and new is not old else ())):
                yield from reason_above(note.reason, " " * (number_width + 1), console)
            yield from _row(old, new, number_width, text_width, console)


def _pairs(lines: tuple[DiffLine, ...]) -> Iterator[tuple[DiffLine | None, DiffLine | None]]:
    """Yield the lines of each row: removed lines beside added ones."""
    for is_same, run in groupby(lines, key=lambda line: line.sign == " "):
        group = list(run)
        if is_same:
            yield from ((line, line) for line in group)
        else:
            yield from zip_longest(
                [line for line in group if line.sign == "-"], [line for line in group if line.sign == "+"]
            )


def _row(
    old: DiffLine | None, new: DiffLine | None, number_width: int, text_width: int, console: Console
) -> Iterator[str]:
    left_lines = wrap(_line_text(old), text_width)
    right_lines = wrap(_line_text(new), text_width)
    for index, (left, right) in enumerate(zip_longest(left_lines, right_lines, fillvalue="")):
        is_first = index == 0
        columns = [
            console.paint("faint", _line_number(old.old if old and is_first else None, number_width)),
            _paint(old, pad(left, text_width), "removed", console),
            _separator(old, new, console),
            console.paint("faint", _line_number(new.new if new and is_first else None, number_width)),
            _paint(new, right, "added", console),
        ]
        yield " ".join(columns).rstrip() + "\n"


def _line_text(line: DiffLine | None) -> str:
    return sanitize(line.text.rstrip("\r\n")) if line else ""


def _line_number(number: int | None, width: int) -> str:
    return (str(number) if number else "").rjust(width)


def _separator(old: DiffLine | None, new: DiffLine | None, console: Console) -> str:
    if old is new:
        return console.paint("faint", "│")
    return (
        console.paint("added", ">")
        if old is None
        else console.paint("removed", "<")
        if new is None
        else console.paint("warn", "|")
    )


def _paint(line: DiffLine | None, text: str, style: StyleName, console: Console) -> str:
    return text if line is None or line.sign == " " else console.paint(style, text)

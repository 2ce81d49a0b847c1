"""A unified diff: for ``patch`` and ``git apply`` where it goes into a file, with reasons beside it on a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

from sysdig_instrument.cli.diffs.hunks import Hunk, Line
from sysdig_instrument.cli.terminal import Look, Paint, cells, harmless, padded

_PAINTS: Final[dict[str, Paint]] = {"+": "new", "-": "old"}
_GAP: Final = 2
_NARROWEST: Final = 100
"""A terminal with fewer columns has the reasons above the lines."""

_NARROWEST_REASON: Final = 30
_WIDEST_REASON: Final = 56
_NO_LINE_END: Final = "\\ No newline at end of file"


def patch_lines(hunks: Iterable[Hunk], path: str) -> Iterator[str]:
    """The diff as ``patch -p1`` and ``git apply`` take it; names of what changes stand in the hunks' headers."""
    name = path.removeprefix("./").lstrip("/")
    yield f"--- a/{name}\n"
    yield f"+++ b/{name}\n"
    for hunk in hunks:
        yield f"{hunk.header} {', '.join(hunk.owners)}".rstrip() + "\n"
        for line in hunk.lines:
            yield line.sign + line.text
            if not line.text.endswith("\n"):
                yield f"\n{_NO_LINE_END}\n"


def terminal_lines(hunks: Iterable[Hunk], look: Look) -> Iterator[str]:
    """The diff for a terminal: each reason beside its first line, or above it where the terminal is too narrow."""
    for hunk in hunks:
        yield look.paint("place", f"{hunk.header} {', '.join(hunk.owners)}".rstrip()) + "\n"
        yield from _lines(hunk.lines, look)


def _lines(lines: tuple[Line, ...], look: Look) -> Iterator[str]:
    shown = [line.sign + harmless(line.text.rstrip("\r\n")) for line in lines]
    column = _column(lines, shown, look.width)
    waiting: list[str] = []  # rows of a reason that are still to be put beside lines
    for line, text in zip(lines, shown, strict=True):
        said = [note.reason for note in line.notes]
        if column is None:
            yield from (look.paint("faint", f"{_indent(text)}▾ {reason}") + "\n" for reason in said)
            yield look.paint(_PAINTS[line.sign], text) + "\n" if line.sign != " " else f"{text}\n"
            continue
        if said:  # each reason is to begin beside the line that it is about
            yield from _rest(waiting, column, look)
            waiting = [row for reason in said for row in _rows(reason, (look.width or 0) - column)]
        yield _beside(line, text, waiting, column, look)
    yield from _rest(waiting, column or 0, look)


def _beside(line: Line, text: str, waiting: list[str], column: int, look: Look) -> str:
    painted = look.paint(_PAINTS[line.sign], text) if line.sign != " " else text
    if not waiting or cells(text) > column - _GAP:
        return f"{painted}\n"
    gap = " " * (column - cells(text))
    return painted + gap + look.paint("faint", waiting.pop(0)) + "\n"


def _rest(waiting: list[str], column: int, look: Look) -> Iterator[str]:
    return (" " * column + look.paint("faint", row) + "\n" for row in waiting)


def _rows(reason: str, width: int) -> list[str]:
    first, *more = textwrap.wrap(reason, max(width - 2, 10))
    return [f"◂ {first}", *(f"  {row}" for row in more)]


def _column(lines: tuple[Line, ...], shown: list[str], width: int | None) -> int | None:
    """Where the reasons begin; nothing where there is no room for them beside the lines that they are about."""
    told = [text for line, text in zip(lines, shown, strict=True) if line.notes]
    if not told or width is None or width < _NARROWEST:
        return None
    column = max(map(cells, told)) + _GAP
    if width - column < _NARROWEST_REASON:
        return None
    return max(column, width - _WIDEST_REASON)


def _indent(text: str) -> str:
    return padded("", len(text) - len(text[1:].lstrip(" ")))

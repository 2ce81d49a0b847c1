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
_WIDEST_REASON: Final = 72
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
    """The diff for a terminal: each reason beside its first line, or above it where there is no room beside it."""
    shown = list(hunks)
    column = _column([line for hunk in shown for line in hunk.lines if line.notes], look.width)
    for hunk in shown:
        yield look.paint("place", f"{hunk.header} {', '.join(hunk.owners)}".rstrip()) + "\n"
        yield from _lines(hunk.lines, column, look)


def _lines(lines: tuple[Line, ...], column: int | None, look: Look) -> Iterator[str]:
    waiting: list[str] = []  # rows of a reason that are still to be put beside lines
    for line in lines:
        text = _shown(line)
        said = [note.reason for note in line.notes]
        if said:  # each reason is to begin at the line that it is about
            yield from _rest(waiting, column or 0, look)
            waiting = []
        if column is None or cells(text) > column - _GAP:
            yield from (look.paint("faint", f"{_indent(text)}▾ {reason}") + "\n" for reason in said)
        else:
            waiting += [row for reason in said for row in _rows(reason, (look.width or 0) - column)]
        yield _beside(line, text, waiting, column or 0, look)
    yield from _rest(waiting, column or 0, look)


def _shown(line: Line) -> str:
    return line.sign + harmless(line.text.rstrip("\r\n"))


def _beside(line: Line, text: str, waiting: list[str], column: int, look: Look) -> str:
    painted = look.paint(_PAINTS[line.sign], text) if line.sign != " " else text
    if not waiting or cells(text) > column - _GAP:
        return f"{painted}\n"
    gap = " " * (column - cells(text))
    return painted + gap + look.paint("faint", waiting.pop(0)) + "\n"


def _rest(waiting: list[str], column: int, look: Look) -> Iterator[str]:
    return (" " * column + look.paint("faint", row) + "\n" for row in waiting)


def _rows(reason: str, width: int) -> list[str]:
    first, *more = textwrap.wrap(reason, min(width, _WIDEST_REASON) - 2)
    return [f"◂ {first}", *(f"  {row}" for row in more)]


def _column(told: Iterable[Line], width: int | None) -> int | None:
    """Where the reasons begin, in all of the diff: behind the longest line that leaves enough room for one."""
    if width is None or width < _NARROWEST:
        return None
    most = width - _NARROWEST_REASON
    fitting = [end for line in told if (end := cells(_shown(line)) + _GAP) <= most]
    return max(fitting, default=None)


def _indent(text: str) -> str:
    return padded("", len(text) - len(text[1:].lstrip(" ")))

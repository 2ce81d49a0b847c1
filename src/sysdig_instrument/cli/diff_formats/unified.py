"""A unified diff: for ``patch`` and ``git apply`` in a file or a pipe, with the reasons beside it on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sysdig_instrument.cli.console import Console, StyleName, display_width, pad, wrap_words
from sysdig_instrument.cli.diff_formats.hunks import DiffLine, Hunk
from sysdig_instrument.cli.harmless import sanitize

_SIGN_STYLES: Final[dict[str, StyleName]] = {"+": "added", "-": "removed"}
_GAP_WIDTH: Final = 2
_MIN_WIDTH: Final = 100
"""On a narrower terminal the reasons go above the lines."""

_MIN_REASON_WIDTH: Final = 30
_MAX_REASON_WIDTH: Final = 72
_NO_NEWLINE_AT_END: Final = "\\ No newline at end of file"


def render_patch(hunks: Iterable[Hunk], path: str) -> Iterator[str]:
    """Yield a diff for ``patch -p1`` and ``git apply``. The hunk headers name what changes."""
    name = sanitize(path).removeprefix("./").lstrip("/")
    # Without a tab after it, GNU patch ends the name at its first blank; git and GNU diff write one.
    end = "\t" if " " in name else ""
    yield f"--- a/{name}{end}\n"
    yield f"+++ b/{name}{end}\n"
    for hunk in hunks:
        yield _heading(hunk) + "\n"
        for line in hunk.lines:
            yield line.sign + line.text
            if not line.text.endswith("\n"):
                yield f"\n{_NO_NEWLINE_AT_END}\n"


def render_terminal(hunks: Iterable[Hunk], console: Console) -> Iterator[str]:
    """Yield the diff for a terminal: each reason beside its first line, or above it if there is no room."""
    all_hunks = list(hunks)
    column = _reason_column([line for hunk in all_hunks for line in hunk.lines if line.notes], console.width)
    for hunk in all_hunks:
        yield console.line(console.paint("heading", _heading(hunk)))
        yield from _hunk_lines(hunk.lines, column, console)


def _heading(hunk: Hunk) -> str:
    return sanitize(f"{hunk.header} {', '.join(hunk.owners)}".rstrip())


def _hunk_lines(lines: tuple[DiffLine, ...], column: int | None, console: Console) -> Iterator[str]:
    pending: list[str] = []  # the lines of the reasons that are not printed yet
    for line in lines:
        text = _line_text(line)
        reasons = [sanitize(note.reason) for note in line.notes]
        if reasons:  # a reason starts beside its own line, so the rest of the previous one is printed first
            yield from _remaining_reasons(pending, column or 0, console)
            pending = []
        if column is None or display_width(text) > column - _GAP_WIDTH:
            for reason in reasons:
                yield from reason_above(reason, _indentation(text), console)
        else:
            pending += [part for reason in reasons for part in _wrap_reason(reason, (console.width or 0) - column)]
        yield _with_reason(line, text, pending, column or 0, console)
    yield from _remaining_reasons(pending, column or 0, console)


def reason_above(reason: str, indent: str, console: Console) -> Iterator[str]:
    """Yield a reason above its line, with no more indentation than leaves half of the width."""
    indent = indent if console.width is None else indent[: console.width // 2]
    yield from console.painted_paragraph("faint", f"▾ {reason}", indent, f"{indent}  ")


def _line_text(line: DiffLine) -> str:
    return line.sign + sanitize(line.text.rstrip("\r\n"))


def _with_reason(line: DiffLine, text: str, pending: list[str], column: int, console: Console) -> str:
    painted = console.paint(_SIGN_STYLES[line.sign], text) if line.sign != " " else text
    if not pending or display_width(text) > column - _GAP_WIDTH:
        return f"{painted}\n"
    gap = " " * (column - display_width(text))
    return painted + gap + console.paint("faint", pending.pop(0)) + "\n"


def _remaining_reasons(pending: list[str], column: int, console: Console) -> Iterator[str]:
    return (" " * column + console.paint("faint", text) + "\n" for text in pending)


def _wrap_reason(reason: str, width: int) -> list[str]:
    first, *other_lines = wrap_words(reason, min(width, _MAX_REASON_WIDTH) - 2)
    return [f"◂ {first}", *(f"  {text}" for text in other_lines)]


def _reason_column(noted_lines: Iterable[DiffLine], width: int | None) -> int | None:
    """Return the column at which all reasons start: after the longest line that leaves enough room."""
    if width is None or width < _MIN_WIDTH:
        return None
    max_column = width - _MIN_REASON_WIDTH
    columns = [column for line in noted_lines if (column := display_width(_line_text(line)) + _GAP_WIDTH) <= max_column]
    return max(columns, default=None)


def _indentation(text: str) -> str:
    return pad("", len(text) - len(text[1:].lstrip(" ")))

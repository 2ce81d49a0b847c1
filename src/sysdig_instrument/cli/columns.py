"""Columns of a table for people: as wide as needed, or as the terminal, with a last column of text that is wrapped."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from sysdig_instrument.cli.console import GAP, Console, StyleName, display_width, pad, wrap, wrap_words
from sysdig_instrument.lazy_dataclasses import dataclass

_MIN_TEXT_WIDTH: Final = 40
"""If less room is left beside the other columns, the last column's text goes below them."""

_MIN_NAME_WIDTH: Final = 12
_INDENT: Final = " " * 4


@dataclass(frozen=True, slots=True)
class Columns:
    """The widths of all columns but the last. Those that are ``right_aligned`` have numbers."""

    console: Console
    widths: tuple[int, ...]
    right_aligned: Collection[int] = ()

    @classmethod
    def of(
        cls,
        rows: Sequence[Sequence[str]],
        console: Console,
        *,
        shrinkable: Sequence[int],
        right_aligned: Collection[int] = (),
    ) -> Columns:
        """Return columns for these rows. If they exceed the console's width, the widest ``shrinkable`` ones are shortened."""
        widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
        while console.width is not None and sum(widths) + len(GAP) * (len(widths) - 1) > console.width:
            widest = max(shrinkable, key=lambda column: widths[column])
            if widths[widest] <= _MIN_NAME_WIDTH:
                break
            widths[widest] -= 1
        return cls(console, tuple(widths), right_aligned)

    @property
    def _text_width(self) -> int | None:
        if self.console.width is None:
            return None
        return self.console.width - sum(self.widths) - len(GAP) * len(self.widths)

    @property
    def _is_text_beside(self) -> bool:
        return self._text_width is None or self._text_width >= _MIN_TEXT_WIDTH

    def heading(self, cells: Sequence[str], last: str) -> Iterator[str]:
        """Yield the headings."""
        yield from self._lines(self._fit(cells, {}), [last] if self._is_text_beside else [])

    def row(self, cells: Sequence[str], text: str, styles: Mapping[int, StyleName]) -> Iterator[str]:
        """Yield the lines of a row, with the text in its last column. ``styles`` are by column."""
        fitted = self._fit(cells, styles)
        if not self._is_text_beside:
            yield from self._lines(fitted, [])
            yield from self.console.paragraph(text, _INDENT)
        else:
            width = self._text_width
            yield from self._lines(fitted, [text] if width is None else wrap_words(text, width))

    def _lines(self, cells: Sequence[str], last: Sequence[str]) -> Iterator[str]:
        """Yield the lines of a row: one, or if the columns have no room in it, as many as they need."""
        room = self.console.width
        if room is None or sum(self.widths) + len(GAP) * (len(self.widths) - 1) <= room:
            yield from self.console.row(cells, last)
            return
        indent, line, used = "", list[str](), 0
        for cell, width in zip(cells, self.widths, strict=True):
            if line and used + width > room:
                yield self.console.line(f"{indent}{GAP.join(line)}".rstrip())
                indent, line, used = _INDENT, [], len(_INDENT)
            line.append(cell)
            used += width + len(GAP)
        yield self.console.line(f"{indent}{GAP.join(line)}".rstrip())

    def _fit(self, cells: Sequence[str], styles: Mapping[int, StyleName]) -> list[str]:
        fitted = []
        for column, (cell, width) in enumerate(zip(cells, self.widths, strict=True)):
            short = _shorten(cell, width)
            padding = pad(short, width).removeprefix(short)
            painted = self.console.paint(styles[column], short) if column in styles else short
            fitted.append(padding + painted if column in self.right_aligned else painted + padding)
        return fitted


def _shorten(name: str, width: int) -> str:
    """Shorten a name in the middle: its end, a revision or a file's name, is more useful."""
    if display_width(name) <= width:
        return name
    tail_width = (width - 1) // 2
    tail = wrap(name[::-1], tail_width)[0][::-1]
    return f"{wrap(name, width - 1 - tail_width)[0]}…{tail}"

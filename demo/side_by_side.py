"""Two JSON values as text, beside each other, with what is new in colour."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any, Final

Json = Any

NARROW: Final = 96
"""Below this many columns two texts do not fit beside each other."""


@dataclass(frozen=True, slots=True)
class Style:
    """How changes are marked: with colours, or in plain text by their signs alone."""

    colour: bool

    def new(self, text: str) -> str:
        """What was added."""
        return self._with("32", text)

    def old(self, text: str) -> str:
        """What was taken away."""
        return self._with("31", text)

    def faint(self, text: str) -> str:
        """What matters less."""
        return self._with("2", text)

    def bold(self, text: str) -> str:
        """What matters more."""
        return self._with("1", text)

    def _with(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text else text


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the one beside the line of the other; ``None`` where there is none."""

    before: str | None
    after: str | None

    @property
    def same(self) -> bool:
        """Whether nothing changed here."""
        return self.before == self.after


def outline(value: Json, width: int, indent: int = 0) -> Iterator[str]:
    """JSON as people write it in YAML: what is short stands on one line."""
    pad = " " * indent
    if isinstance(value, dict):
        for key, item in value.items():
            if fits(item, width - indent - len(key) - 2):
                yield f"{pad}{key}: {_inline(item)}"
            else:
                yield f"{pad}{key}:"
                yield from outline(item, width, indent + 2)
    elif isinstance(value, list):
        for item in value:
            if fits(item, width - indent - 2):
                yield f"{pad}- {_inline(item)}"
            else:
                first, *rest = outline(item, width, indent + 2)
                yield f"{pad}- {first.lstrip()}"
                yield from rest
    else:
        yield f"{pad}{_inline(value)}"


def fits(value: Json, width: int) -> bool:
    """Whether the value stands well on one line: a plain value, a list of them, or a small object."""
    if isinstance(value, list):
        return not any(isinstance(item, dict) for item in value)
    if isinstance(value, dict):
        return len(value) <= 2 and len(_inline(value)) <= width  # noqa: PLR2004 - a name and a value
    return True


def rows(before: Sequence[str], after: Sequence[str]) -> Iterator[Row]:
    """The lines of both, aligned."""
    for kind, start, end, other_start, other_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        left, right = before[start:end], after[other_start:other_end]
        if kind == "equal":
            yield from (Row(line, line) for line in left)
        else:
            yield from (Row(*pair) for pair in zip_longest(left, right))


def side_by_side(before: Json, after: Json, titles: tuple[str, str], width: int, style: Style) -> Iterator[str]:
    """The lines to print. In a narrow window the two are merged into one text with - and + signs."""
    if width < NARROW:
        yield from _merged(before, after, width, style)
        return
    most = width * 2 // 5
    old = list(outline(before, most))
    left = min(most, max(map(len, old)) + 2)
    right = width - left - 3
    lines = rows(old, list(outline(after, right - 2)))
    yield f"{style.bold(titles[0].ljust(left))} │ {style.bold(titles[1])}"
    yield f"{'─' * left}─┼─{'─' * right}"
    for row in lines:
        yield from _beside(row, left, right, style)


def _beside(row: Row, left: int, right: int, style: Style) -> Iterator[str]:
    before = _cell(row.before, left - 2)
    after = _cell(row.after, right - 2)
    for one, other in zip_longest(before, after, fillvalue=""):
        sign = " " if row.same else "-" if row.before is not None else " "
        other_sign = " " if row.same else "+" if row.after is not None else " "
        cell = f"{sign} {one}".ljust(left)
        other_cell = f"{other_sign} {other}".rstrip()
        if row.same:
            yield f"{cell} │ {other_cell}".rstrip()
        else:
            yield f"{style.old(cell) if one else cell} │ {style.new(other_cell)}".rstrip()


def _merged(before: Json, after: Json, width: int, style: Style) -> Iterator[str]:
    for row in rows(list(outline(before, width - 2)), list(outline(after, width - 2))):
        if row.same:
            yield from (f"  {line}" for line in _cell(row.before, width - 2))
            continue
        yield from (style.old(f"- {line}") for line in _cell(row.before, width - 2))
        yield from (style.new(f"+ {line}") for line in _cell(row.after, width - 2))


def _cell(line: str | None, width: int) -> list[str]:
    """The line, on as many lines as it needs."""
    if line is None:
        return []
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.wrap(line, width, subsequent_indent=indent, break_on_hyphens=False, drop_whitespace=True) or [""]


def _inline(value: Json) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(item) for item in value) + "]"
    if isinstance(value, str) and value and not set(value) & set(",{}[]\"'\n"):
        return value
    return json.dumps(value, ensure_ascii=False)

"""Print two JSON values side by side as YAML, with changes in colour."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any, Final

Json = Any

MIN_WIDTH: Final = 96
"""With fewer columns, the two texts do not fit side by side."""


@dataclass(frozen=True, slots=True)
class Style:
    """How changes are marked: by signs, and in colour if ``colour`` is true."""

    colour: bool

    def added(self, text: str) -> str:
        """Style an added line."""
        return self._with("32", text)

    def removed(self, text: str) -> str:
        """Style a removed line."""
        return self._with("31", text)

    def faint(self, text: str) -> str:
        """Style secondary text."""
        return self._with("2", text)

    def bold(self, text: str) -> str:
        """Style important text."""
        return self._with("1", text)

    def _with(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text else text


@dataclass(frozen=True, slots=True)
class Row:
    """A line before and the matching line after; ``None`` if there is none."""

    before: str | None
    after: str | None

    @property
    def is_unchanged(self) -> bool:
        """Return whether the line is unchanged."""
        return self.before == self.after


def yaml_lines(value: Json, width: int, indent: int = 0) -> Iterator[str]:
    """Yield the value as YAML lines in the usual style: short values are on one line."""
    pad = " " * indent
    if isinstance(value, dict):
        for key, item in value.items():
            if fits_on_line(item, width - indent - len(key) - 2):
                yield f"{pad}{key}: {_inline(item)}"
            else:
                yield f"{pad}{key}:"
                yield from yaml_lines(item, width, indent + 2)
    elif isinstance(value, list):
        for item in value:
            if fits_on_line(item, width - indent - 2):
                yield f"{pad}- {_inline(item)}"
            else:
                first, *rest = yaml_lines(item, width, indent + 2)
                yield f"{pad}- {first.lstrip()}"
                yield from rest
    else:
        yield f"{pad}{_inline(value)}"


def fits_on_line(value: Json, width: int) -> bool:
    """Return whether the value belongs on one line: a scalar, a list of scalars, or a small object."""
    if isinstance(value, list):
        return not any(isinstance(item, dict) for item in value)
    if isinstance(value, dict):
        return len(value) <= 2 and len(_inline(value)) <= width  # noqa: PLR2004 - a name and a value
    return True


def aligned_rows(before: Sequence[str], after: Sequence[str]) -> Iterator[Row]:
    """Yield the lines of both texts, aligned."""
    for operation, start, end, other_start, other_end in SequenceMatcher(
        None, before, after, autojunk=False
    ).get_opcodes():
        left, right = before[start:end], after[other_start:other_end]
        if operation == "equal":
            yield from (Row(line, line) for line in left)
        else:
            yield from (Row(*pair) for pair in zip_longest(left, right))


def side_by_side(before: Json, after: Json, titles: tuple[str, str], width: int, style: Style) -> Iterator[str]:
    """Yield the lines to print. In a narrow window they form one text with - and + signs."""
    if width < MIN_WIDTH:
        yield from _unified(before, after, width, style)
        return
    max_left = width * 2 // 5
    before_lines = list(yaml_lines(before, max_left))
    left = min(max_left, max(map(len, before_lines)) + 2)
    right = width - left - 3
    rows = aligned_rows(before_lines, list(yaml_lines(after, right - 2)))
    yield f"{style.bold(titles[0].ljust(left))} │ {style.bold(titles[1])}"
    yield f"{'─' * left}─┼─{'─' * right}"
    for row in rows:
        yield from _row_lines(row, left, right, style)


def _row_lines(row: Row, left: int, right: int, style: Style) -> Iterator[str]:
    before = _wrapped(row.before, left - 2)
    after = _wrapped(row.after, right - 2)
    for left_line, right_line in zip_longest(before, after, fillvalue=""):
        left_sign = " " if row.is_unchanged else "-" if row.before is not None else " "
        right_sign = " " if row.is_unchanged else "+" if row.after is not None else " "
        left_cell = f"{left_sign} {left_line}".ljust(left)
        right_cell = f"{right_sign} {right_line}".rstrip()
        if row.is_unchanged:
            yield f"{left_cell} │ {right_cell}".rstrip()
        else:
            yield f"{style.removed(left_cell) if left_line else left_cell} │ {style.added(right_cell)}".rstrip()


def _unified(before: Json, after: Json, width: int, style: Style) -> Iterator[str]:
    for row in aligned_rows(list(yaml_lines(before, width - 2)), list(yaml_lines(after, width - 2))):
        if row.is_unchanged:
            yield from (f"  {line}" for line in _wrapped(row.before, width - 2))
            continue
        yield from (style.removed(f"- {line}") for line in _wrapped(row.before, width - 2))
        yield from (style.added(f"+ {line}") for line in _wrapped(row.after, width - 2))


def _wrapped(line: str | None, width: int) -> list[str]:
    """Return the line, wrapped to the width."""
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

"""The fault of a line of YAML whose indentation fits none of the lines above that it could belong with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sysdig_instrument.documents.errors import LINE_BREAK, line_of
from sysdig_instrument.lazy_dataclasses import dataclass

_BLOCK_TEXT: Final = r"[|>][+-]?[1-9]?[+-]?\s*(?:\s#.*)?$"
"""The end of a line below which lines of text are indented, and no keys."""
_END: Final = 300  # characters of a line that are looked at; what is read here is at its end
_ITEM: Final = r"(?:- +)*"
_OPENS: Final = r"(?::|^-|\s-)(?:\s+[&!]\S*)*\s*(?:\s#.*)?$"
"""The end of a line below which keys or items may be indented: it has no value of its own."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line above: its number, and the columns at which it has a key, and an item of a list (None if there is none)."""

    number: int
    key: int
    item: int | None
    text: str


def indentation_fault(text: str, offset: int) -> str:
    """Return what is wrong with the indentation of the line that an offset is in, and what to do; empty if that is not it."""
    lines = LINE_BREAK.split(text)
    number = line_of(text, offset)
    line = lines[number - 1]
    indent = len(line) - len(line.lstrip(" "))
    is_item = line[indent : indent + 2] in ("- ", "-")
    above = list(_open_lines(lines[: number - 1]))
    columns = {column: each for each in reversed(above) if (column := each.item if is_item else each.key) is not None}
    same = next((each for each in above if each.key == indent and each.item is None), None)
    if is_item and same and indent not in columns:
        return (
            f"this line is an item of a list, but line {same.number}, which is indented as far, is a key. "
            "Indent the items below the key of their list."
        )
    if not columns or indent in columns or (indent > max(columns) and re.search(_OPENS, above[0].text)):
        return ""
    nearest = min(columns, key=lambda column: (abs(column - indent), -column))
    what = "items" if is_item else "keys"
    return (
        f"this line begins with {_spaces(indent)}, but the {what} above begin with {_either(sorted(columns))}. "
        f"Indent it like the {what} it belongs with, for example line {columns[nearest].number} ({_spaces(nearest)})."
    )


def _open_lines(lines: list[str]) -> Iterator[_Line]:
    """Yield the lines that something may still be added to, the last one first: each is indented less than those after it."""
    found: list[_Line] = []
    for number, line in reversed(list(enumerate(lines, 1))):
        content = line.strip()
        if not content or content.startswith("#") or content in ("---", "..."):
            continue
        indent = len(line) - len(line.lstrip(" "))
        is_item = content.startswith("- ") or content == "-"
        if found and not _is_outside(indent, found[-1], is_item=is_item):
            continue
        if re.search(rf"(?::|-)\s+{_BLOCK_TEXT}", line[-_END:]):
            found = [each for each in found if each.key <= indent]
        match = re.match(_ITEM, line[indent:])
        width = match.end() if match else 0
        found.append(_Line(number, indent + width, indent if is_item else None, content[-_END:]))
    yield from found


def _is_outside(indent: int, inner: _Line, *, is_item: bool) -> bool:
    """Return whether a line above another one is further out. The items of a list may be indented as far as its key."""
    if inner.item is None:
        return indent < inner.key
    return indent < inner.item or (indent == inner.item and not is_item)


def _spaces(count: int) -> str:
    return f"{count} space{'' if count == 1 else 's'}"


def _either(columns: list[int]) -> str:
    *first, last = map(str, columns)
    return f"{', '.join(first)} or {last}" if first else last

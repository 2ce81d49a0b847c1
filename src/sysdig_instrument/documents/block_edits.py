"""Edits inside of a block: YAML's lists with dashes and objects with a key on each line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sysdig_instrument.documents.block import entry, item_lines
from sysdig_instrument.documents.inline import inline
from sysdig_instrument.documents.page import UnplacedError
from sysdig_instrument.documents.rows import Rows, rows_of
from sysdig_instrument.documents.splices import OwnEdits, Place, Splice
from sysdig_instrument.documents.tree import Mapping, Sequence

if TYPE_CHECKING:
    from sysdig_instrument.documents.drafts import Draft
    from sysdig_instrument.documents.page import Page
    from sysdig_instrument.documents.style import Style
    from sysdig_instrument.documents.tree import Node
    from sysdig_instrument.engine.json_types import Json


def block_edits(draft: Draft, node: Sequence | Mapping, page: Page, style: Style) -> OwnEdits:
    """The edits of a block that keeps at least one of its rows.

    Raises:
        UnplacedError: It keeps none, or is laid out in an odd way.
    """
    matched = rows_of(draft, node, page)
    column = page.column(matched.rows[0].start)
    splices = _cut_out(matched, page)
    in_brackets = isinstance(node, Sequence) and _all_in_brackets(node, page)
    for gap in matched.gaps:
        lines = [line for key, part in gap.drafts for line in _lines(key, part.value, style, in_brackets=in_brackets)]
        splices.append(_put_in(lines, gap.row, matched, page, column))
    places = [Place(_kind(node), column, row.after) for row in matched.rows]
    return OwnEdits(splices, matched.staying(places))


def _kind(node: Node) -> Literal["key", "item"]:
    return "key" if isinstance(node, Mapping) else "item"


def _lines(key: str | None, value: Json, style: Style, *, in_brackets: bool) -> list[str]:
    """A new row. A list whose other items are all in brackets gets one more such item."""
    if key is not None:
        return entry(key, value, style)
    if isinstance(value, dict | list) and value and in_brackets:
        return [f"-{' ' * (style.gap - 1)}{inline(value, style)}"]
    return item_lines(value, style)


def _all_in_brackets(node: Sequence, page: Page) -> bool:
    inner = [item for item in node.items if isinstance(item, Sequence | Mapping) and item.tag is None]
    return bool(inner) and all(item.flow and page.one_line(item.start, item.end) for item in inner)


def _put_in(lines: list[str], row: int | None, matched: Rows, page: Page, column: int) -> Splice:
    indentation = page.newline + " " * column
    text = indentation.join(lines).replace(indentation + page.newline, page.newline + page.newline)
    if row is not None:
        at = page.below(matched.rows[row].end, column)
        return Splice(at, at, indentation + text)
    first = matched.rows[matched.first].start
    at = _above(first, page) if matched.first == 0 and page.begins_line(first) and column else first
    if at == first:
        return Splice(at, at, text + indentation)
    return Splice(at, at, indentation + text)


def _above(start: int, page: Page) -> int:
    """The end of the line that introduces the block: above the comments that belong to its first row."""
    line = page.line_start(start)
    while line > 0:
        end = line - len(page.newline)
        above = page.line_start(end)
        content = page.text[above:end].strip(" \t")
        if content and not content.startswith("#"):
            return end
        line = above
    return start


def _cut_out(matched: Rows, page: Page) -> list[Splice]:
    """Rows go with their lines, and with the line end before them: the one behind may be where something is put in."""
    splices: list[Splice] = []
    for index, (row, part) in enumerate(zip(matched.rows, matched.kept, strict=True)):
        if part is not None:
            continue
        if index < matched.first:
            # Up to the next row, as the first one may share its line with the dash or key that it stands behind.
            splices.append(Splice(row.start, matched.rows[index + 1].start, ""))
            continue
        if not page.begins_line(row.start):
            raise UnplacedError
        before = page.line_start(row.start) - len(page.newline)
        splices.append(Splice(before, page.rest_of_line(row.end), ""))
    return splices

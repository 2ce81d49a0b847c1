"""Edits inside of brackets: all of JSON, and YAML's flow style."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sysdig_instrument.documents.inline import inline, member
from sysdig_instrument.documents.page import UnplacedError
from sysdig_instrument.documents.rows import Rows, rows_of
from sysdig_instrument.documents.splices import OwnEdits, Place, Splice
from sysdig_instrument.documents.tree import Mapping, Sequence

if TYPE_CHECKING:
    from sysdig_instrument.documents.drafts import Draft
    from sysdig_instrument.documents.page import Page
    from sysdig_instrument.documents.style import Style

_COMMENT_LINE: Final = re.compile(r"[ \t]*(,?)[ \t]*(#[^\r\n]*)")


def bracket_edits(draft: Draft, node: Sequence | Mapping, page: Page, style: Style) -> OwnEdits:
    """The edits of a collection in brackets that keeps at least one of its parts.

    Raises:
        UnplacedError: It keeps none, or has no brackets after all: ``[key: value]`` is an object in a list.
    """
    start = page.content_start(node)
    if page.text[start : start + 1] not in ("[", "{"):
        raise UnplacedError
    matched = rows_of(draft, node, page)
    splices = _cut_out(matched)
    separator = _separator(matched, start, page, style)
    spread = _has_break(separator) and not _is_flat_inside(node, page, style)
    for gap in matched.gaps:
        texts = [_text(key, part, style, separator, spread=spread) for key, part in gap.drafts]
        splices += _put_in(texts, gap.row, matched, separator, page)
    return OwnEdits(splices, matched.staying([Place("brackets")] * len(matched.rows)))


def _separator(matched: Rows, start: int, page: Page, style: Style) -> str:
    """What stands between two parts: comma and blanks, or a comma and a new line."""
    if len(matched.rows) > 1:
        between = page.text[matched.rows[0].end : matched.rows[1].start]
        if not between.strip(", \t\r\n"):
            return between
    first = matched.rows[0].start
    if page.one_line(start, first):
        return style.comma
    return "," + page.newline + page.indentation(first)


def _is_flat_inside(node: Sequence | Mapping, page: Page, style: Style) -> bool:
    """Are the parts on one line each, though there is a line for each of them? A list shows it by its other parts."""
    inner = node.items if isinstance(node, Sequence) else ()
    nested = [item for item in inner if isinstance(item, Sequence | Mapping) and item.end - item.start > len("[]")]
    if nested:
        return all(page.one_line(item.start, item.end) for item in nested)
    return not style.json


def _text(key: str | None, part: Draft, style: Style, separator: str, *, spread: bool) -> str:
    """A new part: an entry where it has a key, else an item."""
    base = separator[max(separator.rfind("\n"), separator.rfind("\r")) + 1 :]
    if key is None:
        return inline(part.value, style, base=base, spread=spread)
    return member(key, part.value, style, base=base, spread=spread)


def _put_in(texts: list[str], row: int | None, matched: Rows, separator: str, page: Page) -> list[Splice]:
    if row is None:
        at = matched.rows[matched.first].start
        return [Splice(at, at, "".join(text + separator for text in texts))]
    at = matched.rows[row].end
    comment = _COMMENT_LINE.match(page.text, at)
    blanks = separator.partition(",")[2]
    if comment is None or not _has_break(separator):
        return [Splice(at, at, "".join(separator + text for text in texts))]
    # The comment on the last line stays there, so the comma goes before it and the new part below.
    below = "".join(blanks + text + "," for text in texts)
    if comment[1]:
        return [Splice(comment.end(), comment.end(), below)]
    return [Splice(at, at, ","), Splice(comment.end(), comment.end(), below[:-1])]


def _has_break(text: str) -> bool:
    return "\n" in text or "\r" in text


def _cut_out(matched: Rows) -> list[Splice]:
    """Parts go with the comma before them; those before the first that stays, with the comma behind them."""
    splices: list[Splice] = []
    for index, (row, part) in enumerate(zip(matched.rows, matched.kept, strict=True)):
        if part is None and index < matched.first:
            splices.append(Splice(row.start, matched.rows[index + 1].start, ""))
        elif part is None:
            splices.append(Splice(matched.rows[index - 1].end, row.end, ""))
    return splices

"""Edits of a text: pieces cut out and put in, found by going through the drafts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from sysdig_instrument.documents.block import attached, block
from sysdig_instrument.documents.drafts import Draft
from sysdig_instrument.documents.inline import inline
from sysdig_instrument.documents.page import Page, Row, UnplacedError
from sysdig_instrument.documents.style import Style, style_of
from sysdig_instrument.documents.tree import Mapping, Scalar, Sequence, is_merge, key_text
from sysdig_instrument.engine.json_types import ABSENT

if TYPE_CHECKING:
    from sysdig_instrument.documents.tree import Node

_ALONE: Final = re.compile(r'\s*(?:"[^"\\]*(?:\\.[^"\\]*)*"\s*:\s*)?')
_COMMENT: Final = re.compile(r"[ \t]+#.*")

Surroundings: TypeAlias = Literal["key", "item", "brackets", "top"]


@dataclass(frozen=True, slots=True)
class Splice:
    """A piece of text in place of another one. Where both ends are one offset, it is put in there."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: behind a key or dash at a column, in brackets, or at the top."""

    kind: Surroundings
    column: int = 0
    after: int = 0


def spliced(text: str, splices: Iterable[Splice]) -> str:
    """The text with all splices made.

    Raises:
        UnplacedError: Two of them want the same characters.
    """
    pieces: list[str] = []
    done = 0
    # Sorting keeps the order of those at the same place: inner ones come before outer ones.
    for splice in sorted(splices, key=lambda splice: (splice.start, splice.end)):
        if splice.start < done:
            raise UnplacedError
        pieces += (text[done : splice.start], splice.text)
        done = splice.end
    return "".join((*pieces, text[done:]))


def closed(splices: list[Splice], tree: Node, page: Page) -> list[Splice]:
    """With a block scalar at the end of the file closed, where something is put in behind it.

    It has no line end as long as the file has none; the line end that the new lines need would become part of it.
    """
    last = tree
    while isinstance(last, Sequence | Mapping) and not last.flow:
        last = last.items[-1] if isinstance(last, Sequence) else last.entries[-1][1]
    size = len(page.text)
    if (
        not isinstance(last, Scalar)
        or last.style not in ("|", ">")
        or page.end_of(last) < size
        or last.text.endswith("\n")
    ):
        return splices
    header = page.content_start(last) + 1
    is_put_in_behind = any(splice.start == splice.end == size for splice in splices)
    is_replaced = any(splice.start < header < splice.end for splice in splices)
    if page.text[header : header + 1] in ("-", "+") or is_replaced or not is_put_in_behind:
        return splices
    return [Splice(header, header, "-"), *splices]


@dataclass(frozen=True, slots=True)
class Gap:
    """New drafts between the rows of a collection: behind the row with this number, or before the first that stays."""

    row: int | None
    drafts: list[tuple[str | None, Draft]]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a collection and what becomes of them."""

    rows: list[Row]
    kept: list[Draft | None]
    gaps: list[Gap]

    @property
    def first(self) -> int:
        """The first row that stays."""
        return next(index for index, draft in enumerate(self.kept) if draft is not None)


def rows_of(draft: Draft, node: Sequence | Mapping, page: Page) -> Rows:
    """Match the rows of the text with the parts of the draft.

    Raises:
        UnplacedError: None of the rows stays, so there is nothing to put new ones beside.
    """
    rows = page.rows(node)
    kept = _kept_items(draft, node) if isinstance(node, Sequence) else _kept_entries(draft, node)
    if not any(kept):
        raise UnplacedError
    gaps = [Gap(row, list(drafts)) for row, drafts in _new(draft, kept)]
    return Rows(rows, kept, gaps)


def _kept_items(draft: Draft, node: Sequence) -> list[Draft | None]:
    by_node = {id(part.node): part for part in draft.below()}
    return [by_node.get(id(item)) for item in node.items]


def _kept_entries(draft: Draft, node: Mapping) -> list[Draft | None]:
    """Of a repeated key all entries stay or go, but only the last one is a part; the others stay as they are."""
    parts = draft.parts if isinstance(draft.parts, dict) else {}
    kept: list[Draft | None] = []
    for key, value in node.entries:
        part = parts.get(key_text(key) or "")
        if is_merge(key):
            kept.append(None if draft.unmerged else Draft(value))
        elif part is not None and part.node is not None:
            kept.append(part if part.node is value else Draft(value))
        else:
            kept.append(None)
    return kept


def _new(draft: Draft, kept: list[Draft | None]) -> Iterator[tuple[int | None, list[tuple[str | None, Draft]]]]:
    """New parts by the row that they follow. New keys follow all others, as they do in the value."""
    stays = [index for index, part in enumerate(kept) if part is not None]
    if isinstance(draft.parts, dict):
        new: list[tuple[str | None, Draft]] = [
            (key, part)
            for key, part in draft.parts.items()
            if part.node is None and (draft.unmerged or not part.inherited)
        ]
        if new:
            yield stays[-1], new
        return
    row: int | None = None
    run: list[tuple[str | None, Draft]] = []
    numbers = {id(part): index for index, part in enumerate(kept) if part is not None}
    for part in draft.below():
        if id(part) in numbers:
            if run:
                yield row, run
            row, run = numbers[id(part)], []
        else:
            run.append((None, part))
    if run:
        yield row, run


def edits(draft: Draft, place: Place, page: Page, style: Style) -> list[Splice]:
    """The splices that make the text say what the draft says."""
    node = draft.node
    if node is None or not is_changed(draft):
        return []
    if draft.new is ABSENT and isinstance(node, Sequence | Mapping):
        try:
            return _inside(draft, node, page, style_of(node, page, style) if _writes_here(draft) else style)
        except UnplacedError:
            pass
    return [replaced(draft, node, place, page, style)]


def _writes_here(draft: Draft) -> bool:
    """Is new text put in at this level, so that its habits matter?"""
    return any((part.node is None and not part.inherited) or part.new is not ABSENT for part in draft.below())


def _inside(draft: Draft, node: Sequence | Mapping, page: Page, style: Style) -> list[Splice]:
    # Imported here, as the two go into each other: brackets stand in blocks, and edits of both begin here.
    if node.flow:
        from sysdig_instrument.documents.bracket_edits import bracket_edits  # noqa: PLC0415

        return bracket_edits(draft, node, page, style)
    from sysdig_instrument.documents.block_edits import block_edits  # noqa: PLC0415

    return block_edits(draft, node, page, style)


def is_changed(draft: Draft) -> bool:
    """Does the text have to change for this value? Opened is not changed."""
    if draft.new is not ABSENT or draft.unmerged:
        return True
    if draft.parts is None:
        return False
    if isinstance(draft.node, Sequence):
        nodes = [part.node for part in draft.below()]
        if len(nodes) != len(draft.node.items) or any(
            one is not two for one, two in zip(nodes, draft.node.items, strict=True)
        ):
            return True
    elif isinstance(draft.node, Mapping) and isinstance(draft.parts, dict):
        there = {key_text(key) for key, _ in draft.node.entries if not is_merge(key)}
        if there - draft.parts.keys() or any(part.node is None and not part.inherited for part in draft.below()):
            return True
    return any(is_changed(part) for part in draft.below() if part.node is not None)


def replaced(draft: Draft, node: Node, place: Place, page: Page, style: Style) -> Splice:
    """The whole value written anew in its place. Its anchor stays, as other places may name it."""
    end = max(page.end_of(node), place.after)
    if isinstance(node, Sequence) and not node.items:
        style = replace(style, flow_lists=True)  # "[]" had brackets, so words in it may have them too
    if place.kind == "brackets" or style.json:
        return _replaced_in_brackets(draft, node, page, style)
    if place.kind == "top":
        value = draft.value
        lines = block(value, style) if isinstance(value, dict | list) and value else [inline(value, style)]
        return Splice(node.start, end, style.newline.join(lines))
    first, *rest = attached(draft.value, style, place.kind, node.anchor or "")
    comment, end = _comment(node, place, page, end, spread=bool(rest))
    indented = [" " * place.column + line if line else line for line in rest]
    return Splice(place.after, end, style.newline.join([first + comment, *indented]))


def _comment(node: Node, place: Place, page: Page, end: int, *, spread: bool) -> tuple[str, int]:
    """The comment on the line where the value begins, to be kept there, and where the old text ends with it."""
    begins = page.content_start(node)
    if not page.one_line(place.after, begins):
        comment = _COMMENT.search(page.text, place.after, page.line_end(place.after))
        return (comment[0] if comment else ""), page.rest_of_line(end)
    if not spread or not page.one_line(place.after, end):
        return "", end
    after = page.rest_of_line(end)
    return page.text[end:after].rstrip(), after


def _is_indented_json(text: str) -> bool:
    return "\n" in text.strip() or "\r" in text.strip()


def _replaced_in_brackets(draft: Draft, node: Node, page: Page, style: Style) -> Splice:
    # A value over several lines belongs where it is alone on its line, but for its key.
    spread = (
        style.json
        and _is_indented_json(page.text)
        and _ALONE.fullmatch(page.text, page.line_start(node.start), node.start)
    )
    text = inline(draft.value, style, base=page.indentation(node.start), spread=bool(spread))
    lead = f"&{node.anchor} " if node.anchor else ""
    if page.text[node.start - 1 : node.start] == ":" and not style.json:
        lead = " " + lead  # an empty value right behind its colon
    return Splice(node.start, node.end, lead + text)

"""The rows of a collection as the text has them, matched with what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sysdig_instrument.documents.drafts import Draft
from sysdig_instrument.documents.page import UnplacedError
from sysdig_instrument.documents.tree import Mapping, Sequence, is_merge, key_text
from sysdig_instrument.engine.json_types import ABSENT
from sysdig_instrument.values import dataclass

if TYPE_CHECKING:
    from sysdig_instrument.documents.page import Page, Row
    from sysdig_instrument.documents.splices import Place


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

    def staying(self, places: list[Place]) -> list[tuple[Draft, Place]]:
        """The drafts of the rows that stay, each with its place."""
        return [(draft, place) for draft, place in zip(self.kept, places, strict=True) if draft is not None]


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

"""Match a collection's entries in the text with the edit tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sysdig_instrument.documents.editing.edit_tree import EditNode
from sysdig_instrument.documents.editing.source import UnsupportedLayoutError
from sysdig_instrument.documents.syntax_tree import Mapping, Sequence, is_merge_key, key_text
from sysdig_instrument.engine.json_types import ABSENT
from sysdig_instrument.lazy_dataclasses import dataclass

if TYPE_CHECKING:
    from sysdig_instrument.documents.editing.source import NodeContext, SourceEntry, SourceText


@dataclass(frozen=True, slots=True)
class Insertion:
    """New entries to insert after the entry with this index; None: before the first one that is kept."""

    after: int | None
    new_entries: list[tuple[str | None, EditNode]]


@dataclass(frozen=True, slots=True)
class MatchedEntries:
    """A collection's entries, the edit node of each kept one (None: removed), and the insertions."""

    entries: list[SourceEntry]
    kept: list[EditNode | None]
    insertions: list[Insertion]

    @property
    def first_kept(self) -> int:
        """The index of the first kept entry."""
        return next(index for index, edit_node in enumerate(self.kept) if edit_node is not None)

    def kept_with_contexts(self, contexts: list[NodeContext]) -> list[tuple[EditNode, NodeContext]]:
        """Return the kept edit nodes, each with its context."""
        return [
            (edit_node, context)
            for edit_node, context in zip(self.kept, contexts, strict=True)
            if edit_node is not None
        ]


def match_entries(edit_node: EditNode, node: Sequence | Mapping, source: SourceText) -> MatchedEntries:
    """Match the entries of the text with the children of the edit node.

    Raises:
        UnsupportedLayoutError: No entry is kept, so there is none to insert new ones next to.
    """
    entries = source.entries(node)
    kept = _kept_items(edit_node, node) if isinstance(node, Sequence) else _kept_entries(edit_node, node)
    if not any(kept):
        raise UnsupportedLayoutError
    insertions = [Insertion(after, list(new_entries)) for after, new_entries in _new_entries(edit_node, kept)]
    return MatchedEntries(entries, kept, insertions)


def _kept_items(edit_node: EditNode, node: Sequence) -> list[EditNode | None]:
    children_by_node = {id(child.node): child for child in edit_node.iter_children()}
    return [children_by_node.get(id(item)) for item in node.items]


def _kept_entries(edit_node: EditNode, node: Mapping) -> list[EditNode | None]:
    """Return the kept entries. Duplicate keys are kept or removed together; only the last is a child, the others stay unchanged."""
    children = edit_node.children if isinstance(edit_node.children, dict) else {}
    kept: list[EditNode | None] = []
    for key, value in node.entries:
        child = children.get(key_text(key) or "")
        if is_merge_key(key):
            kept.append(None if edit_node.expand_merge else EditNode(value))
        elif child is not None and child.node is not None:
            kept.append(child if child.node is value else EditNode(value))
        else:
            kept.append(None)
    return kept


def _new_entries(
    edit_node: EditNode, kept: list[EditNode | None]
) -> Iterator[tuple[int | None, list[tuple[str | None, EditNode]]]]:
    """Yield new entries with the index of the entry they follow. New keys come last, as in the value."""
    kept_indexes = [index for index, child in enumerate(kept) if child is not None]
    if isinstance(edit_node.children, dict):
        new: list[tuple[str | None, EditNode]] = [
            (key, child)
            for key, child in edit_node.children.items()
            if child.node is None and (edit_node.expand_merge or not child.inherited)
        ]
        if new:
            yield kept_indexes[-1], new
        return
    after: int | None = None
    new_items: list[tuple[str | None, EditNode]] = []
    index_by_child = {id(child): index for index, child in enumerate(kept) if child is not None}
    for child in edit_node.iter_children():
        if id(child) in index_by_child:
            if new_items:
                yield after, new_items
            after, new_items = index_by_child[id(child)], []
        else:
            new_items.append((None, child))
    if new_items:
        yield after, new_items


def is_changed(edit_node: EditNode) -> bool:
    """Return whether the value's text must change. Loaded children alone are not a change."""
    if edit_node.new is not ABSENT or edit_node.expand_merge:
        return True
    if edit_node.children is None:
        return False
    if isinstance(edit_node.node, Sequence):
        nodes = [child.node for child in edit_node.iter_children()]
        if len(nodes) != len(edit_node.node.items) or any(
            node is not item for node, item in zip(nodes, edit_node.node.items, strict=True)
        ):
            return True
    elif isinstance(edit_node.node, Mapping) and isinstance(edit_node.children, dict):
        own_keys = {key_text(key) for key, _ in edit_node.node.entries if not is_merge_key(key)}
        if own_keys - edit_node.children.keys() or any(
            child.node is None and not child.inherited for child in edit_node.iter_children()
        ):
            return True
    return any(is_changed(child) for child in edit_node.iter_children() if child.node is not None)

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
    first_kept: int
    """The index of the first kept entry."""

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
    first_kept = next(index for index, child in enumerate(kept) if child is not None)
    return MatchedEntries(entries, kept, insertions, first_kept)


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


def changed_nodes(edit_node: EditNode) -> set[int]:
    """Return the identities of the values at and below an edit node whose text must change."""
    changed: set[int] = set()
    _add_changed(edit_node, changed)
    return changed


def _add_changed(edit_node: EditNode, changed: set[int]) -> bool:
    """Add the values to change at and below an edit node. Return whether it is one itself."""
    is_any_child_changed = False
    for child in edit_node.iter_children():
        if child.node is not None and _add_changed(child, changed):
            is_any_child_changed = True
    if is_any_child_changed or _is_itself_changed(edit_node):
        changed.add(id(edit_node))
        return True
    return False


def _is_itself_changed(edit_node: EditNode) -> bool:
    """Return whether a value is rewritten, or has other entries than its text. Loaded children alone are not a change."""
    if edit_node.new is not ABSENT or edit_node.expand_merge:
        return True
    if edit_node.children is None:
        return False
    if isinstance(edit_node.node, Sequence):
        nodes = [child.node for child in edit_node.iter_children()]
        return len(nodes) != len(edit_node.node.items) or any(
            node is not item for node, item in zip(nodes, edit_node.node.items, strict=True)
        )
    if isinstance(edit_node.node, Mapping) and isinstance(edit_node.children, dict):
        own_keys = {key_text(key) for key, _ in edit_node.node.entries if not is_merge_key(key)}
        return bool(own_keys - edit_node.children.keys()) or any(
            child.node is None and not child.inherited for child in edit_node.iter_children()
        )
    return False

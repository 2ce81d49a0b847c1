"""Find the lines of a value by its JSON Pointer, for reports."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from sysdig_instrument.documents.editing.source import SourceText, UnsupportedLayoutError
from sysdig_instrument.documents.errors import LINE_BREAK, line_of
from sysdig_instrument.documents.syntax_tree import (
    Alias,
    Mapping,
    Node,
    Sequence,
    function_of,
    is_merge_key,
    key_text,
    repeated_keys,
)
from sysdig_instrument.lazy_dataclasses import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sysdig_instrument.documents.document import Document
    from sysdig_instrument.engine.json_types import Pointer


def duplicate_keys(document: Document) -> Iterator[tuple[int, int, str]]:
    """Yield each key that occurs twice in one object: its line, the line of the first one, and its text."""
    for first, key in repeated_keys(document.tree):
        yield line_of(document.text, key.start), line_of(document.text, first.start), key.text


@dataclass(frozen=True, slots=True)
class LineRange:
    """A range of lines, counted from one, both ends included."""

    first: int
    last: int


class Locator:
    """Finds the lines of values in one document."""

    def __init__(self, document: Document) -> None:
        self._source = SourceText(document.text, document.newline)
        self._line_starts = [0, *(found.end() for found in LINE_BREAK.finditer(document.text))]
        self._tree = document.tree

    def lines(self, pointer: Pointer) -> LineRange:
        """Return the lines of a value with its key. If the value does not exist, return those of its innermost existing parent."""
        start, node = self._find(pointer)
        try:
            end = self._source.end_of(node)
        except UnsupportedLayoutError:
            end = node.end
        return LineRange(self._line(start), self._line(max(start, end - 1)))

    def _line(self, offset: int) -> int:
        return bisect_right(self._line_starts, offset)

    def _find(self, pointer: Pointer) -> tuple[int, Node]:
        node, start = self._tree, self._tree.start
        is_tag_read = False
        for part in pointer:
            content = node.target if isinstance(node, Alias) else node
            if not is_tag_read and function_of(content) == part:
                is_tag_read = True  # this part is the short form tag itself: its value is the same node
                continue
            child = _child_at(content, part)
            if child is None:
                break
            (start, node), is_tag_read = child, False
        return start, node


def _child_at(node: Node, part: str | int) -> tuple[int, Node] | None:
    """Return the start offset and the node of a child, or None."""
    if isinstance(node, Sequence) and isinstance(part, int):
        return (node.items[part].start, node.items[part]) if part < len(node.items) else None
    if not isinstance(node, Mapping):
        return None
    for key, value in reversed(node.entries):  # the last duplicate of a key wins
        if key_text(key) == part and not is_merge_key(key):
            return key.start, value
    merge_values = [value for key, value in node.entries if is_merge_key(key)]
    return next((child for value in merge_values if (child := _merged_child(value, part))), None)


def _merged_child(value: Node, part: str | int) -> tuple[int, Node] | None:
    """Return the start offset and the node of a child that a merge key brings in. Both are where the child is defined."""
    value = value.target if isinstance(value, Alias) else value
    if isinstance(value, Sequence):
        return next((child for item in value.items if (child := _merged_child(item, part))), None)
    return _child_at(value, part)

"""From a place in a document's value to the lines of its text: for reports that point at them."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from sysdig_instrument.documents.editing.source import SourceText, UnsupportedLayoutError
from sysdig_instrument.documents.errors import LINE_BREAK
from sysdig_instrument.documents.syntax_tree import (
    Alias,
    Mapping,
    Node,
    Sequence,
    function_of,
    is_merge_key,
    key_text,
)
from sysdig_instrument.lazy_dataclasses import dataclass

if TYPE_CHECKING:
    from sysdig_instrument.documents.document import Document
    from sysdig_instrument.engine.patch import Pointer


@dataclass(frozen=True, slots=True)
class LineRange:
    """The first and the last line of something, counted from one."""

    first: int
    last: int


class Locator:
    """Finds the lines of places in one document."""

    def __init__(self, document: Document) -> None:
        self._source = SourceText(document.text, document.newline)
        self._line_starts = [0, *(found.end() for found in LINE_BREAK.finditer(document.text))]
        self._tree = document.tree

    def lines(self, pointer: Pointer) -> LineRange:
        """The lines of a value with its key; those of the innermost value around it that is there, where it is not."""
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
        for step in pointer:
            content = node.target if isinstance(node, Alias) else node
            if not is_tag_read and function_of(content) == step:
                is_tag_read = True  # the step is the short tag itself: its value is the same node
                continue
            child = _child_at(content, step)
            if child is None:
                break
            (start, node), is_tag_read = child, False
        return start, node


def _child_at(node: Node, step: str | int) -> tuple[int, Node] | None:
    """One step down: where it begins in the text, and the node there."""
    if isinstance(node, Sequence) and isinstance(step, int):
        return (node.items[step].start, node.items[step]) if step < len(node.items) else None
    if not isinstance(node, Mapping):
        return None
    for key, value in reversed(node.entries):  # of a key that is there twice, the last one counts
        if key_text(key) == step and not is_merge_key(key):
            return key.start, value
    merge_values = [value for key, value in node.entries if is_merge_key(key)]
    return next((child for value in merge_values if (child := _merged_child(value, step))), None)


def _merged_child(value: Node, step: str | int) -> tuple[int, Node] | None:
    """The same in what YAML's merge key brings in: it stands elsewhere in the text, and that is the place to show."""
    value = value.target if isinstance(value, Alias) else value
    if isinstance(value, Sequence):
        return next((child for item in value.items if (child := _merged_child(item, step))), None)
    return _child_at(value, step)

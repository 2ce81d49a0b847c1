"""Find the place of a value in a text by its JSON Pointer, for reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sysdig_instrument.documents.editing.source import SourceText, UnsupportedLayoutError
from sysdig_instrument.documents.errors import Lines
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
    from sysdig_instrument.engine.json_types import Pointer


@dataclass(frozen=True, slots=True)
class LineRange:
    """A range of lines, counted from one, both ends included."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a value: its line and column, counted from one, and the offsets of what is marked in that line.

    That is the value if it begins in the line of its key, and the key otherwise, or if there is no text of a value.
    """

    line: int
    column: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Members:
    """The members of a mapping: its own by key, of which the last duplicate wins, and the values of its merge keys.

    Each is the node of the key, and that of the value.
    """

    own: dict[str | int | None, tuple[Node, Node]]
    merged: list[Node]


class Locator:
    """Finds the places of values in one document."""

    def __init__(self, document: Document) -> None:
        self._source = SourceText(document.text, document.newline)
        self._lines = Lines(document.text)
        self._tree = document.tree
        self._members: dict[int, _Members] = {}  # by the identity of the mapping

    def lines(self, pointer: Pointer) -> LineRange:
        """Return the lines of a value with its key. If the value does not exist, return those of its innermost existing parent."""
        key, node = self._find(pointer)
        return LineRange(self._lines.line(key.start), self._lines.line(max(key.start, self._end(node) - 1)))

    def place(self, pointer: Pointer) -> Place:
        """Return the place of a value. If the value does not exist, return that of its innermost existing parent."""
        key, node = self._find(pointer)
        line = self._lines.line(key.start)
        end = self._end(node)
        is_beside_key = key.start <= node.start < end and self._lines.line(node.start) == line
        marked, end = (node, end) if is_beside_key else (key, key.end)
        end = max(marked.start, min(end, self._source.line_end(marked.start)))
        return Place(line, self._lines.column(marked.start) + 1, marked.start, end)

    def _end(self, node: Node) -> int:
        try:
            return self._source.end_of(node)
        except UnsupportedLayoutError:
            return node.end

    def _find(self, pointer: Pointer) -> tuple[Node, Node]:
        """Return the node of the key and that of the value; the value twice if it has no key, as in a list."""
        key = node = self._tree
        is_tag_read = False
        for part in pointer:
            content = node.target if isinstance(node, Alias) else node
            if not is_tag_read and function_of(content) == part:
                is_tag_read = True  # this part is the short form tag itself: its value is the same node
                continue
            child = self._child_at(content, part)
            if child is None:
                break
            (key, node), is_tag_read = child, False
        return key, node

    def _child_at(self, node: Node, part: str | int) -> tuple[Node, Node] | None:
        """Return the nodes of the key and of the value of a child, or None."""
        if isinstance(node, Sequence) and isinstance(part, int):
            return (node.items[part], node.items[part]) if part < len(node.items) else None
        if not isinstance(node, Mapping):
            return None
        members = self._members_of(node)
        return members.own.get(part) or next(
            (child for value in members.merged if (child := self._merged_child(value, part))), None
        )

    def _members_of(self, node: Mapping) -> _Members:
        """Return the members of a mapping by key: reports ask for those of the same mapping many times."""
        found = self._members.get(id(node))
        if found is None:
            own: dict[str | int | None, tuple[Node, Node]] = {
                key_text(key): (key, value) for key, value in node.entries if not is_merge_key(key)
            }
            merged = [value for key, value in node.entries if is_merge_key(key)]
            found = self._members[id(node)] = _Members(own, merged)
        return found

    def _merged_child(self, value: Node, part: str | int) -> tuple[Node, Node] | None:
        """Return the nodes of a child that a merge key brings in. Both are where the child is defined."""
        value = value.target if isinstance(value, Alias) else value
        if isinstance(value, Sequence):
            return next((child for item in value.items if (child := self._merged_child(item, part))), None)
        return self._child_at(value, part)

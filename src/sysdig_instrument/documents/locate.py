"""Find the lines of a value by its JSON Pointer, for reports."""

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
    repeated_keys,
)
from sysdig_instrument.lazy_dataclasses import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sysdig_instrument.documents.document import Document
    from sysdig_instrument.engine.json_types import Pointer


def duplicate_keys(document: Document) -> Iterator[tuple[int, int, str]]:
    """Yield each key that occurs twice in one object: its line, the line of the first one, and its text."""
    lines = Lines(document.text)
    for first, key in repeated_keys(document.tree):
        yield lines.line(key.start), lines.line(first.start), key.text


@dataclass(frozen=True, slots=True)
class LineRange:
    """A range of lines, counted from one, both ends included."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Members:
    """The members of a mapping: its own by key, of which the last duplicate wins, and the values of its merge keys."""

    own: dict[str | int | None, tuple[int, Node]]
    merged: list[Node]


class Locator:
    """Finds the lines of values in one document."""

    def __init__(self, document: Document) -> None:
        self._source = SourceText(document.text, document.newline)
        self._lines = Lines(document.text)
        self._tree = document.tree
        self._members: dict[int, _Members] = {}  # by the identity of the mapping

    def lines(self, pointer: Pointer) -> LineRange:
        """Return the lines of a value with its key. If the value does not exist, return those of its innermost existing parent."""
        start, node = self._find(pointer)
        try:
            end = self._source.end_of(node)
        except UnsupportedLayoutError:
            end = node.end
        return LineRange(self._lines.line(start), self._lines.line(max(start, end - 1)))

    def _find(self, pointer: Pointer) -> tuple[int, Node]:
        node, start = self._tree, self._tree.start
        is_tag_read = False
        for part in pointer:
            content = node.target if isinstance(node, Alias) else node
            if not is_tag_read and function_of(content) == part:
                is_tag_read = True  # this part is the short form tag itself: its value is the same node
                continue
            child = self._child_at(content, part)
            if child is None:
                break
            (start, node), is_tag_read = child, False
        return start, node

    def _child_at(self, node: Node, part: str | int) -> tuple[int, Node] | None:
        """Return the start offset and the node of a child, or None."""
        if isinstance(node, Sequence) and isinstance(part, int):
            return (node.items[part].start, node.items[part]) if part < len(node.items) else None
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
            own: dict[str | int | None, tuple[int, Node]] = {
                key_text(key): (key.start, value) for key, value in node.entries if not is_merge_key(key)
            }
            merged = [value for key, value in node.entries if is_merge_key(key)]
            found = self._members[id(node)] = _Members(own, merged)
        return found

    def _merged_child(self, value: Node, part: str | int) -> tuple[int, Node] | None:
        """Return the start offset and the node of a child that a merge key brings in. Both are where the child is defined."""
        value = value.target if isinstance(value, Alias) else value
        if isinstance(value, Sequence):
            return next((child for item in value.items if (child := self._merged_child(item, part))), None)
        return self._child_at(value, part)

"""A document's text: lines, columns, the extent of entries and values, and edits of the text."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from sysdig_instrument.documents.errors import LINE_BREAK
from sysdig_instrument.documents.syntax_tree import Mapping, Scalar, Sequence
from sysdig_instrument.lazy_dataclasses import dataclass

if TYPE_CHECKING:
    from sysdig_instrument.documents.editing.edit_tree import EditNode
    from sysdig_instrument.documents.syntax_tree import Node

_BLANKS_AND_COMMENTS: Final = re.compile(r"(?:[ \t\r\n]+|#[^\r\n]*)*")
_NODE_PROPERTIES: Final = re.compile(r"(?:(?:&[^\s,\[\]{}]+|![^\s,\[\]{}]*)(?:[ \t\r\n]+(?:#[^\r\n]*)?)*)*")
_TRAILING_COMMENT: Final = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?=[\r\n]|\Z)")
_COMMENT_LINE: Final = re.compile(r"(?:[ \t]*(?:\r\n|\r|\n))*+(?P<indentation>[ ]*)#[^\r\n]*")
_KEY_INDICATOR: Final = re.compile(r"(?<![^\s{\[,])\?[ \t]+\Z")
_LINE_END: Final = re.compile(r"[\r\n]")
_BLANKS: Final = re.compile(r"[ \t]*")


class UnsupportedLayoutError(Exception):
    """The text has a layout that this edit does not support. The enclosing value is rewritten instead."""


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """The offsets of one entry of a list or object.

    ``start`` is the dash or the key, ``indicator_end`` the offset after the dash or colon, ``end`` the end of the value. The
    items of a flow sequence have no indicator: ``indicator_end`` is ``start``.
    """

    start: int
    indicator_end: int
    end: int


class SourceText:
    """A text and its line break. What is needed repeatedly is found once: the ends of lines, and the entries of collections.

    So no question takes longer where the line is longer: a template may be one line.
    """

    __slots__ = ("_entries_by_node", "_indentation_ends", "_line_ends", "is_multiline", "newline", "text")

    def __init__(self, text: str, newline: str) -> None:
        self.text, self.newline = text, newline
        self.is_multiline = _LINE_END.search(text.strip()) is not None
        self._line_ends = [found.start() for found in _LINE_END.finditer(text)]
        self._indentation_ends = [_end_of_blanks(text, start) for start in (0, *(end + 1 for end in self._line_ends))]
        self._entries_by_node: dict[int, list[SourceEntry]] = {}

    def _line(self, offset: int) -> int:
        """Return the line of an offset, counting from zero."""
        return bisect_left(self._line_ends, offset)

    def line_start(self, offset: int) -> int:
        """Return the offset of the first character of the line."""
        line = self._line(offset)
        return self._line_ends[line - 1] + 1 if line else 0

    def line_end(self, offset: int) -> int:
        """Return the end of the line, before its line break."""
        line = self._line(offset)
        return self._line_ends[line] if line < len(self._line_ends) else len(self.text)

    def trailing_comment_end(self, offset: int) -> int:
        """Return the end of the line if only blanks and a comment follow.

        Raises:
            UnsupportedLayoutError: Something else follows.
        """
        rest = _TRAILING_COMMENT.match(self.text, offset)
        if rest is None:
            raise UnsupportedLayoutError
        return rest.end()

    def indented_comments_end(self, offset: int, column: int) -> int:
        """Return the end of the line, or of the last comment below it that is indented more than ``column``.

        Such a comment belongs to the value above it, not to the text inserted after it.

        Raises:
            UnsupportedLayoutError: Something other than blanks and a comment follows on the line.
        """
        end = self.trailing_comment_end(offset)
        while (comment := _COMMENT_LINE.match(self.text, end)) and len(comment["indentation"]) > column:
            end = comment.end()
        return end

    def column(self, offset: int) -> int:
        """Return the column of an offset, counting from zero."""
        return offset - self.line_start(offset)

    def indentation(self, offset: int) -> str:
        """Return the blanks at the start of the line."""
        return self.text[self.line_start(offset) : self._indentation_ends[self._line(offset)]]

    def is_first_on_line(self, offset: int) -> bool:
        """Return whether only blanks precede the offset in its line."""
        return offset <= self._indentation_ends[self._line(offset)]

    def is_on_one_line(self, start: int, end: int) -> bool:
        """Return whether there is no line break between the offsets."""
        return self._line(end) <= self._line(start)

    def skip_blanks_and_comments(self, offset: int) -> int:
        """Return the offset after blanks, line breaks and comments."""
        found = _BLANKS_AND_COMMENTS.match(self.text, offset)
        return found.end() if found else offset

    def content_start(self, node: Node) -> int:
        """Return where a node's content starts, after its properties (anchor and tag)."""
        if node.tag is None and node.anchor is None:
            return node.start
        found = _NODE_PROPERTIES.match(self.text, node.start)
        if found is None:
            return node.start
        return min(found.end(), node.end) if isinstance(node, Scalar) else found.end()

    def after_indicator(self, indicator: str, offset: int) -> int:
        """Return the offset after the next indicator (colon or dash).

        Raises:
            UnsupportedLayoutError: Something else comes next.
        """
        start = self.skip_blanks_and_comments(offset)
        if self.text[start : start + 1] != indicator:
            raise UnsupportedLayoutError
        return start + 1

    def entries(self, node: Sequence | Mapping) -> list[SourceEntry]:
        """Return a collection's entries, in the order of the text."""
        found = self._entries_by_node.get(id(node))
        if found is None:
            found = self._entries_by_node[id(node)] = self._find_entries(node)
        return found

    def _find_entries(self, node: Sequence | Mapping) -> list[SourceEntry]:
        entries: list[SourceEntry] = []
        if isinstance(node, Mapping):
            previous_end = node.start
            for key, value in node.entries:
                entries.append(self._mapping_entry(key, value, previous_end))
                previous_end = entries[-1].end
            return entries
        previous_end = self.content_start(node)
        for item in node.items:
            if node.flow:
                entries.append(SourceEntry(item.start, item.start, self.end_of(item)))
            else:
                indicator_end = self.after_indicator("-", previous_end)
                previous_end = max(indicator_end, self.end_of(item))
                entries.append(SourceEntry(indicator_end - 1, indicator_end, previous_end))
        return entries

    def _mapping_entry(self, key: Node, value: Node, previous_end: int) -> SourceEntry:
        """Return an entry. The indicator of its key can only be after the end of the previous entry."""
        indicator_end = self.after_indicator(":", key.end)
        key_indicator = _KEY_INDICATOR.search(self.text, previous_end, key.start)
        return SourceEntry(
            key_indicator.start() if key_indicator else key.start, indicator_end, max(indicator_end, self.end_of(value))
        )

    def end_of(self, node: Node) -> int:
        """Return the end of a value, without the comments and empty lines after it."""
        if isinstance(node, Scalar):
            return self._end_of_block_scalar(node) if node.style in ("|", ">") else node.end
        if isinstance(node, Sequence | Mapping) and not node.flow:
            return self.entries(node)[-1].end
        return node.end

    def _end_of_block_scalar(self, node: Scalar) -> int:
        """Return the end of the scalar's last line. Trailing empty lines belong to it only if it keeps them (``|+``)."""
        text = self.text[node.start : node.end]
        header = text[self.content_start(node) - node.start :].splitlines()[0].split("#")[0]
        if "+" in header or not node.text.strip() or node.text.rstrip("\n").endswith((" ", "\t")):
            return node.start + len(text.removesuffix("\n").removesuffix("\r"))
        trailing_empty_lines = LINE_BREAK.search(text, len(text.rstrip(" \r\n")))
        return node.start + (trailing_empty_lines.start() if trailing_empty_lines else len(text))


def _end_of_blanks(text: str, offset: int) -> int:
    found = _BLANKS.match(text, offset)
    return found.end() if found else offset


# --- Edits

ContextKind: TypeAlias = Literal["key", "item", "flow", "root"]


@dataclass(frozen=True, slots=True)
class TextEdit:
    """A replacement of a range of text. An empty range is an insertion."""

    start: int
    end: int
    new_text: str


@dataclass(frozen=True, slots=True)
class NodeContext:
    """The enclosure of a value: a block key or item (with its column), a flow collection, or nothing (the root).

    ``indicator_end`` is the offset after the key's colon or the item's dash.
    """

    kind: ContextKind
    column: int = 0
    indicator_end: int = 0


@dataclass(frozen=True, slots=True)
class CollectionEdits:
    """The edits of a collection's own entries, and the children that may have edits of their own."""

    edits: list[TextEdit]
    children: list[tuple[EditNode, NodeContext]]


def apply_edits(text: str, edits: Iterable[TextEdit]) -> str:
    """Return the text with the edits applied.

    Raises:
        UnsupportedLayoutError: Two edits overlap.
    """
    pieces: list[str] = []
    position = 0
    # The sort is stable: at the same offset, inner edits stay before outer ones.
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start < position:
            raise UnsupportedLayoutError
        pieces += (text[position : edit.start], edit.new_text)
        position = edit.end
    return "".join((*pieces, text[position:]))


def with_strip_indicator(edits: list[TextEdit], tree: Node, source: SourceText) -> list[TextEdit]:
    """Add a strip indicator (``|-``) to a block scalar that ends the file, if text is appended after it.

    The file has no final line break, so neither has the scalar. The line break before the appended lines would become part
    of it.
    """
    last = tree
    while isinstance(last, Sequence | Mapping) and not last.flow:
        last = last.items[-1] if isinstance(last, Sequence) else last.entries[-1][1]
    size = len(source.text)
    if (
        not isinstance(last, Scalar)
        or last.style not in ("|", ">")
        or source.end_of(last) < size
        or last.text.endswith("\n")
    ):
        return edits
    header = source.content_start(last) + 1
    is_text_appended = any(edit.start == edit.end == size for edit in edits)
    is_replaced = any(edit.start < header < edit.end for edit in edits)
    if source.text[header : header + 1] in ("-", "+") or is_replaced or not is_text_appended:
        return edits
    return [TextEdit(header, header, "-"), *edits]

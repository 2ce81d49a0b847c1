"""Finding one's way in the text around the nodes of a tree: lines, columns, what stands before a value and after it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from sysdig_instrument.documents.errors import LINE_BREAK, column_of
from sysdig_instrument.documents.syntax_tree import Mapping, Node, Scalar, Sequence
from sysdig_instrument.lazy_dataclasses import dataclass, field

if TYPE_CHECKING:
    from sysdig_instrument.documents.editing.edit_tree import EditNode
    from sysdig_instrument.documents.syntax_tree import Node

ContextKind: TypeAlias = Literal["key", "item", "flow", "root"]


@dataclass(frozen=True, slots=True)
class TextEdit:
    """A piece of text in place of another one. Where both ends are one offset, it is put in there."""

    start: int
    end: int
    new_text: str


@dataclass(frozen=True, slots=True)
class NodeContext:
    """Where a value stands: behind a key or dash at a column, in brackets, or at the top."""

    kind: ContextKind
    column: int = 0
    indicator_end: int = 0


@dataclass(frozen=True, slots=True)
class CollectionEdits:
    """What becomes of a collection's rows, and the parts that may change in themselves."""

    edits: list[TextEdit]
    children: list[tuple[EditNode, NodeContext]]


def apply_edits(text: str, edits: Iterable[TextEdit]) -> str:
    """The text with all splices made.

    Raises:
        UnplacedError: Two of them want the same characters.
    """
    pieces: list[str] = []
    position = 0
    # Sorting keeps the order of those at the same place: inner ones come before outer ones.
    for edit in sorted(edits, key=lambda splice: (splice.start, splice.end)):
        if edit.start < position:
            raise UnsupportedLayoutError
        pieces += (text[position : edit.start], edit.new_text)
        position = edit.end
    return "".join((*pieces, text[position:]))


def with_strip_indicator(edits: list[TextEdit], tree: Node, source: SourceText) -> list[TextEdit]:
    """With a block scalar at the end of the file closed, where something is put in behind it.

    It has no line end as long as the file has none; the line end that the new lines need would become part of it.
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


_BLANKS_AND_COMMENTS: Final = re.compile(r"(?:[ \t\r\n]+|#[^\r\n]*)*")
_NODE_PROPERTIES: Final = re.compile(r"(?:(?:&[^\s,\[\]{}]+|![^\s,\[\]{}]*)(?:[ \t\r\n]+(?:#[^\r\n]*)?)*)*")
_TRAILING_COMMENT: Final = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?=[\r\n]|\Z)")
_COMMENT_LINE: Final = re.compile(r"(?:[ \t]*(?:\r\n|\r|\n))*(?P<indentation>[ ]*)#[^\r\n]*")
_KEY_INDICATOR: Final = re.compile(r"(?<![^\s{\[,])\?[ \t]+\Z")
_TRAILING_EMPTY_LINES: Final = re.compile(r"(?:(?:\r\n|\r|\n)[ ]*)+\Z")


class UnsupportedLayoutError(Exception):
    """The text is laid out in a way that this edit has no answer to. What encloses the place is written anew then."""


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """One item of a list or entry of an object: where it starts, where its value may start, and where it ends.

    In a block list ``start`` is the dash and ``indicator_end`` right behind it; in an object they are the key and behind the
    colon.
    """

    start: int
    indicator_end: int
    end: int


@dataclass(frozen=True, slots=True)
class SourceText:
    """A text and its line end. What has been found out about collections is kept, as it is asked for again and again."""

    text: str
    newline: str
    entries_by_node: dict[int, list[SourceEntry]] = field(default_factory=dict, repr=False)

    def line_start(self, offset: int) -> int:
        """The first character of the line."""
        return offset - column_of(self.text, offset)

    def line_end(self, offset: int) -> int:
        """Behind the last character of the line, before its line end."""
        found = LINE_BREAK.search(self.text, offset)
        return found.start() if found else len(self.text)

    def trailing_comment_end(self, offset: int) -> int:
        """The end of the line, where nothing but a comment follows.

        Raises:
            UnplacedError: More follows.
        """
        rest = _TRAILING_COMMENT.match(self.text, offset)
        if rest is None:
            raise UnsupportedLayoutError
        return rest.end()

    def indented_comments_end(self, offset: int, column: int) -> int:
        """The end of the line, or of the last comment under it that is indented deeper than a column.

        Such a comment belongs to what stands there, not to what is put in behind it.
        """
        end = self.trailing_comment_end(offset)
        while (comment := _COMMENT_LINE.match(self.text, end)) and len(comment["indentation"]) > column:
            end = comment.end()
        return end

    def column(self, offset: int) -> int:
        """Characters before this one in its line."""
        return column_of(self.text, offset)

    def indentation(self, offset: int) -> str:
        """The blanks that the line begins with."""
        start = self.line_start(offset)
        line = self.text[start : self.line_end(start)]
        return line[: len(line) - len(line.lstrip(" \t"))]

    def is_first_on_line(self, offset: int) -> bool:
        """Stands nothing but blanks before it in its line?"""
        return not self.text[self.line_start(offset) : offset].strip(" \t")

    def is_on_one_line(self, start: int, end: int) -> bool:
        """Is there no line end between the two?"""
        return "\n" not in self.text[start:end] and "\r" not in self.text[start:end]

    def skip_blanks_and_comments(self, offset: int) -> int:
        """Past blanks, line ends and comments."""
        found = _BLANKS_AND_COMMENTS.match(self.text, offset)
        return found.end() if found else offset

    def content_start(self, node: Node) -> int:
        """Where the value itself begins, behind its anchor and tag."""
        if node.tag is None and node.anchor is None:
            return node.start
        found = _NODE_PROPERTIES.match(self.text, node.start)
        return (
            min(found.end(), node.end) if found and isinstance(node, Scalar) else found.end() if found else node.start
        )

    def after_indicator(self, indicator: str, offset: int) -> int:
        """Behind the colon or dash that comes next.

        Raises:
            UnplacedError: Something else comes next.
        """
        start = self.skip_blanks_and_comments(offset)
        if self.text[start : start + 1] != indicator:
            raise UnsupportedLayoutError
        return start + 1

    def entries(self, node: Sequence | Mapping) -> list[SourceEntry]:
        """The rows of a collection, in the order of the text."""
        found = self.entries_by_node.get(id(node))
        if found is None:
            found = self.entries_by_node[id(node)] = self._find_entries(node)
        return found

    def _find_entries(self, node: Sequence | Mapping) -> list[SourceEntry]:
        if isinstance(node, Mapping):
            return [self._mapping_entry(key, value) for key, value in node.entries]
        entries: list[SourceEntry] = []
        previous_end = self.content_start(node)
        for item in node.items:
            if node.flow:
                entries.append(SourceEntry(item.start, item.start, self.end_of(item)))
            else:
                indicator_end = self.after_indicator("-", previous_end)
                previous_end = max(indicator_end, self.end_of(item))
                entries.append(SourceEntry(indicator_end - 1, indicator_end, previous_end))
        return entries

    def _mapping_entry(self, key: Node, value: Node) -> SourceEntry:
        indicator_end = self.after_indicator(":", key.end)
        key_indicator = _KEY_INDICATOR.search(self.text, self.line_start(key.start), key.start)
        return SourceEntry(
            key_indicator.start() if key_indicator else key.start, indicator_end, max(indicator_end, self.end_of(value))
        )

    def end_of(self, node: Node) -> int:
        """Behind the last character that belongs to the value; comments and empty lines after it do not."""
        if isinstance(node, Scalar):
            return self._end_of_block_scalar(node) if node.style in ("|", ">") else node.end
        if isinstance(node, Sequence | Mapping) and not node.flow:
            return self.entries(node)[-1].end
        return node.end

    def _end_of_block_scalar(self, node: Scalar) -> int:
        """Its last line's end. Empty lines after it count where the scalar keeps them (``|+``)."""
        text = self.text[node.start : node.end]
        header = text[self.content_start(node) - node.start :].splitlines()[0].split("#")[0]
        if "+" in header or not node.text.strip() or node.text.rstrip("\n").endswith((" ", "\t")):
            return node.start + len(text.removesuffix("\n").removesuffix("\r"))
        return node.start + len(_TRAILING_EMPTY_LINES.sub("", text))


# FOLDED: Pieces of a text in place of others, and the places that values stand in.

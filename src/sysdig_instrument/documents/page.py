"""Finding one's way in the text around the nodes of a tree: lines, columns, what stands before a value and after it."""

from __future__ import annotations

import re
from typing import Final

from sysdig_instrument.documents.places import BREAK, column_of
from sysdig_instrument.documents.tree import Mapping, Node, Scalar, Sequence
from sysdig_instrument.values import dataclass, field

_BLANKS: Final = re.compile(r"(?:[ \t\r\n]+|#[^\r\n]*)*")
_PROPERTIES: Final = re.compile(r"(?:(?:&[^\s,\[\]{}]+|![^\s,\[\]{}]*)(?:[ \t\r\n]+(?:#[^\r\n]*)?)*)*")
_REST_OF_LINE: Final = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?=[\r\n]|\Z)")
_COMMENT_LINE: Final = re.compile(r"(?:[ \t]*(?:\r\n|\r|\n))*(?P<indentation>[ ]*)#[^\r\n]*")
_KEY_SIGN: Final = re.compile(r"(?<![^\s{\[,])\?[ \t]+\Z")
_EMPTY_LINES: Final = re.compile(r"(?:(?:\r\n|\r|\n)[ ]*)+\Z")


class UnplacedError(Exception):
    """The text is laid out in a way that this edit has no answer to. What encloses the place is written anew then."""


@dataclass(frozen=True, slots=True)
class Row:
    """One item of a list or entry of an object: where it starts, where its value may start, and where it ends.

    In a block list ``start`` is the dash and ``after`` right behind it; in an object they are the key and behind the
    colon.
    """

    start: int
    after: int
    end: int


@dataclass(frozen=True, slots=True)
class Page:
    """A text and its line end. What has been found out about collections is kept, as it is asked for again and again."""

    text: str
    newline: str
    known: dict[int, list[Row]] = field(default_factory=dict, repr=False)

    def line_start(self, offset: int) -> int:
        """The first character of the line."""
        return offset - column_of(self.text, offset)

    def line_end(self, offset: int) -> int:
        """Behind the last character of the line, before its line end."""
        found = BREAK.search(self.text, offset)
        return found.start() if found else len(self.text)

    def rest_of_line(self, offset: int) -> int:
        """The end of the line, where nothing but a comment follows.

        Raises:
            UnplacedError: More follows.
        """
        rest = _REST_OF_LINE.match(self.text, offset)
        if rest is None:
            raise UnplacedError
        return rest.end()

    def below(self, offset: int, column: int) -> int:
        """The end of the line, or of the last comment under it that is indented deeper than a column.

        Such a comment belongs to what stands there, not to what is put in behind it.
        """
        end = self.rest_of_line(offset)
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

    def begins_line(self, offset: int) -> bool:
        """Stands nothing but blanks before it in its line?"""
        return not self.text[self.line_start(offset) : offset].strip(" \t")

    def one_line(self, start: int, end: int) -> bool:
        """Is there no line end between the two?"""
        return "\n" not in self.text[start:end] and "\r" not in self.text[start:end]

    def skip(self, offset: int) -> int:
        """Past blanks, line ends and comments."""
        found = _BLANKS.match(self.text, offset)
        return found.end() if found else offset

    def content_start(self, node: Node) -> int:
        """Where the value itself begins, behind its anchor and tag."""
        if node.tag is None and node.anchor is None:
            return node.start
        found = _PROPERTIES.match(self.text, node.start)
        return (
            min(found.end(), node.end) if found and isinstance(node, Scalar) else found.end() if found else node.start
        )

    def behind(self, mark: str, offset: int) -> int:
        """Behind the colon or dash that comes next.

        Raises:
            UnplacedError: Something else comes next.
        """
        at = self.skip(offset)
        if self.text[at : at + 1] != mark:
            raise UnplacedError
        return at + 1

    def rows(self, node: Sequence | Mapping) -> list[Row]:
        """The rows of a collection, in the order of the text."""
        found = self.known.get(id(node))
        if found is None:
            found = self.known[id(node)] = self._rows(node)
        return found

    def _rows(self, node: Sequence | Mapping) -> list[Row]:
        if isinstance(node, Mapping):
            return [self._entry(key, value) for key, value in node.entries]
        rows: list[Row] = []
        last = self.content_start(node)
        for item in node.items:
            if node.flow:
                rows.append(Row(item.start, item.start, self.end_of(item)))
            else:
                after = self.behind("-", last)
                last = max(after, self.end_of(item))
                rows.append(Row(after - 1, after, last))
        return rows

    def _entry(self, key: Node, value: Node) -> Row:
        after = self.behind(":", key.end)
        sign = _KEY_SIGN.search(self.text, self.line_start(key.start), key.start)
        return Row(sign.start() if sign else key.start, after, max(after, self.end_of(value)))

    def end_of(self, node: Node) -> int:
        """Behind the last character that belongs to the value; comments and empty lines after it do not."""
        if isinstance(node, Scalar):
            return self._end_of_block_scalar(node) if node.style in ("|", ">") else node.end
        if isinstance(node, Sequence | Mapping) and not node.flow:
            return self.rows(node)[-1].end
        return node.end

    def _end_of_block_scalar(self, node: Scalar) -> int:
        """Its last line's end. Empty lines after it count where the scalar keeps them (``|+``)."""
        text = self.text[node.start : node.end]
        header = text[self.content_start(node) - node.start :].splitlines()[0].split("#")[0]
        if "+" in header or not node.text.strip() or node.text.rstrip("\n").endswith((" ", "\t")):
            return node.start + len(text.removesuffix("\n").removesuffix("\r"))
        return node.start + len(_EMPTY_LINES.sub("", text))

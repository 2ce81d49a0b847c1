"""The part of a line that a terminal shows of a text that cannot be read.

No value can be told from a key there, so only words are shown that every template and task definition has, such as
``Properties``, at the beginning of the line, and the one character in which the parser stopped if it is punctuation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sysdig_instrument.cli.shown_text import MASK, Piece, known_keys
from sysdig_instrument.documents.kinds import CONTAINER_MEMBERS
from sysdig_instrument.ecs_documents import pascal_key

_OTHERS: Final = {
    *("Default", "Description", "ExecutionRoleArn", "Key", "Outputs", "Properties"),
    *("Ref", "TaskRoleArn", "Value", "ValueFrom", "Volumes"),
}
_KNOWN: Final = known_keys() | {pascal_key(name) for name in CONTAINER_MEMBERS} | _OTHERS
_BEGINNING: Final = re.compile(
    r"(?P<blanks>[ \t]*(?:[-{}\[\],][ \t]+|[{}\[\],])*)(?P<word>\"?(?P<name>[A-Za-z]+)\"?(?![\w.-])(?:[ \t]*:)?)?"
)
_PUNCTUATION: Final = frozenset("\"'{}[],:-!|>%@`#\t<=")


class UnparsedText:
    """The text of a document that cannot be read, with one character that the parser names, as a terminal shows it."""

    def __init__(self, text: str, offset: int) -> None:
        self._text = text
        self._offset = offset

    def line(self, start: int, end: int) -> list[Piece]:
        """Return the pieces of a part of one line, in order."""
        shown_end = self._end_of_beginning(start, end)
        pieces = [Piece(start, shown_end, self._text[start:shown_end])]
        offset = self._offset
        if shown_end <= offset < end and self._text[offset] in _PUNCTUATION:
            pieces += self._masked(shown_end, offset)
            pieces.append(Piece(offset, offset + 1, self._text[offset]))
            shown_end = offset + 1
        return [*pieces, *self._masked(shown_end, end)]

    def _end_of_beginning(self, start: int, end: int) -> int:
        if start > 0 and self._text[start - 1] not in "\r\n":  # a long line, whose beginning is cut off
            return start
        found = _BEGINNING.match(self._text, start, end)
        if found is None:
            return start
        is_known = found["name"] is not None and pascal_key(found["name"]) in _KNOWN
        return found.end() if is_known else found.end("blanks")

    def _masked(self, start: int, end: int) -> Iterator[Piece]:
        """Yield the blanks at the beginning of a part, and a mask for the rest."""
        text = self._text[start:end]
        rest = start + len(text) - len(text.lstrip())
        if rest > start:
            yield Piece(start, rest, self._text[start:rest])
        if rest < end:
            yield Piece(rest, end, MASK)

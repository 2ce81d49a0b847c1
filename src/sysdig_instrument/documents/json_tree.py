"""JSON text to a tree with positions. The text has been read before, so it is known to be JSON."""

from __future__ import annotations

import json
import re
from typing import Final

from sysdig_instrument.documents.tree import Mapping, Node, Scalar, Sequence

_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]|[^\s{}\[\],:"]+')


def json_tree(text: str) -> Node:
    """The tree of a JSON text. No recursion: the depth of the text is not the depth of Python's stack."""
    open_at: list[int] = []
    parts: list[list[Node]] = [[]]
    for token in _TOKEN.finditer(text):
        word = token[0]
        if word in "{[":
            open_at.append(token.start())
            parts.append([])
        elif word in "}]":
            inside = parts.pop()
            parts[-1].append(_closed(word, open_at.pop(), token.end(), inside))
        else:
            quoted = word[0] == '"'
            content = json.loads(word, strict=False) if quoted else word
            parts[-1].append(Scalar(token.start(), token.end(), content, '"' if quoted else ""))
    return parts[0][0]


def _closed(bracket: str, start: int, end: int, inside: list[Node]) -> Node:
    if bracket == "]":
        return Sequence(start, end, tuple(inside))
    return Mapping(start, end, tuple(zip(inside[::2], inside[1::2], strict=True)))

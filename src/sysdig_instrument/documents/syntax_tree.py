"""A document as its text has it: which characters belong to which value. JSON and YAML give the same kind of tree."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, TypeAlias

from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.lazy_dataclasses import dataclass

UNPREFIXED_FUNCTIONS: Final = frozenset({"Ref", "Condition"})
"""The short tags whose long form has no ``Fn::`` before it."""


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    """A string, number, boolean or null. ``style`` is the first character of its quoting, ``""`` for plain ones."""

    start: int
    end: int
    text: str
    style: str = ""
    tag: str | None = None
    anchor: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """A list, in brackets (``flow``) or with a dash before each item."""

    start: int
    end: int
    items: tuple[Node, ...]
    flow: bool = True
    tag: str | None = None
    anchor: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Mapping:
    """An object. Keys may stand in it more than once, and YAML's merge key is one of them."""

    start: int
    end: int
    entries: tuple[tuple[Node, Node], ...]
    flow: bool = True
    tag: str | None = None
    anchor: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Alias:
    """A place that stands for what another one holds."""

    start: int
    end: int
    target: Scalar | Sequence | Mapping
    tag: None = None
    anchor: None = None


Node: TypeAlias = Scalar | Sequence | Mapping | Alias


def function_of(node: Node) -> str | None:
    """The key that a short tag stands for: ``!Sub`` is ``Fn::Sub``. Nothing for YAML's own tags and for none."""
    if node.tag is None or not node.tag.startswith("!"):
        return None
    name = node.tag[1:]
    return name if name in UNPREFIXED_FUNCTIONS else f"Fn::{name}"


def is_merge_key(key: Node) -> bool:
    """Is this YAML's merge key? In quotes it is a key like any other."""
    return isinstance(key, Scalar) and key.text == "<<" and key.style == "" and key.tag is None


def key_text(key: Node) -> str | None:
    """The name of a key as the text spells it; nothing where it is not a single word."""
    if isinstance(key, Alias):
        key = key.target
    return key.text if isinstance(key, Scalar) and function_of(key) is None else None


def children(node: Node) -> tuple[Node, ...]:
    """The nodes right below this one in the text, keys included. What an alias stands for is not below it."""
    match node:
        case Sequence():
            return node.items
        case Mapping():
            return tuple(part for entry in node.entries for part in entry)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, in the order of the text."""
    yield node
    for child in children(node):
        yield from walk(child)


def repeated_keys(root: Node) -> Iterator[tuple[Scalar, Scalar]]:
    """Each key that stands in its mapping for a second time, with the first one before it."""
    for node in walk(root):
        if isinstance(node, Mapping):
            seen: dict[str, Scalar] = {}
            for key, _ in node.entries:
                if isinstance(key, Scalar) and not is_merge_key(key):
                    if key.text in seen:
                        yield seen[key.text], key
                    seen.setdefault(key.text, key)


def json_equal(one: Json, other: Json) -> bool:
    """Are they the same JSON? Python holds ``True == 1 == 1.0``; JSON does not. The order of keys does not count."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(json_equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(json_equal(*pair) for pair in zip(one, other, strict=True))
    return one == other


_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]|[^\s{}\[\],:"]+')


def compose_json(text: str) -> Node:
    """The tree of a JSON text. No recursion: the depth of the text is not the depth of Python's stack."""
    starts: list[int] = []
    stack: list[list[Node]] = [[]]
    for match in _TOKEN.finditer(text):
        symbol = match[0]
        if symbol in "{[":
            starts.append(match.start())
            stack.append([])
        elif symbol in "}]":
            nodes = stack.pop()
            stack[-1].append(_collection(symbol, starts.pop(), match.end(), nodes))
        else:
            quoted = symbol[0] == '"'
            content = json.loads(symbol, strict=False) if quoted else symbol
            stack[-1].append(Scalar(match.start(), match.end(), content, '"' if quoted else ""))
    return stack[0][0]


def _collection(bracket: str, start: int, end: int, nodes: list[Node]) -> Node:
    if bracket == "]":
        return Sequence(start, end, tuple(nodes))
    return Mapping(start, end, tuple(zip(nodes[::2], nodes[1::2], strict=True)))


# FOLDED: JSON text to a tree with positions. The text has been read before, so it is known to be JSON.

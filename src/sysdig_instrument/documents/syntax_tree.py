"""The syntax tree of a document: each node with its offsets in the text. JSON and YAML use the same nodes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, TypeAlias

from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.lazy_dataclasses import dataclass

UNPREFIXED_FUNCTIONS: Final = frozenset({"Ref", "Condition"})
"""The short form tags whose full name does not start with ``Fn::``."""

FUNCTIONS: Final = UNPREFIXED_FUNCTIONS | {
    *(
        "Base64",
        "Cidr",
        "FindInMap",
        "ForEach",
        "GetAZs",
        "GetAtt",
        "GetStackOutput",
        "If",
        "ImportValue",
        "Join",
        "Length",
    ),
    *("Select", "Split", "Sub", "ToJsonString", "Transform", "And", "Equals", "Not", "Or"),
    *("Contains", "EachMemberEquals", "EachMemberIn", "Implies", "RefAll", "ValueOf", "ValueOfAll"),
}
"""The functions of CloudFormation, also those of rules, as they are written in short form."""


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    """A string, number, boolean or null. ``style`` is its quotation mark, ``|``, ``>``, or ``""`` if it is plain."""

    start: int
    end: int
    text: str
    style: str = ""
    tag: str | None = None
    anchor: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """A list: in flow style (brackets) or in block style (a dash before each item)."""

    start: int
    end: int
    items: tuple[Node, ...]
    flow: bool = True
    tag: str | None = None
    anchor: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Mapping:
    """An object. It may contain duplicate keys, and YAML's merge key ``<<``."""

    start: int
    end: int
    entries: tuple[tuple[Node, Node], ...]
    flow: bool = True
    tag: str | None = None
    anchor: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Alias:
    """A YAML alias: a reference to an anchored node."""

    start: int
    end: int
    target: Scalar | Sequence | Mapping
    tag: None = None
    anchor: None = None


Node: TypeAlias = Scalar | Sequence | Mapping | Alias


def function_of(node: Node) -> str | None:
    """Return the full name of a short form tag (``!Sub`` → ``Fn::Sub``), or None for YAML's own tags and untagged nodes."""
    if node.tag is None or not node.tag.startswith("!"):
        return None
    name = node.tag[1:]
    return name if name in UNPREFIXED_FUNCTIONS else f"Fn::{name}"


def is_merge_key(key: Node) -> bool:
    """Return whether this is YAML's merge key ``<<``. In quotes it is an ordinary key."""
    return isinstance(key, Scalar) and key.text == "<<" and key.style == "" and key.tag is None


def key_text(key: Node) -> str | None:
    """Return a key's text, or None if the key is not a scalar or has a function tag."""
    if isinstance(key, Alias):
        key = key.target
    return key.text if isinstance(key, Scalar) and function_of(key) is None else None


def children(node: Node) -> tuple[Node, ...]:
    """Return the child nodes, keys included. The target of an alias is not its child."""
    match node:
        case Sequence():
            return node.items
        case Mapping():
            return tuple(child for entry in node.entries for child in entry)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """Yield the node and all nodes below it, in the order of the text."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(children(node)))


def repeated_keys(root: Node) -> Iterator[tuple[Scalar, Scalar]]:
    """Yield each duplicate key of a mapping as (first, duplicate)."""
    for node in walk(root):
        if isinstance(node, Mapping):
            seen: dict[str, Scalar] = {}
            for key, _ in node.entries:
                if isinstance(key, Scalar) and not is_merge_key(key):
                    if key.text in seen:
                        yield seen[key.text], key
                    seen.setdefault(key.text, key)


def json_equal(one: Json, other: Json) -> bool:
    """Return whether two values are the same JSON.

    Python considers ``True == 1 == 1.0``, JSON does not. The order of keys does not matter.
    """
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(json_equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(json_equal(*pair) for pair in zip(one, other, strict=True))
    return one == other


_decode: Final = json.JSONDecoder(strict=False).decode
_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]|[^\s{}\[\],:"]+')


def compose_json(text: str) -> Node:
    """Return the syntax tree of a text that is known to be valid JSON.

    Iterative, so that the depth of the text does not use Python's stack.
    """
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
            content = _decode(symbol) if quoted else symbol
            stack[-1].append(Scalar(match.start(), match.end(), content, '"' if quoted else ""))
    return stack[0][0]


def _collection(bracket: str, start: int, end: int, nodes: list[Node]) -> Node:
    if bracket == "]":
        return Sequence(start, end, tuple(nodes))
    return Mapping(start, end, tuple(zip(nodes[::2], nodes[1::2], strict=True)))

"""The part of a document's line that a terminal shows: its keys, and the values that are certainly no secrets.

A value is shown only if it is in a place that this module lists, such as ``Image`` of a container. Whatever else a line has is
masked: values of variables, secrets, labels, commands, defaults of parameters, and comments.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

from sysdig_instrument.cli.documents import InputDocument
from sysdig_instrument.documents.editing.source import SourceText
from sysdig_instrument.documents.syntax_tree import Alias, Node, Scalar, Sequence, function_of, key_text
from sysdig_instrument.documents.syntax_tree import Mapping as MappingNode
from sysdig_instrument.ecs_documents import pascal_key
from sysdig_instrument.engine.settings.table import TABLE
from sysdig_instrument.engine.settings.types import Boolean, Integer, OneOf, StringList
from sysdig_instrument.lazy_dataclasses import dataclass, field

MASK: Final = "***"
"""What is shown in place of a value. It has the same length for each, as the length of a secret is part of it."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """The part that is shown at a place: its own text (``scalars``), and what is below its keys. ``others`` is for all other keys."""

    scalars: bool = False
    keys: Mapping[str, _Shape] = field(default_factory=dict)
    others: _Shape | None = None


_NOTHING: Final = _Shape()
_ALL: Final = _Shape(scalars=True)


def _shape(shown: str = "", others: _Shape | None = None, **keys: _Shape) -> _Shape:
    return _Shape(keys={**dict.fromkeys(shown.split(), _ALL), **keys}, others=others)


_PAIR: Final = _shape("Name")
_CONTAINER: Final = _shape(
    "Name Image Essential Cpu Memory MemoryReservation ReadonlyRootFilesystem",
    DependsOn=_shape("ContainerName Condition"),
    Environment=_PAIR,
    FirelensConfiguration=_shape("Type"),
    LinuxParameters=_shape("InitProcessEnabled", Capabilities=_shape("Add Drop")),
    MountPoints=_shape("SourceVolume ContainerPath ReadOnly"),
    PortMappings=_shape("ContainerPort HostPort Protocol"),
    Secrets=_PAIR,
    VolumesFrom=_shape("SourceContainer ReadOnly"),
)
_ECS_PROPERTIES: Final = _shape(
    "Cpu Memory NetworkMode PidMode IpcMode RequiresCompatibilities LaunchType Family",
    ContainerDefinitions=_CONTAINER,
    PrimaryContainer=_shape("Image"),
    RuntimePlatform=_shape("CpuArchitecture OperatingSystemFamily"),
    Tags=_shape("Key"),
)
_SETTINGS: Final = _shape(
    "Collector AgentImage",
    **{each.name: _ALL for each in TABLE if isinstance(each.value_type, Boolean | Integer | OneOf | StringList)},
)
"""Settings that are names, numbers and choices. People put secrets into others: a key may stand where its ARN belongs."""
_METADATA: Final = _shape(
    SysdigInstrument=_Shape(keys={**_SETTINGS.keys, "Containers": _Shape(others=_SETTINGS)}),
)
_RESOURCE: Final = _shape("Type Condition DependsOn", Metadata=_METADATA)
_ECS_RESOURCE: Final = _Shape(keys={**_RESOURCE.keys, "Properties": _ECS_PROPERTIES})
_TEMPLATE: Final = _shape(
    "AWSTemplateFormatVersion",
    Transform=_Shape(scalars=True, keys={"Name": _ALL, "Parameters": _SETTINGS}),
    Metadata=_METADATA,
    Parameters=_Shape(others=_shape("Type")),
    Resources=_Shape(others=_RESOURCE),
)
_PLAIN: Final = _Shape(keys={**_ECS_PROPERTIES.keys, "TaskDefinition": _ECS_PROPERTIES})


def known_keys() -> set[str]:
    """Return the keys that this module knows."""
    keys, waiting = set[str](), [_TEMPLATE, _ECS_RESOURCE]
    while waiting:
        shape = waiting.pop()
        keys.update(shape.keys)
        waiting += [*shape.keys.values(), *([shape.others] if shape.others else [])]
    return keys


_NAMED_BY: Final = frozenset({"Ref", "Condition", "Fn::GetAtt"})
"""Functions whose arguments are names."""
_LOOP: Final = "Fn::ForEach::"
_NAME: Final = re.compile(r"[A-Za-z_][\w:.-]{0,79}|<<")
_HAS_CREDENTIALS: Final = re.compile(r"//|@(?!sha\d+:)|[?&=]")
"""A reference to an image with a scheme or a user name, which may have a password beside it."""
_BETWEEN: Final = re.compile(r"(?P<shown>\s+|[-?:,\[\]{}]|![A-Za-z0-9:]*|&[\w-]+)|(?P<comment>#.*)|(?P<other>.)")


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A text in the document: the offsets of a key or of a value, and whether it is shown."""

    start: int
    end: int
    is_shown: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a line: its offsets in the text, and what is shown of it."""

    start: int
    end: int
    text: str


class ShownText:
    """The text of one document as a terminal shows it."""

    def __init__(self, document: InputDocument) -> None:
        source = document.source
        self._text = source.text
        self._source = SourceText(source.text, source.newline)
        shape = _TEMPLATE if document.kind == "template" else _PLAIN
        if document.kind == "container definitions":
            shape = _CONTAINER
        self._is_template = document.kind == "template"
        leaves = self._leaves_below(source.tree, shape)
        self._leaves = sorted((each for each in leaves if each.start < each.end), key=lambda leaf: leaf.start)
        self._ends = [leaf.end for leaf in self._leaves]  # sorted, too: no two overlap

    def line(self, start: int, end: int) -> list[Piece]:
        """Return the pieces of a part of one line, in order. It begins earlier if it would begin between two values."""
        index = bisect_left(self._ends, start + 1)
        line_start = self._source.line_start(start)
        if index == len(self._leaves) or self._leaves[index].start > start:
            start = max(line_start, self._ends[index - 1] if index else 0)
        pieces: list[Piece] = []
        for leaf in islice(self._leaves, index, None):
            if leaf.start >= end:
                break
            first, last = max(leaf.start, start), min(leaf.end, end)
            pieces += self._between(pieces[-1].end if pieces else start, first)
            pieces.append(Piece(first, last, self._text[first:last] if leaf.is_shown else MASK))
        return [*pieces, *self._between(pieces[-1].end if pieces else start, end)]

    def _between(self, start: int, end: int) -> Iterator[Piece]:
        """Yield what is between values: punctuation and tags. Comments are left out."""
        for found in _BETWEEN.finditer(self._text, start, end):
            if found["comment"] is None:
                yield Piece(found.start(), found.end(), found["shown"] or MASK)

    def _leaves_below(self, root: Node, shape: _Shape) -> Iterator[_Leaf]:
        waiting: list[tuple[Node, _Shape]] = [(root, shape)]
        while waiting:
            node, shape = waiting.pop()
            if isinstance(node, Alias):
                yield _Leaf(node.start, node.end, is_shown=True)
            elif isinstance(node, Scalar):
                is_shown = (shape.scalars and not _HAS_CREDENTIALS.search(node.text)) or self._is_name(node)
                yield _Leaf(self._source.content_start(node), node.end, is_shown)
            elif isinstance(node, Sequence):
                waiting += self._items(node, self._below(function_of(node), shape))
            else:
                yield from self._keys(node, shape)
                waiting += self._members(node, self._below(function_of(node), shape))

    @staticmethod
    def _is_name(node: Scalar) -> bool:
        return function_of(node) in _NAMED_BY and _NAME.fullmatch(node.text) is not None

    @staticmethod
    def _below(function: str | None, shape: _Shape) -> _Shape:
        return _ALL if function in _NAMED_BY else shape

    @staticmethod
    def _items(node: Sequence, shape: _Shape) -> Iterator[tuple[Node, _Shape]]:
        is_choice = function_of(node) == "Fn::If"
        yield from ((item, _ALL if is_choice and index == 0 else shape) for index, item in enumerate(node.items))

    def _keys(self, node: MappingNode, shape: _Shape) -> Iterator[_Leaf]:
        for key, _ in node.entries:
            text = key_text(key) or ""
            is_known = self._key(text) in shape.keys or _NAME.fullmatch(text) is not None
            yield _Leaf(self._source.content_start(key), key.end, is_known)

    def _members(self, node: MappingNode, shape: _Shape) -> Iterator[tuple[Node, _Shape]]:
        texts = {key_text(key): value for key, value in node.entries}
        if shape is _RESOURCE and _is_of_ecs(texts.get("Type")):
            shape = _ECS_RESOURCE
        for key, value in node.entries:
            text = key_text(key) or ""
            if text in _NAMED_BY and len(node.entries) == 1 and self._is_template:
                yield value, _ALL
            elif text == "Fn::If" and isinstance(value, Sequence):
                yield from ((item, shape if index else _ALL) for index, item in enumerate(value.items))
            elif text.startswith("Fn::") and (len(node.entries) == 1 or text.startswith(_LOOP)):
                yield value, shape
            else:
                yield value, shape.keys.get(self._key(text)) or shape.others or _NOTHING

    def _key(self, text: str) -> str:
        return text if self._is_template else pascal_key(text)


def _is_of_ecs(type_node: Node | None) -> bool:
    return isinstance(type_node, Scalar) and type_node.text.startswith("AWS::ECS::")

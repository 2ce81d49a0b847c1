"""A document as it was read: its value, and everything needed to write the same bytes back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from sysdig_instrument.documents.errors import EmptyDocumentError, SourceWarning, line_of
from sysdig_instrument.documents.syntax_tree import Mapping, compose_json, key_text
from sysdig_instrument.lazy_dataclasses import dataclass, field

if TYPE_CHECKING:
    from sysdig_instrument.documents.syntax_tree import Node
    from sysdig_instrument.engine.json_types import Json

Syntax: TypeAlias = Literal["json", "yaml"]


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoding of a file: Python's codec name, and the byte order mark, if any."""

    codec: str
    byte_order_mark: bytes = b""


@dataclass(slots=True, eq=False)
class Document:
    """A document's text and its JSON value.

    ``value`` contains JSON types only and shares no objects: each YAML alias is a copy. ``text`` keeps the line breaks of
    the file and has no byte order mark.
    """

    name: str
    value: Json
    syntax: Syntax
    text: str
    encoding: Encoding
    newline: str
    warnings: tuple[SourceWarning, ...] = ()
    _tree: Node | None = field(default=None, repr=False)

    @property
    def tree(self) -> Node:
        """The syntax tree of the text. Reading YAML makes it anyway; another one is made when it is first needed."""
        if self._tree is None:
            self._tree = _compose(self)
        return self._tree

    def earlier_values(self, key: str) -> list[Json]:
        """Return the values of a repeated key of the top-level object, without the last one, which is in ``value``."""
        if not self.warnings or not isinstance(self.tree, Mapping):  # a repeated key causes a warning
            return []
        nodes = [value for each, value in self.tree.entries if key_text(each) == key]
        return [_value_of(node, self) for node in nodes[:-1]]

    def key_lines(self, key: str) -> list[int]:
        """Return the lines of a repeated key of the top-level object."""
        if not self.warnings or not isinstance(self.tree, Mapping):
            return []
        return [line_of(self.text, each.start) for each, _ in self.tree.entries if key_text(each) == key]

    def encode(self, text: str) -> bytes:
        """Encode a text as this document was encoded: ``encode(text)`` returns the bytes that were read."""
        return self.encoding.byte_order_mark + text.encode(self.encoding.codec)


def _value_of(node: Node, document: Document) -> Json:
    if document.syntax == "json":
        return cast("Json", json.loads(document.text[node.start : node.end]))
    from sysdig_instrument.documents.yaml_values import construct_yaml  # noqa: PLC0415 - JSON does not import PyYAML

    try:
        return construct_yaml(node, document.text, document.name)[0]
    except EmptyDocumentError:
        return None


def _compose(document: Document) -> Node:
    if document.syntax == "json":
        return compose_json(document.text)
    from sysdig_instrument.documents.yaml_syntax import compose_yaml  # noqa: PLC0415 - JSON does not import PyYAML

    return compose_yaml(document.text, document.name)

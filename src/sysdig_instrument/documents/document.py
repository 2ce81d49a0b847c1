"""A document as it was read: its value, and all that is needed to write it back as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from sysdig_instrument.lazy_dataclasses import dataclass

if TYPE_CHECKING:
    from sysdig_instrument.engine.json_types import Json

Syntax: TypeAlias = Literal["json", "yaml"]


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the text was written down in bytes: Python's name of the codec, and the byte order mark before it, if any."""

    codec: str
    byte_order_mark: bytes = b""


@dataclass(frozen=True, slots=True)
class Document:
    """A text and the JSON value that it stands for.

    ``value`` holds JSON's own types only, and no object in it is shared: what YAML aliases repeat is there as copies.
    ``text`` has the line ends of the source, and no byte order mark. ``warnings`` are whole sentences.
    """

    name: str
    value: Json
    syntax: Syntax
    text: str
    encoding: Encoding
    newline: str
    warnings: tuple[str, ...] = ()

    def encode(self, text: str) -> bytes:
        """The text in the bytes of this document's own kind: ``encode(text)`` gives back what was read."""
        return self.encoding.byte_order_mark + text.encode(self.encoding.codec)

"""Bytes in, a :class:`Document` out: JSON where the text is JSON, else YAML."""

from __future__ import annotations

import codecs
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sysdig_instrument.documents.document import Document, Encoding
from sysdig_instrument.documents.errors import MAX_BYTES, error_at
from sysdig_instrument.documents.json_values import NotJsonError, parse_json
from sysdig_instrument.errors import UsageError
from sysdig_instrument.lazy_dataclasses import dataclass, replace

# UTF-32 first: its little-endian mark begins with UTF-16's.
_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def decode(data: bytes, name: str) -> tuple[str, Encoding]:
    """The text of a file, without its byte order mark, and how to encode it again.

    Raises:
        UsageError: The file is too large, binary, or in an encoding that we cannot know.
    """
    if len(data) > MAX_BYTES:
        raise UsageError(
            f"{name} is larger than {MAX_BYTES // 1024 // 1024} MiB. CloudFormation takes templates up to 1 MB: "
            "give the template itself, or divide it.",
        )
    encoding = _detect_encoding(data)
    try:
        text = data[len(encoding.byte_order_mark) :].decode(encoding.codec)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"{name} is not text in {encoding.codec.upper()}: line {line} has a byte that does not belong there. "
            "Save the file as UTF-8.",
        ) from None
    if "\0" in text:
        raise UsageError(
            f"{name} is not a text file. Give a template or task definition in JSON or YAML, saved as UTF-8.",
        )
    return text, encoding


def _detect_encoding(data: bytes) -> Encoding:
    for byte_order_mark, codec in _BYTE_ORDER_MARKS:
        if data.startswith(byte_order_mark):
            return Encoding(codec, byte_order_mark)
    return Encoding("utf-8")


def detect_newline(text: str) -> str:
    """The line end that the text uses: the first one decides."""
    end = text.find("\n")
    if end < 0:
        return "\r" if "\r" in text else "\n"
    return "\r\n" if text[end - 1 : end] == "\r" else "\n"


if TYPE_CHECKING:
    from sysdig_instrument.documents.document import Syntax
    from sysdig_instrument.documents.syntax_tree import Node
    from sysdig_instrument.engine.json_types import Json

STANDARD_INPUT: Final = "standard input"

_OPENING_BRACKET: Final = re.compile(r"\s*[{\[]")
_LOOKS_LIKE_JSON: Final = re.compile(r"[\s{\[]*\"")
"""A quoted key or string after the brackets: whoever wrote this meant JSON."""


def load(path: str) -> Document:
    """Read a file, or standard input where the path is ``-``.

    Raises:
        UsageError: There is no such file, or :func:`read` cannot use it.
    """
    # One byte more than is allowed tells that a file is too large, without reading all of it.
    if path == "-":
        return read(sys.stdin.buffer.read(MAX_BYTES + 1), STANDARD_INPUT)
    try:
        with Path(path).open("rb") as file:
            return read(file.read(MAX_BYTES + 1), path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(
            f"{path} cannot be read: {reason}. Give the path of a template, or - for standard input."
        ) from None
    except ValueError:  # a null byte
        raise UsageError("A file name cannot contain a null byte. Give the path of a template.") from None


def read(data: bytes, name: str) -> Document:
    """Read a document from its bytes. ``name`` is what messages call it.

    Raises:
        UsageError: The bytes are not text, or the text is neither JSON nor YAML that CloudFormation could mean.
    """
    text, encoding = decode(data, name)
    if not text.strip():
        raise UsageError(f"{name} is empty. Give a template or task definition in JSON or YAML.")
    parsed = _parse_any(text, name)
    return Document(
        name, parsed.value, parsed.syntax, text, encoding, detect_newline(text), parsed.warnings, parsed.tree
    )


def reread(document: Document, text: str) -> Document:
    """Return the document with another text, read in the same syntax.

    Raises:
        UsageError: The text is not in that syntax.
    """
    parsed = _parse(text, document.name, document.syntax)
    return replace(document, text=text, value=parsed.value, warnings=parsed.warnings, _tree=parsed.tree)


@dataclass(frozen=True, slots=True)
class _Parsed:
    """What a text was parsed to. JSON needs no syntax tree for its value, so it has none."""

    syntax: Syntax
    value: Json
    warnings: tuple[str, ...]
    tree: Node | None = None


def _parse_any(text: str, name: str) -> _Parsed:
    """Parse a text. Only one that starts with a bracket is tried as JSON, so YAML does not pay for it."""
    if not _OPENING_BRACKET.match(text):
        return _parse_yaml(text, name)
    try:
        return _Parsed("json", *parse_json(text, name))
    except NotJsonError as error:
        # YAML in brackets could still mean something here, but not what its author meant: "[1 2]" is one string.
        if _LOOKS_LIKE_JSON.match(text):
            raise error_at(name, text, error.offset, f"this is not JSON: {error.fact}. Correct the file.") from None
    return _parse_yaml(text, name)


def _parse(text: str, name: str, syntax: Syntax) -> _Parsed:
    """Parse a text in a known syntax."""
    if syntax == "yaml":
        return _parse_yaml(text, name)
    try:
        return _Parsed("json", *parse_json(text, name))
    except NotJsonError as error:
        raise error_at(name, text, error.offset, f"this is not JSON: {error.fact}. Correct the file.") from None


def _parse_yaml(text: str, name: str) -> _Parsed:
    # Imported late: PyYAML takes longer to import than all of this package, and JSON does not need it.
    from sysdig_instrument.documents.yaml_syntax import compose_yaml  # noqa: PLC0415
    from sysdig_instrument.documents.yaml_values import construct_yaml  # noqa: PLC0415

    tree = compose_yaml(text, name)
    return _Parsed("yaml", *construct_yaml(tree, text, name), tree)


# FOLDED: Bytes to text: byte order marks, encodings, and what is not text at all.

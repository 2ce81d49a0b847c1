"""Read a :class:`Document` from bytes: as JSON if the text is JSON, otherwise as YAML."""

from __future__ import annotations

import codecs
import re
import sys
from typing import TYPE_CHECKING, Final

from sysdig_instrument.documents.document import Document, Encoding
from sysdig_instrument.documents.errors import MAX_BYTES, EmptyDocumentError, SourceError, SourceWarning
from sysdig_instrument.documents.json_values import NotJsonError, parse_json
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.errors import UsageError
from sysdig_instrument.lazy_dataclasses import dataclass, replace
from sysdig_instrument.printable import printable_name, single_line

if TYPE_CHECKING:
    from sysdig_instrument.documents.document import Syntax
    from sysdig_instrument.documents.syntax_tree import Node
    from sysdig_instrument.engine.json_types import Json

STANDARD_INPUT: Final = "standard input"
_MAX_PATH: Final = 4096

_OPENING_BRACKET: Final = re.compile(r"\s*[{\[]")
_LOOKS_LIKE_JSON: Final = re.compile(r"[\s{\[]*(\"|//|/\*)")
"""A quoted key or string, or a comment, right after the opening brackets: the author meant JSON."""


def load(path: str, advice: str = "Give the path of a template, or - for standard input") -> Document:
    """Read a file, or standard input if the path is ``-``. ``advice`` is for a file that cannot be read.

    Raises:
        UsageError: The file cannot be read, or :func:`read` refuses its content.
    """
    # Read one byte more than allowed: enough to see that a file is too large, without reading all of it.
    if path == "-":
        return read(sys.stdin.buffer.read(MAX_BYTES + 1), STANDARD_INPUT)
    try:
        with open(path, "rb") as file:
            return read(file.read(MAX_BYTES + 1), path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        if isinstance(error, IsADirectoryError):
            advice = "Name a file in it, because a folder is not accepted here"
        raise UsageError(
            f"{printable_name(path)} cannot be read: {reason}. {advice}.",
            code=Code.FILE_UNREADABLE,
        ) from None
    except ValueError:  # a null byte
        raise UsageError(
            "A file name cannot contain a null byte. Give the path of a template.", code=Code.FILE_UNREADABLE
        ) from None


def read(data: bytes, name: str) -> Document:
    """Read a document from its bytes. ``name`` is its name in messages.

    Raises:
        UsageError: The bytes are not text, or the text is neither JSON nor YAML that CloudFormation accepts.
    """
    name = single_line(name, _MAX_PATH)
    text, encoding = _decode(data, name)
    if not text.strip():
        raise EmptyDocumentError(name)
    if name.endswith(".tf"):
        raise UsageError(
            f"{name} is Terraform's configuration. Use check, diff or explain with the output of `terraform show -json` for a plan.",
            code=Code.TERRAFORM_PLAN,
        )
    parsed = _parse_any(text, name)
    return Document(
        name, parsed.value, parsed.syntax, text, encoding, _detect_newline(text), parsed.warnings, parsed.tree
    )


def reread(document: Document, text: str) -> Document:
    """Return the document with another text, read in the same syntax.

    Raises:
        UsageError: The text is not in that syntax.
    """
    parsed = _parse(text, document.name, document.syntax)
    return replace(document, text=text, value=parsed.value, warnings=parsed.warnings, _tree=parsed.tree)


# --- From text to value


@dataclass(frozen=True, slots=True)
class _Parsed:
    """The result of parsing a text. There is no tree for JSON, whose value is read without one."""

    syntax: Syntax
    value: Json
    warnings: tuple[SourceWarning, ...]
    tree: Node | None = None


def _parse_any(text: str, name: str) -> _Parsed:
    """Parse a text in either syntax. Only one that starts with a bracket is tried as JSON, so YAML does not pay for it."""
    if not _OPENING_BRACKET.match(text):
        return _parse(text, name, "yaml")
    try:
        return _Parsed("json", *parse_json(text, name))
    except NotJsonError as error:
        # As flow YAML this could still be valid, but not mean what its author meant: "[1 2]" is a list of one string.
        if _LOOKS_LIKE_JSON.match(text):
            raise _json_error(text, name, error) from None
    return _parse(text, name, "yaml")


def _parse(text: str, name: str, syntax: Syntax) -> _Parsed:
    """Parse a text in a known syntax."""
    if syntax == "json":
        try:
            return _Parsed("json", *parse_json(text, name))
        except NotJsonError as error:
            raise _json_error(text, name, error) from None
    # Imported here: PyYAML takes longer to import than the whole package, and JSON does not need it.
    from sysdig_instrument.documents.yaml_syntax import compose_yaml  # noqa: PLC0415
    from sysdig_instrument.documents.yaml_values import construct_yaml  # noqa: PLC0415

    tree = compose_yaml(text, name)
    return _Parsed("yaml", *construct_yaml(tree, text, name), tree)


def _json_error(text: str, name: str, error: NotJsonError) -> UsageError:
    return SourceError(name, text, error.offset, f"invalid JSON: {error.fact}. Fix the file.", code=Code.INVALID_JSON)


# --- From bytes to text

# UTF-32 comes before UTF-16: its little-endian mark starts with that of UTF-16.
_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


_BINARY_SAMPLE: Final = 8192
_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
"""What is in the first bytes of a binary file. A terminal's escape sequences may be in a text."""


def _decode(data: bytes, name: str) -> tuple[str, Encoding]:
    """Return a file's text without its byte order mark, and its encoding.

    Raises:
        UsageError: The file is too large, binary, or in an unknown encoding.
    """
    if len(data) > MAX_BYTES:
        raise UsageError(
            f"{name} is larger than {MAX_BYTES // 1024 // 1024} MiB. CloudFormation accepts templates up to 1 MB. "
            "Give the template itself, or split it.",
            code=Code.NOT_A_TEMPLATE_FILE,
        )
    encoding = _detect_encoding(data)
    try:
        text = data[len(encoding.byte_order_mark) :].decode(encoding.codec)
    except UnicodeDecodeError as error:
        if _CONTROLS.search(data[:_BINARY_SAMPLE]) and not encoding.byte_order_mark:
            raise _not_a_text_file(name) from None
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"{name} is not valid {encoding.codec.upper()}: line {line} has an invalid byte. Save the file as UTF-8.",
            code=Code.NOT_UTF8,
        ) from None
    if "\0" in text:
        raise _not_a_text_file(name)
    return text, encoding


def _not_a_text_file(name: str) -> UsageError:
    return UsageError(
        f"{name} is not a text file. Give a template or task definition in JSON or YAML, saved as UTF-8.",
        code=Code.NOT_A_TEMPLATE_FILE,
    )


def _detect_encoding(data: bytes) -> Encoding:
    for byte_order_mark, codec in _BYTE_ORDER_MARKS:
        if data.startswith(byte_order_mark):
            return Encoding(codec, byte_order_mark)
    return Encoding("utf-8")


def _detect_newline(text: str) -> str:
    """Return the text's line break: that of its first line."""
    end = text.find("\n")
    if end < 0:
        return "\r" if "\r" in text else "\n"
    return "\r\n" if text[end - 1 : end] == "\r" else "\n"

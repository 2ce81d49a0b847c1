"""Bytes in, a :class:`Document` out: JSON where the text is JSON, else YAML."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sysdig_instrument.documents.decoding import decode, newline_of
from sysdig_instrument.documents.document import Document
from sysdig_instrument.documents.json_values import NotJsonError, json_value
from sysdig_instrument.documents.places import MAX_BYTES, fault
from sysdig_instrument.errors import UsageError

if TYPE_CHECKING:
    from sysdig_instrument.documents.document import Syntax
    from sysdig_instrument.engine.json_types import Json

STANDARD_INPUT: Final = "standard input"

_BRACKET: Final = re.compile(r"\s*[{\[]")
_JSON: Final = re.compile(r"[\s{\[]*\"")
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
    syntax, value, warnings = _parse(text, name)
    return Document(name, value, syntax, text, encoding, newline_of(text), warnings)


def _parse(text: str, name: str) -> tuple[Syntax, Json, tuple[str, ...]]:
    """Value and warnings. JSON is tried on what can be JSON at all, so that YAML pays nothing for it."""
    if not _BRACKET.match(text):
        return "yaml", *_yaml(text, name)
    try:
        return "json", *json_value(text, name)
    except NotJsonError as error:
        # YAML in brackets could still mean something here, but not what its author meant: "[1 2]" is one string.
        if _JSON.match(text):
            raise fault(name, text, error.offset, f"this is not JSON: {error.fact}. Correct the file.") from None
    return "yaml", *_yaml(text, name)


def parse(text: str, name: str, syntax: Syntax) -> tuple[Json, tuple[str, ...]]:
    """Value and warnings of a text whose syntax is known.

    Raises:
        UsageError: The text is not in that syntax.
    """
    if syntax == "yaml":
        return _yaml(text, name)
    try:
        return json_value(text, name)
    except NotJsonError as error:
        raise fault(name, text, error.offset, f"this is not JSON: {error.fact}. Correct the file.") from None


def _yaml(text: str, name: str) -> tuple[Json, tuple[str, ...]]:
    # Imported late: PyYAML takes longer to import than all of this package, and JSON does not need it.
    from sysdig_instrument.documents.yaml_tree import compose  # noqa: PLC0415
    from sysdig_instrument.documents.yaml_values import yaml_value  # noqa: PLC0415

    return yaml_value(compose(text, name), text, name)

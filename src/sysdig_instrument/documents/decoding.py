"""Bytes to text: byte order marks, encodings, and what is not text at all."""

from __future__ import annotations

import codecs
from typing import Final

from sysdig_instrument.documents.document import Encoding
from sysdig_instrument.documents.places import MAX_BYTES
from sysdig_instrument.errors import UsageError

# UTF-32 first: its little-endian mark begins with UTF-16's.
_MARKS: Final = (
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
    encoding = _encoding(data)
    try:
        text = data[len(encoding.mark) :].decode(encoding.codec)
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


def _encoding(data: bytes) -> Encoding:
    for mark, codec in _MARKS:
        if data.startswith(mark):
            return Encoding(codec, mark)
    return Encoding("utf-8")


def newline_of(text: str) -> str:
    """The line end that the text uses: the first one decides."""
    end = text.find("\n")
    if end < 0:
        return "\r" if "\r" in text else "\n"
    return "\r\n" if text[end - 1 : end] == "\r" else "\n"

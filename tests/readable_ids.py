"""Readable ids of parameters that are expressions or lists: their words, without the punctuation of a repr."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_MAX_LENGTH: Final = 50
_OTHERS: Final = re.compile(r"[^\w .:/=@*+,()$-]+")


def readable_id(value: object) -> str:
    """Return the id of a parameter. pytest appends a number where two are equal."""
    words = " ".join(_words(value)).replace("/opt/draios/bin/instrument", "WRAPPER")
    return _OTHERS.sub("-", words)[:_MAX_LENGTH].strip(" -") or "empty"


def _words(value: object) -> Iterator[str]:
    match value:
        case dict():
            for key, member in value.items():
                yield str(key).removeprefix("Fn::")
                yield from _words(member)
        case list() | tuple():
            for item in value:
                yield from _words(item)
        case _:
            yield str(value)

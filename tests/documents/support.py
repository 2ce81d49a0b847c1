"""Short forms for tests of edits: a text, changes to it, and the expected text."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

from sysdig_instrument.documents import read
from sysdig_instrument.documents.editing.writer import write
from sysdig_instrument.documents.syntax_tree import json_equal
from sysdig_instrument.engine.patch import Change, apply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sysdig_instrument.documents import Document
    from sysdig_instrument.engine.json_types import Json, Pointer


def doc(text: str) -> Document:
    """Read a YAML text that is indented like the test around it."""
    return read(dedent(text).encode(), "t.yaml")


def add(path: str, value: Json) -> Change:
    return Change("add", pointer(path), "because", value)


def replace(path: str, value: Json, was: Json) -> Change:
    return Change("replace", pointer(path), "because", value, was)


def remove(path: str, was: Json) -> Change:
    return Change("remove", pointer(path), "because", was=was)


def pointer(path: str) -> Pointer:
    return tuple(int(part) if part.isdigit() else part for part in path.split("/") if part)


def changed(text: str, *changes: Change) -> str:
    """Return the text with the changes made. Asserts that its value is right, and that no fallback was needed."""
    document = doc(text)
    warnings: list[str] = []
    written = write_changes(document, changes, warnings.append)
    assert json_equal(read(written.encode(), "t.yaml").value, apply(document.value, changes))
    assert not warnings
    return written


def write_changes(document: Document, changes: Iterable[Change], warn: Callable[[str], object] = lambda _: None) -> str:
    """Return the text of the document with the changes made."""
    changes = list(changes)
    return write(document, changes, apply(document.value, changes), warn).text


def check(text: str, expected: str, *changes: Change) -> None:
    assert changed(text, *changes) == dedent(expected)

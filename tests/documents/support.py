"""Short ways to say what a test is about: a text, changes to it, and the text that should come out."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

from sysdig_instrument.documents import read, write
from sysdig_instrument.documents.syntax_tree import json_equal
from sysdig_instrument.engine.patch import Change, apply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sysdig_instrument.documents import Document
    from sysdig_instrument.engine.json_types import Json
    from sysdig_instrument.engine.patch import Pointer


def doc(text: str) -> Document:
    """A document from a text that is indented with the test that it stands in."""
    return read(dedent(text).encode(), "t.yaml")


def add(path: str, value: Json) -> Change:
    return Change("add", pointer(path), "because", value)


def put(path: str, value: Json, was: Json) -> Change:
    return Change("replace", pointer(path), "because", value, was)


def remove(path: str, was: Json) -> Change:
    return Change("remove", pointer(path), "because", was=was)


def pointer(path: str) -> Pointer:
    return tuple(int(part) if part.isdigit() else part for part in path.split("/") if part)


def changed(text: str, *changes: Change) -> str:
    """The text with the changes made. It says what the changes say, and nothing had to be written anew for that."""
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

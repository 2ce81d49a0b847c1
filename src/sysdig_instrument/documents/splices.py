"""Pieces of a text in place of others, and the places that values stand in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, TypeAlias

from sysdig_instrument.documents.page import UnplacedError
from sysdig_instrument.documents.tree import Mapping, Scalar, Sequence
from sysdig_instrument.values import dataclass

if TYPE_CHECKING:
    from sysdig_instrument.documents.drafts import Draft
    from sysdig_instrument.documents.page import Page
    from sysdig_instrument.documents.tree import Node

Surroundings: TypeAlias = Literal["key", "item", "brackets", "top"]


@dataclass(frozen=True, slots=True)
class Splice:
    """A piece of text in place of another one. Where both ends are one offset, it is put in there."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: behind a key or dash at a column, in brackets, or at the top."""

    kind: Surroundings
    column: int = 0
    after: int = 0


@dataclass(frozen=True, slots=True)
class OwnEdits:
    """What becomes of a collection's rows, and the parts that may change in themselves."""

    splices: list[Splice]
    parts: list[tuple[Draft, Place]]


def spliced(text: str, splices: Iterable[Splice]) -> str:
    """The text with all splices made.

    Raises:
        UnplacedError: Two of them want the same characters.
    """
    pieces: list[str] = []
    done = 0
    # Sorting keeps the order of those at the same place: inner ones come before outer ones.
    for splice in sorted(splices, key=lambda splice: (splice.start, splice.end)):
        if splice.start < done:
            raise UnplacedError
        pieces += (text[done : splice.start], splice.text)
        done = splice.end
    return "".join((*pieces, text[done:]))


def closed(splices: list[Splice], tree: Node, page: Page) -> list[Splice]:
    """With a block scalar at the end of the file closed, where something is put in behind it.

    It has no line end as long as the file has none; the line end that the new lines need would become part of it.
    """
    last = tree
    while isinstance(last, Sequence | Mapping) and not last.flow:
        last = last.items[-1] if isinstance(last, Sequence) else last.entries[-1][1]
    size = len(page.text)
    if (
        not isinstance(last, Scalar)
        or last.style not in ("|", ">")
        or page.end_of(last) < size
        or last.text.endswith("\n")
    ):
        return splices
    header = page.content_start(last) + 1
    is_put_in_behind = any(splice.start == splice.end == size for splice in splices)
    is_replaced = any(splice.start < header < splice.end for splice in splices)
    if page.text[header : header + 1] in ("-", "+") or is_replaced or not is_put_in_behind:
        return splices
    return [Splice(header, header, "-"), *splices]

"""A document with changes made, as text: what nobody changed stays as it is, byte for byte.

The text is edited, not written anew. Whether the edits say what they should is not taken on trust: the new text is read
again and compared. Where it says something else, more of what encloses that place is written anew, until it is right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sysdig_instrument.documents.aliases import settle
from sysdig_instrument.documents.drafts import Draft, make
from sysdig_instrument.documents.edits import edits
from sysdig_instrument.documents.json_tree import json_tree
from sysdig_instrument.documents.page import Page, UnplacedError
from sysdig_instrument.documents.reader import parse
from sysdig_instrument.documents.rendering import render
from sysdig_instrument.documents.rows import is_changed
from sysdig_instrument.documents.splices import Place, closed, spliced
from sysdig_instrument.documents.style import PLAIN_YAML, PRETTY_JSON, Style, style_of
from sysdig_instrument.documents.tree import same
from sysdig_instrument.engine.json_types import ABSENT
from sysdig_instrument.engine.patch import apply
from sysdig_instrument.errors import UsageError
from sysdig_instrument.values import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sysdig_instrument.documents.document import Document
    from sysdig_instrument.documents.tree import Node
    from sysdig_instrument.engine.json_types import Json
    from sysdig_instrument.engine.patch import Change, Pointer


def write(document: Document, changes: Iterable[Change], warn: Callable[[str], object] = lambda _: None) -> str:
    """The document's text with the changes made, in their order.

    ``warn`` is called with a sentence where all of the text had to be written anew; nothing known leads there.

    Raises:
        jsonpatch.JsonPatchException: The changes were planned for another document.
    """
    changes = list(changes)
    if not changes:
        return document.text
    wanted = apply(document.value, changes)
    tree = _tree(document)
    page = Page(document.text, document.newline)
    style = style_of(tree, page, _default(document))
    root = Draft(tree, document.value)
    for change in changes:
        make(root, change, change.pointer)
    again = False
    while True:
        settle(root, tree)
        text = _edited(root, tree, page, style)
        wrong = _difference(document, text, wanted) if text is not None else ()
        if text is not None and wrong is not None and not text.endswith(page.newline):
            # A new block scalar at the end of a file that has no line end there: it needs one.
            text += page.newline
            wrong = _difference(document, text, wanted)
        if text is not None and wrong is None:
            break
        again = True
        if style.literals:
            # Blanks on the empty lines below would become part of a new block scalar; quotes have an end.
            style = replace(style, literals=False)
            continue
        if not (_coarsen(root, wrong) if wrong else _coarsen_all(root)):
            text = render(wanted, document.syntax, newline=document.newline)
            break
    if again and root.new is not ABSENT:
        warn(f"{document.name} could not be edited in place: all of it is written anew, without its comments.")
    return text


def _default(document: Document) -> Style:
    """The habits of a text that shows none. JSON with escapes and without other letters wants to stay in ASCII."""
    text = document.text
    if document.syntax == "yaml":
        return replace(PLAIN_YAML, newline=document.newline)
    comma = "," if '":' in text and '": ' not in text else ", "
    return replace(PRETTY_JSON, newline=document.newline, comma=comma, ascii=text.isascii() and "\\u" in text)


def _tree(document: Document) -> Node:
    if document.syntax == "json":
        return json_tree(document.text)
    from sysdig_instrument.documents.yaml_tree import compose  # noqa: PLC0415 - JSON does not import PyYAML

    return compose(document.text, document.name)


def _edited(root: Draft, tree: Node, page: Page, style: Style) -> str | None:
    try:
        return spliced(page.text, closed(edits(root, Place("top"), page, style), tree, page))
    except UnplacedError:
        return None


def _difference(document: Document, text: str, wanted: Json) -> Pointer | None:
    """Where the text says something else than it should; nothing where it does not. The top, if it cannot be read."""
    try:
        value = parse(text, document.name, document.syntax)[0]
    except UsageError:
        return ()
    return _first_difference(value, wanted)


def _first_difference(value: Json, wanted: Json) -> Pointer | None:
    if same(value, wanted):
        return None
    parts: list[tuple[str | int, Json, Json]] = []
    if isinstance(value, dict) and isinstance(wanted, dict) and value.keys() == wanted.keys():
        parts = [(key, value[key], wanted[key]) for key in value]
    elif isinstance(value, list) and isinstance(wanted, list) and len(value) == len(wanted):
        parts = [(index, *pair) for index, pair in enumerate(zip(value, wanted, strict=True))]
    return next(((key, *below) for key, one, two in parts if (below := _first_difference(one, two)) is not None), ())


def _coarsen(root: Draft, pointer: Pointer) -> bool:
    """Have the smallest value around a place written anew that is not yet. False where that is all there is."""
    way = [root]
    steps = iter(pointer)
    for step in steps:
        # Under a short tag the first step is the tag itself.
        inner = next(steps, None) if way[-1].function is not None else step
        parts = way[-1].parts
        if isinstance(parts, dict) and inner in parts:
            way.append(parts[str(inner)])
        elif isinstance(parts, list) and isinstance(inner, int) and inner < len(parts):
            way.append(parts[inner])
        else:
            break
    for draft in reversed(way):
        if draft.node is not None and draft.new is ABSENT:
            draft.replace(draft.value)
            return True
    return False


def _coarsen_all(root: Draft) -> bool:
    """The same where no place is known: every innermost value that has changes in it is written anew."""
    if root.new is not ABSENT:
        return False
    inner = [part for part in root.below() if part.parts is not None and is_changed(part)]
    if not inner:
        root.replace(root.value)
    for part in inner:
        _coarsen_all(part)
    return True

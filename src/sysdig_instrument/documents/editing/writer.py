"""A document with changes made, as text: what nobody changed stays as it is, byte for byte.

The text is edited, not written anew. Whether the edits say what they should is not taken on trust: the new text is read
again and compared. Where it says something else, more of what encloses that place is written anew, until it is right.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sysdig_instrument.documents.editing.block import block_lines
from sysdig_instrument.documents.editing.edit_tree import EditNode, apply_change, expand_stale_aliases
from sysdig_instrument.documents.editing.matching import is_changed
from sysdig_instrument.documents.editing.scalars import scalar_text
from sysdig_instrument.documents.editing.source import (
    NodeContext,
    SourceText,
    UnsupportedLayoutError,
    apply_edits,
    with_strip_indicator,
)
from sysdig_instrument.documents.editing.style import DEFAULT_JSON, DEFAULT_YAML, Style, detect_style
from sysdig_instrument.documents.editing.text_edits import collect_edits
from sysdig_instrument.documents.reader import parse
from sysdig_instrument.documents.syntax_tree import compose_json, json_equal
from sysdig_instrument.engine.json_types import ABSENT
from sysdig_instrument.engine.patch import apply
from sysdig_instrument.errors import UsageError
from sysdig_instrument.lazy_dataclasses import replace

if TYPE_CHECKING:
    from sysdig_instrument.documents.document import Syntax
    from sysdig_instrument.engine.json_types import Json


def render(value: Json, syntax: Syntax, *, newline: str = "\n") -> str:
    """The value as JSON or YAML for people: two spaces, texts of several lines as such, short tags for functions.

    Reading it again gives the same value.
    """
    if syntax == "json":
        return json.dumps(value, indent=2, ensure_ascii=False).replace("\n", newline) + newline
    style = replace(DEFAULT_YAML, newline=newline)
    if isinstance(value, dict | list) and value:
        lines = block_lines(value, style)
    else:
        lines = [json.dumps(value) if isinstance(value, dict | list) else scalar_text(value, style, flow=False)]
    return newline.join(lines) + newline


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sysdig_instrument.documents.document import Document
    from sysdig_instrument.documents.syntax_tree import Node
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
    expected = apply(document.value, changes)
    tree = _syntax_tree(document)
    source = SourceText(document.text, document.newline)
    style = detect_style(tree, source, _default_style(document))
    root = EditNode(tree, document.value)
    for change in changes:
        apply_change(root, change, change.pointer)
    has_retried = False
    while True:
        expand_stale_aliases(root, tree)
        text = _edited_text(root, tree, source, style)
        difference = _difference(document, text, expected) if text is not None else ()
        if text is not None and difference is not None and not text.endswith(source.newline):
            # A new block scalar at the end of a file that has no line end there: it needs one.
            text += source.newline
            difference = _difference(document, text, expected)
        if text is not None and difference is None:
            break
        has_retried = True
        if style.literal_blocks:
            # Blanks on the empty lines below would become part of a new block scalar; quotes have an end.
            style = replace(style, literal_blocks=False)
            continue
        if not (_widen(root, difference) if difference else _widen_all(root)):
            text = render(expected, document.syntax, newline=document.newline)
            break
    if has_retried and root.new is not ABSENT:
        warn(f"{document.name} could not be edited in place: all of it is written anew, without its comments.")
    return text


def _default_style(document: Document) -> Style:
    """The habits of a text that shows none. JSON with escapes and without other letters wants to stay in ASCII."""
    text = document.text
    if document.syntax == "yaml":
        return replace(DEFAULT_YAML, newline=document.newline)
    comma = "," if '":' in text and '": ' not in text else ", "
    return replace(DEFAULT_JSON, newline=document.newline, comma=comma, ascii_only=text.isascii() and "\\u" in text)


def _syntax_tree(document: Document) -> Node:
    if document.syntax == "json":
        return compose_json(document.text)
    from sysdig_instrument.documents.yaml_syntax import compose_yaml  # noqa: PLC0415 - JSON does not import PyYAML

    return compose_yaml(document.text, document.name)


def _edited_text(root: EditNode, tree: Node, source: SourceText, style: Style) -> str | None:
    try:
        return apply_edits(
            source.text, with_strip_indicator(collect_edits(root, NodeContext("root"), source, style), tree, source)
        )
    except UnsupportedLayoutError:
        return None


def _difference(document: Document, text: str, expected: Json) -> Pointer | None:
    """Where the text says something else than it should; nothing where it does not. The top, if it cannot be read."""
    try:
        value = parse(text, document.name, document.syntax)[0]
    except UsageError:
        return ()
    return _first_difference(value, expected)


def _first_difference(value: Json, expected: Json) -> Pointer | None:
    if json_equal(value, expected):
        return None
    children: list[tuple[str | int, Json, Json]] = []
    if isinstance(value, dict) and isinstance(expected, dict) and value.keys() == expected.keys():
        children = [(key, value[key], expected[key]) for key in value]
    elif isinstance(value, list) and isinstance(expected, list) and len(value) == len(expected):
        children = [(index, *pair) for index, pair in enumerate(zip(value, expected, strict=True))]
    return next(
        (
            (key, *below)
            for key, actual, expected_child in children
            if (below := _first_difference(actual, expected_child)) is not None
        ),
        (),
    )


def _widen(root: EditNode, pointer: Pointer) -> bool:
    """Have the smallest value around a place written anew that is not yet. False where that is all there is."""
    path = [root]
    tokens = iter(pointer)
    for token in tokens:
        # Under a short tag the first step is the tag itself.
        key = next(tokens, None) if path[-1].function is not None else token
        children = path[-1].children
        if isinstance(children, dict) and key in children:
            path.append(children[str(key)])
        elif isinstance(children, list) and isinstance(key, int) and key < len(children):
            path.append(children[key])
        else:
            break
    for edit_node in reversed(path):
        if edit_node.node is not None and edit_node.new is ABSENT:
            edit_node.rewrite(edit_node.value)
            return True
    return False


def _widen_all(root: EditNode) -> bool:
    """The same where no place is known: every innermost value that has changes in it is written anew."""
    if root.new is not ABSENT:
        return False
    changed = [child for child in root.iter_children() if child.children is not None and is_changed(child)]
    if not changed:
        root.rewrite(root.value)
    for child in changed:
        _widen_all(child)
    return True


# FOLDED: A value as a whole text: for ``--format``, and where there is no text to keep.

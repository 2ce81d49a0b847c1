"""Write a document with changes. Everything else stays the same, byte for byte.

The text is edited, not regenerated. The result is verified: the new text is parsed again and compared with the expected
value. If they differ, the smallest value around the difference is rewritten, and so on outwards until they match.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from sysdig_instrument.documents.editing.block import block_lines
from sysdig_instrument.documents.editing.edit_tree import EditNode, apply_change, expand_stale_aliases
from sysdig_instrument.documents.editing.matching import changed_nodes
from sysdig_instrument.documents.editing.scalars import scalar_text
from sysdig_instrument.documents.editing.source import (
    SourceText,
    UnsupportedLayoutError,
    apply_edits,
    with_strip_indicator,
)
from sysdig_instrument.documents.editing.style import DEFAULT_JSON, DEFAULT_YAML, Style, StyleSurvey
from sysdig_instrument.documents.editing.text_edits import collect_edits
from sysdig_instrument.documents.reader import reread
from sysdig_instrument.documents.syntax_tree import json_equal
from sysdig_instrument.engine.json_types import ABSENT, Pointer
from sysdig_instrument.errors import UsageError
from sysdig_instrument.lazy_dataclasses import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sysdig_instrument.documents.document import Document, Syntax
    from sysdig_instrument.documents.syntax_tree import Node
    from sysdig_instrument.engine.json_types import Json
    from sysdig_instrument.engine.patch import Change


def write(
    document: Document,
    changes: Iterable[Change],
    expected: Json,
    warn: Callable[[str], object] = lambda _: None,
    *,
    restores: bool = False,
) -> Document:
    """Return the document with the changes made in its text, in their order.

    ``changes`` must have been planned for this document. ``expected`` is its value after them: the new text is parsed again
    and must have this value. ``warn`` is called if the whole text had to be rewritten. No known document causes this.
    ``restores`` says that the changes restore what a person wrote: ``!Ref AWS::NoValue`` without quotes where the document has
    none, and a block scalar at the end of a file without its line break and without the indicator that a new line after it
    makes necessary.
    """
    changes = list(changes)
    if not changes:
        return document
    written = _write(document, changes, expected, warn, restores=restores)
    if restores and re.search(_QUOTED_NO_VALUE, written.text):
        return _without_strip_indicator(_write(document, changes, expected, warn, restores=False), expected)
    return _without_strip_indicator(written, expected) if restores else written


def _write(
    document: Document, changes: list[Change], expected: Json, warn: Callable[[str], object], *, restores: bool
) -> Document:
    tree = document.tree
    survey = StyleSurvey(tree, SourceText(document.text, document.newline))
    style = replace(survey.style(tree, _default_style(document)), plain_no_value=restores)
    root = EditNode(tree, document.value)
    for change in changes:
        apply_change(root, change, change.pointer)
    has_retried = False
    while True:
        expand_stale_aliases(root, tree)
        text = _edited_text(root, tree, survey, style)
        written, difference = _check(document, text, expected)
        if written is None and text is not None and not text.endswith(document.newline):
            # A new block scalar at the end of a file needs a final line break.
            written, difference = _check(document, text + document.newline, expected)
        if written is not None:
            break
        has_retried = True
        if style.literal_blocks:
            # Blank lines below would become part of a new block scalar. Quoted scalars have an end.
            style = replace(style, literal_blocks=False)
            continue
        if not (_widen(root, difference) if difference else _widen_all(root)):
            text = render(expected, document.syntax, newline=document.newline)
            written = replace(document, text=text, value=expected, _tree=None)
            break
    if has_retried and root.new is not ABSENT:
        warn(f"{document.name} could not be edited in place, so all of it was rewritten, without its comments.")
    return written


_QUOTED_NO_VALUE: Final = r"""!Ref ["']AWS::NoValue"""
_STRIP_INDICATOR: Final = r"(?<=[ \t][>|])-(?=[ \t]*\r?\n)"


def _without_strip_indicator(written: Document, expected: Json) -> Document:
    """Return the document without the indicator of a block scalar at its end that makes no difference there."""
    indicators = list(re.finditer(_STRIP_INDICATOR, written.text)) if written.syntax == "yaml" else []
    if not indicators or written.text.endswith(("\n", "\r")):
        return written
    start, end = indicators[-1].span()
    shorter, _ = _check(written, written.text[:start] + written.text[end:], expected)
    return shorter or written


def _default_style(document: Document) -> Style:
    """Return the style of a text that shows none. JSON with escapes and no non-ASCII characters stays ASCII."""
    text = document.text
    if document.syntax == "yaml":
        return replace(DEFAULT_YAML, newline=document.newline)
    comma = "," if '":' in text and '": ' not in text else ", "
    return replace(DEFAULT_JSON, newline=document.newline, comma=comma, ascii_only=text.isascii() and "\\u" in text)


def _edited_text(root: EditNode, tree: Node, survey: StyleSurvey, style: Style) -> str | None:
    try:
        edits = with_strip_indicator(collect_edits(root, survey, style), tree, survey.source)
        return apply_edits(survey.source.text, edits)
    except UnsupportedLayoutError:
        return None


def _check(document: Document, text: str | None, expected: Json) -> tuple[Document | None, Pointer]:
    """Return the document with this text, or None and the pointer to the first difference from the expected value.

    The pointer is the root if there is no text, or if it cannot be parsed.
    """
    if text is None:
        return None, ()
    try:
        written = reread(document, text)
    except UsageError:
        return None, ()
    difference = _first_difference(written.value, expected)
    return (written, ()) if difference is None else (None, difference)


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
    """Rewrite the smallest value around a pointer that is not rewritten yet. Return False if there is none left."""
    path = [root]
    parts = iter(pointer)
    for part in parts:
        # The first part below a short form tag is the tag itself.
        key = next(parts, None) if path[-1].function is not None else part
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
    """Rewrite every innermost changed value: for text that could not be edited at all."""
    if root.new is not ABSENT:
        return False
    _rewrite_innermost(root, changed_nodes(root))
    return True


def _rewrite_innermost(edit_node: EditNode, changed: set[int]) -> None:
    inner = [child for child in edit_node.iter_children() if child.children is not None and id(child) in changed]
    if not inner:
        edit_node.rewrite(edit_node.value)
    for child in inner:
        _rewrite_innermost(child, changed)


# --- Rendering a whole value


def render(value: Json, syntax: Syntax, *, newline: str = "\n") -> str:
    """Return a value as readable JSON or YAML: two spaces, literal blocks for multiline strings, short form functions.

    Used for ``--format``, and if the text cannot be edited. Reading the result gives the same value.
    """
    if syntax == "json":
        return json.dumps(value, indent=2, ensure_ascii=False).replace("\n", newline) + newline
    style = replace(DEFAULT_YAML, newline=newline)
    if isinstance(value, dict | list) and value:
        lines = block_lines(value, style)
    else:
        lines = [json.dumps(value) if isinstance(value, dict | list) else scalar_text(value, style, flow=False)]
    return newline.join(lines) + newline

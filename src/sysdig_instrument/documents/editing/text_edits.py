"""Turn an edit tree into text edits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sysdig_instrument.documents.editing.block import block_edits, block_lines, value_lines
from sysdig_instrument.documents.editing.flow import edit_around_blanks, flow_edits, flow_text, short_form
from sysdig_instrument.documents.editing.matching import changed_nodes
from sysdig_instrument.documents.editing.source import NodeContext, TextEdit, UnsupportedLayoutError
from sysdig_instrument.documents.syntax_tree import Mapping, Sequence
from sysdig_instrument.engine.json_types import ABSENT
from sysdig_instrument.lazy_dataclasses import dataclass, replace

if TYPE_CHECKING:
    from sysdig_instrument.documents.editing.edit_tree import EditNode
    from sysdig_instrument.documents.editing.source import SourceText
    from sysdig_instrument.documents.editing.style import Style, StyleSurvey
    from sysdig_instrument.documents.syntax_tree import Node
    from sysdig_instrument.engine.json_types import Json


def collect_edits(root: EditNode, survey: StyleSurvey, style: Style) -> list[TextEdit]:
    """Return the edits that give the text the value of the root.

    Raises:
        UnsupportedLayoutError: The layout of the text is not supported.
    """
    return _EditCollector(survey.source, survey, changed_nodes(root)).collect(root, NodeContext("root"), style)


@dataclass(slots=True)
class _EditCollector:
    """Visits the values to change. ``changed`` are the identities of their edit nodes."""

    source: SourceText
    survey: StyleSurvey
    changed: set[int]

    def collect(self, edit_node: EditNode, context: NodeContext, style: Style) -> list[TextEdit]:
        """Return the edits that give the text the edit node's value.

        Raises:
            UnsupportedLayoutError: The layout of the text is not supported.
        """
        node = edit_node.node
        if node is None or id(edit_node) not in self.changed:
            return []
        if edit_node.new is ABSENT and isinstance(node, Sequence | Mapping):
            try:
                return self.edit_collection(edit_node, node, style)
            except UnsupportedLayoutError:
                pass  # fall back to rewriting the whole value
        return [replacement(edit_node, node, context, self.source, style)]

    def edit_collection(self, edit_node: EditNode, node: Sequence | Mapping, style: Style) -> list[TextEdit]:
        """Return the edits of a collection's entries and of their values."""
        if _adds_text(edit_node):
            style = self.survey.style(node, style)
        collection = (flow_edits if node.flow else block_edits)(edit_node, node, self.source, style)
        inner = [edit for child, context in collection.children for edit in self.collect(child, context, style)]
        # Inner edits come first: if an entry and its collection end at the same offset, the inner insertion must precede
        # the outer one.
        return inner + collection.edits


def _adds_text(edit_node: EditNode) -> bool:
    """Return whether text is added at this level, so that its style matters."""
    return any(
        (child.node is None and not child.inherited) or child.new is not ABSENT for child in edit_node.iter_children()
    )


# --- Rewriting a whole value

_ONLY_KEY_BEFORE: Final = re.compile(r'\s*(?:"[^"\\]*(?:\\.[^"\\]*)*"\s*:\s*)?')
_COMMENT: Final = re.compile(r"(?<![ \t])[ \t]+#.*")


def replacement(edit_node: EditNode, node: Node, context: NodeContext, source: SourceText, style: Style) -> TextEdit:
    """Return the edit that rewrites a whole value. Its anchor stays, as aliases may refer to it."""
    end = max(source.end_of(node), context.indicator_end)
    if isinstance(node, Sequence) and not node.items:
        # "[]" was in flow style, so scalars may stay in it; and "[ ]" has a space, which an empty list gets again
        padding = source.text[node.start + 1 : node.end - 1]
        style = replace(style, flow_lists=True, bracket_padding=padding if padding in ("", " ") else "")
    if context.kind == "flow" or style.json:
        return _flow_replacement(edit_node, node, source, style)
    if context.kind == "root":
        return TextEdit(
            node.start, end, _root_text(edit_node.value, style, starts_line=source.is_first_on_line(node.start))
        )
    first, *rest = value_lines(edit_node.value, style, context.kind, node.anchor or "")
    first = _with_blank(first, node, source)
    comment, end = _kept_comment(node, context, source, end, multiline=bool(rest))
    indented = [" " * context.column + line if line else line for line in rest]
    return TextEdit(context.indicator_end, end, style.newline.join([first + comment, *indented]))


def _with_blank(text: str, node: Node, source: SourceText) -> str:
    """Return the text of an empty list with the blank that it had between its brackets, as the list that it replaces has one."""
    is_padded = isinstance(node, Sequence) and source.text.startswith("[ ", source.content_start(node))
    return text.removesuffix("]") + " ]" if is_padded and text.endswith("[]") else text


def _root_text(value: Json, style: Style, *, starts_line: bool) -> str:
    """Return the root's text. A block needs its own line, so after ``---`` on the same line flow style is used."""
    if starts_line and isinstance(value, dict | list) and value and short_form(value, style) is None:
        return style.newline.join(block_lines(value, style))
    return flow_text(value, style)


def _kept_comment(
    node: Node, context: NodeContext, source: SourceText, end: int, *, multiline: bool
) -> tuple[str, int]:
    """Return the comment to keep on the value's first line, and the end of the old text including it."""
    content_start = source.content_start(node)
    if not source.is_on_one_line(context.indicator_end, content_start):
        comment = _COMMENT.search(source.text, context.indicator_end, source.line_end(context.indicator_end))
        return (comment[0] if comment else ""), source.trailing_comment_end(end)
    if not multiline or not source.is_on_one_line(context.indicator_end, end):
        return "", end
    line_end = source.trailing_comment_end(end)
    return source.text[end:line_end].rstrip(), line_end


def _flow_replacement(edit_node: EditNode, node: Node, source: SourceText, style: Style) -> TextEdit:
    around = edit_around_blanks(edit_node.value, node, source, style)
    if around is not None:
        return around
    # Use several lines only if nothing but the key precedes the value on its line.
    multiline = (
        style.json
        and source.is_multiline
        and _ONLY_KEY_BEFORE.fullmatch(source.text, source.line_start(node.start), node.start)
    )
    text = flow_text(edit_node.value, style, indentation=source.indentation(node.start), multiline=bool(multiline))
    text = _with_blank(text, node, source)
    prefix = f"&{node.anchor} " if node.anchor else ""
    if source.text[node.start - 1 : node.start] == ":" and not style.json:
        prefix = " " + prefix  # an empty value directly after its colon
    return TextEdit(node.start, node.end, prefix + text)

"""YAML's block style: write values, and edit block collections.

Each key and each item (after a dash) has a line of its own, and values are nested by indentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from sysdig_instrument.documents.editing.flow import flow_text, mapping_key_text, short_form
from sysdig_instrument.documents.editing.matching import MatchedEntries, match_entries
from sysdig_instrument.documents.editing.scalars import literal_block, scalar_text
from sysdig_instrument.documents.editing.source import CollectionEdits, NodeContext, TextEdit, UnsupportedLayoutError
from sysdig_instrument.documents.syntax_tree import Mapping, Sequence

if TYPE_CHECKING:
    from sysdig_instrument.documents.editing.edit_tree import EditNode
    from sysdig_instrument.documents.editing.source import SourceText
    from sysdig_instrument.documents.editing.style import Style
    from sysdig_instrument.documents.syntax_tree import Node
    from sysdig_instrument.engine.json_types import Json

MAX_FLOW_WIDTH: Final = 100
"""Maximum width of a flow list on one line; longer ones are written as a block."""


def block_lines(value: dict[str, Json] | list[Json], style: Style) -> list[str]:
    """Return the lines of an object or list that is not empty."""
    if isinstance(value, dict):
        return [line for key, item in value.items() for line in entry_lines(key, item, style)]
    return [line for item in value for line in item_lines(item, style)]


def entry_lines(key: str, value: Json, style: Style) -> list[str]:
    """Return the lines of one key and its value."""
    first, *rest = value_lines(value, style, "key")
    text = mapping_key_text(key, style, flow=False)
    if text.startswith("? "):
        return [text.rstrip(), f":{first}", *rest]
    return [f"{text}:{first}", *rest]


def item_lines(value: Json, style: Style) -> list[str]:
    """Return the lines of one item of a list."""
    first, *rest = value_lines(value, style, "item")
    return [f"-{first}", *rest]


def value_lines(value: Json, style: Style, parent: Literal["key", "item"], anchor: str = "") -> list[str]:
    """Return the text after a colon or dash, then the lines below it, indented relative to the key or dash."""
    prefix = f" &{anchor}" if anchor else ""
    if short := short_form(value, style):
        tag, value = short
        prefix += f" {tag}"
    text = _single_line(value, style, tagged=bool(short))
    if text is not None:
        return [f"{prefix} {text}"]
    if isinstance(value, str):
        header, lines = literal_block(value, style.mapping_indent) or ("", [])
        return [f"{prefix} {header}", *_indent(lines, style.mapping_indent)]
    lines = block_lines(value, style) if isinstance(value, dict | list) else []
    if parent == "item":
        if prefix:
            return [prefix, *_indent(lines, style.item_indent)]
        first, *rest = lines
        return [" " * (style.item_indent - 1) + first, *_indent(rest, style.item_indent)]
    width = style.mapping_indent if isinstance(value, dict) or (short and not style.dash_indent) else style.dash_indent
    return [prefix, *_indent(lines, width)]


def _single_line(value: Json, style: Style, *, tagged: bool) -> str | None:
    """Return the value if it fits on the line of its key or dash, otherwise None.

    Scalars fit, and empty collections, and short lists if the style has flow lists.
    """
    if isinstance(value, str):
        if style.literal_blocks and literal_block(value, style.mapping_indent) is not None:
            return None
        return scalar_text(value, style, flow=False, quotes="" if tagged else style.string_quotes)
    if not isinstance(value, dict | list):
        return scalar_text(value, style, flow=False)
    if not value:
        return "{}" if isinstance(value, dict) else "[]"
    if isinstance(value, list) and (tagged or style.flow_lists) and all(_is_simple(item, style) for item in value):
        text = flow_text(value, style)
        return text if len(text) <= MAX_FLOW_WIDTH else None
    return None


def _is_simple(value: Json, style: Style) -> bool:
    """Return whether the value is readable in a flow list: a one-line scalar, or a function of one."""
    if short := short_form(value, style):
        value = short[1]
    elif isinstance(value, dict) and len(value) == 1:
        (value,) = value.values()
    return not isinstance(value, dict | list) and not (isinstance(value, str) and "\n" in value)


def _indent(lines: list[str], width: int) -> list[str]:
    return [" " * width + line if line else line for line in lines]


# --- Edits of a block collection


def block_edits(edit_node: EditNode, node: Sequence | Mapping, source: SourceText, style: Style) -> CollectionEdits:
    """Return the edits of a block collection that keeps at least one of its entries.

    Raises:
        UnsupportedLayoutError: It keeps none, or its layout is not supported.
    """
    matched = match_entries(edit_node, node, source)
    column = source.column(matched.entries[0].start)
    edits = _deletions(matched, source)
    all_flow = isinstance(node, Sequence) and _is_all_flow(node, source)
    for insertion in matched.insertions:
        lines = [
            line
            for key, child in insertion.new_entries
            for line in _new_entry_lines(key, child.value, style, as_flow=all_flow)
        ]
        edits.append(_insert(lines, insertion.after, matched, source, column))
    contexts = [NodeContext(_context_kind(node), column, entry.indicator_end) for entry in matched.entries]
    return CollectionEdits(edits, matched.kept_with_contexts(contexts))


def _context_kind(node: Node) -> Literal["key", "item"]:
    return "key" if isinstance(node, Mapping) else "item"


def _new_entry_lines(key: str | None, value: Json, style: Style, *, as_flow: bool) -> list[str]:
    """Return the lines of a new entry. A list whose items are all in flow style gets another such item."""
    if key is not None:
        return entry_lines(key, value, style)
    if isinstance(value, dict | list) and value and as_flow:
        return [f"-{' ' * (style.item_indent - 1)}{flow_text(value, style)}"]
    return item_lines(value, style)


def _is_all_flow(node: Sequence, source: SourceText) -> bool:
    inner = [item for item in node.items if isinstance(item, Sequence | Mapping) and item.tag is None]
    return bool(inner) and all(item.flow and source.is_on_one_line(item.start, item.end) for item in inner)


def _insert(lines: list[str], after: int | None, matched: MatchedEntries, source: SourceText, column: int) -> TextEdit:
    indentation = source.newline + " " * column
    text = indentation.join(lines).replace(indentation + source.newline, source.newline + source.newline)
    if after is not None:
        offset = source.indented_comments_end(matched.entries[after].end, column)
        return TextEdit(offset, offset, indentation + text)
    first = matched.entries[matched.first_kept].start
    offset = (
        _introducing_line_end(first, source)
        if matched.first_kept == 0 and source.is_first_on_line(first) and column
        else first
    )
    if offset == first:
        return TextEdit(offset, offset, text + indentation)
    return TextEdit(offset, offset, indentation + text)


def _introducing_line_end(start: int, source: SourceText) -> int:
    """Return the end of the line that introduces the block, above the comments of its first entry."""
    line = source.line_start(start)
    while line > 0:
        end = line - len(source.newline)
        above = source.line_start(end)
        content = source.text[above:end].strip(" \t")
        if content and not content.startswith("#"):
            return end
        line = above
    return start


def _deletions(matched: MatchedEntries, source: SourceText) -> list[TextEdit]:
    """Delete entries with their lines and the line break before them: text may be inserted at the one after."""
    edits: list[TextEdit] = []
    for index, (entry, child) in enumerate(zip(matched.entries, matched.kept, strict=True)):
        if child is not None:
            continue
        if index < matched.first_kept:
            # Delete up to the next entry: the first one may share a line with the parent's dash or key.
            edits.append(TextEdit(entry.start, matched.entries[index + 1].start, ""))
            continue
        if not source.is_first_on_line(entry.start):
            raise UnsupportedLayoutError
        previous_line_end = source.line_start(entry.start) - len(source.newline)
        edits.append(TextEdit(previous_line_end, source.trailing_comment_end(entry.end), ""))
    return edits

"""JSON and YAML's flow style: write values, and edit flow collections.

They are on one line, or on several as in the surrounding text.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Final

from sysdig_instrument.documents.editing.matching import MatchedEntries, match_entries
from sysdig_instrument.documents.editing.scalars import scalar_text
from sysdig_instrument.documents.editing.source import CollectionEdits, NodeContext, TextEdit, UnsupportedLayoutError
from sysdig_instrument.documents.syntax_tree import Mapping, Sequence

if TYPE_CHECKING:
    from sysdig_instrument.documents.editing.edit_tree import EditNode
    from sysdig_instrument.documents.editing.source import SourceText
    from sysdig_instrument.documents.editing.style import Style
    from sysdig_instrument.engine.json_types import Json

MAX_IMPLICIT_KEY: Final = 1000
"""Maximum length of a key without the indicator ``?``: YAML parsers look 1,024 characters ahead for the colon."""

SHORT_FORM_FUNCTIONS: Final = frozenset(
    "Fn::" + name
    for name in (
        "And",
        "Base64",
        "Cidr",
        "Equals",
        "FindInMap",
        "GetAZs",
        "GetStackOutput",
        "If",
        "ImportValue",
        "Join",
        "Length",
        "Not",
        "Or",
        "Select",
        "Split",
        "Sub",
        "ToJsonString",
    )
)
"""Functions that are written in short form. ``Fn::Transform`` has one too, but it is unusual."""


def short_form(value: Json, style: Style) -> tuple[str, Json] | None:
    """Return an intrinsic function's short form as (tag, argument).

    None if the document does not use short forms, or the short form would change the meaning: a number after a tag is read
    as a string, and a tag cannot follow a tag (``!Base64 !Sub …``), so the outer of two nested functions stays long.
    """
    if style.json or not style.short_form or not isinstance(value, dict) or len(value) != 1:
        return None
    ((key, inner),) = value.items()
    if key == "Ref":
        return ("!Ref", inner) if isinstance(inner, str) else None
    if key == "Fn::GetAtt":
        return _get_att_short_form(inner)
    if key in SHORT_FORM_FUNCTIONS and isinstance(inner, str | list):
        return f"!{key.removeprefix('Fn::')}", inner
    return None


def _get_att_short_form(inner: Json) -> tuple[str, Json] | None:
    match inner:
        case [str(resource), str(attribute)] if resource and attribute and "." not in resource:
            return "!GetAtt", f"{resource}.{attribute}"
        case list():
            return "!GetAtt", inner
        case _:
            return None  # a string stays a string: the short form would turn it into a list


def flow_text(value: Json, style: Style, *, indentation: str = "", multiline: bool = False) -> str:
    """Return the value in flow style. ``multiline`` puts each item on its own line, indented from ``indentation``."""
    if short := short_form(value, style):
        tag, inner = short
        return f"{tag} {flow_text(inner, style, indentation=indentation, multiline=multiline) if isinstance(inner, list) else _tag_argument(inner, style)}"
    if not isinstance(value, dict | list):
        return scalar_text(value, style, flow=True, quotes=style.string_quotes)
    if not value:
        return "{}" if isinstance(value, dict) else "[]"
    single_line = not multiline or (
        _has_only_scalars(value) and (style.single_line_objects if isinstance(value, dict) else style.single_line_lists)
    )
    inner_indentation = indentation + style.flow_indent
    if isinstance(value, dict):
        entries = [
            flow_entry(key, item, style, indentation=inner_indentation, multiline=not single_line)
            for key, item in value.items()
        ]
    else:
        entries = [flow_text(item, style, indentation=inner_indentation, multiline=not single_line) for item in value]
    brackets = ("{", "}") if isinstance(value, dict) else ("[", "]")
    return _enclose(entries, brackets, style, indentation, single_line=single_line)


def _tag_argument(value: Json, style: Style) -> str:
    if value == "AWS::NoValue" and style.plain_no_value:
        return value
    return scalar_text(value if isinstance(value, str) else None, style, flow=True)


def _enclose(
    entries: list[str], brackets: tuple[str, str], style: Style, indentation: str, *, single_line: bool
) -> str:
    opening, closing = brackets
    if single_line:
        padding = style.brace_padding if opening == "{" else style.bracket_padding
        return opening + padding + style.comma.join(entries) + padding + closing
    separator = style.newline + indentation + style.flow_indent
    return opening + separator + f",{separator}".join(entries) + style.newline + indentation + closing


def flow_entry(key: str, value: Json, style: Style, *, indentation: str = "", multiline: bool = False) -> str:
    """Return an entry of an object in flow style."""
    return (
        mapping_key_text(key, style, flow=True)
        + style.colon
        + flow_text(value, style, indentation=indentation, multiline=multiline)
    )


def mapping_key_text(key: str, style: Style, *, flow: bool) -> str:
    """Return a key's text. One that is too long for an implicit key gets the indicator ``?``."""
    text = scalar_text(key, style, flow=flow, quotes=style.key_quotes)
    return f"? {text} " if len(text) > MAX_IMPLICIT_KEY and not style.json else text


def _has_only_scalars(value: dict[str, Json] | list[Json]) -> bool:
    inner = value.values() if isinstance(value, dict) else value
    return not any(isinstance(item, dict | list) for item in inner)


# --- Edits of a flow collection

_COMMA_AND_COMMENT: Final = r"[ \t]*(,?)[ \t]*(#[^\r\n]*)"


def flow_edits(edit_node: EditNode, node: Sequence | Mapping, source: SourceText, style: Style) -> CollectionEdits:
    """Return the edits of a flow collection that keeps at least one of its entries, or has blanks of its own between its brackets.

    Raises:
        UnsupportedLayoutError: It is neither, or has no brackets of its own, as the object in ``[key: value]``.
    """
    start = source.content_start(node)
    if source.text[start : start + 1] not in ("[", "{"):
        raise UnsupportedLayoutError
    around = _edit_around_blanks(edit_node, node, start, source, style)
    if around is not None:
        return CollectionEdits([around], [])
    matched = match_entries(edit_node, node, source)
    edits = _deletions(matched, source)
    separator = _separator(matched, start, source, style)
    multiline = _has_line_break(separator) and not _has_single_line_items(node, source, style)
    for insertion in matched.insertions:
        texts = [
            _new_entry_text(key, child, style, separator, multiline=multiline) for key, child in insertion.new_entries
        ]
        edits += _insert(texts, insertion.after, matched, separator, source)
    return CollectionEdits(edits, matched.kept_with_contexts([NodeContext("flow")] * len(matched.entries)))


def _edit_around_blanks(
    edit_node: EditNode, node: Sequence | Mapping, start: int, source: SourceText, style: Style
) -> TextEdit | None:
    """Return the edit that fills an empty collection with blanks between its brackets, or empties one again; None for others.

    The blanks stay before the closing bracket, and the first entry follows the opening one: so both ways lead to the same text.
    """
    entries, end = source.entries(node), node.end - 1
    blanks = source.text[entries[-1].end if entries else start + 1 : end]
    if blanks.strip(" \t\r\n") or not blanks or (blanks == " " and not style.json):
        return None
    if entries:
        is_emptied = not any(True for _ in edit_node.iter_children())
        is_after_bracket = entries[0].start == start + 1
        return TextEdit(start + 1, entries[-1].end, "") if is_emptied and is_after_bracket else None
    multiline = style.json and _has_line_break(blanks)
    indentation = source.indentation(start) + style.flow_indent if multiline else ""
    separator = f",{style.newline}{indentation}" if multiline else style.comma
    children = edit_node.children
    keyed = children.items() if isinstance(children, dict) else ((None, each) for each in children or ())
    texts = [
        flow_text(each.value, style, indentation=indentation, multiline=multiline)
        if key is None
        else flow_entry(key, each.value, style, indentation=indentation, multiline=multiline)
        for key, each in keyed
    ]
    return TextEdit(start + 1, start + 1, separator.join(texts))


def _separator(matched: MatchedEntries, start: int, source: SourceText, style: Style) -> str:
    """Return the text between two entries: a comma, and blanks or a line break."""
    if len(matched.entries) > 1:
        between = source.text[matched.entries[0].end : matched.entries[1].start]
        if not between.strip(", \t\r\n"):
            return between
    first = matched.entries[0].start
    if source.is_on_one_line(start, first):
        return style.comma
    return "," + source.newline + source.indentation(first)


def _has_single_line_items(node: Sequence | Mapping, source: SourceText, style: Style) -> bool:
    """Return whether entries that each have their own line stay on that one line. A list's other items show it."""
    inner = node.items if isinstance(node, Sequence) else ()
    nested = [item for item in inner if isinstance(item, Sequence | Mapping) and item.end - item.start > len("[]")]
    if nested:
        return all(source.is_on_one_line(item.start, item.end) for item in nested)
    return not style.json


def _new_entry_text(key: str | None, child: EditNode, style: Style, separator: str, *, multiline: bool) -> str:
    """Return the text of a new entry: with its key in an object, without one in a list."""
    indentation = separator[max(separator.rfind("\n"), separator.rfind("\r")) + 1 :]
    if key is None:
        return flow_text(child.value, style, indentation=indentation, multiline=multiline)
    return flow_entry(key, child.value, style, indentation=indentation, multiline=multiline)


def _insert(
    texts: list[str], after: int | None, matched: MatchedEntries, separator: str, source: SourceText
) -> list[TextEdit]:
    if after is None:
        offset = matched.entries[matched.first_kept].start
        return [TextEdit(offset, offset, "".join(text + separator for text in texts))]
    offset = matched.entries[after].end
    comment = re.compile(_COMMA_AND_COMMENT).match(source.text, offset)
    blanks = separator.partition(",")[2]
    if comment is None or not _has_line_break(separator):
        return [TextEdit(offset, offset, "".join(separator + text for text in texts))]
    # The comment stays on its line, so the comma goes before it and the new entry below.
    lines_below = "".join(blanks + text + "," for text in texts)
    if comment[1]:
        return [TextEdit(comment.end(), comment.end(), lines_below)]
    return [TextEdit(offset, offset, ","), TextEdit(comment.end(), comment.end(), lines_below[:-1])]


def _has_line_break(text: str) -> bool:
    return "\n" in text or "\r" in text


def _deletions(matched: MatchedEntries, source: SourceText) -> list[TextEdit]:
    """Delete entries with the comma before them; those before the first kept entry, with the comma after them.

    A comment after the comma before them is that of the entry before, and stays, as in ``_insert``.
    """
    edits: list[TextEdit] = []
    for is_kept, run in groupby(range(len(matched.entries)), key=lambda index: matched.kept[index] is not None):
        first, *others = run
        last = others[-1] if others else first
        if not is_kept and first < matched.first_kept:
            edits.append(TextEdit(matched.entries[first].start, matched.entries[last + 1].start, ""))
        elif not is_kept:
            edits += _deletion_after(matched.entries[first - 1].end, matched.entries[last].end, source)
    return edits


def _deletion_after(previous_end: int, end: int, source: SourceText) -> list[TextEdit]:
    comment = re.compile(_COMMA_AND_COMMENT).match(source.text, previous_end)
    if comment is None or comment.end() > end:
        return [TextEdit(previous_end, end, "")]
    after = source.skip_blanks_and_comments(end)
    if source.text[after : after + 1] == ",":  # it has a comma of its own, so the one before the comment stays
        return [TextEdit(comment.end(), after + 1, "")]
    return [TextEdit(comment.start(1), comment.end(1), ""), TextEdit(comment.end(), end, "")]

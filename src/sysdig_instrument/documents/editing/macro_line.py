"""Add the line that lists the macro to the text of a template, and remove it: ``Transform: SysdigInstrument``.

Nothing else in the text changes. Removing what was added gives the same bytes as before, so there is one form of an addition
for each form of a Transform section, and from a form it follows what it was before.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from sysdig_instrument.documents.editing.source import SourceText, TextEdit, UnsupportedLayoutError, apply_edits
from sysdig_instrument.documents.errors import LINE_BREAK
from sysdig_instrument.documents.reader import reread
from sysdig_instrument.documents.syntax_tree import Mapping, Node, Scalar, Sequence, json_equal, key_text
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.expressions.scope import transform_entries, transform_name
from sysdig_instrument.engine.macro_line import is_near
from sysdig_instrument.engine.template import SECTION, is_own_name
from sysdig_instrument.errors import UsageError

if TYPE_CHECKING:
    from sysdig_instrument.documents.document import Document
    from sysdig_instrument.engine.json_types import Json

_FORMAT_VERSION: Final = "AWSTemplateFormatVersion"
_SEPARATOR: Final = ", "
_SEPARATOR_AFTER_ONLY_ITEM: Final = " , "
"""Before the macro in a list on one line that had one item. With the other separator, the item was no list."""
_DASH: Final = "- "
_DASH_AFTER_OBJECT: Final = "-  "
"""Before the macro below an object in block style that was no list. With the other dash, it was one."""
_BLANKS_BEFORE: Final = re.compile(r"\s*\Z")


def add_line(document: Document, macro_name: str) -> Document:
    """Return the template with the macro as the last item of its Transform section. It must not list the macro yet.

    A name that is nearly the macro's is replaced.

    Raises:
        UsageError: The layout of the text is not supported.
    """
    value = document.value if isinstance(document.value, dict) else {}
    section = value.get(SECTION)
    items = [each for each in transform_entries(section) if each is not None]
    wanted: Json = macro_name if section is None else [*items, macro_name]
    try:
        edits = _Editor(document, macro_name).add()
        if any(_is_misspelt(each, macro_name) for each in items):
            wanted = _corrected(section, macro_name)
        return _edited(document, edits, {**value, SECTION: wanted})
    except UnsupportedLayoutError:
        raise UsageError(
            f"{document.name}: The line cannot be added, because Transform is written in a form that is not supported. "
            f"Write Transform as a list of names, with {macro_name} as its last item.",
            code=Code.LINE_NOT_EDITED,
        ) from None


def remove_line(document: Document, macro_name: str) -> Document:
    """Return the template without the macro in its Transform section.

    Raises:
        UsageError: The layout of the text is not supported.
    """
    try:
        return _Editor(document, macro_name).remove()
    except UnsupportedLayoutError:
        raise UsageError(
            f"{document.name}: The line cannot be removed, because Transform is written in a form that is not supported. "
            f"Remove {macro_name} from Transform.",
            code=Code.LINE_NOT_EDITED,
        ) from None


def _is_misspelt(entry: Json, macro_name: str) -> bool:
    return isinstance(entry, str) and is_near(entry, macro_name)


def _corrected(section: Json, macro_name: str) -> Json:
    if isinstance(section, list):
        return [macro_name if _is_misspelt(each, macro_name) else each for each in section]
    return macro_name


def _edited(document: Document, edits: list[TextEdit], expected: Json) -> Document:
    """Return the document with the edits.

    Raises:
        UnsupportedLayoutError: The new text does not have the expected value.
    """
    try:
        edited = reread(document, apply_edits(document.text, edits))
    except UsageError:
        raise UnsupportedLayoutError from None
    if not json_equal(edited.value, expected):
        raise UnsupportedLayoutError
    return edited


class _Editor:
    """The edits of one text."""

    def __init__(self, document: Document, macro_name: str) -> None:
        if not isinstance(document.tree, Mapping) or document.tree.tag is not None:
            raise UnsupportedLayoutError
        self.document = document
        self.root = document.tree
        self.source = SourceText(document.text, document.newline)
        self.text = document.text
        self.macro_name = macro_name

    @property
    def name_text(self) -> str:
        """The macro's name as a scalar."""
        if self.document.syntax == "json":
            return json.dumps(self.macro_name)
        from sysdig_instrument.documents.yaml_values import is_string  # noqa: PLC0415 - JSON does not import PyYAML

        is_plain = self.macro_name[:1].isalnum() and is_string(self.macro_name)
        return self.macro_name if is_plain else json.dumps(self.macro_name)

    def section_index(self) -> int | None:
        """Return the index of the Transform section among the entries of the template."""
        indexes = [index for index, (key, _) in enumerate(self.root.entries) if key_text(key) == SECTION]
        if len(indexes) > 1:
            raise UnsupportedLayoutError
        return indexes[0] if indexes else None

    # --- add

    def add(self) -> list[TextEdit]:
        index = self.section_index()
        if index is None:
            return [self.new_member() if self.root.flow else self.new_line()]
        node = self.root.entries[index][1]
        scalars = node.items if isinstance(node, Sequence) else (node,)
        misspelt = [each for each in scalars if isinstance(each, Scalar) and _is_misspelt(each.text, self.macro_name)]
        if any("," in each.text for each in misspelt):  # several names in one string
            raise UnsupportedLayoutError
        if misspelt:
            return [TextEdit(each.start, each.end, self.name_text) for each in misspelt]
        if node.tag is not None or node.anchor is not None:
            raise UnsupportedLayoutError
        match node:
            case Sequence(flow=True):
                return [self.new_flow_item(node)]
            case Sequence():
                return [self.new_block_item(node)]
            case Scalar() if node.end > node.start and node.style not in ("|", ">"):
                return self.as_list(node)
            case Mapping():
                return self.as_list(node) if node.flow else self.as_block_list(node)
        raise UnsupportedLayoutError

    def first_place(self) -> int:
        """Return the index of the entry before which the line goes: the first, or the one after the format version."""
        key, value = self.root.entries[0]
        is_version = key_text(key) == _FORMAT_VERSION and isinstance(value, Scalar) and value.style not in ("|", ">")
        return 1 if is_version and len(self.root.entries) > 1 else 0

    def new_line(self) -> TextEdit:
        """Return the edit that adds a line to a template in block style."""
        entries = self.source.entries(self.root)
        start = entries[0].start
        if not self.source.is_first_on_line(start):
            raise UnsupportedLayoutError
        indentation = self.text[self.source.line_start(start) : start]
        offset = self.source.line_start(start)
        if self.first_place() == 1 and (after := LINE_BREAK.match(self.text, self.line_end_of(entries[0].end))):
            offset = after.end()
        return TextEdit(offset, offset, f"{indentation}{SECTION}: {self.name_text}{self.document.newline}")

    def new_member(self) -> TextEdit:
        """Return the edit that adds a member to a template in flow style, such as JSON."""
        key, value = self.root.entries[self.first_place()]
        blanks = _BLANKS_BEFORE.search(self.text, 0, key.start)
        between = self.text[key.end : value.start]
        colon = between if between.strip(" ") == ":" else ": "
        name = json.dumps(SECTION) if self.text[key.start] == '"' else SECTION
        return TextEdit(key.start, key.start, f"{name}{colon}{self.name_text},{blanks[0] if blanks else ''}")

    def new_flow_item(self, node: Sequence) -> TextEdit:
        if not node.items:
            return TextEdit(node.end - 1, node.end - 1, self.name_text)
        last = node.items[-1]
        separator = _SEPARATOR_AFTER_ONLY_ITEM
        if self.source.is_first_on_line(last.start):
            separator = f",{self.document.newline}{self.source.indentation(last.start)}"
        elif len(node.items) > 1:
            between = self.text[node.items[-2].end : last.start]
            separator = between if between.strip(" ") == "," else _SEPARATOR
        return TextEdit(last.end, last.end, f"{separator}{self.name_text}")

    def new_block_item(self, node: Sequence) -> TextEdit:
        entries = self.source.entries(node)
        column = self.source.column(entries[-1].start)
        return self.new_item_after(entries[-1].end, column, _DASH)

    def new_item_after(self, end: int, column: int, dash: str) -> TextEdit:
        offset = self.line_end_of(end)
        return TextEdit(offset, offset, f"{self.document.newline}{' ' * column}{dash}{self.name_text}")

    def as_list(self, node: Node) -> list[TextEdit]:
        after = f"{_SEPARATOR}{self.name_text}]"
        return [TextEdit(node.start, node.start, "["), TextEdit(node.end, node.end, after)]

    def as_block_list(self, node: Mapping) -> list[TextEdit]:
        """Return the edits that make an object in block style the first item: a dash in its indentation."""
        entries = self.source.entries(node)
        dash = entries[0].start - len(_DASH)
        if not self.source.is_first_on_line(entries[0].start) or self.source.line_start(entries[0].start) > dash:
            raise UnsupportedLayoutError
        column = self.source.column(dash)
        return [
            TextEdit(dash, entries[0].start, _DASH),
            self.new_item_after(entries[-1].end, column, _DASH_AFTER_OBJECT),
        ]

    def line_end_of(self, offset: int) -> int:
        return self.source.trailing_comment_end(offset)

    # --- remove

    def remove(self) -> Document:
        index = self.section_index()
        if index is None:
            raise UnsupportedLayoutError
        value = self.document.value if isinstance(self.document.value, dict) else {}
        section, node = value[SECTION], self.root.entries[index][1]
        kept = [each for each in transform_entries(section) if not is_own_name(transform_name(each), self.macro_name)]
        without = {key: each for key, each in value.items() if key != SECTION}
        if isinstance(node, Sequence) and isinstance(section, list) and (kept or node.flow):
            own = [number for number, each in enumerate(section) if is_own_name(transform_name(each), self.macro_name)]
            if self.was_object(node, own):
                dash = self.source.entries(node)[0].start
                edits = [TextEdit(dash, dash + len(_DASH), " " * len(_DASH)), self.block_item(node, 1)]
                return _edited(self.document, edits, {**without, SECTION: kept[0]})
            if self.was_no_list(node, own):
                first = node.items[0]
                edits = [TextEdit(node.start, node.end, self.text[first.start : first.end])]
                return _edited(self.document, edits, {**without, SECTION: kept[0]})
            find = self.flow_item if node.flow else self.block_item
            return _edited(self.document, [find(node, number) for number in own], {**without, SECTION: kept})
        edit = self.member(index) if self.root.flow else self.line(index)
        return _edited(self.document, [edit], without)

    def was_no_list(self, node: Sequence, own: list[int]) -> bool:
        """Return whether :meth:`as_list` has written this list."""
        if not node.flow or own != [1] or len(node.items) != 2:  # noqa: PLR2004 - the value, and the macro
            return False
        between = self.text[node.items[0].end : node.items[1].start]
        is_tight = node.start + 1 == node.items[0].start and node.items[1].end + 1 == node.end
        return is_tight and between == _SEPARATOR

    def was_object(self, node: Sequence, own: list[int]) -> bool:
        """Return whether :meth:`as_block_list` has written this list."""
        if node.flow or own != [1] or len(node.items) != 2 or not isinstance(node.items[0], Mapping):  # noqa: PLR2004 - the object, and the macro
            return False
        starts = [each.start for each in self.source.entries(node)]
        dashes = [self.text[start : item.start] for start, item in zip(starts, node.items, strict=True)]
        return dashes == [_DASH, _DASH_AFTER_OBJECT]

    def flow_item(self, node: Sequence, number: int) -> TextEdit:
        items = node.items
        if number > 0:
            return TextEdit(items[number - 1].end, items[number].end, "")
        return TextEdit(items[0].start, items[1].start if len(items) > 1 else items[0].end, "")

    def block_item(self, node: Sequence, number: int) -> TextEdit:
        entry = self.source.entries(node)[number]
        start = self.source.line_start(entry.start)
        if not self.source.is_first_on_line(entry.start):
            raise UnsupportedLayoutError
        return TextEdit(self.break_before(start), self.line_end_of(entry.end), "")

    def line(self, index: int) -> TextEdit:
        """Return the edit that removes an entry of a template in block style, with its line break."""
        entry = self.source.entries(self.root)[index]
        if not self.source.is_first_on_line(entry.start):
            raise UnsupportedLayoutError
        start, end = self.source.line_start(entry.start), self.line_end_of(entry.end)
        after = LINE_BREAK.match(self.text, end)
        return TextEdit(start, after.end(), "") if after else TextEdit(self.break_before(start), end, "")

    def member(self, index: int) -> TextEdit:
        entries = self.root.entries
        key, value = entries[index]
        if index + 1 < len(entries):
            return TextEdit(key.start, entries[index + 1][0].start, "")
        return TextEdit(entries[index - 1][1].end if index else key.start, value.end, "")

    def break_before(self, line_start: int) -> int:
        """Return the start of the line break before a line."""
        if self.text[line_start - 2 : line_start] == "\r\n":
            return line_start - 2
        return max(line_start - 1, 0)

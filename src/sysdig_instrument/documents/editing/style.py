"""Detect a text's style, so that new text looks the same. Each option takes the text's most frequent choice."""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from sysdig_instrument.documents.editing.source import UnsupportedLayoutError
from sysdig_instrument.documents.syntax_tree import Mapping, Node, Scalar, Sequence, function_of, walk
from sysdig_instrument.lazy_dataclasses import dataclass, field, replace

if TYPE_CHECKING:
    from collections.abc import Hashable

    from sysdig_instrument.documents.editing.source import SourceText


@dataclass(frozen=True, slots=True)
class Style:
    """Style options. Indents are in columns; ``flow_indent`` is the indentation text of multiline flow collections."""

    json: bool = False
    newline: str = "\n"
    # YAML's block style: indent of keys below a key, of dashes below a key, of content after a dash.
    mapping_indent: int = 2
    dash_indent: int = 2
    item_indent: int = 2
    short_form: bool = True
    flow_lists: bool = False
    # Flow style.
    colon: str = ": "
    comma: str = ", "
    brace_padding: str = ""
    bracket_padding: str = ""
    flow_indent: str = "  "
    single_line_objects: bool = True
    single_line_lists: bool = True
    # Scalars.
    quote: str = '"'
    string_quotes: str = ""
    key_quotes: str = ""
    ascii_only: bool = False
    literal_blocks: bool = True


DEFAULT_YAML: Final = Style()
DEFAULT_JSON: Final = Style(json=True, single_line_objects=False, single_line_lists=False)


def detect_style(node: Node, source: SourceText, default: Style) -> Style:
    """Return the style in and below a node. Options it does not show are those of ``default``."""
    survey = _StyleSurvey(source)
    for inner in walk(node):
        with suppress(UnsupportedLayoutError):  # an unsupported layout has no vote
            survey.visit(inner)
    return survey.style(default)


@dataclass(slots=True)
class _StyleSurvey:
    source: SourceText
    votes: defaultdict[str, Counter[Hashable]] = field(default_factory=lambda: defaultdict(Counter))

    def vote(self, option: str, choice: Hashable) -> None:
        self.votes[option][choice] += 1

    def style(self, default: Style) -> Style:
        chosen = {option: _winner(count, getattr(default, option)) for option, count in self.votes.items()}
        # A single short form shows that the author uses them.
        chosen["short_form"] = True in self.votes["short_form"] or (
            False not in self.votes["short_form"] and default.short_form
        )
        for option in ("string_quotes", "key_quotes"):
            chosen[option] = chosen.get(option, "") if len(self.votes[option]) == 1 else ""
        return replace(default, **chosen)  # type: ignore[arg-type]  # each option has choices of its own type

    def visit(self, node: Node) -> None:
        if function_of(node) is not None:
            self.vote("short_form", choice=True)
        match node:
            case Mapping(flow=False):
                self.visit_block_mapping(node)
            case Sequence(flow=False):
                self.visit_block_sequence(node)
            case Mapping() | Sequence():
                self.visit_flow(node)
            case _:
                return
        self.visit_scalars(node)

    def visit_block_mapping(self, node: Mapping) -> None:
        for entry, (_, value) in zip(self.source.entries(node), node.entries, strict=True):
            if isinstance(value, Mapping | Sequence) and value.tag is None and not value.flow:
                width = self.source.column(self.source.entries(value)[0].start) - self.source.column(entry.start)
                self.vote("mapping_indent" if isinstance(value, Mapping) else "dash_indent", width)

    def visit_block_sequence(self, node: Sequence) -> None:
        for item in node.items:
            if isinstance(item, Mapping) and not item.flow and item.tag is None and item.anchor is None:
                dash = self.source.text.rfind("-", 0, item.start)
                if self.source.is_on_one_line(dash, item.start):
                    self.vote("item_indent", item.start - dash)

    def visit_flow(self, node: Mapping | Sequence) -> None:
        start = self.source.content_start(node)
        is_single_line = self.source.is_on_one_line(start, node.end)
        is_list = isinstance(node, Sequence)
        inner = node.items if isinstance(node, Sequence) else tuple(value for _, value in node.entries)
        if not inner or self.source.text[start : start + 1] not in ("[", "{"):
            return
        if all(isinstance(item, Scalar) for item in inner):
            self.vote("single_line_lists" if is_list else "single_line_objects", is_single_line)
        entries = self.source.entries(node)
        if is_single_line:
            self.vote("bracket_padding" if is_list else "brace_padding", self.source.text[start + 1 : entries[0].start])
            for entry, next_entry in pairwise(entries):
                self.vote("comma", self.source.text[entry.end : next_entry.start])
        elif self.source.is_first_on_line(entries[0].start):
            outer, indented = self.source.indentation(start), self.source.indentation(entries[0].start)
            if indented.startswith(outer):
                self.vote("flow_indent", indented[len(outer) :])
        if isinstance(node, Mapping):
            for entry, (key, value) in zip(entries, node.entries, strict=True):
                if self.source.is_on_one_line(key.end, value.start):
                    self.vote("colon", self.source.text[key.end : max(entry.indicator_end, value.start)])

    def visit_scalars(self, node: Mapping | Sequence) -> None:
        """Vote on quotes, and on the short form of intrinsic functions and of lists of scalars."""
        if isinstance(node, Mapping):
            for key, _ in node.entries:
                if isinstance(key, Scalar):
                    self.vote("key_quotes", key.style)
                    if key.text == "Ref" or key.text.startswith("Fn::"):
                        self.vote("short_form", choice=False)
        values = node.items if isinstance(node, Sequence) else tuple(value for _, value in node.entries)
        for value in values:
            if (
                isinstance(value, Scalar)
                and value.tag is None
                and value.style not in ("|", ">")
                and _is_string_like(value)
            ):
                self.vote("string_quotes", value.style)
                if value.style:
                    self.vote("quote", value.style)
        if (
            isinstance(node, Sequence)
            and node.tag is None
            and node.items
            and all(isinstance(item, Scalar) for item in node.items)
        ):
            self.vote("flow_lists", node.flow)


def _is_string_like(value: Scalar) -> bool:
    """Return whether its quotes are a vote: authors who quote all strings do not quote numbers and booleans."""
    return bool(value.style) or (value.text not in ("true", "false", "null", "") and not value.text[:1].isdigit())


def _winner(count: Counter[Hashable], default: Hashable) -> Hashable:
    """Return the most frequent choice; in a tie the default, otherwise the first seen."""
    most = max(count.values())
    return default if count[default] == most else next(choice for choice, votes in count.items() if votes == most)

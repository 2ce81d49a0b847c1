"""Detect a text's style, so that new text looks the same. Each option takes the text's most frequent choice."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from contextlib import suppress
from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from sysdig_instrument.documents.editing.source import UnsupportedLayoutError
from sysdig_instrument.documents.syntax_tree import Mapping, Node, Scalar, Sequence, children, function_of
from sysdig_instrument.lazy_dataclasses import dataclass, replace

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
    plain_no_value: bool = False  # as people write it; very old parsers refuse a colon in flow style


DEFAULT_YAML: Final = Style()
DEFAULT_JSON: Final = Style(json=True, single_line_objects=False, single_line_lists=False)


class StyleSurvey:
    """The votes of all nodes of a text, collected once, in the order of the text, and numbered.

    The votes at and below a node have consecutive numbers, so those of any part of the text can be counted without
    visiting it again.
    """

    def __init__(self, tree: Node, source: SourceText) -> None:
        self.source = source
        self._vote_count = 0
        self._votes: defaultdict[str, defaultdict[Hashable, list[int]]] = defaultdict(lambda: defaultdict(list))
        """The numbers of the votes, by option and choice, in ascending order."""
        self._vote_ranges: dict[int, range] = {}
        """The numbers of the votes at and below a node, by its identity."""
        self._collect(tree)

    def _collect(self, node: Node) -> None:
        first = self._vote_count
        if not isinstance(node, Scalar) or node.tag is not None:
            with suppress(UnsupportedLayoutError):  # an unsupported layout has no vote
                self._visit(node)
            for child in children(node):
                self._collect(child)
        self._vote_ranges[id(node)] = range(first, self._vote_count)

    def _vote(self, option: str, choice: Hashable) -> None:
        self._votes[option][choice].append(self._vote_count)
        self._vote_count += 1

    def style(self, node: Node, default: Style) -> Style:
        """Return the style in and below a node. Options it does not show are those of ``default``."""
        counts = {option: self._counts(option, self._vote_ranges[id(node)]) for option in self._votes}
        chosen = {option: _winner(count, getattr(default, option)) for option, count in counts.items() if count}
        short_form = counts.get("short_form", {})
        # A single short form shows that the author uses them.
        chosen["short_form"] = True in short_form or (False not in short_form and default.short_form)
        for option in ("string_quotes", "key_quotes"):
            chosen[option] = chosen.get(option, "") if len(counts.get(option, {})) == 1 else ""
        return replace(default, **chosen)  # type: ignore[arg-type]  # each option has choices of its own type

    def _counts(self, option: str, vote_range: range) -> dict[Hashable, int]:
        """Return how often each choice was voted for in a part of the text, in the order of its first vote there."""
        counts: list[tuple[int, Hashable, int]] = []
        for choice, numbers in self._votes[option].items():
            start, end = bisect_left(numbers, vote_range.start), bisect_left(numbers, vote_range.stop)
            if start < end:
                counts.append((numbers[start], choice, end - start))
        counts.sort(key=itemgetter(0))
        return {choice: count for _, choice, count in counts}

    def _visit(self, node: Node) -> None:
        if function_of(node) is not None:
            self._vote("short_form", choice=True)
        match node:
            case Mapping(flow=False):
                self._visit_block_mapping(node)
            case Sequence(flow=False):
                self._visit_block_sequence(node)
            case Mapping() | Sequence():
                self._visit_flow(node)
            case _:
                return
        self._visit_scalars(node)

    def _visit_block_mapping(self, node: Mapping) -> None:
        for entry, (_, value) in zip(self.source.entries(node), node.entries, strict=True):
            if isinstance(value, Mapping | Sequence) and value.tag is None and not value.flow:
                width = self.source.column(self.source.entries(value)[0].start) - self.source.column(entry.start)
                self._vote("mapping_indent" if isinstance(value, Mapping) else "dash_indent", width)

    def _visit_block_sequence(self, node: Sequence) -> None:
        for item in node.items:
            if isinstance(item, Mapping) and not item.flow and item.tag is None and item.anchor is None:
                dash = self.source.text.rfind("-", 0, item.start)
                if self.source.is_on_one_line(dash, item.start):
                    self._vote("item_indent", item.start - dash)

    def _visit_flow(self, node: Mapping | Sequence) -> None:
        start = self.source.content_start(node)
        is_single_line = self.source.is_on_one_line(start, node.end)
        is_list = isinstance(node, Sequence)
        inner = node.items if isinstance(node, Sequence) else tuple(value for _, value in node.entries)
        if not inner or self.source.text[start : start + 1] not in ("[", "{"):
            return
        if all(isinstance(item, Scalar) for item in inner):
            self._vote("single_line_lists" if is_list else "single_line_objects", is_single_line)
        entries = self.source.entries(node)
        if is_single_line:
            self._vote(
                "bracket_padding" if is_list else "brace_padding", self.source.text[start + 1 : entries[0].start]
            )
            for entry, next_entry in pairwise(entries):
                self._vote("comma", self.source.text[entry.end : next_entry.start])
        elif self.source.is_first_on_line(entries[0].start):
            outer, indented = self.source.indentation(start), self.source.indentation(entries[0].start)
            if indented.startswith(outer):
                self._vote("flow_indent", indented[len(outer) :])
        if isinstance(node, Mapping):
            for entry, (key, value) in zip(entries, node.entries, strict=True):
                if self.source.is_on_one_line(key.end, value.start):
                    self._vote("colon", self.source.text[key.end : max(entry.indicator_end, value.start)])

    def _visit_scalars(self, node: Mapping | Sequence) -> None:
        """Vote on quotes, and on the short form of intrinsic functions and of lists of scalars."""
        if isinstance(node, Mapping):
            for key, _ in node.entries:
                if isinstance(key, Scalar):
                    self._vote("key_quotes", key.style)
                    if key.text == "Ref" or key.text.startswith("Fn::"):
                        self._vote("short_form", choice=False)
        values = node.items if isinstance(node, Sequence) else tuple(value for _, value in node.entries)
        for value in values:
            if (
                isinstance(value, Scalar)
                and value.tag is None
                and value.style not in ("|", ">")
                and _is_string_like(value)
            ):
                self._vote("string_quotes", value.style)
                if value.style:
                    self._vote("quote", value.style)
        if (
            isinstance(node, Sequence)
            and node.tag is None
            and node.items
            and all(isinstance(item, Scalar) for item in node.items)
        ):
            self._vote("flow_lists", node.flow)


def _is_string_like(value: Scalar) -> bool:
    """Return whether its quotes are a vote: authors who quote all strings do not quote numbers and booleans."""
    return bool(value.style) or (value.text not in ("true", "false", "null", "") and not value.text[:1].isdigit())


def _winner(count: dict[Hashable, int], default: Hashable) -> Hashable:
    """Return the most frequent choice; in a tie the default, otherwise the first seen."""
    most = max(count.values())
    return default if count.get(default) == most else next(choice for choice, votes in count.items() if votes == most)

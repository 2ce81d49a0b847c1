"""How a text is written: what a new piece must look like beside it. Each habit is settled by what the text does most."""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from sysdig_instrument.documents.page import UnplacedError
from sysdig_instrument.documents.tree import Mapping, Node, Scalar, Sequence, function_of, walk
from sysdig_instrument.values import dataclass, field, replace

if TYPE_CHECKING:
    from collections.abc import Hashable

    from sysdig_instrument.documents.page import Page


@dataclass(frozen=True, slots=True)
class Style:
    """Habits. Widths are in columns; ``unit`` is the indentation of brackets over several lines."""

    json: bool = False
    newline: str = "\n"
    # Block style, YAML's only: keys under a key, dashes under a key, content behind a dash.
    step: int = 2
    dash: int = 2
    gap: int = 2
    short: bool = True
    flow_lists: bool = False
    # Brackets.
    colon: str = ": "
    comma: str = ", "
    brace: str = ""
    bracket: str = ""
    unit: str = "  "
    flat_objects: bool = True
    flat_lists: bool = True
    # Words.
    quote: str = '"'
    quoted: str = ""
    quoted_keys: str = ""
    ascii: bool = False
    literals: bool = True


PLAIN_YAML: Final = Style()
PRETTY_JSON: Final = Style(json=True, flat_objects=False, flat_lists=False)


def style_of(node: Node, page: Page, default: Style) -> Style:
    """The habits in and below a node; what it does not tell is as in ``default``."""
    votes = _Votes(page)
    for inner in walk(node):
        with suppress(UnplacedError):  # what we cannot find our way in has no vote
            votes.look(inner)
    return votes.style(default)


@dataclass(slots=True)
class _Votes:
    page: Page
    cast: defaultdict[str, Counter[Hashable]] = field(default_factory=lambda: defaultdict(Counter))

    def vote(self, habit: str, choice: Hashable) -> None:
        self.cast[habit][choice] += 1

    def style(self, default: Style) -> Style:
        settled = {habit: _winner(count, getattr(default, habit)) for habit, count in self.cast.items()}
        # Any short tag shows that its author knows them.
        settled["short"] = True in self.cast["short"] or (False not in self.cast["short"] and default.short)
        for habit in ("quoted", "quoted_keys"):
            settled[habit] = settled.get(habit, "") if len(self.cast[habit]) == 1 else ""
        return replace(default, **settled)  # type: ignore[arg-type]  # each habit votes with its own type

    def look(self, node: Node) -> None:
        if function_of(node) is not None:
            self.vote("short", choice=True)
        match node:
            case Mapping(flow=False):
                self.block_mapping(node)
            case Sequence(flow=False):
                self.block_sequence(node)
            case Mapping() | Sequence():
                self.brackets(node)
            case _:
                return
        self.words(node)

    def block_mapping(self, node: Mapping) -> None:
        for row, (_, value) in zip(self.page.rows(node), node.entries, strict=True):
            if isinstance(value, Mapping | Sequence) and value.tag is None and not value.flow:
                width = self.page.column(self.page.rows(value)[0].start) - self.page.column(row.start)
                self.vote("step" if isinstance(value, Mapping) else "dash", width)

    def block_sequence(self, node: Sequence) -> None:
        for item in node.items:
            if isinstance(item, Mapping) and not item.flow and item.tag is None and item.anchor is None:
                dash = self.page.text.rfind("-", 0, item.start)
                if self.page.one_line(dash, item.start):
                    self.vote("gap", item.start - dash)

    def brackets(self, node: Mapping | Sequence) -> None:
        start = self.page.content_start(node)
        flat = self.page.one_line(start, node.end)
        is_list = isinstance(node, Sequence)
        inner = node.items if isinstance(node, Sequence) else tuple(value for _, value in node.entries)
        if not inner or self.page.text[start : start + 1] not in ("[", "{"):
            return
        if all(isinstance(item, Scalar) for item in inner):
            self.vote("flat_lists" if is_list else "flat_objects", flat)
        rows = self.page.rows(node)
        if flat:
            self.vote("bracket" if is_list else "brace", self.page.text[start + 1 : rows[0].start])
            for one, two in pairwise(rows):
                self.vote("comma", self.page.text[one.end : two.start])
        elif self.page.begins_line(rows[0].start):
            outer, indented = self.page.indentation(start), self.page.indentation(rows[0].start)
            if indented.startswith(outer):
                self.vote("unit", indented[len(outer) :])
        if isinstance(node, Mapping):
            for row, (key, value) in zip(rows, node.entries, strict=True):
                if self.page.one_line(key.end, value.start):
                    self.vote("colon", self.page.text[key.end : max(row.after, value.start)])

    def words(self, node: Mapping | Sequence) -> None:
        """Quotes, and whether intrinsic functions and lists of words are written short."""
        if isinstance(node, Mapping):
            for key, _ in node.entries:
                if isinstance(key, Scalar):
                    self.vote("quoted_keys", key.style)
                    if key.text == "Ref" or key.text.startswith("Fn::"):
                        self.vote("short", choice=False)
        values = node.items if isinstance(node, Sequence) else tuple(value for _, value in node.entries)
        for value in values:
            if isinstance(value, Scalar) and value.tag is None and value.style not in ("|", ">") and _is_word(value):
                self.vote("quoted", value.style)
                if value.style:
                    self.vote("quote", value.style)
        if (
            isinstance(node, Sequence)
            and node.tag is None
            and node.items
            and all(isinstance(i, Scalar) for i in node.items)
        ):
            self.vote("flow_lists", node.flow)


def _is_word(value: Scalar) -> bool:
    """Numbers and booleans are not quoted by those who quote all their strings."""
    return bool(value.style) or (value.text not in ("true", "false", "null", "") and not value.text[:1].isdigit())


def _winner(count: Counter[Hashable], default: Hashable) -> Hashable:
    """The choice with most votes; of several, the default or else the first seen."""
    most = max(count.values())
    return default if count[default] == most else next(choice for choice, votes in count.items() if votes == most)

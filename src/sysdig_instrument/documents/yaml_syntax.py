"""Compose the syntax tree of a YAML text.

PyYAML's composer drops the positions of aliases and recurses in C. This one builds the tree from the parser's events
without recursion, so that it can refuse depth and size while it reads.
"""

from __future__ import annotations

import re
from typing import Final

import yaml

from sysdig_instrument.documents.errors import (
    MAX_DEPTH,
    MAX_NODES,
    MERGE_CONFLICT,
    TEMPLATE_LANGUAGE,
    EmptyDocumentError,
    SourceError,
    column_of,
    line_at,
    too_large_error,
)
from sysdig_instrument.documents.indentation import indentation_fault
from sysdig_instrument.documents.syntax_tree import Alias, Mapping, Node, Scalar, Sequence
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.errors import UsageError
from sysdig_instrument.lazy_dataclasses import dataclass, field

# libyaml's parser is about twenty times as fast as the one in Python. Both give the same events.
LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# The forbidden characters, not the allowed ones: a class that spans all of Unicode takes milliseconds to compile.
_NON_PRINTABLE: Final = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]"

_NO_BLANKS: Final = dict.fromkeys(map(ord, "\t\r\n"))


def compose_yaml(text: str, name: str) -> Node:
    """Return the syntax tree of the single document in a YAML text.

    Raises:
        UsageError: The text is not YAML, contains no document or several, or is nested too deeply or too large.
    """
    is_plain = text.isascii() and text.translate(_NO_BLANKS).isprintable()
    if not is_plain and (match := re.search(_NON_PRINTABLE, text)):
        raise SourceError(
            name,
            text,
            match.start(),
            "this character is not allowed in YAML. Remove it, or write it as an escape sequence.",
            code=Code.INVALID_YAML,
        )
    builder = _TreeBuilder(text, name)
    try:
        for event in yaml.parse(text, Loader=LOADER):
            builder.handle(event)
    except yaml.MarkedYAMLError as error:
        raise _yaml_error(name, text, error) from None
    except yaml.YAMLError:
        raise UsageError(f"{name} is not valid YAML. Fix the file.", code=Code.INVALID_YAML) from None
    if builder.root is None:
        raise EmptyDocumentError(name)
    return builder.root


@dataclass(slots=True)
class _TreeBuilder:
    """Builds a tree from events. ``open_events`` and ``stack`` hold the open collections, innermost last.

    ``count`` is the number of values so far; an alias counts as all the values that it repeats. ``sizes`` are the numbers
    of values in the anchored nodes, by the identity of the node.
    """

    text: str
    name: str
    root: Node | None = None
    open_events: list[yaml.CollectionStartEvent] = field(default_factory=list)
    stack: list[list[Node]] = field(default_factory=list)
    anchors: dict[str, Scalar | Sequence | Mapping] = field(default_factory=dict)
    count: int = 0
    counts_at_open: list[int] = field(default_factory=list)
    sizes: dict[int, int] = field(default_factory=dict)

    def handle(self, event: yaml.Event) -> None:
        match event:
            case yaml.ScalarEvent():
                self.add_node(_scalar(event), 1)
                self.count_values(1)
            case yaml.CollectionStartEvent():
                self.open_collection(event)
            case yaml.CollectionEndEvent():
                node = _collection(self.open_events.pop(), event, self.stack.pop())
                self.add_node(node, self.count - self.counts_at_open.pop())
            case yaml.AliasEvent():
                alias = self.resolve_alias(event)
                self.attach(alias)
                self.count_values(self.sizes[id(alias.target)])
            case yaml.DocumentStartEvent() if self.root is not None:
                message = "a second YAML document starts here. A template is a single document. Split the file."
                raise SourceError(self.name, self.text, _span(event)[0], message, code=Code.INVALID_YAML)

    def open_collection(self, event: yaml.CollectionStartEvent) -> None:
        if len(self.open_events) >= MAX_DEPTH:
            message = f"this is nested more than {MAX_DEPTH} levels deep. No template needs that many. Fix the file."
            raise SourceError(self.name, self.text, _span(event)[0], message, code=Code.INVALID_YAML)
        self.open_events.append(event)
        self.stack.append([])
        self.counts_at_open.append(self.count)
        self.count_values(1)

    def count_values(self, number: int) -> None:
        self.count += number
        if self.count > MAX_NODES:
            raise too_large_error(self.name)

    def add_node(self, node: Scalar | Sequence | Mapping, size: int) -> None:
        if node.anchor is not None:
            self.anchors[node.anchor] = node
            self.sizes[id(node)] = size
        self.attach(node)

    def attach(self, node: Node) -> None:
        if self.stack:
            self.stack[-1].append(node)
        else:
            self.root = node

    def resolve_alias(self, event: yaml.AliasEvent) -> Alias:
        start, end = _span(event)
        if any(outer.anchor == event.anchor for outer in self.open_events):
            raise SourceError(
                self.name,
                self.text,
                start,
                "this alias is inside the value it refers to. Write the value out.",
                code=Code.INVALID_YAML,
            )
        if event.anchor not in self.anchors:
            raise SourceError(
                self.name,
                self.text,
                start,
                f'this alias refers to "&{event.anchor}", but no such anchor is defined before it. Correct the name.',
                code=Code.INVALID_YAML,
            )
        return Alias(start, end, self.anchors[event.anchor])


def _span(event: yaml.Event) -> tuple[int, int]:
    """Return the start and end offsets of an event."""
    start, end = event.start_mark, event.end_mark
    if start is None or end is None:
        raise AssertionError("PyYAML's parsers mark every event")
    return start.index, end.index


def _scalar(event: yaml.ScalarEvent) -> Scalar:
    start, end = _span(event)
    style = event.style
    return Scalar(start, end, event.value, "" if style is None or style == "plain" else style, event.tag, event.anchor)


def _collection(first: yaml.CollectionStartEvent, last: yaml.Event, nodes: list[Node]) -> Sequence | Mapping:
    start, end = _span(first)[0], _span(last)[1]
    if isinstance(first, yaml.SequenceStartEvent):
        return Sequence(start, end, tuple(nodes), bool(first.flow_style), first.tag, first.anchor)
    entries = tuple(zip(nodes[::2], nodes[1::2], strict=True))
    return Mapping(start, end, entries, bool(first.flow_style), first.tag, first.anchor)


_INDENTATION: Final = "this line is indented unlike the lines above, or it is not a key with a colon"
PLAIN_WORDS: Final = {
    "did not find expected key": _INDENTATION,
    "expected <block end>": _INDENTATION,
    "did not find expected <document start>": "this does not belong to the document above",
    "did not find expected '-' indicator": "this line is indented as far as a list above it, and is no item of it",
    "mapping values are not allowed": "there can be no colon here: the line is indented too far, the line above is wrong, or a text with a colon needs quotes",
    "block sequence entries are not allowed": "a list cannot begin here: begin it on a line of its own",
    "could not find expected ':'": "there is a key without a colon",
    "expected ',' or ']'": "a list in brackets has no comma between two items, or no closing bracket",
    "expected ',' or '}'": "an object in braces has no comma between two members, or no closing brace",
    "found unexpected end of stream": "this quote is not closed",
    "found character that cannot start any token": "a text that begins with this character needs quotes",
    "found unknown escape character": "a text in double quotes has a backslash that YAML does not know: use single quotes",
}
"""For what PyYAML's two parsers say, by a part of the ``problem``, which has the words of their grammar."""


_CONFLICT: Final = r"(?:<{7}|={7}|>{7}|\|{7})(?: |\r?$)"
"""The beginning of a line that Git writes where it could not merge."""
_WHERE_IT_BEGINS: Final = ("could not find expected ':'", "found unexpected end of stream")
_INDENTED: Final = (
    *("did not find expected key", "expected <block end>", "did not find expected '-' indicator"),
    *("mapping values are not allowed", "did not find expected <document start>"),
)
"""What may come of a wrong indentation."""
_BRACKETS: Final = ("expected ',' or ']'", "expected ',' or '}'")


def _yaml_error(name: str, text: str, error: yaml.MarkedYAMLError) -> UsageError:
    """Return PyYAML's error as a UsageError. Its ``problem`` names grammar rules and never contains text of the file."""
    problem = error.problem or "it cannot be parsed"
    offset = _offset(error, problem, text)
    line = line_at(text, offset)
    if text[offset : offset + 1] == "\t":
        message = "YAML does not allow a tab here. Indent with spaces only."
    elif re.match(_CONFLICT, line):
        message = MERGE_CONFLICT
    elif "{{" in line or "{%" in line:
        message = TEMPLATE_LANGUAGE
    else:
        context = f" {error.context}" if error.context else ""
        words = next((plain for known, plain in PLAIN_WORDS.items() if known in problem), problem + context)
        fault = indentation_fault(text, offset) if any(each in problem for each in _INDENTED) else ""
        if fault:  # the parser may have noticed it at the colon
            beginning = offset - column_of(text, offset)
            offset = beginning + len(line) - len(line.lstrip(" "))
        message = f"invalid YAML: {fault or f'{words}. Fix the file around this line.'}"
    return SourceError(name, text, offset, message, code=Code.INVALID_YAML)


def _offset(error: yaml.MarkedYAMLError, problem: str, text: str) -> int:
    """Return where something is wrong. PyYAML notices what is not closed in a later line, and says where it begins."""
    noticed, begun = error.problem_mark or error.context_mark, error.context_mark or error.problem_mark
    if noticed is None or begun is None:
        return 0
    is_later = begun.line != noticed.line or not text[noticed.index :].strip()
    is_of_a_bracket = any(each in problem for each in _BRACKETS) and is_later
    return begun.index if is_of_a_bracket or any(each in problem for each in _WHERE_IT_BEGINS) else noticed.index

"""From a place in a document's value to the lines of its text: for reports that point at them."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from sysdig_instrument.documents.json_tree import json_tree
from sysdig_instrument.documents.page import Page, UnplacedError
from sysdig_instrument.documents.places import BREAK
from sysdig_instrument.documents.tree import Alias, Mapping, Node, Sequence, function_of, is_merge, key_text
from sysdig_instrument.values import dataclass

if TYPE_CHECKING:
    from sysdig_instrument.documents.document import Document
    from sysdig_instrument.engine.patch import Pointer


@dataclass(frozen=True, slots=True)
class Lines:
    """The first and the last line of something, counted from one."""

    first: int
    last: int


class Locator:
    """Finds the lines of places in one document."""

    def __init__(self, document: Document) -> None:
        self._page = Page(document.text, document.newline)
        self._starts = [0, *(found.end() for found in BREAK.finditer(document.text))]
        self._tree = _tree(document)

    def lines(self, pointer: Pointer) -> Lines:
        """The lines of a value with its key; those of the innermost value around it that is there, where it is not."""
        start, node = self._find(pointer)
        try:
            end = self._page.end_of(node)
        except UnplacedError:
            end = node.end
        return Lines(self._line(start), self._line(max(start, end - 1)))

    def _line(self, offset: int) -> int:
        return bisect_right(self._starts, offset)

    def _find(self, pointer: Pointer) -> tuple[int, Node]:
        node, start = self._tree, self._tree.start
        is_tag_read = False
        for step in pointer:
            inner = node.target if isinstance(node, Alias) else node
            if not is_tag_read and function_of(inner) == step:
                is_tag_read = True  # the step is the short tag itself: its value is the same node
                continue
            found = _below(inner, step)
            if found is None:
                break
            (start, node), is_tag_read = found, False
        return start, node


def _tree(document: Document) -> Node:
    if document.syntax == "json":
        return json_tree(document.text)
    from sysdig_instrument.documents.yaml_tree import compose  # noqa: PLC0415 - JSON does not import PyYAML

    return compose(document.text, document.name)


def _below(node: Node, step: str | int) -> tuple[int, Node] | None:
    """One step down: where it begins in the text, and the node there."""
    if isinstance(node, Sequence) and isinstance(step, int):
        return (node.items[step].start, node.items[step]) if step < len(node.items) else None
    if not isinstance(node, Mapping):
        return None
    for key, value in reversed(node.entries):  # of a key that is there twice, the last one counts
        if key_text(key) == step and not is_merge(key):
            return key.start, value
    merged = [value for key, value in node.entries if is_merge(key)]
    return next((found for value in merged if (found := _merged(value, step))), None)


def _merged(value: Node, step: str | int) -> tuple[int, Node] | None:
    """The same in what YAML's merge key brings in: it stands elsewhere in the text, and that is the place to show."""
    value = value.target if isinstance(value, Alias) else value
    if isinstance(value, Sequence):
        return next((found for item in value.items if (found := _merged(item, step))), None)
    return _below(value, step)

"""A value written anew in its place, as a whole."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sysdig_instrument.documents.block import attached, block
from sysdig_instrument.documents.inline import inline, shortened
from sysdig_instrument.documents.splices import Place, Splice
from sysdig_instrument.documents.tree import Sequence
from sysdig_instrument.values import replace

if TYPE_CHECKING:
    from sysdig_instrument.documents.drafts import Draft
    from sysdig_instrument.documents.page import Page
    from sysdig_instrument.documents.style import Style
    from sysdig_instrument.documents.tree import Node
    from sysdig_instrument.engine.json_types import Json

_ALONE: Final = re.compile(r'\s*(?:"[^"\\]*(?:\\.[^"\\]*)*"\s*:\s*)?')
_COMMENT: Final = re.compile(r"[ \t]+#.*")


def replaced(draft: Draft, node: Node, place: Place, page: Page, style: Style) -> Splice:
    """The whole value written anew in its place. Its anchor stays, as other places may name it."""
    end = max(page.end_of(node), place.after)
    if isinstance(node, Sequence) and not node.items:
        style = replace(style, flow_lists=True)  # "[]" had brackets, so words in it may have them too
    if place.kind == "brackets" or style.json:
        return _replaced_in_brackets(draft, node, page, style)
    if place.kind == "top":
        return Splice(node.start, end, _at_the_top(draft.value, style, alone=page.begins_line(node.start)))
    first, *rest = attached(draft.value, style, place.kind, node.anchor or "")
    comment, end = _comment(node, place, page, end, spread=bool(rest))
    indented = [" " * place.column + line if line else line for line in rest]
    return Splice(place.after, end, style.newline.join([first + comment, *indented]))


def _at_the_top(value: Json, style: Style, *, alone: bool) -> str:
    """A block needs a line of its own: behind YAML's ``---`` there are brackets."""
    if alone and isinstance(value, dict | list) and value and shortened(value, style) is None:
        return style.newline.join(block(value, style))
    return inline(value, style)


def _comment(node: Node, place: Place, page: Page, end: int, *, spread: bool) -> tuple[str, int]:
    """The comment on the line where the value begins, to be kept there, and where the old text ends with it."""
    begins = page.content_start(node)
    if not page.one_line(place.after, begins):
        comment = _COMMENT.search(page.text, place.after, page.line_end(place.after))
        return (comment[0] if comment else ""), page.rest_of_line(end)
    if not spread or not page.one_line(place.after, end):
        return "", end
    after = page.rest_of_line(end)
    return page.text[end:after].rstrip(), after


def _is_indented_json(text: str) -> bool:
    return "\n" in text.strip() or "\r" in text.strip()


def _replaced_in_brackets(draft: Draft, node: Node, page: Page, style: Style) -> Splice:
    # A value over several lines belongs where it is alone on its line, but for its key.
    spread = (
        style.json
        and _is_indented_json(page.text)
        and _ALONE.fullmatch(page.text, page.line_start(node.start), node.start)
    )
    text = inline(draft.value, style, base=page.indentation(node.start), spread=bool(spread))
    lead = f"&{node.anchor} " if node.anchor else ""
    if page.text[node.start - 1 : node.start] == ":" and not style.json:
        lead = " " + lead  # an empty value right behind its colon
    return Splice(node.start, node.end, lead + text)

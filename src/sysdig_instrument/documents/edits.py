"""Edits of a text: what the drafts say, as splices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sysdig_instrument.documents.block_edits import block_edits
from sysdig_instrument.documents.bracket_edits import bracket_edits
from sysdig_instrument.documents.page import UnplacedError
from sysdig_instrument.documents.replacing import replaced
from sysdig_instrument.documents.rows import is_changed
from sysdig_instrument.documents.style import style_of
from sysdig_instrument.documents.tree import Mapping, Sequence
from sysdig_instrument.engine.json_types import ABSENT

if TYPE_CHECKING:
    from sysdig_instrument.documents.drafts import Draft
    from sysdig_instrument.documents.page import Page
    from sysdig_instrument.documents.splices import Place, Splice
    from sysdig_instrument.documents.style import Style


def edits(draft: Draft, place: Place, page: Page, style: Style) -> list[Splice]:
    """The splices that make the text say what the draft says.

    Raises:
        UnplacedError: The text is laid out in a way that this has no answer to.
    """
    node = draft.node
    if node is None or not is_changed(draft):
        return []
    if draft.new is ABSENT and isinstance(node, Sequence | Mapping):
        try:
            return _inside(draft, node, page, style)
        except UnplacedError:
            pass  # written anew as a whole, then
    return [replaced(draft, node, place, page, style)]


def _inside(draft: Draft, node: Sequence | Mapping, page: Page, style: Style) -> list[Splice]:
    """The edits of a list's or object's parts, and of which parts there are."""
    if _writes_here(draft):
        style = style_of(node, page, style)
    own = (bracket_edits if node.flow else block_edits)(draft, node, page, style)
    inner = [splice for part, place in own.parts for splice in edits(part, place, page, style)]
    # Inner edits go first: where a row and what is around it end at the same place, the inner addition has to stand
    # before the outer one.
    return inner + own.splices


def _writes_here(draft: Draft) -> bool:
    """Is new text put in at this level, so that its habits matter?"""
    return any((part.node is None and not part.inherited) or part.new is not ABSENT for part in draft.below())

"""A value as a whole text: for ``--format``, and where there is no text to keep."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sysdig_instrument.documents.block import block
from sysdig_instrument.documents.style import PLAIN_YAML
from sysdig_instrument.documents.words import word
from sysdig_instrument.values import replace

if TYPE_CHECKING:
    from sysdig_instrument.documents.document import Syntax
    from sysdig_instrument.engine.json_types import Json


def render(value: Json, syntax: Syntax, *, newline: str = "\n") -> str:
    """The value as JSON or YAML for people: two spaces, texts of several lines as such, short tags for functions.

    Reading it again gives the same value.
    """
    if syntax == "json":
        return json.dumps(value, indent=2, ensure_ascii=False).replace("\n", newline) + newline
    style = replace(PLAIN_YAML, newline=newline)
    if isinstance(value, dict | list) and value:
        lines = block(value, style)
    else:
        lines = [json.dumps(value) if isinstance(value, dict | list) else word(value, style, flow=False)]
    return newline.join(lines) + newline

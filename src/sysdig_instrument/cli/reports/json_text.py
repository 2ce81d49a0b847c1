"""JSON that is written while it is made: a list of a thousand files' reports is never in memory as a whole."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator

from sysdig_instrument.engine.json_types import Json


def listed(items: Iterable[Json], indent: str = "") -> Iterator[str]:
    """A JSON list of the items."""
    separator = "[\n"
    for item in items:
        text = json.dumps(item, indent=2, ensure_ascii=False)
        yield separator + textwrap.indent(text, indent + "  ")
        separator = ",\n"
    yield "[]" if separator == "[\n" else f"\n{indent}]"

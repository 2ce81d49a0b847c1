"""The formats of a list of stacks: a table for each account and Region, Markdown, CSV and JSON. All but the table stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from itertools import groupby
from typing import Final

from sysdig_instrument.cli.columns import Columns
from sysdig_instrument.cli.console import Console, StyleName
from sysdig_instrument.cli.formats import listing
from sysdig_instrument.cli.harmless import sanitize
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.lazy_dataclasses import dataclass, field
from sysdig_instrument.stacks.updates import Effect, StackState, StackUpdate
from sysdig_instrument.stacks.waves import tag_value

_STYLES: Final[Mapping[StackState, StyleName]] = {
    StackState.REFUSED: "bad",
    StackState.UNREADABLE: "bad",
    StackState.UNKNOWN: "warn",
    StackState.BEHIND: "warn",
    StackState.UP_TO_DATE: "good",
}


@dataclass(slots=True)
class StackList:
    """The stacks as they come, and how many of each state there were so far."""

    updates: Iterable[StackUpdate]
    tag: str | None = None
    counts: Counter[Enum] = field(default_factory=Counter)
    key: str = "stacks"

    def __iter__(self) -> Iterator[StackUpdate]:
        for each in self.updates:
            self.counts[each.state] += 1
            yield each

    @property
    def columns(self) -> Mapping[str, Callable[[StackUpdate], str]]:
        """The columns of CSV and Markdown, and the keys of JSON."""
        return {
            "account": lambda each: each.stack.account,
            "region": lambda each: each.stack.region,
            "stack": lambda each: each.stack.name,
            "tag": lambda each: tag_value(each.stack, self.tag),
            "state": lambda each: each.state.value,
            "status": lambda each: each.stack.status,
            "updated": lambda each: each.stack.updated,
            "code": lambda each: each.reason.code.value if each.reason else "",
            "why": why,
        }

    @property
    def summary(self) -> str:
        """The number of stacks of each state, on one line."""
        if not self.counts:
            return "No stack lists the macro."
        return listing.counted_text(self.counts, StackState) + "."

    @property
    def counted(self) -> dict[str, Json]:
        """The number of stacks of each state."""
        return listing.counted(self.counts, StackState)

    @staticmethod
    def links(_update: StackUpdate) -> Mapping[str, str]:
        """Return no links: the codes of a list of stacks are few."""
        return {}

    def as_json(self, update: StackUpdate) -> Json:
        """Return a stack as an object."""
        values: dict[str, Json] = {name: cell(update) or None for name, cell in self.columns.items()}
        values["why"] = update.reason.text if update.reason else None
        values["changes"] = [
            {"logicalId": each.logical_id, "type": each.resource_type, "effect": each.effect.value}
            for each in update.effects
        ]
        values["replaces"] = [each.logical_id for each in update.effects if each.effect is Effect.REPLACED]
        return values


def why(update: StackUpdate) -> str:
    """Return what an update would change, or why that is not known."""
    return update.reason.text if update.reason else ", ".join(each.text for each in update.effects)


def render_table(stacks: StackList, console: Console) -> Iterator[str]:
    """Yield the tables for people, each as soon as its rows are there."""
    shown = ["stack", *(["tag"] if stacks.tag else []), "state", "updated"]
    columns = stacks.columns
    for group, found in groupby(stacks, key=lambda each: f"{each.stack.account} {each.stack.region}".strip()):
        rows = list(found)
        cells = [[sanitize(columns[name](each)) for name in shown] for each in rows]
        headings = [{"updated": "LAST UPDATE"}.get(name, name.upper()) for name in shown]
        yield console.line(console.paint("strong", sanitize(group)))
        laid_out = Columns.of([headings, *cells], console, shrinkable=(0,))
        yield from laid_out.heading(headings, "AN UPDATE WOULD CHANGE")
        for each, row in zip(rows, cells, strict=True):
            code = f" ({each.reason.code.value})" if each.reason else ""
            yield from laid_out.row(row, sanitize(why(each) + code), {shown.index("state"): _STYLES[each.state]})
        yield "\n"
    yield from console.paragraph(stacks.summary)


RENDERERS: Final[Mapping[str, Callable[[StackList, Console], Iterator[str]]]] = {
    "table": render_table,
    "json": listing.render_json,
    "csv": listing.render_csv,
    "markdown": listing.render_markdown,
}

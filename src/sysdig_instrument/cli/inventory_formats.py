"""The formats of an inventory: a table for each repository or Region, Markdown, CSV and JSON. All but the table stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import groupby
from typing import Final, TypeAlias

from sysdig_instrument.cli.columns import Columns
from sysdig_instrument.cli.console import Console, StyleName
from sysdig_instrument.cli.formats import listing
from sysdig_instrument.cli.harmless import sanitize
from sysdig_instrument.cli.inventory_rows import InventoryRow, State, opt_out_rows
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.help_page import help_address, help_uri
from sysdig_instrument.lazy_dataclasses import dataclass, field

_STYLES: Final[Mapping[State, StyleName]] = {
    State.WITHOUT_LINE: "bad",
    State.REFUSED: "bad",
    State.NOT_PROTECTED: "bad",
    State.CANNOT_BE_PROTECTED: "warn",
    State.UNKNOWN: "warn",
    State.UNREADABLE: "bad",
    State.BEHIND: "warn",
    State.LEFT_ALONE: "faint",
    State.PROTECTED: "good",
    State.PROTECTED_ALREADY: "good",
    State.NEEDS_NONE: "faint",
}

_Columns: TypeAlias = Mapping[str, Callable[[InventoryRow], str]]

_PLACE_OF_FILE: Final[_Columns] = {"repository": lambda row: row.repository, "file": lambda row: row.place}
_PLACE_OF_STACK: Final[_Columns] = {
    "account": lambda row: row.account,
    "region": lambda row: row.region,
    "stack": lambda row: row.place,
}
_RESOURCE: Final[_Columns] = {"resource": lambda row: row.resource}
_CONTAINER: Final[_Columns] = {"container": lambda row: row.container}
_STATE: Final[_Columns] = {"macro line": lambda row: row.macro_line, "state": lambda row: row.state.value}
_OF_STACK: Final[_Columns] = {
    "behind": lambda row: row.behind,
    "owner": lambda row: row.owner,
    "last update": lambda row: row.updated,
}
_WHY: Final[_Columns] = {"codes": lambda row: " ".join(row.codes), "why": lambda row: row.why}
_HELP: Final[_Columns] = {listing.HELP: lambda row: help_uri(next(iter(row.codes), ""))}
_LAYER: Final[_Columns] = {"layer": lambda row: row.layer}
_LEFT_ALONE: Final[_Columns] = {"left alone": lambda row: row.left_alone_text}


@dataclass(slots=True)
class Inventory:
    """The rows of an inventory as they come. ``states`` are those of all rows so far; ``counts`` are of those that are shown."""

    rows: Iterable[InventoryRow]
    is_of_stacks: bool = False
    is_of_opt_outs: bool = False
    states: set[State] = field(default_factory=set)
    counts: Counter[Enum] = field(default_factory=Counter)
    key: str = "rows"

    def __iter__(self) -> Iterator[InventoryRow]:
        all_rows = self._all_rows()
        for row in opt_out_rows(all_rows) if self.is_of_opt_outs else all_rows:
            self.counts[row.state] += 1
            yield row

    def _all_rows(self) -> Iterator[InventoryRow]:
        for row in self.rows:
            self.states.add(row.state)
            yield row

    @property
    def columns(self) -> _Columns:
        """The columns of CSV, and the keys of JSON."""
        place = _PLACE_OF_STACK if self.is_of_stacks else _PLACE_OF_FILE
        of_stack = _OF_STACK if self.is_of_stacks else {}
        if self.is_of_opt_outs:
            return {**place, **_RESOURCE, **_CONTAINER, **_STATE, **of_stack, **_LAYER, **_WHY, **_HELP}
        return {**place, **_RESOURCE, **_STATE, **of_stack, **_WHY, **_LEFT_ALONE, **_HELP}

    @property
    def summary(self) -> str:
        """The number of rows of each state, on one line."""
        if not self.counts:
            return "Nothing is left alone." if self.is_of_opt_outs else "There is nothing to list."
        return listing.counted_text(self.counts, State) + "."

    @property
    def counted(self) -> dict[str, Json]:
        """The number of rows of each state."""
        return listing.counted(self.counts, State)

    @staticmethod
    def links(row: InventoryRow) -> Mapping[str, str]:
        """Return the address of the entry for each code of a row."""
        return {code: help_address(code) for code in row.codes}

    def as_json(self, row: InventoryRow) -> Json:
        """Return a row as an object."""
        values: dict[str, Json] = {_camel_case(name): cell(row) or None for name, cell in self.columns.items()}
        values["codes"] = list(row.codes)
        if "leftAlone" in values:
            values["leftAlone"] = [each.as_json for each in row.left_alone]
        return values


def render_table(inventory: Inventory, console: Console) -> Iterator[str]:
    """Yield the tables for people, each as soon as its rows are there."""
    for group, rows in groupby(inventory, key=lambda row: row.group):
        heading = group or ("" if inventory.is_of_stacks else "No repository")
        yield console.line(console.paint("strong", sanitize(heading)))
        yield from _table(inventory, list(rows), console)
        yield "\n"
    yield from console.paragraph(inventory.summary)


def _table(inventory: Inventory, rows: Sequence[InventoryRow], console: Console) -> Iterator[str]:
    grouped = {"repository", "account", "region", "codes", "why", "left alone", "help uri"}
    columns = {name: cell for name, cell in inventory.columns.items() if name not in grouped}
    if not inventory.is_of_stacks:
        columns["file"] = lambda row: row.place + row.at
    headings = [name.upper() for name in columns]
    cells = [[sanitize(cell(row)) for cell in columns.values()] for row in rows]
    laid_out = Columns.of([headings, *cells], console, shrinkable=(0, 1))
    state_column = list(columns).index("state")
    yield from laid_out.heading(headings, "WHY")
    for row, shown in zip(rows, cells, strict=True):
        yield from laid_out.row(shown, sanitize(_why(row)), {state_column: _STYLES[row.state]})


def _why(row: InventoryRow) -> str:
    """Return the reason with its codes, and the containers that are left alone beside others."""
    containers = [each for each in row.left_alone if each.container] if row.state is not State.LEFT_ALONE else []
    names = f"Left alone: {row.left_alone_text}" if containers else ""
    has_code = not row.why or not row.codes or row.state is State.WITHOUT_LINE  # that of the line
    why = row.why if has_code else f"{row.why} ({' '.join(row.codes)})"
    return "; ".join(part for part in (why, names) if part)


def _camel_case(name: str) -> str:
    first, *others = name.split()
    return first + "".join(map(str.capitalize, others))


RENDERERS: Final[Mapping[str, Callable[[Inventory, Console], Iterator[str]]]] = {
    "table": render_table,
    "json": listing.render_json,
    "csv": listing.render_csv,
    "markdown": listing.render_markdown,
}

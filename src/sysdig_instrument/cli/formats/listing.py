"""A list of what an account or a folder has, in Markdown, CSV and JSON: each row as it comes, and what was counted at the end.

``inventory`` and ``stacks`` have such lists.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from typing import Final, Protocol, TypeVar

from sysdig_instrument.cli.console import Console
from sysdig_instrument.cli.formats.json import stream_json_array
from sysdig_instrument.cli.harmless import csv_line, json_text, markdown_heading, markdown_row
from sysdig_instrument.engine.json_types import Json

SCHEMA_VERSION: Final = 1
HELP: Final = "help uri"
"""The column that Markdown has not: there, a code is a link."""

_Row = TypeVar("_Row")


class Listing(Protocol[_Row]):
    """Rows, with what was counted while they came."""

    key: str
    """The member of the JSON that has the rows."""

    def __iter__(self) -> Iterator[_Row]: ...

    @property
    def columns(self) -> Mapping[str, Callable[[_Row], str]]:
        """The cells of a row, by the headings."""

    @property
    def summary(self) -> str:
        """The number of rows of each state, on one line."""

    @property
    def counted(self) -> dict[str, Json]:
        """The number of rows of each state."""

    def links(self, row: _Row) -> Mapping[str, str]:
        """Return the addresses to which Markdown links words of a row."""

    def as_json(self, row: _Row) -> Json:
        """Return a row as an object."""


def counted(counts: Counter[Enum], states: Iterable[Enum]) -> dict[str, Json]:
    """Return how many there are of each state."""
    return {state.value: counts[state] for state in states}


def counted_text(counts: Counter[Enum], states: Iterable[Enum]) -> str:
    """Return the same for people, without those of which there are none."""
    return ", ".join(f"{counts[state]} {state.value}" for state in states if counts[state])


def render_markdown(listing: Listing[_Row], _console: Console) -> Iterator[str]:
    """Yield one Markdown table, and the summary."""
    columns = {name: cell for name, cell in listing.columns.items() if name != HELP}
    yield markdown_heading(columns)
    for row in listing:
        yield markdown_row((cell(row) for cell in columns.values()), listing.links(row))
    yield f"\n{listing.summary}\n"


def render_csv(listing: Listing[_Row], _console: Console) -> Iterator[str]:
    """Yield CSV with a line of headings."""
    columns = listing.columns
    yield csv_line(columns)
    for row in listing:
        yield csv_line(cell(row) for cell in columns.values())


def render_json(listing: Listing[_Row], _console: Console) -> Iterator[str]:
    """Yield JSON. Within a schema, members are only added."""
    yield f'{{\n  "schema": {SCHEMA_VERSION},\n  "{listing.key}": '
    yield from stream_json_array((listing.as_json(row) for row in listing), "  ")
    yield f',\n  "summary": {json_text(listing.counted, indent=None)}\n}}\n'

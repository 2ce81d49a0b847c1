"""The drill's tables and figures, as text for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from drill.patches import Enabled
from drill.rows import Judgement, Row, green, protected
from repositories import LINES
from sysdig_instrument.cli.columns import Columns
from sysdig_instrument.cli.console import Console, StyleName

_HEADINGS: Final = ("REPOSITORY", "INVENTORY", "CHECK", "COVERAGE", "RESULT")
_KINDS: Final = {"yaml": "YAML", "json": "JSON", "sam": "SAM", "cdk": "CDK", "nested": "nested stack"}
_STYLES: Final[dict[Judgement, StyleName]] = {
    Judgement.RIGHT: "good",
    Judgement.WRONG: "bad",
    Judgement.UNKNOWN: "warn",
}


def table(rows: Sequence[Row], console: Console) -> Iterator[str]:
    """Yield the lines of the table."""
    cells = [_cells(row) for row in rows]
    columns = Columns.of([_HEADINGS, *cells], console, shrinkable=(0,))
    yield from columns.heading(_HEADINGS, "WHAT IT IS")
    for row, shown in zip(rows, cells, strict=True):
        yield from columns.row(shown, _what_it_is(row), {len(_HEADINGS) - 1: _STYLES[row.judgement]})


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.repository.name,
        row.state,
        row.verdict or "nothing to check",
        row.status or "nothing runs",
        row.judgement.value,
    )


def _what_it_is(row: Row) -> str:
    repository = row.repository
    texts = [f"{_KINDS[repository.kind]}: {repository.workload}", f"line {LINES[repository.line]}", *row.mistakes]
    if row.needs_credentials:
        texts.append("check unknown without credentials")
    return "; ".join(texts)


def figures(rows: Sequence[Row], console: Console) -> Iterator[str]:
    """Yield the figures under a table."""
    yield console.line(f"{len(rows)} repositories: {_judgements(rows, console)}.")
    same = "the same ones" if green(rows) == protected(rows) else "not the same ones"
    credentials = ", ".join(row.repository.name for row in rows if row.needs_credentials)
    yield from console.paragraph(
        f"check says protected of {len(green(rows))}, coverage of {len(protected(rows))}: {same}. "
        f"check needs AWS credentials for {credentials or 'none'}."
    )
    for row in rows:
        if row.judgement is Judgement.UNKNOWN:
            yield from console.paragraph(
                f"{row.repository.name}: check cannot tell, even with credentials. The macro refuses it, so nothing runs."
            )


def _judgements(rows: Sequence[Row], console: Console) -> str:
    counts = Counter(row.judgement for row in rows)
    return ", ".join(
        console.paint(_STYLES[each] if counts[each] else "faint", f"{counts[each]} {each.value}") for each in Judgement
    )


def patches(enabled: Sequence[Enabled], console: Console) -> Iterator[str]:
    """Yield what ``enable`` has done."""
    counts = Counter(each.outcome for each in enabled)
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())
    yield from console.paragraph(f"{len(enabled)} repositories: {outcomes}.", "    ")
    for each in enabled:
        if not each.is_right:
            what = each.mistake or each.message.strip() or "it needs no patch"
            yield from console.paragraph(f"wrong: {each.repository.name}: {what}", "    ")


def summary(rows: Sequence[Row], enabled: Sequence[Enabled], console: Console) -> Iterator[str]:
    """Yield the figures of the whole drill."""
    right = sum(each.is_right for each in enabled if each.patch)
    patches = sum(1 for each in enabled if each.patch)
    yield console.line(f"inventory, check and coverage agree: {_judgements(rows, console)}.")
    yield console.line(f"enable touches only the line: {right} of {patches} patches.")

"""The report as a table for people: as wide as the terminal, one row for tasks that are alike, the unprotected first."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sysdig_instrument.coverage import spelled
from sysdig_instrument.coverage.document import percent
from sysdig_instrument.coverage.judging import Judgement, Verdict
from sysdig_instrument.coverage.report import Group, Report
from sysdig_instrument.engine.findings import quoted
from sysdig_instrument.values import dataclass

_HEADINGS: Final = ("REGION", "CLUSTER", "SERVICE", "TASK DEFINITION", "TASKS", "VERDICT", "WHY")
_NUMBER: Final = _HEADINGS.index("TASKS")
_VERDICT: Final = _HEADINGS.index("VERDICT")
_GAP: Final = "  "
_NARROWEST_WHY: Final = 40
"""With less room beside the other columns, WHY stands below them."""

_INDENT: Final = " " * 4
_NARROWEST_NAME: Final = 12
_SHRINKABLE: Final = (1, 2, 3)
_COLOURS: Final = {Verdict.PROTECTED: "32", Verdict.UNPROTECTED: "1;31", Verdict.UNKNOWN: "1;33", Verdict.EXCLUDED: "2"}


@dataclass(frozen=True, slots=True)
class Look:
    """How the table may look: ``width`` is nothing where lines may be as long as they like."""

    width: int | None = None
    colours: bool = False


def text(report: Report, look: Look) -> str:
    """The report as lines of text. Tasks that are out of scope are only counted."""
    shown = [group for group in report.groups if group.kind.judgement.verdict is not Verdict.OUT_OF_SCOPE]
    lines = [*_table(shown, look), *([""] if shown else []), *_wrapped(_summary(report), look.width)]
    if report.unread:
        lines += ["", "Could not be read:"]
        lines += [line for each in report.unread for line in _wrapped(each.text, look.width, _INDENT)]
    return "".join(f"{line}\n" for line in lines)


def _table(groups: Sequence[Group], look: Look) -> Iterator[str]:
    if not groups:
        return
    rows = [_HEADINGS[:-1], *(_cells(group) for group in groups)]
    widths = _widths(rows, look.width)
    room = None if look.width is None else look.width - sum(widths) - len(_GAP) * len(widths)
    is_beside = room is None or room >= _NARROWEST_WHY
    yield _line(rows[0], widths) + _GAP + _HEADINGS[-1] if is_beside else _line(rows[0], widths).rstrip()
    for group, cells in zip(groups, rows[1:], strict=True):
        judgement = group.kind.judgement
        line = _line(cells, widths, _COLOURS.get(judgement.verdict) if look.colours else None)
        if not is_beside:
            yield line.rstrip()
            yield from _wrapped(_why(judgement), look.width, _INDENT)
            continue
        first, *more = _wrapped(_why(judgement), room) or [""]
        yield (line + _GAP + first).rstrip()
        yield from (" " * (sum(widths) + len(_GAP) * len(widths)) + each for each in more)


def _cells(group: Group) -> tuple[str, ...]:
    kind = group.kind
    return (
        kind.region,
        spelled.last(kind.cluster),
        _group(group),
        spelled.last(kind.definition),
        str(len(group.tasks)),
        kind.judgement.verdict.value,
    )


def _group(group: Group) -> str:
    """The service; in brackets the group of tasks that belong to none, which may be called anything."""
    name = quoted(group.service or group.kind.group or "no group")[1:-1]
    return name if group.service else f"({name})"


def _why(judgement: Judgement) -> str:
    """Why, in a few words: of a task without anything of Sysdig's it is enough to say so."""
    reasons = ("It is not instrumented",) if judgement.is_bare else judgement.reasons
    if judgement.verdict is Verdict.PROTECTED and judgement.agent_image:
        reasons = (judgement.agent_image,)
    said = [*reasons, *judgement.remarks]
    if judgement.left_alone and judgement.verdict is not Verdict.EXCLUDED:
        said.append("Left alone: " + ", ".join(name for name, _ in judgement.left_alone))
    return "; ".join(said)


def _widths(rows: Sequence[Sequence[str]], width: int | None) -> list[int]:
    """The columns' widths; where they are too wide together, the widest names are shortened."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    while width is not None and sum(widths) + len(_GAP) * (len(widths) - 1) > width:
        widest = max(_SHRINKABLE, key=lambda column: widths[column])
        if widths[widest] <= _NARROWEST_NAME:
            break
        widths[widest] -= 1
    return widths


def _line(cells: Sequence[str], widths: Sequence[int], colour: str | None = None) -> str:
    padded = [
        _shortened(cell, width).rjust(width) if number == _NUMBER else _shortened(cell, width).ljust(width)
        for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    if colour:
        padded[_VERDICT] = padded[_VERDICT].replace(cells[_VERDICT], f"\x1b[{colour}m{cells[_VERDICT]}\x1b[0m")
    return _GAP.join(padded)


def _shortened(name: str, width: int) -> str:
    """The name with its middle left out: what comes last, a revision, tells more than what is in between."""
    if len(name) <= width:
        return name
    tail = (width - 1) // 2
    return f"{name[: width - 1 - tail]}…{name[len(name) - tail :]}"


def _wrapped(line: str, width: int | None, indent: str = "") -> list[str]:
    if width is None:
        return [indent + line]
    return textwrap.wrap(
        line, max(width, 20), initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )  # fmt: skip


def _summary(report: Report) -> str:
    if not report.count(*Verdict):
        return f"No task runs in {', '.join(report.regions)}."
    share = percent(report)
    missing = _numbers({each.value: report.count(each) for each in (Verdict.UNPROTECTED, Verdict.UNKNOWN)})
    said = "No task should be protected"
    if share is not None:
        said = f"{report.count(Verdict.PROTECTED)} of {report.expected} tasks protected ({share} %)"
    beside = {"excluded": report.count(Verdict.EXCLUDED), **_outside(report)}
    return ". ".join(part for part in (f"{said}: {missing}" if missing else said, _numbers(beside)) if part) + "."


def _outside(report: Report) -> dict[str, int]:
    return {f"out of scope ({each})": number for each, number in report.launch_types_out_of_scope.items()}


def _numbers(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in counts.items() if number)

"""``sysdig-instrument settings``: the value of each setting, and the layer that gave it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from sysdig_instrument.cli.batch import code_of, each
from sysdig_instrument.cli.messages import tell
from sysdig_instrument.cli.owned import name_of
from sysdig_instrument.cli.reports.json_text import listed
from sysdig_instrument.cli.setting_values import text_of
from sysdig_instrument.cli.subject import Subject
from sysdig_instrument.cli.terminal import Look, cells, harmless, look, padded, pieces, write
from sysdig_instrument.engine.findings import Problem
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.outcomes import TaskPlan
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.settings.layers import Settled
from sysdig_instrument.engine.settings.table import TABLE
from sysdig_instrument.errors import UserError
from sysdig_instrument.planning import nobody, planned
from sysdig_instrument.values import dataclass

_NARROWEST_VALUE: Final = 16
_MARGINS: Final = 10


@dataclass(frozen=True, slots=True)
class Value:
    """A setting: its value as it may be shown, and the layer that gave it."""

    name: str
    value: str
    layer: str


@dataclass(frozen=True, slots=True)
class Part:
    """A task definition, or a container of it with settings of its own."""

    task: str
    container: str | None
    rows: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """The settings in one file, and what is wrong with them."""

    parts: list[Part]
    faults: list[str]


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print the settings of each file's task definitions; 1 where one of the settings cannot be used.

    Raises:
        UsageError: The call is wrong.
    """

    def work(subject: Subject, context: Context) -> Shown:
        plan = planned(subject.fragment, subject.context(context), nobody)
        faults = [problem.text for problem in plan.problems if problem.place.pointer[:1] == ("Metadata",)]
        faults += [each.text for task in plan.tasks for each in task.settings.findings if isinstance(each, Problem)]
        return Shown([part for task in plan.tasks for part in _parts(task, everything=options.all)], faults)

    codes = [0]
    found = _told(each(options, environment, work), codes)
    if options.format == "json":
        for text in listed({"file": path, "taskDefinitions": _records(shown.parts)} for path, shown in found):
            write(text)
        write("\n")
    else:
        appearance = look(options.color, environment)
        for path, shown in found:
            for text in _texts(path, shown.parts, appearance):
                write(text)
    return max(codes)


def _told(found: Iterable[tuple[str, Shown | UserError]], codes: list[int]) -> Iterator[tuple[str, Shown]]:
    """What could be read; what is wrong goes to standard error."""
    for path, done in found:
        sys.stdout.flush()
        if isinstance(done, UserError):
            codes.append(code_of(done))
            tell(f"sysdig-instrument: {done}")
            continue
        codes.append(1 if done.faults else 0)
        for fault in done.faults:
            tell(f"sysdig-instrument: {path}: {fault}")
        yield path, done


def _parts(plan: TaskPlan, *, everything: bool) -> Iterator[Part]:
    settled = plan.settings.settled
    yield Part(name_of(plan.task.name), None, tuple(_rows(settled, everything=everything)))
    for name, own in plan.settings.containers.items():
        rows = [row for row in _rows(own, everything=True) if own.layer(row.name) is not settled.layer(row.name)]
        yield Part(name_of(plan.task.name), name, tuple(rows))


def _rows(settled: Settled, *, everything: bool) -> Iterator[Value]:
    for setting in TABLE:
        value = getattr(settled.settings, setting.attribute)
        if everything or setting.name in settled.layers or setting.required:
            yield Value(setting.name, text_of(setting.name, value), settled.origin(setting.name))


def _texts(path: str, parts: Sequence[Part], appearance: Look) -> Iterator[str]:
    yield appearance.paint("strong", harmless(path)) + ("" if parts else ": no task definition") + "\n"
    rows = [row for part in parts for row in part.rows]
    names = max((len(row.name) for row in rows), default=0)
    layers = max((cells(row.layer) for row in rows), default=0)
    room = max(_NARROWEST_VALUE, (appearance.width or 0) - names - layers - _MARGINS)
    values = max((cells(row.value) for row in rows), default=0)
    width = values if appearance.width is None else min(values, room)
    for part in parts:
        yield f"    {harmless(part.container)}\n" if part.container else f"  {harmless(part.task)}\n"
        for row in part.rows:
            first, *more = pieces(harmless(row.value), width)
            layer = appearance.paint("faint", row.layer)
            yield f"      {row.name.ljust(names)}  {padded(first, width)}  {layer}\n"
            yield from (f"{' ' * (names + 8)}{piece}\n" for piece in more)


def _records(parts: Sequence[Part]) -> list[Json]:
    return [
        {
            "taskDefinition": part.task,
            "container": part.container,
            "settings": {row.name: {"value": row.value, "layer": row.layer} for row in part.rows},
        }
        for part in parts
    ]

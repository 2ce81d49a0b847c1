"""``make bench``: measure all that docs/performance.md has a goal for, in one run, on request beside another revision.

Calls of both sources alternate, so that other load on this machine affects them alike. Each call is compared with something
that is measured right before and after it. Times are those of the processor, if nothing else is said.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cases
import instructions
import lambda_function
import workers
from cases import Times
from source import ROOT, Source, copy_of_checkout, copy_of_revision

MARKERS: Final = ("<!-- goals -->", "<!-- end of goals -->")
GROWTH: Final = 2.2
"""The goal for twice the template: it takes twice the time."""


def ratio(times: Times) -> float:
    """Return how long a call takes, relative to what it is compared with."""
    return times.call / times.reference


def seconds(times: Times) -> float:
    """Return the seconds of a call."""
    return times.call


def milliseconds_each(times: Times) -> float:
    """Return the milliseconds for each of many files, by the clock."""
    return times.call / cases.FILES * 1000


def processor_milliseconds_each(times: Times) -> float:
    """Return the milliseconds of processor time for each of many files, of all processes."""
    return times.reference / cases.FILES * 1000


@dataclass(frozen=True, slots=True)
class Row:
    """A goal, the case that shows it, and the figure that is computed of each of its times."""

    name: str
    goal: float
    case: str
    figure: Callable[[Times], float] = ratio


HANDLER: Final = (
    Row("450 task definitions, to json reading and writing the template", 8, "plain"),
    Row("the same without EntryPoints, the configs in the template", 14, "configured"),
    Row("the same, the images looked up", 14, "looked up"),
    Row("200 task definitions, each value under Fn::If, to json", 5, "under Fn::If"),
)
GROWTH_OF_HANDLER: Final = (
    Row("twice the task definitions, 450", GROWTH, "growth of tasks"),
    Row("twice the task definitions, 80, and conditions in one chain", GROWTH, "growth of tasks in a chain"),
    Row("twice the task definitions, 100, and Mappings", GROWTH, "growth of Mappings"),
    Row("a chain of conditions of twice the length, 600", GROWTH, "growth of a chain"),
    Row("ContainerDefinitions in twice the Fn::If, 50", GROWTH, "growth of nested containers"),
    Row("50 images joined of 10 conditions, seconds until the answer", 1, "images of conditions", seconds),
    Row("50 sizes raised by conditions of 8 containers, the same", 1, "sizes of conditions", seconds),
)
START_OF_FUNCTION: Final = (
    Row("first lookup in Amazon ECR, added to a bare Python's start", 10.2, "first lookup in ECR"),
)
COLD_START: Final = (
    Row("cold start, one task definition, to an empty handler, by the clock", 1.8, "cold start"),
    Row("the same, processor time", 1.8, "cold start, processor"),
    Row("peak memory, 450 task definitions, to an empty handler", 1.5, "peak memory"),
    Row("zip, MB", 3, "zip", seconds),
)
LOOKUPS: Final = (
    Row("100 images, by the clock, to the sum of their rounds", 1.08, "anonymous"),
    Row("the same, with tokens", 1.06, "with tokens"),
)
LARGE: Final = f"450 task definitions, {cases.LAYOUTS[0]}"
TOOL: Final = (
    Row("--help, to a bare Python", 3, "--help"),
    Row("transform, one small template, to a bare Python", 6.8, "small transform"),
    Row("explain, the same", 8.2, "small explain"),
    Row("transform, the tool not compiled", 6.8, "small transform, not compiled"),
    *(
        Row(f"{command}, 450 task definitions, {layout}, seconds", 5, f"{command}, {layout}", seconds)
        for command in ("transform", "diff")
        for layout in cases.LAYOUTS
    ),
    Row(f"explain, {LARGE}, seconds", 5, f"explain, {cases.LAYOUTS[0]}", seconds),
    Row(f"check, {LARGE}, seconds", 5, f"check, {cases.LAYOUTS[0]}", seconds),
    *(
        Row(f"{command}, twice the task definitions, 450, {layout}", GROWTH, f"{command}, {layout}")
        for command in ("transform", "diff")
        for layout in cases.LAYOUTS
    ),
    Row("explain, 1,000 files, by the clock, milliseconds each", 3.1, "explain, files", milliseconds_each),
    Row("diff, 1,000 files, by the clock, milliseconds each", 8.3, "diff, files", milliseconds_each),
    Row("explain, 1,000 files, processor time, milliseconds each", 6.2, "explain, files", processor_milliseconds_each),
    Row("diff, 1,000 files, processor time, milliseconds each", 16.6, "diff, files", processor_milliseconds_each),
    Row("explain, peak memory, 1,000 files to 100", 1.1, "memory of many files"),
)

LATENCY_ROUNDS: Final = {"anonymous": 10, "with tokens": 16}
"""How often 100 images wait for the registry if 20 are looked up at once."""
LATENCY_SECONDS: Final = 0.05


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="runs of each case; what takes more than 5 s runs once")
    parser.add_argument("--before", metavar="REVISION", help="measure this revision of the repository, too, in turns")
    parser.add_argument("--only", default="", metavar="PATTERN", help="measure only what has this pattern in its name")
    parser.add_argument("--write", type=Path, help="write the figures into this Markdown file, between two comments")
    parser.add_argument(
        "--instructions", action="store_true", help="count the handler's instructions with valgrind instead"
    )
    parser.add_argument(
        "--tools", type=Path, default=ROOT / ".tools", help="where the Makefile installed Lambda's Python"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = Path(temporary)
        sources = {"now": copy_of_checkout(folder / "now")}
        if options.before:
            sources = {"before": copy_of_revision(options.before, folder / "before"), **sources}
        if options.instructions:
            return instructions.main(sources, options.tools)
        table = measure_all(sources, options)
    if options.write:
        before, _, rest = options.write.read_text().partition(MARKERS[0])
        options.write.write_text("\n".join([before + MARKERS[0], *table, MARKERS[1] + rest.partition(MARKERS[1])[2]]))
    return 0


def measure_all(sources: Mapping[str, Source], options: argparse.Namespace) -> list[str]:
    """Measure, print one table after the other, and return all as one in Markdown."""
    python, pattern, rounds = options.tools / "lambda" / "bin" / "python3", re.compile(options.only), options.rounds
    ours = f"Python {'.'.join(map(str, sys.version_info[:2]))}"

    def measure(names: Sequence[str], lambda_python: Path | None = None) -> dict[str, workers.Results]:
        return workers.measure(names, sources, lambda_python, rounds)

    tables: tuple[tuple[str, tuple[Row, ...], Callable[[Sequence[str]], dict[str, workers.Results]]], ...] = (
        ("The handler, warm, with Lambda's Python", HANDLER, lambda names: measure(names, python)),
        (f"The handler, warm, with {ours}", HANDLER, measure),
        ("How it grows", GROWTH_OF_HANDLER, lambda names: measure(names, python)),
        ("A cold start", COLD_START, lambda _: start_cold(sources, options.tools, rounds)),
        ("A cold start with a lookup", START_OF_FUNCTION, lambda names: measure(names, python)),
        ("Lookups, with 50 ms for each request", LOOKUPS, lambda _: look_up(sources)),
        (f"The command line tool, with {ours}", TOOL, measure),
    )
    markdown = [f"| | goal | {' | '.join(sources)} |", "|---|---|" + "---|" * len(sources)]
    print(f"{'':66}{'goal':>8}{''.join(f'{name:>10}' for name in sources)}   of the goal")
    for title, rows, measured in tables:
        chosen = [row for row in rows if pattern.search(row.name)]
        if chosen:
            print(f"\n{title}")
            markdown.append(f"| **{title}** | |{' |' * len(sources)}")
            markdown += print_rows(chosen, measured([row.case for row in chosen]))
    print(f"\nMedians of {rounds} rounds.")
    return markdown


def print_rows(rows: Sequence[Row], results: Mapping[str, workers.Results]) -> list[str]:
    """Print each goal, what was measured of each source, and which part of the goal it is now. Return Markdown."""
    markdown = []
    for row in rows:
        figures = {source: median_figure(row, measured[row.case]) for source, measured in results.items()}
        columns = "".join(f"{'failed' if isinstance(each, str) else f'{each:.3g}':>10}" for each in figures.values())
        now = figures["now"]
        part = "" if isinstance(now, str) else f"{now / row.goal:.2f}"
        is_missed = isinstance(now, str) or now > row.goal
        notes = "".join(f"  {source}: {each}" for source, each in figures.items() if isinstance(each, str))
        print(f"{row.name:66}{row.goal:8.3g}{columns}{part:>8}{'  missed' if is_missed else ''}{notes}", flush=True)
        cells = [each if isinstance(each, str) else f"{each:.3g}" for each in figures.values()]
        cells[-1] = f"**{cells[-1]}, missed**" if is_missed else cells[-1]
        markdown.append(f"| {row.name} | {row.goal:.3g} | {' | '.join(cells)} |")
    return markdown


def median_figure(row: Row, times: list[Times] | str) -> float | str:
    """Return the figure of a row, or why there is none."""
    return times if isinstance(times, str) else statistics.median(map(row.figure, times))


def start_cold(sources: Mapping[str, Source], tools: Path, rounds: int) -> dict[str, workers.Results]:
    """Start the function of each source, and one that does nothing, in turns."""
    functions = {
        name: lambda_function.Function(name, source.bundle, source.handler) for name, source in sources.items()
    }
    with lambda_function.empty_function() as empty:
        lambda_function.measure([*functions.values(), empty], 2 * rounds, tools)
    return {
        name: {
            "cold start": [Times(*pair) for pair in zip(function.cold, empty.cold, strict=True)],
            "cold start, processor": [
                Times(*pair) for pair in zip(function.cold_processor, empty.cold_processor, strict=True)
            ],
            "peak memory": [Times(*pair) for pair in zip(function.peak_memory, empty.peak_memory, strict=True)],
            "zip": [Times(function.zip_size() / 1e6, 0)],
        }
        for name, function in functions.items()
    }


def look_up(sources: Mapping[str, Source]) -> dict[str, workers.Results]:
    """Let each source look up many images, with the program that it has for that."""
    found: dict[str, workers.Results] = {}
    for name, source in sources.items():
        environment = os.environ | {"PYTHONPATH": str(source.folder / "src")}
        command = [sys.executable, str(source.folder / "bench" / "lookups.py")]
        table = subprocess.run(command, capture_output=True, text=True, env=environment, check=False).stdout
        milliseconds = dict(re.findall(r"^100 images, (.+?) +(\d+) ms", table, re.MULTILINE))
        found[name] = {
            case: [Times(int(milliseconds[case]) / 1000, rounds * LATENCY_SECONDS)]
            for case, rounds in LATENCY_ROUNDS.items()
        }
    return found


if __name__ == "__main__":
    sys.exit(main())

"""Measure the command line tool on large templates in each layout, in this process, compared with reading and writing JSON.

The time is that of the processor, not of the clock. All cases run in turns. Look at the ratios: those for 450 task definitions
to those for 45 show how the time grows.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Final

import yaml

import templates
from sysdig_instrument.cli.main import run

COUNTS: Final = (45, 450)
OPTIONS: Final = (
    "--no-config",
    "--offline",
    *("--set", "Collector=us2", "--set", f"AccessKeySecret={templates.SECRET}"),
)
LAYOUTS: Final[dict[str, Callable[[Any], str]]] = {
    "JSON, one line": lambda template: json.dumps(template, separators=(",", ":")),
    "JSON, indented": lambda template: json.dumps(template, indent=2),
    "YAML": lambda template: str(yaml.safe_dump(template, sort_keys=False)),
}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each case")
    rounds = parser.parse_args().rounds
    large = json.dumps(templates.plain(COUNTS[-1]))
    with tempfile.TemporaryDirectory() as folder:
        calls = [
            command_call(command, layout, count, Path(folder))
            for command in ("transform", "diff")
            for layout in LAYOUTS
            for count in COUNTS
        ]
        baseline, *times = _median_times([lambda: json.loads(json.dumps(json.loads(large))), *calls], rounds)
    print(f"{'':28}{'45':>10}{'450':>12}{'growth':>9}{'to json':>10}")
    names = [f"{command}, {layout}" for command in ("transform", "diff") for layout in LAYOUTS]
    for name, small_time, large_time in zip(names, times[::2], times[1::2], strict=True):
        growth, ratio = large_time / small_time, large_time / baseline
        print(f"{name:28}{small_time:7.0f} ms{large_time:9.0f} ms{growth:9.1f}{ratio:10.0f}")
    print(f"\nMedians of {rounds} rounds in this process, processor time, Python {sys.version.split()[0]}.")
    return 0


def command_call(command: str, layout: str, count: int, folder: Path) -> Callable[[], None]:
    """Return a function that runs a command on a file with a template in one of the layouts."""
    file = folder / f"{layout}-{count}".replace(" ", "-")
    file.write_text(LAYOUTS[layout](templates.plain(count)))
    return _call(command, file)


def many_files_call(command: str, count: int, folder: Path) -> Callable[[], None]:
    """Return a function that runs a command on a folder of so many files in YAML, of one to three task definitions each."""
    folder.mkdir(exist_ok=True)
    for number in range(count):
        template = {"Transform": "SysdigInstrument", **templates.plain(1 + number % 3)}
        (folder / f"{number}.yaml").write_text(LAYOUTS["YAML"](template))
    return _call(command, folder)


def _call(command: str, path: Path) -> Callable[[], None]:
    def call() -> None:
        output = io.TextIOWrapper(io.BytesIO())
        with redirect_stdout(output), redirect_stderr(io.StringIO()):
            code = run([command, str(path), *OPTIONS])
        if code:
            raise RuntimeError(command)

    return call


def _median_times(calls: list[Callable[[], object]], rounds: int) -> list[float]:
    """Return the median processor time of each call in milliseconds. A first round warms up and is not counted."""
    times: list[list[float]] = [[] for _ in calls]
    for number in range(rounds + 1):
        for durations, call in zip(times, calls, strict=True):
            gc.collect()
            start = time.process_time()
            call()
            if number:
                durations.append((time.process_time() - start) * 1000)
    return [statistics.median(durations) for durations in times]


if __name__ == "__main__":
    sys.exit(main())

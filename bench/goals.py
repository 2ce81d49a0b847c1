"""Measure every goal of docs/performance.md that needs no build as a ratio, in one run.

All cases run in turns, so that other load on this machine affects them alike. The time is that of the processor, not of the
clock. The cold start with an emulated Lambda and the look-ups of many images have programs of their own.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import command_line
import handler
import large_templates
import templates
from sysdig_instrument.engine.lookups import Answer, ImageConfig, Lookup
from sysdig_instrument.engine.settings.layers import from_environment
from sysdig_instrument.function import macro

PLAIN: Final = 450
CONDITIONAL: Final = 200
CHAIN: Final = 80
FILES: Final = 100
CONFIG: Final = ImageConfig(("gunicorn", "shop.wsgi"), ("--workers", "2"))

START_OF_ECR: Final = """
import time
from sysdig_instrument.function import handler
before = time.process_time()
from sysdig_instrument.lookup import answers, auth, ecr, images, oci
from sysdig_instrument.lookup.aws import AwsClients
AwsClients().client("ecr", "us-east-1")
print(time.process_time() - before)
"""
"""What a first lookup in Amazon ECR imports and creates, without the request itself."""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each case")
    parser.add_argument("--handler-only", action="store_true", help="measure the warm handler alone")
    arguments = parser.parse_args()
    rounds = arguments.rounds
    with tempfile.TemporaryDirectory() as folder:
        calls = handler_cases() if arguments.handler_only else handler_cases() | tool_cases(Path(folder))
        times = median_times(calls, rounds)
    print(f"{'':68}{'goal':>8}{'measured':>10}")
    for name, goal, measured in (
        handler_rows(times) if arguments.handler_only else handler_rows(times) + tool_rows(times)
    ):
        print(f"{name:68}{goal:8.1f}{measured:10.1f}{'  missed' if measured > goal else ''}")
    print(f"\nMedians of {rounds} rounds, processor time, Python {sys.version.split()[0]}.")
    return 0


def handler_cases() -> dict[str, Callable[[], float]]:
    """Return what is measured of the warm handler: each returns its processor time in seconds."""
    return {
        "json": in_process(round_trip(templates.plain(PLAIN))),
        "json looked up": in_process(round_trip(templates.looked_up(PLAIN))),
        "json under Fn::If": in_process(round_trip(templates.conditional(CONDITIONAL))),
        "plain": in_process(handle(templates.plain(PLAIN))),
        "plain, a tenth": in_process(handle(templates.plain(PLAIN // 10))),
        "with images": in_process(handle(templates.looked_up(PLAIN))),
        "looked up": in_process(look_up(templates.looked_up(PLAIN))),
        "under Fn::If": in_process(handle(templates.conditional(CONDITIONAL))),
        "chain": in_process(handle(templates.chain_of_conditions(CHAIN))),
        "chain, half": in_process(handle(templates.chain_of_conditions(CHAIN // 2))),
    }


def tool_cases(folder: Path) -> dict[str, Callable[[], float]]:
    """Return what is measured of the command line tool and of a cold start."""
    found = {
        "Python": in_child(("-c", "pass"), folder),
        "help": in_child((*command_line.TOOL_ARGUMENTS, "--help"), folder),
        "command": in_child(command_line.COMMANDS["sysdig-instrument transform, one small template"], folder),
        "ECR": start_of_ecr(folder),
    }
    for command in ("transform", "diff"):
        for layout in large_templates.LAYOUTS:
            found[f"{command}, {layout}"] = in_process(large_templates.command_call(command, layout, PLAIN, folder))
    for command in ("explain", "diff"):
        found[f"{command}, files"] = in_process(large_templates.many_files_call(command, FILES, folder / "many"))
    return found


def handler_rows(times: Mapping[str, float]) -> list[tuple[str, float, float]]:
    """Return the name of each goal for the warm handler, the goal, and what was measured."""
    return [
        (f"handler, {PLAIN} plain task definitions, to json", 8, times["plain"] / times["json"]),
        ("the same, with each image's config needed, to json", 14, times["with images"] / times["json looked up"]),
        ("the same, with the images looked up, to json", 14, times["looked up"] / times["json looked up"]),
        (f"handler, {CONDITIONAL} under Fn::If, to json", 8, times["under Fn::If"] / times["json under Fn::If"]),
        (
            f"time per task definition with {PLAIN}, to a tenth of them",
            1.2,
            times["plain"] / times["plain, a tenth"] / 10,
        ),
        (
            f"{CHAIN} task definitions in a chain of conditions, to half of them",
            2.2,
            times["chain"] / times["chain, half"],
        ),
    ]


def tool_rows(times: Mapping[str, float]) -> list[tuple[str, float, float]]:
    """Return the same for the command line tool and a cold start."""
    return [
        *(
            (f"{command}, {layout}, {PLAIN} task definitions, seconds", 5, times[f"{command}, {layout}"])
            for command in ("transform", "diff")
            for layout in large_templates.LAYOUTS
        ),
        *(
            (f"{command}, {FILES} files, milliseconds each", goal, times[f"{command}, files"] / FILES * 1000)
            for command, goal in (("explain", 3.1), ("diff", 8.3))
        ),
        ("--help, to a bare Python", 3, times["help"] / times["Python"]),
        ("transform, one small template, to a bare Python", 4, times["command"] / times["Python"]),
        ("first lookup in Amazon ECR, milliseconds more for a cold start", 150, times["ECR"] * 1000),
    ]


def median_times(calls: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Return the median time of each call. Calls alternate; a first round warms up and is not counted."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            gc.collect()
            measured = call()
            if number:
                times[name].append(measured)
    return {name: statistics.median(measured) for name, measured in times.items()}


def in_process(call: Callable[[], object]) -> Callable[[], float]:
    """Return a function that measures a call in this process."""

    def measured() -> float:
        start = time.process_time()
        call()
        return time.process_time() - start

    return measured


def in_child(arguments: Sequence[str], compiled: Path) -> Callable[[], float]:
    """Return a function that measures a Python process with these arguments. Its compiled files are in a folder."""
    environment = os.environ | compiled_in(compiled)

    def measured() -> float:
        start = resource.getrusage(resource.RUSAGE_CHILDREN)
        command_line.time_command(tuple(arguments), environment)
        end = resource.getrusage(resource.RUSAGE_CHILDREN)
        return end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime

    return measured


def compiled_in(folder: Path) -> dict[str, str]:
    """Return the environment variables with which Python keeps compiled files in a folder, as an installation has them."""
    return {"PYTHONPYCACHEPREFIX": str(folder), "PYTHONDONTWRITEBYTECODE": ""}


def start_of_ecr(compiled: Path) -> Callable[[], float]:
    """Return a function that measures what a first lookup in Amazon ECR adds to a cold start."""
    environment = os.environ | compiled_in(compiled) | {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}

    def measured() -> float:
        command = [sys.executable, "-c", START_OF_ECR]
        result = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        return float(result.stdout.splitlines()[-1])

    return measured


def round_trip(template: Mapping[str, Any]) -> Callable[[], object]:
    """Return a function that reads and writes the JSON of a template."""
    text = json.dumps(template)
    return lambda: json.dumps(json.loads(text))


def handle(template: dict[str, Any]) -> Callable[[], None]:
    """Return a function that lets the handler process a template."""
    return handler.handler_call(templates.event(template))


def look_up(template: dict[str, Any]) -> Callable[[], object]:
    """Return a function that processes a template whose images are looked up, so that it is planned twice."""
    event, deployment = macro.parse_event(templates.event(template)), from_environment(templates.SETTINGS)

    def answer(lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
        return dict.fromkeys(lookups, CONFIG)

    return lambda: macro.process(event, deployment, lambda _settings, _region: answer)


if __name__ == "__main__":
    sys.exit(main())

"""Measure how long the command line tool takes, for its help and for one small template, compared with a bare Python.

All three run in turns, with the same interpreter and options, and with compiled files as in an installation. Look at
the ratios.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
SECRET: Final = "arn:aws:secretsmanager:us-east-1:111122223333:secret:sysdig"  # noqa: S105 - its name
TOOL_ARGUMENTS: Final = ("-c", "from sysdig_instrument.__main__ import main; main()")  # as the installed script does
COMMANDS: Final = {
    "a bare Python": ("-c", "pass"),
    "sysdig-instrument --help": (*TOOL_ARGUMENTS, "--help"),
    "sysdig-instrument transform, one small template": (
        *(*TOOL_ARGUMENTS, "transform", "docs/examples/app.yaml", "--no-config", "--offline"),
        *("--images", "docs/examples/images.json", "--set", "Collector=us2", "--set", f"AccessKeySecret={SECRET}"),
    ),
}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=25, help="runs of each command")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as compiled:
        environment = os.environ | {"PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
        times: dict[str, list[float]] = {name: [] for name in COMMANDS}
        for _ in range(rounds + 1):  # the first round compiles
            for name, arguments in COMMANDS.items():
                times[name].append(time_command(arguments, environment))
    baseline = statistics.median(times["a bare Python"][1:])
    for name, durations in times.items():
        median = statistics.median(durations[1:])
        print(f"{name:52}{median:8.1f} ms{median / baseline:8.1f}")
    print(f"\nMedians of {rounds} rounds, Python {sys.version.split()[0]}.")
    return 0


def time_command(arguments: tuple[str, ...], environment: dict[str, str]) -> float:
    """Return the milliseconds that a Python process with these arguments takes."""
    start = time.perf_counter()
    command, nothing = [sys.executable, *arguments], subprocess.DEVNULL
    subprocess.run(command, check=True, cwd=ROOT, env=environment, stdout=nothing, stderr=nothing)
    return (time.perf_counter() - start) * 1000


if __name__ == "__main__":
    sys.exit(main())

"""Count the instructions of the handler with valgrind: unlike times, they do not depend on other load.

The templates have a tenth of the task definitions, because a program takes 50 times as long under valgrind.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import cases
import workers
from source import Source


def main(sources: Mapping[str, Source], tools: Path) -> int:
    """Count and print."""
    valgrind = shutil.which("valgrind")
    if not valgrind:
        print("valgrind is not installed.", file=sys.stderr)
        return 1
    print(f"{'instructions, relative to json; millions':50}{''.join(f'{name:>16}' for name in sources)}")
    for python in (tools / "lambda" / "bin" / "python3", None):
        for case in cases.TO_JSON:
            line = f"{case}, {'the Python of Lambda' if python else f'Python {sys.version.split()[0]}'}"
            print(f"{line:50}", end="", flush=True)
            for source in sources.values():
                environment = workers.environment_of(source, is_lambda=bool(python))
                environment["PYTHONHASHSEED"] = "0"
                command = [valgrind, "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
                run = [str(python or sys.executable), str(workers.PROGRAM), "repeat", case]
                call, reference = (
                    _instructions([*command, *run, part, "3"], environment)
                    - _instructions([*command, *run, part, "1"], environment)
                    for part in cases.Times._fields
                )
                print(f"{call / reference:8.2f}{call / 2e6:8.1f}", end="", flush=True)
            print()
    return 0


def _instructions(command: list[str], environment: dict[str, str]) -> int:
    result = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return int(re.findall(r"I *refs: +([\d,]+)", result.stderr)[0].replace(",", ""))

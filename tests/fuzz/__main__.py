"""``make fuzz``: fuzz each target for some time, in a process of its own, and print a table of the results.

The corpus of each target is kept in build/fuzz, and the next run continues with it. An input that fails is kept there,
too. Reduce it, add it as a test, and fix the bug.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fuzz.targets import TARGETS, Target

ROOT: Final = Path(__file__).parents[2]
KEPT: Final = ROOT / "build" / "fuzz"
_STATUS: Final = re.compile(r"#(\d+)\s+\w+\s+cov: (\d+)")
_DONE: Final = re.compile(r"Done (\d+) runs|stat::number_of_executed_units:\s*(\d+)")


@dataclass(frozen=True)
class Result:
    """The result of one target. Coverage counts the branches of this project that some input has taken."""

    name: str
    executions: int
    first: int
    last: int
    findings: tuple[str, ...]

    def row(self) -> str:
        """Return a line of the table."""
        found = " ".join(self.findings) or "none"
        return f"| {self.name} | {self.executions:,} | {self.first} → {self.last} | {found} |"


def main() -> int:
    """Fuzz, and print the table. Return 1 if there are findings."""
    parser = argparse.ArgumentParser(description="Fuzz the parsers and the handler.")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="targets at a time")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("targets", nargs="*", choices=[[], *TARGETS], help="default: all")
    options = parser.parse_args()
    chosen = [TARGETS[name] for name in options.targets or TARGETS]
    if options.inside:
        _fuzz(chosen[0], options.seconds)
    with ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(lambda target: _run(target, options.seconds), chosen))
    print("| target | executions | branches | findings |\n|---|---|---|---|")
    for result in results:
        print(result.row())
    return 1 if any(result.findings for result in results) else 0


def _fuzz(target: Target, seconds: int) -> None:
    """Fuzz one target in this process. It does not return: libFuzzer ends the process."""
    import atheris  # noqa: PLC0415 - it is in .tools/fuzz only, and it must instrument this process only

    with atheris.instrument_imports(include=["sysdig_instrument"]):
        function = target.function()
    folder = KEPT / target.name
    atheris.Setup(
        [sys.argv[0], str(folder / "corpus"), f"-max_total_time={seconds}", f"-max_len={target.max_length}",
         f"-artifact_prefix={folder}/", "-timeout=20", "-rss_limit_mb=4096", "-print_final_stats=1", "-len_control=0"],
        function,
    )  # fmt: skip
    atheris.Fuzz()


def _run(target: Target, seconds: int) -> Result:
    folder = KEPT / target.name
    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (folder / "corpus" / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    before = set(folder.glob("*-*"))
    command = [sys.executable, "-m", "fuzz", "--inside", "--seconds", str(seconds), target.name.split(".")[1]]
    with (folder / "log.txt").open("w+") as log:
        subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False)
        log.seek(0)
        text = log.read()
    status = [(int(number), int(covered)) for number, covered in _STATUS.findall(text)]
    done = [int(one or other) for one, other in _DONE.findall(text)]
    found = tuple(str(path.relative_to(ROOT)) for path in sorted(set(folder.glob("*-*")) - before))
    if not status and not found:
        raise SystemExit(f"{target.name} did not run; see {folder / 'log.txt'}")
    covered = [number for _, number in status] or [0]
    return Result(target.name, max([number for number, _ in status] + done), covered[0], covered[-1], found)


if __name__ == "__main__":
    sys.exit(main())

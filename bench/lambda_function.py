"""Measure the size and the start-up time of the function, compared with a function that does nothing.

The two functions are started in turns, so that other load on this machine affects both alike. Look at the ratios:
Lambda has a different CPU than this machine.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import templates
from source import ROOT, copy_of_checkout

sys.path.insert(0, str(ROOT / "demo"))

from embedded_aws.runtime import Runtime, RuntimePrograms

EMPTY_HANDLER: Final = "def handler(event, context):\n    return event\n"
LARGE_TEMPLATE_TASKS: Final = 450
KIB: Final = 1024


@dataclass
class Function:
    """A function and its measurements (milliseconds)."""

    name: str
    bundle: Path
    handler: str
    cold: list[float] = field(default_factory=list)
    cold_processor: list[float] = field(default_factory=list)
    """Processor time of the cold start (seconds)."""
    warm: list[float] = field(default_factory=list)
    warm_large: list[float] = field(default_factory=list)
    peak_memory: list[float] = field(default_factory=list)
    """Peak memory after the large template (MiB)."""

    def environment(self) -> Mapping[str, str]:
        """Return the variables that Lambda and template.yaml set."""
        return {
            "_HANDLER": self.handler,
            "AWS_LAMBDA_FUNCTION_NAME": "bench",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "60",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
            "AWS_REGION": "us-east-1",
            **templates.SETTINGS,
        }

    def zip_size(self) -> int:
        """Return the size in bytes of the zip that AWS SAM uploads."""
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in bundle_files(self.bundle):
                archive.write(path, path.relative_to(self.bundle))
        return len(target.getvalue())

    def unzipped_size(self) -> int:
        """Return the size in bytes of the bundle's files."""
        return sum(path.stat().st_size for path in bundle_files(self.bundle))


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="cold starts of each function")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, empty_function() as empty:
        source = copy_of_checkout(Path(folder) / "now")
        ours = Function("sysdig-instrument", source.bundle, source.handler)
        measure([ours, empty], options.rounds)
        print_table(ours, empty, options.rounds)
    return 0


@contextmanager
def empty_function() -> Iterator[Function]:
    """Return a function that does nothing."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "empty.py").write_text(EMPTY_HANDLER)
        yield Function("empty handler", Path(folder), "empty.handler")


def measure(functions: list[Function], rounds: int, tools: Path = ROOT / ".tools") -> None:
    """Measure the functions alternately."""
    programs = RuntimePrograms.find_in(tools)
    small_event = (ROOT / "events" / "template.json").read_bytes()
    large_event = json.dumps(templates.event(templates.plain(LARGE_TEMPLATE_TASKS))).encode()
    for number in range(rounds):
        if sys.stderr.isatty():
            print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
        for function in functions:
            with Runtime(programs, function.bundle, function.environment()) as runtime:
                function.cold.append(time_invocation(runtime, small_event))
                function.cold_processor.append(runtime.processor_seconds())
                function.warm.append(time_invocation(runtime, small_event))
                function.warm_large.append(time_invocation(runtime, large_event))
                function.peak_memory.append(runtime.peak_memory() / KIB / KIB)
    if sys.stderr.isatty():
        print(file=sys.stderr)


def time_invocation(runtime: Runtime, event: bytes) -> float:
    """Return the milliseconds of an invocation."""
    start = time.perf_counter()
    response = runtime.invoke(event)
    elapsed = (time.perf_counter() - start) * 1000
    answer_json = json.loads(response.body)
    if response.is_error or answer_json.get("status", "success") != "success":
        raise RuntimeError(f"The function failed: {response.body.decode()}")
    return elapsed


def bundle_files(folder: Path) -> Iterator[Path]:
    """Yield the files of a bundle."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def print_table(ours: Function, empty: Function, rounds: int) -> None:
    """Print medians and ratios."""
    print(f"{'':40}{ours.name:>18}{empty.name:>16}{'ratio':>8}")
    for label, our_times, empty_times in (
        ("cold start, one task definition", ours.cold, empty.cold),
        ("warm, one task definition", ours.warm, empty.warm),
        (f"warm, {LARGE_TEMPLATE_TASKS} task definitions", ours.warm_large, empty.warm_large),
    ):
        our_median, empty_median = statistics.median(our_times), statistics.median(empty_times)
        print(f"{label:40}{our_median:15.1f} ms{empty_median:13.1f} ms{our_median / empty_median:8.1f}")
    our_median, empty_median = statistics.median(ours.peak_memory), statistics.median(empty.peak_memory)
    print(
        f"{f'peak memory, {LARGE_TEMPLATE_TASKS} task definitions':40}{our_median:14.1f} MiB{empty_median:12.1f} MiB{our_median / empty_median:8.1f}"
    )
    for label, one_size, other_size in (
        ("zip", ours.zip_size(), empty.zip_size()),
        ("unzipped", ours.unzipped_size(), empty.unzipped_size()),
    ):
        print(f"{label:40}{one_size / KIB:14.0f} KiB{other_size / KIB:12.1f} KiB")
    print(f"\nMedians of {rounds} rounds under AWS's Lambda runtime interface emulator on this machine.")
    print(compilation_note(ours.bundle))


def compilation_note(bundle: Path) -> str:
    """Return a sentence on which Python the bundle is compiled for, and whether the measured Python can use that."""
    command = [
        str(RuntimePrograms.find_in(ROOT / ".tools").python),
        "-c",
        "import sys; print(sys.implementation.cache_tag)",
    ]
    measured_tag = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    compiled = {path.suffixes[0].removeprefix(".") for path in bundle.rglob("*.pyc")}
    if not compiled:
        return "The bundle is not compiled: no Python of the function's runtime was found when it was built."
    if compiled == {measured_tag}:
        return f"The bundle is compiled, and measured, for {measured_tag}."
    return f"The bundle is compiled for {', '.join(compiled)}, but measured with {measured_tag}: as if it were not compiled."


if __name__ == "__main__":
    sys.exit(main())

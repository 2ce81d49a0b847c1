"""Processes that measure cases, one for each source, in turns."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Final, TypeAlias

import cases
from source import ROOT, Source

PROGRAM: Final = ROOT / "bench" / "cases.py"

Results: TypeAlias = dict[str, list[cases.Times] | str]
"""The times of each case, or why there are none."""


def environment_of(source: Source, *, is_lambda: bool) -> dict[str, str]:
    """Return the environment variables of a Python that measures a source."""
    return os.environ | {
        "BENCH_HANDLER": source.handler,
        "PYTHONPATH": str(source.bundle if is_lambda else source.folder / "src"),
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": "",  # the source has its compiled files
    }


def measure(
    names: Iterable[str], sources: Mapping[str, Source], lambda_python: Path | None, rounds: int
) -> dict[str, Results]:
    """Measure cases with the Python of this process, or with Lambda's. The first of several calls warms up."""
    python = lambda_python or Path(sys.executable)
    results: dict[str, Results] = {source: {} for source in sources}
    with ExitStack() as stack:
        workers = {}
        for each, source in sources.items():
            environment = environment_of(source, is_lambda=bool(lambda_python))
            workers[each] = stack.enter_context(
                Popen([python, PROGRAM], stdin=PIPE, stdout=PIPE, text=True, env=environment)
            )
        for name in dict.fromkeys(names):
            for number in range(rounds + 1):
                for each, worker in workers.items():
                    _measure_once(name, worker, results[each], is_first=not number)
        for worker in workers.values():
            worker.communicate()
    return results


def _measure_once(name: str, worker: Popen[str], results: Results, *, is_first: bool) -> None:
    done = results.setdefault(name, [])
    if isinstance(done, str) or (done and done[0].call > cases.SLOW_SECONDS):
        return
    if not worker.stdin or not worker.stdout:
        raise RuntimeError("The process has no pipes")
    print(name, file=worker.stdin, flush=True)
    answer = json.loads(worker.stdout.readline())
    if "error" in answer:
        results[name] = answer["error"]
        return
    times = cases.Times(*answer["times"])
    if not is_first or times.call > cases.SLOW_SECONDS:
        done.append(times)

"""How long the handler takes for large templates, in this process and warm, beside reading and writing their JSON.

450 task definitions of two containers each, instrumented, are about as much as CloudFormation takes. Everything runs in
turns, so that whatever else this machine does meets all of it: look at the ratios.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any, Final

import templates

KINDS: Final = {"plain": (templates.plain, 450), "under Fn::If": (templates.intrinsic, 200)}
"""Of what is in each kind of template, and how many task definitions fit into what CloudFormation takes, before and after."""

FEWER: Final = 10
"""The large template has that many times the task definitions of the small one beside it."""

KB: Final = 1000

os.environ |= {
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    "AWS_REGION": "us-east-1",
    "POWERTOOLS_METRICS_NAMESPACE": "SysdigInstrument",
    **templates.SETTINGS,
}

NOWHERE: Final = io.StringIO()
with redirect_stdout(NOWHERE):  # where the log goes is settled when it is imported
    from sysdig_instrument.handler import handler


class Context:
    """What Lambda hands in beside the event."""

    function_name = "bench"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:111122223333:function:bench"
    aws_request_id = "52fdfc07-2182-154f-163f-5f0f9a621d72"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda would end the function."""
        return 60_000


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="runs of each")
    rounds = parser.parse_args().rounds
    cases = [(kind, tasks) for kind, (_, most) in KINDS.items() for tasks in (most, most // FEWER)]
    texts = {(kind, tasks): json.dumps(KINDS[kind][0](tasks)) for kind, tasks in cases}
    by_json = [_json(text) for text in texts.values()]
    by_handler = [_handled(templates.event(json.loads(text))) for text in texts.values()]
    times = measured([*by_json, *by_handler], rounds)
    print(f"{'task definitions':24}{'template':>10}{'json':>12}{'handler':>12}{'ratio':>8}{'per task':>12}")
    for (kind, tasks), text, json_time, time_taken in zip(
        texts, texts.values(), times[: len(cases)], times[len(cases) :], strict=True
    ):
        print(
            f"{f'{tasks} {kind}':24}{len(text) / KB:7.0f} KB{json_time:9.1f} ms{time_taken:9.1f} ms"
            f"{time_taken / json_time:8.1f}{time_taken / tasks:9.3f} ms"
        )
    print(f"\nMedians of {rounds} rounds in this process, warm, Python {sys.version.split()[0]}.")
    return 0


def measured(calls: list[Callable[[], None]], rounds: int) -> list[float]:
    """The median time of each call in milliseconds, the calls in turns; a round before the first warms up."""
    times: list[list[float]] = [[] for _ in calls]
    for number in range(rounds + 1):
        for taken, call in zip(times, calls, strict=True):
            gc.collect()
            start = time.perf_counter()
            call()
            if number:
                taken.append((time.perf_counter() - start) * 1000)
    return [statistics.median(taken) for taken in times]


def _json(text: str) -> Callable[[], None]:
    def call() -> None:
        json.dumps(json.loads(text))

    return call


def _handled(event: dict[str, Any]) -> Callable[[], None]:
    def call() -> None:
        with redirect_stdout(NOWHERE):
            response = handler(event, Context())
        if response["status"] != "success":
            raise RuntimeError(response.get("errorMessage"))

    return call


if __name__ == "__main__":
    sys.exit(main())

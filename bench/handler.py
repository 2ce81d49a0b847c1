"""Measure the warm handler on large templates, in this process, compared with reading and writing their JSON.

450 instrumented task definitions of two containers each are about as much as CloudFormation accepts. All cases run in
turns, so that other load on this machine affects them alike. Look at the ratios.
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

TEMPLATE_TYPES: Final = {
    "plain": (templates.plain, 450),
    "with images": (templates.looked_up, 450),
    "under Fn::If": (templates.conditional, 200),
}
"""Template types, each with the number of task definitions that CloudFormation accepts, before and after processing."""

SIZE_RATIO: Final = 10
"""The ratio of task definitions between the large and the small template."""

KB: Final = 1000

os.environ |= {
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    "AWS_REGION": "us-east-1",
    "POWERTOOLS_METRICS_NAMESPACE": "SysdigInstrument",
    **templates.SETTINGS,
    "SYSDIG_INSTRUMENT_IMAGE_CONFIGS": json.dumps(templates.IMAGE_CONFIGS),
}

DISCARDED: Final = io.StringIO()
with redirect_stdout(DISCARDED):  # the logger keeps the stream that it finds at import
    from sysdig_instrument.function.handler import handler


class LambdaContext:
    """The context that Lambda passes with the event."""

    function_name = "bench"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:111122223333:function:bench"
    aws_request_id = "52fdfc07-2182-154f-163f-5f0f9a621d72"

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda would end the function."""
        return 60_000


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="runs of each case")
    rounds = parser.parse_args().rounds
    cases = [
        (template_type, tasks)
        for template_type, (_, max_tasks) in TEMPLATE_TYPES.items()
        for tasks in (max_tasks, max_tasks // SIZE_RATIO)
    ]
    texts = {
        (template_type, tasks): json.dumps(TEMPLATE_TYPES[template_type][0](tasks)) for template_type, tasks in cases
    }
    json_calls = [_json_round_trip(text) for text in texts.values()]
    handler_calls = [handler_call(templates.event(json.loads(text))) for text in texts.values()]
    times = median_times([*json_calls, *handler_calls], rounds)
    print(f"{'task definitions':24}{'template':>10}{'json':>12}{'handler':>12}{'ratio':>8}{'per task':>12}")
    for ((template_type, tasks), text), json_time, handler_time in zip(
        texts.items(), times[: len(cases)], times[len(cases) :], strict=True
    ):
        print(
            f"{f'{tasks} {template_type}':24}{len(text) / KB:7.0f} KB{json_time:9.1f} ms{handler_time:9.1f} ms"
            f"{handler_time / json_time:8.1f}{handler_time / tasks:9.3f} ms"
        )
    print(f"\nMedians of {rounds} rounds in this process, warm, Python {sys.version.split()[0]}.")
    return 0


def median_times(calls: list[Callable[[], None]], rounds: int) -> list[float]:
    """Return the median time of each call in milliseconds. Calls alternate; a first round warms up and is not counted."""
    times: list[list[float]] = [[] for _ in calls]
    for number in range(rounds + 1):
        for durations, call in zip(times, calls, strict=True):
            gc.collect()
            start = time.perf_counter()
            call()
            if number:
                durations.append((time.perf_counter() - start) * 1000)
    return [statistics.median(durations) for durations in times]


def _json_round_trip(text: str) -> Callable[[], None]:
    def call() -> None:
        json.dumps(json.loads(text))

    return call


def handler_call(event: dict[str, Any]) -> Callable[[], None]:
    """Return a function that lets the handler process an event."""

    def call() -> None:
        with redirect_stdout(DISCARDED):
            response = handler(event, LambdaContext())
        if response["status"] != "success":
            raise RuntimeError(response.get("errorMessage"))

    return call


if __name__ == "__main__":
    sys.exit(main())

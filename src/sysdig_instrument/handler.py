"""The Lambda function: what AWS hands in, and the logs and metrics that go out. All else is in ``macro.py``.

Logs and metrics hold names of outcomes, counts and places in our own code; nothing of a template, an event or an
environment variable.
"""

from __future__ import annotations

import functools
import os
import traceback
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from sysdig_instrument import macro
from sysdig_instrument.asking import Line, asker
from sysdig_instrument.engine.rewrite import Status
from sysdig_instrument.engine.settings.layers import from_environment
from sysdig_instrument.engine.settings.table import BY_NAME
from sysdig_instrument.errors import UserError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from sysdig_instrument.engine.json_types import Json

SERVICE: Final = "sysdig-instrument"
_SECONDS_TO_ANSWER: Final = 2.0
"""Kept back from the look-ups: enough to plan once more and to answer."""

logger = Logger(service=SERVICE)
metrics = Metrics(namespace="SysdigInstrument", service=SERVICE)


@logger.inject_lambda_context(clear_state=True, log_event=False)
@metrics.log_metrics
def handler(event: Json, context: LambdaContext) -> dict[str, Json]:
    """The function's entry point, for the macro and for its hook: the event tells which of them CloudFormation asks.

    It always answers: CloudFormation tells a user nothing of an exception.
    """
    return _inspect(event) if isinstance(event, dict) and "hookTypeName" in event else _transform(event, context)


def _transform(event: Json, context: LambdaContext) -> dict[str, Json]:
    request_id = event.get("requestId") if isinstance(event, dict) else None
    request_id = request_id if isinstance(request_id, str) else ""
    logger.append_keys(macro_request_id=request_id)
    try:
        read = macro.read_event(event)
        processed = macro.process(read, from_environment(os.environ), _ask(context))
    except Exception as error:  # noqa: BLE001 - whatever it is, the user is to get a message
        _log_failure(error)
        return macro.failure(request_id, macro.explained(error, request_id))
    _log_success(processed)
    return macro.success(read, processed)


def _inspect(event: Json) -> dict[str, Json]:
    from sysdig_instrument import hook  # noqa: PLC0415 - most functions are never asked as a hook

    try:
        response = hook.inspect(event, from_environment(os.environ))
    except Exception as error:  # noqa: BLE001 - whatever it is, CloudFormation is to get an answer
        _log_failure(error)
        return hook.failure(event, error)
    metrics.add_metric("HookFailed" if response["hookStatus"] == "FAILED" else "HookPassed", MetricUnit.Count, 1)
    logger.info("inspected", extra={"status": response["hookStatus"], "why": response["message"]})
    return response


@functools.cache
def _line() -> Line:
    """AWS clients and what was read of images: a warm function keeps these, and nothing else."""
    from sysdig_instrument.registry.aws import AwsClients  # noqa: PLC0415 - only when something is asked
    from sysdig_instrument.registry.cache import ImageCache  # noqa: PLC0415 - the same
    from sysdig_instrument.registry.login import ANONYMOUS  # noqa: PLC0415 - the same

    seconds = os.environ.get(BY_NAME["TagCacheSeconds"].variable) or BY_NAME["TagCacheSeconds"].default
    return Line(AwsClients(), ImageCache(tag_seconds=float(str(seconds))), ANONYMOUS)


def _ask(context: LambdaContext) -> macro.Ask:
    """What answers requests, in the time that the function has left before it must answer itself."""

    def seconds() -> float:
        return context.get_remaining_time_in_millis() / 1000 - _SECONDS_TO_ANSWER

    return lambda settings, region: asker(settings, region, _line, seconds)


def _log_success(processed: macro.Processed) -> None:
    containers = [outcome for task in processed.plan.tasks for outcome in task.containers]
    counts = {
        "tasks_instrumented": sum(task.outcome.status is Status.INSTRUMENTED for task in processed.plan.tasks),
        "tasks_skipped": sum(task.outcome.status is Status.SKIPPED for task in processed.plan.tasks),
        "containers_instrumented": sum(outcome.status is Status.INSTRUMENTED for outcome in containers),
        "containers_skipped": sum(outcome.status is Status.SKIPPED for outcome in containers),
    }
    for name, count in counts.items():
        metrics.add_metric("".join(word.title() for word in name.split("_")), MetricUnit.Count, count)
    logger.info("processed", extra={**counts, "notices": [notice.text for notice in processed.plan.notices]})


def _log_failure(error: Exception) -> None:
    if isinstance(error, UserError):
        metrics.add_metric("Refused", MetricUnit.Count, 1)
        logger.warning("refused", extra={"reason": str(error)})
        return
    metrics.add_metric("Failed", MetricUnit.Count, 1)
    frames = traceback.extract_tb(error.__traceback__)
    # An exception's own text may quote what the user wrote; where it was raised cannot.
    where = [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    logger.error("failed", extra={"error": type(error).__name__, "where": where})

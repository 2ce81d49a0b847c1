"""The Lambda function: what AWS hands in. What it does is in ``macro.py`` and ``hook.py``, what it tells in ``observing.py``."""

# ruff: noqa: E402 - what is switched off first is for the imports

from __future__ import annotations

import gc

gc.disable()  # nothing that an import makes is garbage, and looking for some takes a sixth of a cold start

import functools
import os
from typing import TYPE_CHECKING, Final

from sysdig_instrument import macro, observing
from sysdig_instrument.asking import Line, asker
from sysdig_instrument.engine.settings.layers import from_environment
from sysdig_instrument.engine.settings.table import BY_NAME
from sysdig_instrument.observing import Lookups, logger, metrics
from sysdig_instrument.time_limit import within

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from sysdig_instrument.engine.json_types import Json

gc.freeze()  # nor does it become any
gc.enable()

_SECONDS_TO_ANSWER: Final = 2.0
"""Kept back from the look-ups: enough to plan once more and to answer."""

_SECONDS_TO_GIVE_UP: Final = 1.0
"""Kept back from planning: enough to say that the template was too much."""


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
    lookups = Lookups()
    try:
        read = macro.read_event(event)
        with within(context.get_remaining_time_in_millis() / 1000 - _SECONDS_TO_GIVE_UP):
            processed = macro.process(read, from_environment(os.environ), _ask(context, lookups))
    except Exception as error:  # noqa: BLE001 - whatever it is, the user is to get a message
        observing.unsuccessful(error, lookups)
        return macro.failure(request_id, macro.explained(error, request_id))
    observing.processed(processed, lookups)
    return macro.success(read, processed)


def _inspect(event: Json) -> dict[str, Json]:
    from sysdig_instrument import hook  # noqa: PLC0415 - most functions are never asked as a hook

    try:
        response = hook.inspect(event, from_environment(os.environ))
    except Exception as error:  # noqa: BLE001 - whatever it is, CloudFormation is to get an answer
        observing.unsuccessful(error)
        return hook.failure(event, error)
    observing.inspected(response)
    return response


@functools.cache
def _line() -> Line:
    """AWS clients and what was read of images: a warm function keeps these, and nothing else."""
    from sysdig_instrument.registry.aws import AwsClients  # noqa: PLC0415 - only when something is asked
    from sysdig_instrument.registry.cache import ImageCache  # noqa: PLC0415 - the same
    from sysdig_instrument.registry.login import ANONYMOUS  # noqa: PLC0415 - the same

    seconds = os.environ.get(BY_NAME["TagCacheSeconds"].variable) or BY_NAME["TagCacheSeconds"].default
    return Line(AwsClients(), ImageCache(tag_seconds=float(str(seconds))), ANONYMOUS)


def _ask(context: LambdaContext, lookups: Lookups) -> macro.Ask:
    """What answers requests, in the time that the function has left before it must answer itself."""

    def seconds() -> float:
        return context.get_remaining_time_in_millis() / 1000 - _SECONDS_TO_ANSWER

    return lambda settings, region: lookups.timed(asker(settings, region, _line, seconds))

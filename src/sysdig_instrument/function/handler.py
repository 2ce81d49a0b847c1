"""The Lambda function: what AWS hands in. What it does is in ``macro.py`` and ``hook.py``, what it tells in ``observing.py``."""

# ruff: noqa: E402 - what is switched off first is for the imports

from __future__ import annotations

import gc

gc.disable()  # nothing that an import makes is garbage, and looking for some takes a sixth of a cold start

import functools
import os
from typing import TYPE_CHECKING, Final

from sysdig_instrument.engine.settings.layers import from_environment
from sysdig_instrument.engine.settings.table import BY_NAME
from sysdig_instrument.function import macro, telemetry
from sysdig_instrument.function.telemetry import LookupMetrics, logger, metrics
from sysdig_instrument.function.timeout import time_limit
from sysdig_instrument.lookup.session import LookupSession, make_lookup

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from sysdig_instrument.engine.json_types import Json

gc.freeze()  # nor does it become any
gc.enable()

_RESPONSE_RESERVE_SECONDS: Final = 2.0
"""Kept back from the look-ups: enough to plan once more and to answer."""

_REFUSAL_RESERVE_SECONDS: Final = 1.0
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
    lookup_metrics = LookupMetrics()
    try:
        macro_event = macro.parse_event(event)
        with time_limit(context.get_remaining_time_in_millis() / 1000 - _REFUSAL_RESERVE_SECONDS):
            processed = macro.process(
                macro_event, from_environment(os.environ), _lookup_factory(context, lookup_metrics)
            )
    except Exception as error:  # noqa: BLE001 - whatever it is, the user is to get a message
        telemetry.record_failure(error, lookup_metrics)
        return macro.failure(request_id, macro.error_message(error, request_id))
    telemetry.record_processed(processed, lookup_metrics)
    return macro.success(macro_event, processed)


def _inspect(event: Json) -> dict[str, Json]:
    from sysdig_instrument.function import hook  # noqa: PLC0415 - most functions are never asked as a hook

    try:
        response = hook.inspect(event, from_environment(os.environ))
    except Exception as error:  # noqa: BLE001 - whatever it is, CloudFormation is to get an answer
        telemetry.record_failure(error)
        return hook.failure(event, error)
    telemetry.record_inspected(response)
    return response


@functools.cache
def _lookup_session() -> LookupSession:
    """AWS clients and what was read of images: a warm function keeps these, and nothing else."""
    from sysdig_instrument.lookup.auth import ANONYMOUS  # noqa: PLC0415 - the same
    from sysdig_instrument.lookup.aws import AwsClients  # noqa: PLC0415 - only when something is asked
    from sysdig_instrument.lookup.images import ImageCache  # noqa: PLC0415 - the same

    tag_cache_seconds = os.environ.get(BY_NAME["TagCacheSeconds"].variable) or BY_NAME["TagCacheSeconds"].default
    return LookupSession(AwsClients(), ImageCache(tag_ttl_seconds=float(str(tag_cache_seconds))), ANONYMOUS)


def _lookup_factory(context: LambdaContext, lookup_metrics: LookupMetrics) -> macro.LookupFactory:
    """What answers requests, in the time that the function has left before it must answer itself."""

    def remaining_seconds() -> float:
        return context.get_remaining_time_in_millis() / 1000 - _RESPONSE_RESERVE_SECONDS

    return lambda settings, region: lookup_metrics.timed(
        make_lookup(settings, region, _lookup_session, remaining_seconds)
    )

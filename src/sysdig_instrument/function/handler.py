"""The entry point of the macro's function.

``macro.py`` does the work; ``telemetry.py`` writes logs and metrics. ``hook_handler.py`` is the hook's entry point.
"""

# ruff: noqa: E402 - garbage collection is switched off for the duration of the imports

from __future__ import annotations

import gc

gc.disable()  # imports create no garbage, and collecting takes a sixth of a cold start

import contextlib
import functools
import os
from typing import TYPE_CHECKING, Final

from sysdig_instrument.engine.settings.layers import from_environment
from sysdig_instrument.function import macro, telemetry
from sysdig_instrument.function.memory import GrowthLimit, limit_memory, release, return_free_memory
from sysdig_instrument.function.telemetry import LookupMetrics, logger, metrics
from sysdig_instrument.function.timeout import time_limit
from sysdig_instrument.lookup.session import LookupSession, make_lookup

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from sysdig_instrument.engine.json_types import Json
    from sysdig_instrument.engine.settings.table import Settings
    from sysdig_instrument.planning import LookupFunction

gc.freeze()  # what was imported never becomes garbage: exclude it from all later collections
gc.enable()

limit_memory(os.environ)
KEPT_MIB: Final = 52
"""Ordinary events, also those with templates of the largest size and with images in ten Regions, leave some 40 MiB."""
_growth_limit: Final = GrowthLimit(KEPT_MIB)
telemetry.record_start()

_RESPONSE_RESERVE_SECONDS: Final = 2.0
"""Time reserved after the lookups: enough to plan once more and to respond."""

_REFUSAL_RESERVE_SECONDS: Final = 1.0
"""Time reserved after planning: enough to respond that the template takes too long."""


@logger.inject_lambda_context(clear_state=True, log_event=False)
@metrics.log_metrics
def handler(event: Json, context: LambdaContext) -> dict[str, Json]:
    """Handle an event of the macro.

    It always returns a response, since CloudFormation does not show exceptions to the user.
    """
    request_id = event.get("requestId") if isinstance(event, dict) else None
    request_id = request_id if isinstance(request_id, str) else ""
    logger.append_keys(macro_request_id=request_id)
    lookup_metrics = LookupMetrics()
    try:
        macro_event = macro.parse_event(event)
        processed = _process(macro_event, context, lookup_metrics)
    except Exception as error:  # noqa: BLE001 - the user must get a message for any exception
        if isinstance(error, MemoryError):
            release(error)
        with contextlib.suppress(MemoryError):  # the response matters more than the log
            telemetry.record_failure(error, lookup_metrics)
        release(error)
        _forget_if_grown()
        return macro.failure_response(
            request_id, macro.with_help(macro.error_message(error, request_id), from_environment(os.environ))
        )
    telemetry.record_processed(processed, lookup_metrics)
    _forget_if_grown()
    return macro.success_response(macro_event, processed)


def _process(
    macro_event: macro.MacroEvent, context: LambdaContext, lookup_metrics: LookupMetrics
) -> macro.ProcessedTemplate:
    with time_limit(context.get_remaining_time_in_millis() / 1000 - _REFUSAL_RESERVE_SECONDS):
        return macro.process(
            macro_event,
            from_environment(os.environ),
            _lookup_factory(context, lookup_metrics),
            has_registry_secrets=bool(os.environ.get("REGISTRY_SECRETS")),
        )


def _forget_if_grown() -> None:
    """Forget what is kept for later events if the process has grown. The next event with lookups takes some 100 ms longer."""
    if _growth_limit.is_exceeded():
        _lookup_session.cache_clear()
        return_free_memory()


@functools.cache
def _lookup_session(tag_cache_seconds: int) -> LookupSession:
    """Return the AWS clients and the image cache, the only state that a warm function keeps."""
    from sysdig_instrument.lookup.auth import ANONYMOUS  # noqa: PLC0415 - imported only for lookups
    from sysdig_instrument.lookup.aws import AwsClients  # noqa: PLC0415 - the same
    from sysdig_instrument.lookup.images import ImageCache  # noqa: PLC0415 - the same

    return LookupSession(AwsClients(), ImageCache(tag_ttl_seconds=tag_cache_seconds), ANONYMOUS)


def _lookup_factory(context: LambdaContext, lookup_metrics: LookupMetrics) -> macro.LookupFactory:
    """Return a factory of lookups that are limited to the time the function has left, minus the reserve."""

    def remaining_seconds() -> float:
        return context.get_remaining_time_in_millis() / 1000 - _RESPONSE_RESERVE_SECONDS

    def create(settings: Settings, region: str | None) -> LookupFunction:
        get_session = functools.partial(_lookup_session, settings.tag_cache_seconds)
        return lookup_metrics.measured(make_lookup(settings, region, get_session, remaining_seconds))

    return create

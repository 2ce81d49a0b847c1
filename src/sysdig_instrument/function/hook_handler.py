"""The entry point of the hook's function, which is separate from the macro's.

The hook needs no network and no permission, and what it runs out of is not the macro's. ``hook.py`` does the work.
"""

# ruff: noqa: E402 - garbage collection is switched off for the duration of the imports

from __future__ import annotations

import gc

gc.disable()  # imports create no garbage, and collecting takes a sixth of a cold start

import contextlib
import os
from typing import TYPE_CHECKING, Final

from sysdig_instrument.engine.settings.layers import from_environment
from sysdig_instrument.function import hook, telemetry
from sysdig_instrument.function.memory import GrowthLimit, limit_memory, release, return_free_memory
from sysdig_instrument.function.telemetry import logger, metrics
from sysdig_instrument.function.timeout import time_limit

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from sysdig_instrument.engine.json_types import Json

gc.freeze()  # what was imported never becomes garbage: exclude it from all later collections
gc.enable()

limit_memory(os.environ)
_growth_limit: Final = GrowthLimit(10)
telemetry.record_start()

_RESPONSE_RESERVE_SECONDS: Final = 2.0
"""Time reserved after inspecting: enough to respond, even with the small CPU share of this function."""


@logger.inject_lambda_context(clear_state=True, log_event=False)
@metrics.log_metrics
def handler(event: Json, context: LambdaContext) -> dict[str, Json]:
    """Handle an event of the hook. Whatever prevents the inspection is a FAILED response, never an exception."""
    try:
        response = _inspect(event, context)
    except Exception as error:  # noqa: BLE001 - CloudFormation must get a response for any exception
        if isinstance(error, MemoryError):
            release(error)
        response = hook.with_help(hook.failure_response(event, error), from_environment(os.environ))
        with contextlib.suppress(MemoryError):  # the response matters more than the log
            telemetry.record_inspection_failure(error, response)
        release(error)
        return response
    telemetry.record_inspected(response)
    if _growth_limit.is_exceeded():
        return_free_memory()
    return response


def _inspect(event: Json, context: LambdaContext) -> dict[str, Json]:
    seconds = context.get_remaining_time_in_millis() / 1000 - _RESPONSE_RESERVE_SECONDS
    with time_limit(seconds, hook.TooSlowError):
        deployment = from_environment(os.environ)
        return hook.with_help(hook.inspect(event, deployment), deployment)

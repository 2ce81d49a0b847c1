"""The entry point of the deployment hook's function. ``deployment_hook.py`` does the work.

With DeploymentHook FAIL, it fails closed: what it cannot read, or is not set up for, fails the deployment. With WARN, every
deployment goes on, and the log says which would have failed.
"""

from __future__ import annotations

import contextlib
import functools
import os
import time
from typing import TYPE_CHECKING, Final

from sysdig_instrument.engine.settings.layers import merge_layers
from sysdig_instrument.errors import UserError
from sysdig_instrument.function import deployment_hook, telemetry
from sysdig_instrument.function.macro_settings import settings_of_macro
from sysdig_instrument.function.memory import limit_memory, release
from sysdig_instrument.function.telemetry import logger, metrics
from sysdig_instrument.function.watch_event import Owner
from sysdig_instrument.lookup.aws import AwsClients, AwsError
from sysdig_instrument.services.ecs import Ecs

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from sysdig_instrument.engine.json_types import Json

limit_memory(os.environ)
telemetry.record_start()

_READ_TIMEOUT: Final = 5


@logger.inject_lambda_context(clear_state=True, log_event=False)
@metrics.log_metrics
def handler(event: Json, context: LambdaContext) -> dict[str, Json]:
    """Handle a call of a lifecycle hook. It always answers: Amazon ECS rolls a deployment back if its hook raises."""
    try:
        inspection = _inspect(event, context)
    except Exception as error:  # noqa: BLE001 - Amazon ECS must get an answer for any exception
        release(error)
        return _answer_to_failure(event, error)
    return _answer(inspection.passes, inspection.as_json)


def _inspect(event: Json, context: LambdaContext) -> deployment_hook.Inspection:
    owner = Owner.of_function(context.invoked_function_arn)
    client = _clients().client("ecs", owner.region)
    settings = merge_layers(settings_of_macro(_clients(), owner.region, os.environ))
    return deployment_hook.inspect(event, Ecs(client, client, time.sleep), owner, settings)


def _answer_to_failure(event: Json, error: Exception) -> dict[str, Json]:
    """Answer that Amazon ECS is to ask again if AWS may answer then; otherwise as to a task definition that does not pass."""
    if isinstance(error, AwsError):
        again = None if error.is_access_denied else deployment_hook.ask_again(event)
        why = error.fact("AWS")
        if again is not None:
            telemetry.record_deployment(deployment_hook.REPEAT, {"why": why})
            return again
    else:
        why = str(error) if isinstance(error, UserError) else ""
        with contextlib.suppress(MemoryError):  # the answer matters more than the log
            telemetry.record_watch_failure(error)
    return _answer(passes=False, details={"why": why, "passes": False})


def _answer(passes: bool, details: dict[str, Json]) -> dict[str, Json]:  # noqa: FBT001 - the subject of the function
    is_closed = os.environ.get("DEPLOYMENT_HOOK") != "WARN"
    status = deployment_hook.FAILED if is_closed and not passes else deployment_hook.PASSED
    telemetry.record_deployment(status, details)
    return deployment_hook.answer(status)


@functools.cache
def _clients() -> AwsClients:
    return AwsClients(read_timeout=_READ_TIMEOUT)

"""The Lambda Hook: inspects a task definition that CloudFormation is about to create or update.

Events and responses have the form given in the CloudFormation Hooks user guide, «Create Lambda functions to evaluate
resources for Lambda Hooks». Hooks run after macros, on properties without intrinsic functions. They get no Metadata, so
a task definition is excluded from the hook by a tag or in the settings of the deployment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sysdig_instrument.engine.codes import Verdict
from sysdig_instrument.engine.expressions.scope import section
from sysdig_instrument.engine.findings import quote
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.protection import Protection, protection
from sysdig_instrument.engine.settings.layers import Layer, merge_layers
from sysdig_instrument.engine.template import TASK_DEFINITION
from sysdig_instrument.errors import UsageError, UserError
from sysdig_instrument.planning import plan_definition

_MAX_MESSAGE_LENGTH: Final = 1000


def inspect(event: Json, deployment: Layer) -> dict[str, Json]:
    """Return the response to a hook event: FAILED if the task definition should be protected and is not, else SUCCESS.

    Other resources and deletions get SUCCESS, too.

    Raises:
        UsageError: This is not a hook event, or the settings of the deployment are invalid.
    """
    if not isinstance(event, dict) or not isinstance(event.get("requestData"), dict):
        raise UsageError("This is not a CloudFormation Lambda Hook event: it has no requestData.")
    request_data = section(event, "requestData")
    if request_data.get("targetName") != TASK_DEFINITION or str(event.get("actionInvocationPoint")).startswith(
        "DELETE"
    ):
        return _response(event, "SUCCESS", "This is not a task definition that is created or updated")
    name = request_data.get("targetLogicalId")
    name = name if isinstance(name, str) else "TaskDefinition"
    properties = section(dict(section(dict(request_data), "targetModel")), "resourceProperties")
    return _assess_task(event, name, properties, deployment)


def _assess_task(event: Json, name: str, properties: Mapping[str, Json], deployment: Layer) -> dict[str, Json]:
    """Return the response for one task definition: SUCCESS if the macro would let it through as it is, else FAILED."""
    template: Json = {"Resources": {name: {"Type": TASK_DEFINITION, "Properties": dict(properties)}}}
    verdict = protection(plan_definition(template, merge_layers(deployment)))
    because = f": {verdict.text}" if verdict.reasons else ""
    message = f"Task {quote(name)} {_PREDICATES[verdict.verdict]}{because}."
    if verdict.passes:
        return _response(event, "SUCCESS", message)
    return _response(event, "FAILED", f"{message} {_advice(verdict)}", "NonCompliant")


_PREDICATES: Final = {
    Verdict.NOT_PROTECTED: "is not protected",
    Verdict.CANNOT_BE_PROTECTED: "cannot be protected",
    Verdict.UNKNOWN: "may not be protected",
    Verdict.LEFT_ALONE: "is left alone",
    Verdict.PROTECTED: "is protected",
}


def _advice(verdict: Protection) -> str:
    """Return what to do about a task definition that does not pass: for what the macro would refuse, the reasons say it."""
    advice = dict.fromkeys(f"{reason.advice}." for reason in verdict.reasons if reason.advice)
    return " ".join(advice) or "Add the macro to the template's Transform."


def failure_response(event: Json, error: Exception) -> dict[str, Json]:
    """Return the response to an exception: FAILED, with the message of a user error or a report of an internal one."""
    internal_error = f"Internal error in the hook ({type(error).__name__}). Report it to the platform team."
    return _response(event, "FAILED", str(error) if isinstance(error, UserError) else internal_error, "InternalFailure")


def _response(event: Json, status: str, message: str, error: str | None = None) -> dict[str, Json]:
    """Return a response in CloudFormation's form. ``error`` is the code of a FAILED one: ``NonCompliant`` or ``InternalFailure``."""
    client_request_token = event.get("clientRequestToken") if isinstance(event, dict) else None
    response: dict[str, Json] = {
        "hookStatus": status,
        "message": message[:_MAX_MESSAGE_LENGTH],
        "clientRequestToken": client_request_token,
    }
    return {**response, "errorCode": error} if error else response

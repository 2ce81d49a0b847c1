"""The Lambda Hook: a task definition that CloudFormation is about to create or update, and whether it is instrumented.

Shapes are those of the CloudFormation Hooks user guide, «Create Lambda functions to evaluate resources for Lambda Hooks».
Hooks run after macros, on properties without intrinsic functions. They are shown no Metadata, so what a template is to
leave alone in sight of the hook says so by a tag, or in the settings of the deployment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sysdig_instrument.engine.findings import quoted
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.scope import section
from sysdig_instrument.engine.settings.layers import Layer, settle
from sysdig_instrument.engine.template import TASK_DEFINITION
from sysdig_instrument.engine.verdict import OutOfScope, Unprotected, verdict
from sysdig_instrument.errors import UsageError, UserError
from sysdig_instrument.planning import nobody, planned

_MOST_TEXT: Final = 1000


def inspect(event: Json, deployment: Layer) -> dict[str, Json]:
    """The hook's answer.

    Raises:
        UsageError: This is not a hook's event, or the deployment's settings are wrong.
    """
    if not isinstance(event, dict) or not isinstance(event.get("requestData"), dict):
        raise UsageError("This is not the event of a CloudFormation Lambda Hook: it has no requestData.")
    request = section(event, "requestData")
    if request.get("targetName") != TASK_DEFINITION or str(event.get("actionInvocationPoint")).startswith("DELETE"):
        return _response(event, "SUCCESS", "Not a task definition that is about to run")
    name = request.get("targetLogicalId")
    name = name if isinstance(name, str) else "TaskDefinition"
    properties = section(dict(section(dict(request), "targetModel")), "resourceProperties")
    return _answer(event, name, properties, deployment)


def _answer(event: Json, name: str, properties: Mapping[str, Json], deployment: Layer) -> dict[str, Json]:
    template: Json = {"Resources": {name: {"Type": TASK_DEFINITION, "Properties": dict(properties)}}}
    (task,) = planned(template, Context(settled=settle(deployment)), nobody).tasks
    match verdict(task):
        case Unprotected(reasons):
            text = f"Task {quoted(name)} is not instrumented: {'; '.join(reasons)}. List the macro in the template's Transform."
            return _response(event, "FAILED", text, "NonCompliant")
        case OutOfScope(why):
            return _response(event, "SUCCESS", f"Task {quoted(name)} is left alone: {why}")
    return _response(event, "SUCCESS", f"Task {quoted(name)} is instrumented")


def failure(event: Json, error: Exception) -> dict[str, Json]:
    """The answer when there is none: a user's fault in its own words, anything else as a bug of ours."""
    bug = f"The hook failed by a fault of its own ({type(error).__name__}). Tell the platform team."
    return _response(event, "FAILED", str(error) if isinstance(error, UserError) else bug, "InternalFailure")


def _response(event: Json, status: str, message: str, error: str | None = None) -> dict[str, Json]:
    """The response that CloudFormation waits for; ``error`` is ``NonCompliant`` or ``InternalFailure``."""
    token = event.get("clientRequestToken") if isinstance(event, dict) else None
    response: dict[str, Json] = {"hookStatus": status, "message": message[:_MOST_TEXT], "clientRequestToken": token}
    return {**response, "errorCode": error} if error else response

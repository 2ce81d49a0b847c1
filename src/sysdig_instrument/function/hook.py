"""The Lambda Hook: inspects a task definition that CloudFormation is about to create or update.

Events and responses have the form given in the CloudFormation Hooks user guide, «Create Lambda functions to evaluate
resources for Lambda Hooks», with an annotation for each reason. Hooks run after macros, on properties without intrinsic
functions. They get no Metadata, so a task definition is excluded from the hook by a tag or in the settings of the
deployment. Events of the Cloud Control API (target operation CLOUD_CONTROL) have the same form, without a stack and a
logical ID.

The hook fails closed: only what it has inspected passes, and deletions, which need no inspection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from sysdig_instrument.engine.agent import AGENT_NAME
from sysdig_instrument.engine.codes import Code, Verdict
from sysdig_instrument.engine.expressions.scope import EvaluationScope, PlanState, section
from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.other_workloads import EXPRESS_SERVICE, JOB_DEFINITION, why_unprotectable
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.protection import Protection, protection
from sysdig_instrument.engine.settings.layers import Layer, help_text, merge_layers
from sysdig_instrument.engine.settings.table import Settings
from sysdig_instrument.engine.settings.tags import EXCLUDE_TAG
from sysdig_instrument.engine.template import TASK_DEFINITION
from sysdig_instrument.errors import RefusedError, UsageError, UserError
from sysdig_instrument.function import hook_annotations
from sysdig_instrument.planning import look_up_nothing, plan_definition, plan_with_lookups
from sysdig_instrument.printable import single_line

_MAX_MESSAGE_LENGTH: Final = 1000
"""In characters. CloudFormation truncates messages at 4,096, the Cloud Control API at 1,024."""

_MAX_HELP_LENGTH: Final = 200
_MIN_REASONS_LENGTH: Final = 200
"""In characters. Many reasons are cut, so that there is room for what to do; the annotations have them all."""

_MAX_TOKEN_LENGTH: Final = 128
"""In characters. CloudFormation's tokens are UUIDs."""

_INSPECTED_POINTS: Final = frozenset({"CREATE_PRE_PROVISION", "UPDATE_PRE_PROVISION"})
_DELETION: Final = "DELETE_PRE_PROVISION"

_LOGICAL_ID: Final = re.compile(r"[A-Za-z0-9]{1,255}")
_HOOK_SETTINGS: Final = (
    "Set the hook's TargetOperations to RESOURCE and CLOUD_CONTROL, and its TargetFilters as template.yaml does"
)


_EXCLUDE: Final = f"To leave a container alone on purpose, name it in the tag {EXCLUDE_TAG}."


class NotInspectedError(RefusedError):
    """The event has nothing that the hook can judge."""

    def __init__(self, fact: str, advice: str = "Report it to the platform team") -> None:
        super().__init__(f"{fact}. {advice}.", code=Code.HOOK_CANNOT_JUDGE)


class TooSlowError(RefusedError):
    """Inspecting the task definition takes longer than the hook's function may run."""

    def __init__(self) -> None:
        super().__init__(
            "Inspecting the task definition takes longer than the hook may run. Use fewer containers, or try again.",
            code=Code.OUT_OF_TIME,
        )


def inspect(event: Json, deployment: Layer) -> dict[str, Json]:
    """Return the response to a hook event: FAILED if the task definition should be protected and is not, else SUCCESS.

    Deletions get SUCCESS, too.

    Raises:
        UsageError: This is not a hook event, or the settings of the deployment are invalid.
        NotInspectedError: The event has nothing that the hook can judge.
    """
    if not isinstance(event, dict) or not isinstance(event.get("requestData"), dict):
        raise UsageError(
            "This is not a CloudFormation Lambda Hook event: it has no requestData.", code=Code.NOT_AN_EVENT
        )
    point = event.get("actionInvocationPoint")
    if point == _DELETION:
        return _response(event, "SUCCESS", "A deletion needs no inspection")
    if not isinstance(point, str) or point not in _INSPECTED_POINTS:
        raise NotInspectedError("The hook was called at an invocation point that it does not know", _HOOK_SETTINGS)
    request_data = section(event, "requestData")
    target = request_data.get("targetName")
    if target not in (TASK_DEFINITION, EXPRESS_SERVICE, JOB_DEFINITION):
        raise NotInspectedError("The hook is set to targets that it cannot judge", _HOOK_SETTINGS)
    name = request_data.get("targetLogicalId")
    name = name if isinstance(name, str) and _LOGICAL_ID.fullmatch(name) else None
    model = request_data.get("targetModel")
    properties = model.get("resourceProperties") if isinstance(model, dict) else None
    if not isinstance(properties, dict):
        raise NotInspectedError("CloudFormation gave the hook no properties of the resource")
    if target != TASK_DEFINITION:
        return _assess_other_workload(event, name or "Resource", str(target), properties, deployment)
    _check_containers(properties)
    return _assess_task(event, name or "TaskDefinition", properties, deployment)


def _check_containers(properties: Mapping[str, Json]) -> None:
    """Check that a task definition has containers that can be inspected.

    Raises:
        NotInspectedError: It has none.
    """
    containers = properties.get("ContainerDefinitions")
    if not isinstance(containers, list) or not containers or not all(isinstance(each, dict) for each in containers):
        raise NotInspectedError(
            "The task definition has no list of containers that the hook could inspect",
            "Write ContainerDefinitions as a list of objects",
        )


def _assess_task(event: Json, name: str, properties: Mapping[str, Json], deployment: Layer) -> dict[str, Json]:
    """Return the response for one task definition: SUCCESS if the macro would let it through as it is, else FAILED."""
    settings = merge_layers(deployment)
    verdict = protection(plan_definition(_template(name, TASK_DEFINITION, properties), settings))
    advice = _add_macro(settings.values)
    if _has_agent(properties):  # the macro has probably processed the template
        advice = f"{advice} {_EXCLUDE}"
    return _verdict_response(event, "Task", name, verdict, advice)


def _has_agent(properties: Mapping[str, Json]) -> bool:
    containers = properties.get("ContainerDefinitions")
    given = containers if isinstance(containers, list) else []
    return any(isinstance(each, dict) and each.get("Name") == AGENT_NAME for each in given)


def _template(name: str, resource_type: str, properties: Mapping[str, Json]) -> Json:
    """Return a template with the one resource of the event."""
    return {"Resources": {name: {"Type": resource_type, "Properties": dict(properties)}}}


def _verdict_response(event: Json, what: str, name: str, verdict: Protection, default_advice: str) -> dict[str, Json]:
    advice = "" if verdict.passes else f" {_advice(verdict, default_advice)}"
    begin = f"{what} {quote(name)} {_PREDICATES[verdict.verdict]}"
    room = _MAX_MESSAGE_LENGTH - len(begin) - len(advice) - _MAX_HELP_LENGTH
    because = f": {single_line(verdict.text, max(room, _MIN_REASONS_LENGTH))}" if verdict.reasons else ""
    message = f"{begin}{because}.{advice}"
    if verdict.passes:
        response = _response(event, "SUCCESS", message)
    else:
        response = _response(event, "FAILED", message, "NonCompliant")
    return {**response, "annotations": hook_annotations.of_verdict(verdict, default_advice)}


def _assess_other_workload(
    event: Json, name: str, resource_type: str, properties: Mapping[str, Json], deployment: Layer
) -> dict[str, Json]:
    """Return the response for a workload without a task definition.

    FAILED if the macro would convert it, or would refuse to, or if it cannot be protected and OtherWorkloads is fail.
    """
    resolved = merge_layers(deployment)
    settings = resolved.values
    if resource_type == EXPRESS_SERVICE and settings.express_services == "convert":
        context = Context(deployment_settings=resolved)
        plan = plan_with_lookups(_template(name, resource_type, properties), context, look_up_nothing)
        if plan.tasks:
            return _verdict_response(
                event, "Express Mode service", name, protection(plan.tasks[0]), _add_macro(settings)
            )
        if plan.problems:
            reasons = [problem.reason for problem in plan.problems]
            message = f"{quote(name)} is not protected: {' '.join(map(_with_code, reasons))}"
            return _with_reasons(_response(event, "FAILED", message, "NonCompliant"), reasons)
    reason = why_unprotectable(resource_type, properties, EvaluationScope({}, {}, None, None, {}, PlanState()))
    if reason is None:
        return _response(event, "SUCCESS", f"{quote(name)} runs no containers of its own on Fargate.")
    message = f"{quote(name)} {_PREDICATES[Verdict.CANNOT_BE_PROTECTED]}: {_with_code(reason)}"
    if settings.other_workloads == "fail":
        return _with_reasons(_response(event, "FAILED", message, "NonCompliant"), [reason])
    return _with_reasons(_response(event, "SUCCESS", message), [reason])


def _with_reasons(response: dict[str, Json], reasons: Sequence[Reason]) -> dict[str, Json]:
    status = "FAILED" if response["hookStatus"] == "FAILED" else "SKIPPED"
    return {**response, "annotations": hook_annotations.of_reasons(reasons, status)}


def _with_code(reason: Reason) -> str:
    advice = f" {reason.advice}." if reason.advice else ""
    return f"{reason.fact} ({reason.code.value}).{advice}"


_PREDICATES: Final = {
    Verdict.NOT_PROTECTED: "is not protected",
    Verdict.CANNOT_BE_PROTECTED: "cannot be protected",
    Verdict.UNKNOWN: "may not be protected",
    Verdict.LEFT_ALONE: "is left alone",
    Verdict.PROTECTED: "is protected",
}


def _advice(verdict: Protection, default_advice: str) -> str:
    """Return what the reasons advise, and the default advice if one of them has none, or if there are none."""
    advice = [f"{reason.advice}." if reason.advice else default_advice for reason in verdict.reasons]
    return " ".join(dict.fromkeys(advice)) or default_advice


def _add_macro(settings: Settings) -> str:
    return f"Add {settings.macro_name} to the template's Transform."


def with_help(response: Mapping[str, Json], deployment: Layer) -> dict[str, Json]:
    """Return a response with HelpText at the end of its message, if it is FAILED."""
    text, message = help_text(deployment), str(response["message"])
    if not text or response["hookStatus"] != "FAILED":
        return dict(response)
    return {**response, "message": f"{single_line(message, _MAX_MESSAGE_LENGTH - len(text) - 2)} {text}"}


def failure_response(event: Json, error: Exception) -> dict[str, Json]:
    """Return the response if nothing could be inspected: FAILED."""
    return _response(event, "FAILED", _failure_message(error), "InternalFailure")


def _failure_message(error: Exception) -> str:
    """Return the message of a user error, or a report of an internal one, which quotes nothing of the event."""
    match error:
        case UserError():
            return str(error)
        case MemoryError():
            fact, code = "The task definition needs more memory than the hook has", Code.OUT_OF_MEMORY
            advice = "Use fewer containers, or ask the platform team for more memory"
        case RecursionError():
            fact, code = "The task definition is nested too deeply to be inspected", Code.NESTED_TOO_DEEPLY
            advice = "Reduce its nesting"
        case _:
            fact, code = f"Internal error in the hook ({type(error).__name__})", Code.INTERNAL_ERROR
            advice = "Report it to the platform team"
    return Reason(fact, advice, code=code).coded_text


def _response(event: Json, status: str, message: str, error: str | None = None) -> dict[str, Json]:
    """Return a response in CloudFormation's form. ``error`` is the code of a FAILED one: ``NonCompliant`` or ``InternalFailure``.

    The token is the event's. One that cannot be CloudFormation's is not sent back.
    """
    token = event.get("clientRequestToken") if isinstance(event, dict) else None
    response: dict[str, Json] = {
        "hookStatus": status,
        "message": single_line(" ".join(message.split("\n")), _MAX_MESSAGE_LENGTH - 1),
        "clientRequestToken": token if isinstance(token, str) and len(token) <= _MAX_TOKEN_LENGTH else "",
    }
    return {**response, "errorCode": error} if error else response

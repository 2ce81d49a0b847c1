"""The Lambda Hook: inspects a task definition that CloudFormation is about to create or update.

Events and responses have the form given in the CloudFormation Hooks user guide, «Create Lambda functions to evaluate
resources for Lambda Hooks», with an annotation for each reason. For resources, hooks run after macros, on properties without
intrinsic functions. They get no Metadata, so a task definition is excluded from the hook by a tag or in the settings of the
deployment. Events of the Cloud Control API (target operation CLOUD_CONTROL) have the same form, without a stack and a
logical ID. Stacks and change sets are the subject of ``hook_templates.py``.

The hook fails closed: only what it has inspected passes, and deletions, which need no inspection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from sysdig_instrument.engine.agent import AGENT_NAME
from sysdig_instrument.engine.codes import Code, Verdict
from sysdig_instrument.engine.expressions.scope import EvaluationScope, PlanState, section
from sysdig_instrument.engine.findings import Reason, quote, sentence
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
from sysdig_instrument.function.hook_response import (
    MAX_MESSAGE_LENGTH,
    PREDICATES,
    NotInspectedError,
    respond,
    verdict_text,
    with_code,
)
from sysdig_instrument.planning import look_up_nothing, plan_definition, plan_with_lookups
from sysdig_instrument.printable import single_line

_TEMPLATE_TARGETS: Final = ("STACK", "CHANGE_SET")
RESOURCE_TARGETS: Final = (TASK_DEFINITION, EXPRESS_SERVICE, JOB_DEFINITION)

_INSPECTED_POINTS: Final = frozenset({"CREATE_PRE_PROVISION", "UPDATE_PRE_PROVISION"})
_DELETION: Final = "DELETE_PRE_PROVISION"

_LOGICAL_ID: Final = re.compile(r"[A-Za-z0-9]{1,255}")
_HOOK_SETTINGS: Final = "Set the hook's TargetOperations and TargetFilters as template.yaml does"

_EXCLUDE: Final = f"To leave a container alone on purpose, name it in the tag {EXCLUDE_TAG}."


class TooSlowError(RefusedError):
    """Inspecting takes longer than the hook's function may run."""

    def __init__(self) -> None:
        super().__init__(
            "Inspecting the task definition or template takes longer than the hook may run. "
            "Use fewer containers or a smaller template, or try again.",
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
        return respond(event, "SUCCESS", "A deletion needs no inspection")
    if not isinstance(point, str) or point not in _INSPECTED_POINTS:
        raise NotInspectedError("The hook was called at an invocation point that it does not know", _HOOK_SETTINGS)
    request_data = section(event, "requestData")
    target = request_data.get("targetName")
    if target in _TEMPLATE_TARGETS:
        # Imported here: most events are of resources, and need no HTTP client and no YAML parser.
        from sysdig_instrument.function.hook_templates import inspect_template  # noqa: PLC0415

        return inspect_template(event, deployment)
    if target not in RESOURCE_TARGETS:
        raise NotInspectedError("The hook is set to targets that it cannot judge", _HOOK_SETTINGS)
    name = request_data.get("targetLogicalId")
    model = request_data.get("targetModel")
    properties = model.get("resourceProperties") if isinstance(model, dict) else None
    if not isinstance(properties, dict):
        raise NotInspectedError("CloudFormation gave the hook no properties of the resource")
    return assess_resource(event, name, str(target), properties, deployment)


def assess_resource(
    event: Json, name: Json, resource_type: str, properties: Mapping[str, Json], deployment: Layer
) -> dict[str, Json]:
    """Return the response for a resource of one of ``RESOURCE_TARGETS``. ``name`` is its logical ID, if it is one.

    Raises:
        NotInspectedError: It is a task definition without a list of containers.
    """
    logical_id = name if isinstance(name, str) and _LOGICAL_ID.fullmatch(name) else None
    if resource_type != TASK_DEFINITION:
        return _assess_other_workload(event, logical_id or "Resource", resource_type, properties, deployment)
    _check_containers(properties)
    return _assess_task(event, logical_id or "TaskDefinition", properties, deployment)


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
    advice = "" if verdict.passes else _advice(verdict, default_advice)
    message = verdict_text(f"{what} {quote(name)}", verdict, advice)
    if verdict.passes:
        response = respond(event, "SUCCESS", message)
    else:
        response = respond(event, "FAILED", message, "NonCompliant")
    annotations = hook_annotations.of_verdict(verdict, fails=not verdict.passes, default_advice=default_advice)
    return {**response, "annotations": annotations}


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
            message = f"{quote(name)} is not protected: {' '.join(map(with_code, reasons))}"
            return _with_reasons(respond(event, "FAILED", message, "NonCompliant"), reasons)
    reason = why_unprotectable(resource_type, properties, EvaluationScope({}, {}, None, None, {}, PlanState()))
    if reason is None:
        return respond(event, "SUCCESS", f"{quote(name)} runs no containers of its own on Fargate.")
    message = f"{quote(name)} {PREDICATES[Verdict.CANNOT_BE_PROTECTED]}: {with_code(reason)}"
    if settings.other_workloads == "fail":
        return _with_reasons(respond(event, "FAILED", message, "NonCompliant"), [reason])
    return _with_reasons(respond(event, "SUCCESS", message), [reason])


def _with_reasons(response: dict[str, Json], reasons: Sequence[Reason]) -> dict[str, Json]:
    status = "FAILED" if response["hookStatus"] == "FAILED" else "SKIPPED"
    return {**response, "annotations": hook_annotations.of_reasons(reasons, status)}


def _advice(verdict: Protection, default_advice: str) -> str:
    """Return what the reasons advise, and the default advice if one of them has none, or if there are none."""
    advice = [sentence(reason.advice) or default_advice for reason in verdict.reasons]
    return " ".join(dict.fromkeys(advice)) or default_advice


def _add_macro(settings: Settings) -> str:
    return (
        f"Write this at the template's top level: Transform: {settings.macro_name} "
        "(if Transform is already there, add it as the last item)."
    )


def with_help(response: Mapping[str, Json], deployment: Layer) -> dict[str, Json]:
    """Return a response with HelpText at the end of its message, and its address in the annotations, if it is FAILED."""
    text, message = help_text(deployment), str(response["message"])
    if not text or response["hookStatus"] != "FAILED":
        return dict(response)
    helpful = {**response, "message": f"{single_line(message, MAX_MESSAGE_LENGTH - len(text) - 2)} {text}"}
    return hook_annotations.with_link(helpful, text)


def failure_response(event: Json, error: Exception) -> dict[str, Json]:
    """Return the response if nothing could be inspected: FAILED."""
    return respond(event, "FAILED", _failure_message(error), "InternalFailure")


def _failure_message(error: Exception) -> str:
    """Return the message of a user error, or a report of an internal one, which quotes nothing of the event."""
    match error:
        case UserError():
            return str(error)
        case MemoryError():
            fact, code = "The task definition or template needs more memory than the hook has", Code.OUT_OF_MEMORY
            advice = "Use fewer containers or a smaller template, or ask the platform team for more memory"
        case RecursionError():
            fact, code = "The task definition or template is nested too deeply to be inspected", Code.NESTED_TOO_DEEPLY
            advice = "Reduce its nesting"
        case _:
            fact, code = f"Internal error in the hook ({type(error).__name__})", Code.INTERNAL_ERROR
            advice = "Report it to the platform team"
    return Reason(fact, advice, code=code).coded_text

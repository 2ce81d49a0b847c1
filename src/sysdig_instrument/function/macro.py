"""The macro: a CloudFormation event in, CloudFormation's response out. No I/O of its own.

The shape of both is that of the CloudFormation user guide, «Template macros»: the event has ``region``, ``accountId``,
``fragment``, ``transformId``, ``params``, ``requestId`` and ``templateParameterValues``; the response has the same
``requestId``, a ``status``, and the ``fragment`` or an ``errorMessage``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from sysdig_instrument.engine import plan as engine
from sysdig_instrument.engine.findings import Problem, message
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.plan import Context, Plan
from sysdig_instrument.engine.settings.layers import Layer, ResolvedSettings, merge_layers
from sysdig_instrument.engine.settings.table import TABLE, Settings
from sysdig_instrument.errors import RefusedError, UsageError, UserError
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.planning import LookupFunction, plan_with_lookups
from sysdig_instrument.quotas import check_size, processed_size

_NOT_AN_EVENT: Final = "This is not the event of a CloudFormation macro"


@dataclass(frozen=True, slots=True)
class MacroEvent:
    """A macro event, checked as far as its outline goes. ``params`` are the Transform's Parameters."""

    request_id: str
    region: str
    account: str
    fragment: Json
    params: Mapping[str, Json]
    parameters: Mapping[str, Json]


class TemplateRefusedError(RefusedError):
    """The template cannot be instrumented; ``problems`` are all the reasons."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(message(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class ProcessedTemplate:
    """The processed fragment, and the plan that led to it."""

    fragment: Json
    plan: Plan


def parse_event(event: Json) -> MacroEvent:
    """The event of a macro.

    Raises:
        UsageError: It is something else; nothing of its content is in the message.
    """
    if not isinstance(event, dict) or "fragment" not in event:
        raise UsageError(f"{_NOT_AN_EVENT}: it has no fragment. Let CloudFormation call the macro.")
    params, parameters = event.get("params") or {}, event.get("templateParameterValues") or {}
    if not isinstance(params, dict) or not isinstance(parameters, dict):
        raise UsageError(
            f"{_NOT_AN_EVENT}: params and templateParameterValues are objects. Let CloudFormation call the macro."
        )
    return MacroEvent(
        _string_member(event, "requestId"),
        _string_member(event, "region"),
        _string_member(event, "accountId"),
        event["fragment"],
        params,
        parameters,
    )


def _string_member(event: Mapping[str, Json], key: str) -> str:
    value = event.get(key)
    return value if isinstance(value, str) else ""


LookupFactory: TypeAlias = Callable[[Settings, str], LookupFunction]
"""Given the settings and the region, what answers requests."""


def process(event: MacroEvent, deployment: Layer, make_lookup: LookupFactory) -> ProcessedTemplate:
    """The processed fragment.

    ``deployment`` are the settings that the macro was deployed with.

    Raises:
        UserError: What is wrong with the settings or with the template, all of it, a line each.
    """
    resolved = merge_layers(deployment)
    _require_settings(resolved)
    context = Context(
        resolved=resolved,
        transform_parameters=event.params,
        parameters=event.parameters,
        region=event.region or None,
        account=event.account or None,
    )
    plan = plan_with_lookups(event.fragment, context, make_lookup(resolved.values, event.region))
    fragment, problems = engine.process(event.fragment, plan)
    if problems:
        raise TemplateRefusedError(problems)
    check_size(processed_size(fragment), "The processed template")
    return ProcessedTemplate(fragment, plan)


def _require_settings(resolved: ResolvedSettings) -> None:
    missing = [
        setting.name for setting in TABLE if setting.required and getattr(resolved.values, setting.attribute) is None
    ]
    if missing:
        raise UsageError(
            f"The macro is deployed without {' and '.join(missing)}. Ask the platform team to deploy it with the parameter set."
        )


def success(event: MacroEvent, processed: ProcessedTemplate) -> dict[str, Json]:
    """CloudFormation's response for a template that was processed."""
    return {"requestId": event.request_id, "status": "success", "fragment": processed.fragment}


def failure(request_id: str, message: str) -> dict[str, Json]:
    """CloudFormation's response that fails the stack operation, with the message that the user sees."""
    return {"requestId": request_id, "status": "failure", "errorMessage": message}


def error_message(error: BaseException, request_id: str) -> str:
    """The message for an error: a user's fault in its own words, anything else as a bug that names nothing of the input."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, RecursionError):
        return "The template is nested too deeply to be read. Take some of the nesting out."
    return (
        f"The macro failed by a fault of its own ({type(error).__name__}), and nothing was changed. "
        f"Give the request id {request_id or 'of the stack operation'} to the platform team."
    )

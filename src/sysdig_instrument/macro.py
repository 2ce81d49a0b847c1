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
from sysdig_instrument.engine.settings.layers import Layer, Settled, settle
from sysdig_instrument.engine.settings.table import TABLE, Settings
from sysdig_instrument.errors import RefusedError, UsageError, UserError
from sysdig_instrument.limits import check_size, processed_size
from sysdig_instrument.planning import Lookup, planned
from sysdig_instrument.values import dataclass

_NOT_AN_EVENT: Final = "This is not the event of a CloudFormation macro"


@dataclass(frozen=True, slots=True)
class Event:
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
class Processed:
    """The processed fragment, and the plan that led to it."""

    fragment: Json
    plan: Plan


def read_event(event: Json) -> Event:
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
    return Event(
        _text(event, "requestId"),
        _text(event, "region"),
        _text(event, "accountId"),
        event["fragment"],
        params,
        parameters,
    )


def _text(event: Mapping[str, Json], key: str) -> str:
    value = event.get(key)
    return value if isinstance(value, str) else ""


Ask: TypeAlias = Callable[[Settings, str], Lookup]
"""Given the settings and the region, what answers requests."""


def process(event: Event, deployment: Layer, ask: Ask) -> Processed:
    """The processed fragment.

    ``deployment`` are the settings that the macro was deployed with.

    Raises:
        UserError: What is wrong with the settings or with the template, all of it, a line each.
    """
    settled = settle(deployment)
    _require(settled)
    context = Context(
        settled=settled,
        params=event.params,
        parameters=event.parameters,
        region=event.region or None,
        account=event.account or None,
    )
    plan = planned(event.fragment, context, ask(settled.settings, event.region))
    fragment, problems = engine.process(event.fragment, plan)
    if problems:
        raise TemplateRefusedError(problems)
    check_size(processed_size(fragment), "The processed template")
    return Processed(fragment, plan)


def _require(settled: Settled) -> None:
    missing = [
        setting.name for setting in TABLE if setting.required and getattr(settled.settings, setting.attribute) is None
    ]
    if missing:
        raise UsageError(
            f"The macro is deployed without {' and '.join(missing)}. Ask the platform team to deploy it with the parameter set."
        )


def success(event: Event, processed: Processed) -> dict[str, Json]:
    """CloudFormation's response for a template that was processed."""
    return {"requestId": event.request_id, "status": "success", "fragment": processed.fragment}


def failure(request_id: str, message: str) -> dict[str, Json]:
    """CloudFormation's response that fails the stack operation, with the message that the user sees."""
    return {"requestId": request_id, "status": "failure", "errorMessage": message}


def explained(error: BaseException, request_id: str) -> str:
    """The message for an error: a user's fault in its own words, anything else as a bug that names nothing of the input."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, RecursionError):
        return "The template is nested too deeply to be read. Take some of the nesting out."
    return (
        f"The macro failed by a fault of its own ({type(error).__name__}), and nothing was changed. "
        f"Give the request id {request_id or 'of the stack operation'} to the platform team."
    )

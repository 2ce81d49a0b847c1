"""The macro: takes a CloudFormation event and returns CloudFormation's response. It does no I/O of its own.

Both have the form given in the CloudFormation user guide, «Template macros»: the event has ``region``, ``accountId``,
``fragment``, ``transformId``, ``params``, ``requestId`` and ``templateParameterValues``; the response has the same
``requestId``, a ``status``, and the ``fragment`` or an ``errorMessage``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Final, TypeAlias

from sysdig_instrument.engine import plan as engine_plan
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Problem, Reason, message
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.plan import Context, Plan
from sysdig_instrument.engine.settings.layers import Layer, ResolvedSettings, help_text, merge_layers
from sysdig_instrument.engine.settings.table import TABLE, Settings
from sysdig_instrument.errors import RefusedError, UsageError, UserError
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.planning import LookupFunction, plan_with_lookups
from sysdig_instrument.quotas import check_size, processed_size

_NOT_AN_EVENT: Final = "This is not a CloudFormation macro event"


@dataclass(frozen=True, slots=True)
class MacroEvent:
    """A macro event whose top level was checked.

    ``transform_parameters`` are the Parameters of the Transform; ``parameters`` are the values of the template's own.
    """

    request_id: str
    region: str | None
    account: str | None
    fragment: Json
    transform_parameters: Mapping[str, Json]
    parameters: Mapping[str, Json]


class TemplateRefusedError(RefusedError):
    """The template cannot be instrumented. ``problems`` holds every reason."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(message(problems), code=None)
        self.problems = problems


@dataclass(frozen=True, slots=True)
class ProcessedTemplate:
    """The processed fragment, and the plan that led to it."""

    fragment: Json
    plan: Plan


def parse_event(event: Json) -> MacroEvent:
    """Parse a macro event.

    Raises:
        UsageError: The event has another form. The message holds nothing of its content.
    """
    if not isinstance(event, dict) or "fragment" not in event:
        raise UsageError(
            f"{_NOT_AN_EVENT}: it has no fragment. Let CloudFormation call the macro.", code=Code.NOT_AN_EVENT
        )
    params, parameters = event.get("params") or {}, event.get("templateParameterValues") or {}
    if not isinstance(params, dict) or not isinstance(parameters, dict):
        raise UsageError(
            f"{_NOT_AN_EVENT}: params and templateParameterValues must be objects. Let CloudFormation call the macro.",
            code=Code.NOT_AN_EVENT,
        )
    return MacroEvent(
        _string_member(event, "requestId") or "",
        _string_member(event, "region"),
        _string_member(event, "accountId"),
        event["fragment"],
        params,
        parameters,
    )


def _string_member(event: Mapping[str, Json], key: str) -> str | None:
    value = event.get(key)
    return value if value and isinstance(value, str) else None


LookupFactory: TypeAlias = Callable[[Settings, str | None], LookupFunction]
"""Returns a lookup function for the given settings and region."""


def process(
    event: MacroEvent, deployment: Layer, lookup_factory: LookupFactory, *, has_registry_secrets: bool = False
) -> ProcessedTemplate:
    """Return the processed fragment and its plan.

    ``deployment`` holds the settings that the macro was deployed with. ``has_registry_secrets`` is true if the macro's role may
    read secrets of registries.

    Raises:
        UserError: The settings or the template are invalid; the message has one line per problem.
    """
    resolved = merge_layers(deployment)
    _require_settings(resolved)
    if has_registry_secrets and _admit_every_registry(resolved.values.allowed_registries):
        raise UsageError(_EVERY_REGISTRY, code=Code.REGISTRIES_UNLIMITED)
    context = Context(
        deployment_settings=resolved,
        transform_parameters=event.transform_parameters,
        parameter_values=event.parameters,
        region=event.region,
        account=event.account,
    )
    plan = plan_with_lookups(event.fragment, context, lookup_factory(resolved.values, event.region))
    fragment, problems = engine_plan.process(event.fragment, plan)
    if problems:
        raise TemplateRefusedError(problems)
    size = processed_size(fragment) if plan.processed_size is None else plan.processed_size
    check_size(size, "The processed template")
    return ProcessedTemplate(fragment, plan)


def _require_settings(resolved: ResolvedSettings) -> None:
    missing = [
        setting.name for setting in TABLE if setting.required and getattr(resolved.values, setting.attribute) is None
    ]
    if missing:
        raise UsageError(
            f"The macro was deployed without {' and '.join(missing)}. Ask the platform team to redeploy it with these settings.",
            code=Code.DEPLOYMENT_INCOMPLETE,
        )


_EVERY_REGISTRY: Final = (
    "The macro was deployed with RegistrySecrets, and AllowedRegistries admits every registry, so a template could choose who "
    "receives a secret. Ask the platform team to list the registries in AllowedRegistries."
)
_UNRELATED_HOSTS: Final = ("a.example.com", "mirror.example.io", "z9-x.example.dev", "0.example.org")
"""Hosts that have nothing in common: globs that match them all match every registry."""


def _admit_every_registry(globs: Iterable[str]) -> bool:
    lower_case = [glob.lower() for glob in globs]
    return all(any(fnmatchcase(host, glob) for glob in lower_case) for host in _UNRELATED_HOSTS)


def success_response(event: MacroEvent, processed: ProcessedTemplate) -> dict[str, Json]:
    """Return the response for a processed template."""
    return {"requestId": event.request_id, "status": "success", "fragment": processed.fragment}


def failure_response(request_id: str, message: str) -> dict[str, Json]:
    """Return the response that fails the stack operation; the user sees the message."""
    return {"requestId": request_id, "status": "failure", "errorMessage": message}


def with_help(message: str, deployment: Layer) -> str:
    """Return a message for the user with HelpText as its last line."""
    return "\n".join(filter(None, (message, help_text(deployment))))


def error_message(error: BaseException, request_id: str) -> str:
    """Return the message for an error. For an internal error it quotes nothing of the input."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, RecursionError):
        return Reason(
            "The template is nested too deeply to be processed", "Reduce its nesting", code=Code.NESTED_TOO_DEEPLY
        ).coded_text
    if isinstance(error, MemoryError):
        return Reason(
            "The template needs more memory than the function has, so nothing was changed",
            "Move some of its resources into a separate template, or ask the platform team for more memory",
            code=Code.OUT_OF_MEMORY,
        ).coded_text
    return Reason(
        f"Internal error ({type(error).__name__}); nothing was changed",
        f"Give the request ID {request_id or 'of the stack operation'} to the platform team",
        code=Code.INTERNAL_ERROR,
    ).coded_text

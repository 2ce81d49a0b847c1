"""Assess an update of a stack: compare what the macro would make of its template today with what is deployed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Final

from sysdig_instrument.documents import Document
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.expressions.references import references
from sysdig_instrument.engine.expressions.scope import transform_entries
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.macro_line import MacroLine, find_line, listed_entries
from sysdig_instrument.engine.plan import Context, Plan
from sysdig_instrument.engine.settings.layers import ResolvedSettings
from sysdig_instrument.engine.template import SECTION, TASK_DEFINITION, TRANSFORM
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.planning import LookupFunction, look_up_nothing, plan_with_lookups
from sysdig_instrument.stacks.model import Stack, StackTemplates, UnreadStack
from sysdig_instrument.stacks.read import NESTED_TOO_DEEPLY, ReadStack

_METADATA: Final = "Metadata"
_PROPERTIES: Final = "Properties"
_TAGS: Final = "Tags"


class StackState(Enum):
    """The states of a stack that lists the macro. Reports show the value; summaries have this order."""

    REFUSED = "refused"
    UNREADABLE = "unreadable"
    UNKNOWN = "unknown"
    BEHIND = "behind"
    UP_TO_DATE = "up to date"


class Effect(Enum):
    """The effects of an update on a resource. Reports show the value."""

    REPLACED = "replaced"
    CHANGED = "changed"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class ResourceEffect:
    """A resource that an update of the stack would change, and how."""

    logical_id: str
    resource_type: str
    effect: Effect

    @property
    def text(self) -> str:
        """The resource and what happens to it, on one line."""
        return f"{self.logical_id} {self.effect.value}"


@dataclass(frozen=True, slots=True)
class StackUpdate:
    """A stack that lists the macro. One that is behind has ``effects``; another state than that and ``up to date`` has ``reason``."""

    stack: Stack
    state: StackState
    effects: tuple[ResourceEffect, ...] = ()
    reason: Reason | None = None


LookUpFor = Callable[[Document, Context], LookupFunction]
"""Returns the function that answers the lookups of a template."""


def lists_macro(original: Document, macro_name: str) -> bool:
    """Return whether CloudFormation passes the template, or a task definition in it, to the macro."""
    return is_listed_in(line_of(original, macro_name))


def is_listed_in(line: MacroLine) -> bool:
    """Return whether the line passes the template, or a task definition in it, to the macro."""
    return line.is_listed or bool(line.in_fn_transform)


def line_of(original: Document, macro_name: str) -> MacroLine:
    """Return the line of a template as it was submitted."""
    return find_line(original.value, macro_name, original.earlier_values(SECTION))


def update_of(found: ReadStack, resolved: ResolvedSettings, look_up_for: LookUpFor) -> StackUpdate:
    """Return what an update of a stack would change, or why that is not known."""
    if isinstance(found, UnreadStack):
        return StackUpdate(found.stack, StackState.UNREADABLE, reason=found.reason)
    try:
        return assess_update(found, resolved, look_up_for)
    except RecursionError:
        return StackUpdate(found.stack, StackState.UNREADABLE, reason=NESTED_TOO_DEEPLY)


def stack_context(templates: StackTemplates, resolved: ResolvedSettings) -> Context:
    """Return the context of a plan for one of the stack's templates."""
    stack = templates.stack
    return Context(
        deployment_settings=resolved,
        transform_parameters=_transform_parameters(templates.original.value, resolved.values.macro_name),
        parameter_values=stack.parameters,
        region=stack.region,
        account=stack.account or None,
    )


def _transform_parameters(template: Json, macro_name: str) -> dict[str, Json]:
    found = (each.get("Parameters") for each in listed_entries(template, macro_name) if isinstance(each, dict))
    parameters = next(found, None)
    return parameters if isinstance(parameters, dict) else {}


def assess_update(templates: StackTemplates, resolved: ResolvedSettings, look_up_for: LookUpFor) -> StackUpdate:
    """Return what an update would change.

    If the macro is the only transform of the template, that is what it would make of the template as it was submitted. Other
    transforms are not known here. Then it is what the macro would change in what is deployed: it changes nothing in its own output,
    unless the settings or the release have changed.
    """
    stack, original, deployed = templates.stack, templates.original, templates.processed.value
    context = stack_context(templates, resolved)
    if _is_only_transform(original.value, resolved.values.macro_name):
        fragment = {key: value for key, value in _members(original.value).items() if key != SECTION}
        plan = plan_with_lookups(fragment, context, look_up_for(original, context))
        if plan.problems and not all(_is_lacking(each.reason) for each in plan.problems):
            return StackUpdate(stack, StackState.REFUSED, reason=plan.problems[0].reason)
        if _is_known(plan):
            return _compared(stack, deployed, plan.processed)
    plan = plan_with_lookups(deployed, context, look_up_nothing)
    if not _is_known(plan):
        reasons = [each.reason for each in plan.problems]
        return StackUpdate(stack, StackState.UNKNOWN, reason=reasons[0] if reasons else _IMAGE_UNREAD)
    line = line_of(original, resolved.values.macro_name)
    today = _resources(plan.processed)
    if not line.is_listed:  # the macro gets only some task definitions
        today = {name: each for name, each in today.items() if line.covers(("Resources", name))}
    return _compared(stack, deployed, {"Resources": {**_resources(deployed), **today}})


_IMAGE_UNREAD: Final = Reason(
    "The config of an image is not known here, so it is not known whether the macro would change something",
    "Run it without --offline, with credentials for the registry",
    code=Code.NOT_LOOKED_UP,
)


_SETTINGS_MISSING: Final = frozenset({Code.COLLECTOR_MISSING, Code.KEY_MISSING})


def _is_lacking(reason: Reason) -> bool:
    """Return whether a problem says what this tool lacks. The macro has the settings that are required."""
    return reason.is_unknown or reason.code in _SETTINGS_MISSING


def _is_known(plan: Plan) -> bool:
    return not plan.problems and not any(each.image_unread for task in plan.tasks for each in task.containers)


def _is_only_transform(template: Json, macro_name: str) -> bool:
    entries = transform_entries(_members(template).get(SECTION))
    return len(entries) == len(listed_entries(template, macro_name)) == 1 and not _has_transform(template)


def _has_transform(value: Json) -> bool:
    inner = [value]
    while inner:
        match inner.pop():
            case dict(members):
                if TRANSFORM in members:
                    return True
                inner += members.values()
            case list(items):
                inner += items
    return False


def _compared(stack: Stack, deployed: Json, today: Json) -> StackUpdate:
    effects = tuple(_effects(_resources(deployed), _resources(today)))
    return StackUpdate(stack, StackState.BEHIND if effects else StackState.UP_TO_DATE, effects)


def _effects(before: Mapping[str, Json], after: Mapping[str, Json]) -> Iterator[ResourceEffect]:
    """Yield the resources that change, and those that refer to a task definition that is replaced. Metadata changes nothing that runs."""
    replaced = set()
    changed = [name for name in after if _comparable(before.get(name)) != _comparable(after[name])]
    for name in changed:
        effect = _effect(before.get(name), after[name])
        if effect is Effect.REPLACED:
            replaced.add(name)
        yield ResourceEffect(name, _type(after[name]), effect)
    for name, resource in after.items():
        used = _members(resource).get(_PROPERTIES)
        if name not in changed and not replaced.isdisjoint(references(used)):
            yield ResourceEffect(name, _type(resource), Effect.CHANGED)


def _effect(before: Json, after: Json) -> Effect:
    """Return what happens to a resource. CloudFormation replaces a task definition for each property but Tags."""
    if before is None:
        return Effect.ADDED
    if _type(after) != TASK_DEFINITION or _comparable(before, _TAGS) == _comparable(after, _TAGS):
        return Effect.CHANGED
    return Effect.REPLACED


def _comparable(resource: Json, without: str = "") -> Json:
    """Return a resource in one form for all ways to write the same: CloudFormation stores some in another way than they were given."""
    members = {key: value for key, value in _members(resource).items() if key != _METADATA}
    if without and isinstance(properties := members.get(_PROPERTIES), dict):
        members[_PROPERTIES] = {key: value for key, value in properties.items() if key != without}
    return _in_one_form(members)


def _in_one_form(value: Json) -> Json:
    match value:
        case dict(members):
            return {key: _attribute(key, _in_one_form(each)) for key, each in members.items() if each is not None}
        case list(items):
            return [_in_one_form(each) for each in items]
        case bool():
            return str(value).lower()
        case None:
            return None
    return str(value)


def _attribute(key: str, value: Json) -> Json:
    """Return ``Name.Attribute`` as the list that CloudFormation makes of it."""
    return list[Json](value.split(".", 1)) if key.endswith("::GetAtt") and isinstance(value, str) else value


def _resources(template: Json) -> Mapping[str, Json]:
    return _members(_members(template).get("Resources"))


def _type(resource: Json) -> str:
    return str(_members(resource).get("Type"))


def _members(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}

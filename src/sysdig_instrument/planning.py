"""Plan, look up what the plan needs, and plan again with the answers: the loop between the pure engine and all I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import Answer, Lookup, Unavailable
from sysdig_instrument.engine.plan import Context, Plan, plan
from sysdig_instrument.engine.settings.layers import Layer, ResolvedSettings
from sysdig_instrument.engine.settings.table import SettingScope
from sysdig_instrument.engine.task_plan import Status, TaskPlan
from sysdig_instrument.engine.traces import wrapped_containers
from sysdig_instrument.lazy_dataclasses import replace

LookupFunction: TypeAlias = Callable[[Sequence[Lookup]], Mapping[Lookup, Answer]]
"""Performs several lookups at once. It answers a lookup that fails with ``Unavailable``, and raises nothing for it."""

_MAX_ROUNDS: Final = 8  # a parameter may name an export that names a parameter … that names the image
_NO_ANSWER: Final = Unavailable(Reason("The lookup returned no answer", "Report this as a bug", code=Code.NO_ANSWER))
_CHAIN_TOO_LONG: Final = Unavailable(
    Reason("It depends on too long a chain of parameters and exports", "Shorten the chain", code=Code.CHAIN_TOO_LONG),
    is_final=True,
)
_NOT_LOOKED_UP: Final = Unavailable(
    Reason(
        "It was not looked up",
        "Give the container an EntryPoint, and a Command if the image has a CMD",
        code=Code.NOT_LOOKED_UP,
    )
)


def plan_with_lookups(template: Json, context: Context, look_up: LookupFunction) -> Plan:
    """Return a plan without open lookups.

    Lookups that are still open after eight rounds are answered with ``Unavailable``.
    """
    answers = dict(context.answers)
    current = plan(template, context)
    for _ in range(_MAX_ROUNDS):
        if not current.lookups:
            return current
        new_answers = look_up(current.lookups)
        answers.update({lookup: new_answers.get(lookup, _NO_ANSWER) for lookup in current.lookups})
        current = plan(template, replace(context, answers=answers))
    while current.lookups:
        answers.update(dict.fromkeys(current.lookups, _CHAIN_TOO_LONG))
        current = plan(template, replace(context, answers=answers))
    return current


def plan_definition(definition: Json, resolved: ResolvedSettings) -> TaskPlan:
    """Return the plan for a task definition as ECS gets it, without lookups. It is a template, or its Properties alone.

    ECS does not get the Metadata, in which a template may have opted in. So with Mode opt-in, a container with the wrapper
    counts as opted in: it must be protected completely.
    """
    (planned,) = plan_with_lookups(definition, Context(deployment_settings=resolved), look_up_nothing).tasks
    opted_in = wrapped_containers(planned.task.properties)
    if resolved.values.mode != "opt-in" or planned.outcome.status is not Status.SKIPPED or not opted_in:
        return planned
    layer = Layer("the containers with the wrapper", {}, SettingScope.TASK)
    with_containers = ResolvedSettings(
        replace(resolved.values, include_containers=list(opted_in)), {**resolved.layers, "IncludeContainers": layer}
    )
    (planned,) = plan_with_lookups(definition, Context(deployment_settings=with_containers), look_up_nothing).tasks
    return planned


def look_up_nothing(lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
    """Answer each lookup with ``Unavailable``: a :data:`LookupFunction` that does no I/O."""
    return dict.fromkeys(lookups, _NOT_LOOKED_UP)

"""Plan, ask what the plan lacks, and plan again: the one loop between the pure engine and the world."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import Answer, Lookup, Unavailable
from sysdig_instrument.engine.plan import Context, Plan, plan
from sysdig_instrument.lazy_dataclasses import replace

LookupFunction: TypeAlias = Callable[[Sequence[Lookup]], Mapping[Lookup, Answer]]
"""Answers all the requests at once. It raises nothing that a user could cause: a failure is an ``Unavailable``."""

_MAX_ROUNDS: Final = 8  # a parameter names an export that names a parameter … that names the image
_NO_ANSWER: Final = Unavailable(Reason("Nothing came back for it", "Report this as a bug"))
_CHAIN_TOO_LONG: Final = Unavailable(
    Reason("It hangs on too long a chain of parameters and exports", "Shorten the chain")
)
_NOT_LOOKED_UP: Final = Unavailable(Reason("It was not asked for", "Give the container an EntryPoint"))


def plan_with_lookups(template: Json, context: Context, look_up: LookupFunction) -> Plan:
    """The plan with all its requests answered."""
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


def no_lookups(lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
    """A world in which there is nobody to ask."""
    return dict.fromkeys(lookups, _NOT_LOOKED_UP)

"""Plan, ask what the plan lacks, and plan again: the one loop between the pure engine and the world."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import Answer, Request, Unavailable
from sysdig_instrument.engine.plan import Context, Plan, plan
from sysdig_instrument.values import replace

Lookup: TypeAlias = Callable[[Sequence[Request]], Mapping[Request, Answer]]
"""Answers all the requests at once. It raises nothing that a user could cause: a failure is an ``Unavailable``."""

_MOST_ROUNDS: Final = 8  # a parameter names an export that names a parameter … that names the image
_SILENCE: Final = Unavailable(Reason("Nothing came back for it", "Report this as a bug"))
_ENDLESS: Final = Unavailable(Reason("It hangs on too long a chain of parameters and exports", "Shorten the chain"))
_NOBODY: Final = Unavailable(Reason("It was not asked for", "Give the container an EntryPoint"))


def planned(template: Json, context: Context, lookup: Lookup) -> Plan:
    """The plan with all its requests answered."""
    answers = dict(context.answers)
    current = plan(template, context)
    for _ in range(_MOST_ROUNDS):
        if not current.requests:
            return current
        found = lookup(current.requests)
        answers.update({request: found.get(request, _SILENCE) for request in current.requests})
        current = plan(template, replace(context, answers=answers))
    while current.requests:
        answers.update(dict.fromkeys(current.requests, _ENDLESS))
        current = plan(template, replace(context, answers=answers))
    return current


def nobody(requests: Sequence[Request]) -> Mapping[Request, Answer]:
    """A world in which there is nobody to ask."""
    return dict.fromkeys(requests, _NOBODY)

"""The mutations that the tests and the table use: each kind once where that says all, so that they take seconds."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import TypeVar

from bypasses.definitions import Definition, definitions
from bypasses.expressions import ExpressionMutation, expression_mutations
from bypasses.mutations import Mutation, mutations

# The settings of these decide about the agent and the tags, so each kind of mutation says something else there.
_SETTINGS_DECIDE = {"all-settings", "locked", "all-locked"}
_DECIDED_BY_SETTINGS = ("agent", "task.Tags")
AnyMutation = TypeVar("AnyMutation", Mutation, ExpressionMutation)


@functools.cache
def literal_mutations() -> dict[str, list[Mutation]]:
    """Return mutations without expressions, by the name of the definition."""
    return _sample(lambda definition: mutations(definition.properties))


@functools.cache
def mutations_to_expressions() -> dict[str, list[ExpressionMutation]]:
    """Return mutations of one field to an expression, by the name of the definition."""
    return _sample(lambda definition: expression_mutations(definition.properties))


def _sample(of_definition: Callable[[Definition], Iterator[AnyMutation]]) -> dict[str, list[AnyMutation]]:
    seen: set[str] = set()
    found: dict[str, list[AnyMutation]] = {}
    for definition in definitions():
        own: set[str] = set()
        found[definition.name] = []
        for mutation in of_definition(definition):
            is_decided = definition.name in _SETTINGS_DECIDE and mutation.field.startswith(_DECIDED_BY_SETTINGS)
            if mutation.kind not in (own if is_decided else seen):
                found[definition.name].append(mutation)
            own.add(mutation.kind)
            seen.add(mutation.kind)
    return found

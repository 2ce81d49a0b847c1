"""A strategy for task definitions that the macro has instrumented, and that somebody may have changed afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import assume
from hypothesis import strategies as st

from bypasses.mutations import mutations
from corpus.adapter import transform
from oracle.evaluate import evaluate
from oracle.values import Json, mapping
from strategies.scenarios import scenarios

MAX_MUTATIONS = 3


@dataclass(frozen=True)
class ChangedDefinition:
    """A task definition without expressions, with its Metadata, the deployment's settings, and what was changed."""

    resource: Mapping[str, Json]
    settings: Mapping[str, Json]
    changes: tuple[str, ...]


@st.composite
def changed_definitions(draw: st.DrawFn) -> ChangedDefinition:
    """Draw the macro's output for a random template, evaluated, with some mutations."""
    scenario = draw(scenarios())
    outcome = transform(scenario.template, scenario.stack, scenario.settings, scenario.images)
    assume(not outcome.refused)
    output = evaluate(outcome.output, scenario.stack)
    name = draw(st.sampled_from(sorted(output.task_definitions())))
    resource = output.resources[name]
    changes = []
    for _ in range(draw(st.integers(0, MAX_MUTATIONS))):
        possible = list(mutations(mapping(resource.get("Properties"))))
        mutation = possible[draw(st.integers(0, len(possible) - 1))]
        resource = {**resource, "Properties": mutation.properties}
        changes.append(mutation.kind)
    kept = {key: value for key, value in resource.items() if key in ("Type", "Metadata", "Properties")}
    return ChangedDefinition(kept, scenario.settings, tuple(changes))

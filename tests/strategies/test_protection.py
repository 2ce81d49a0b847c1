"""Properties of the answer to whether a task definition is protected, for random definitions and random changes to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hypothesis import HealthCheck, given, note, settings

from bypasses.judges import Answer, answer_of, engine_answers
from corpus.adapter import transform
from oracle.evaluate import StackInputs
from oracle.protection import protection_of
from oracle.selection import AGENT, container_is_selected
from oracle.settings import merge_layers
from oracle.values import Json, items, mapping
from strategies.protection import ChangedDefinition, changed_definitions


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
@given(changed_definitions())
def test_the_engine_and_the_oracle_agree_on_protection(definition: ChangedDefinition) -> None:
    """Verify also that the macro would change nothing that protects a task that is called protected."""
    found = protection_of(definition.resource, definition.settings)
    actual = engine_answer(definition)
    note(f"{definition.changes} {found}")
    # What is left alone may be refused, too: for a reserved name, or for what ECS refuses.
    may_be_refused = not found.is_certain or answer_of(found) is Answer.LEFT_ALONE
    is_stricter = actual is Answer.NOT_PROTECTED and may_be_refused
    assert actual is answer_of(found) or is_stricter
    if actual is not Answer.PROTECTED:
        return
    outcome = transform(template_of(definition), StackInputs({}), definition.settings, {})
    if not outcome.refused:
        after = mapping(mapping(mapping(outcome.output)["Resources"])["Task"])
        before = definition.resource
        assert list(protecting_values(after, definition)) == list(protecting_values(before, definition))


def engine_answer(definition: ChangedDefinition) -> Answer:
    """Return the engine's answer."""
    return engine_answers(template_of(definition), StackInputs({}), definition.settings)["Task"]


def template_of(definition: ChangedDefinition) -> Json:
    """Return a template with the task definition."""
    return {"Resources": {"Task": dict(definition.resource)}}


def protecting_values(resource: Mapping[str, Json], definition: ChangedDefinition) -> Iterator[Json]:
    """Yield what protects the containers: of the agent, its name and what it runs."""
    properties = mapping(resource.get("Properties"))
    merged = merge_layers(definition.settings, None, resource)
    yield properties.get("PidMode")
    for container in map(mapping, items(properties.get("ContainerDefinitions"))):
        if container.get("Name") == AGENT:
            yield [AGENT, container.get("EntryPoint"), container.get("Command"), container.get("Secrets")]
        elif container_is_selected(container, resource, merged):
            yield [container.get(key) for key in ("Name", "EntryPoint", "Command", "VolumesFrom", "LinuxParameters")]

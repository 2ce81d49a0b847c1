"""The traces of the agent in a task definition as ECS gets it. They say what was meant, and nothing about protection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sysdig_instrument.engine.agent import WRAPPER
from sysdig_instrument.engine.json_types import Json


def container_objects(properties: Json) -> Iterator[Mapping[str, Json]]:
    """Yield the container definitions of a task definition that are objects."""
    definitions = properties.get("ContainerDefinitions") if isinstance(properties, dict) else None
    for each in definitions if isinstance(definitions, list) else ():
        if isinstance(each, dict):
            yield each


def wrapped_containers(properties: Json) -> tuple[str, ...]:
    """Return the names of the containers with the wrapper's path anywhere in EntryPoint or Command."""
    return tuple(
        str(each.get("Name"))
        for each in container_objects(properties)
        if mentions_wrapper(each, "EntryPoint") or mentions_wrapper(each, "Command")
    )


def mentions_wrapper(container: Mapping[str, Json], key: str) -> bool:
    """Return whether the wrapper's path is anywhere in an EntryPoint or a Command."""
    arguments = container.get(key)
    return isinstance(arguments, list) and any(isinstance(each, str) and WRAPPER in each for each in arguments)

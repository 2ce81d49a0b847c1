"""What the verdict on running tasks wants to know of a task definition beside the engine's plan for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from sysdig_instrument.engine.agent import ACCESS_KEY, AGENT_NAME, WRAPPER
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.values import dataclass

_KEY_COMES_BY: Final = ("EntryPoint", "Command", "EnvironmentFiles")
"""Members of the agent's container through which it may get its key where we cannot see it."""


@dataclass(frozen=True, slots=True)
class Sight:
    """The parts of a task definition that matter here.

    ``has_access_key`` is false only where the agent cannot have a key by any way that is known: neither its own
    variables and secrets, nor an orchestrator (agents before 6), nor a workload's variables (agents before 5).
    """

    is_bare: bool
    agent_image: str | None
    collector: str | None
    has_access_key: bool
    keys_in_the_clear: tuple[str, ...]
    wrapped: tuple[str, ...]
    wrapped_by_command: frozenset[str]

    @classmethod
    def of(cls, properties: Json) -> Sight:
        """What is to be seen in a task definition, spelled as CloudFormation does."""
        containers = list(_containers(properties))
        agent = next((each for each in containers if each.get("Name") == AGENT_NAME), {})
        clear = tuple(str(each.get("Name")) for each in containers if ACCESS_KEY in _environment(each))
        wrapped = [each for each in containers if _mentions_wrapper(each, "EntryPoint", "Command")]
        image = agent.get("Image")
        return cls(
            is_bare=not agent and not wrapped,
            agent_image=image if isinstance(image, str) else None,
            collector=_environment(agent).get("SYSDIG_COLLECTOR"),
            has_access_key=bool(clear) or _may_have_key(agent),
            keys_in_the_clear=clear,
            wrapped=tuple(str(each.get("Name")) for each in wrapped),
            wrapped_by_command=frozenset(
                str(each.get("Name")) for each in wrapped if not _mentions_wrapper(each, "EntryPoint")
            ),
        )


def _containers(properties: Json) -> Iterator[Mapping[str, Json]]:
    listed = properties.get("ContainerDefinitions") if isinstance(properties, dict) else None
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict):
            yield each


def _may_have_key(agent: Mapping[str, Json]) -> bool:
    named = {name for key in ("Environment", "Secrets") for name, _ in _entries(agent, key)}
    return bool(named & {ACCESS_KEY, "SYSDIG_ORCHESTRATOR"}) or any(agent.get(key) for key in _KEY_COMES_BY)


def _environment(container: Mapping[str, Json]) -> dict[str, str]:
    return {name: value for name, value in _entries(container, "Environment") if value}


def _entries(container: Mapping[str, Json], key: str) -> Iterator[tuple[str, str]]:
    listed = container.get(key)
    for entry in listed if isinstance(listed, list) else ():
        name = entry.get("Name") if isinstance(entry, dict) else None
        value = entry.get("Value") if isinstance(entry, dict) else None
        if isinstance(name, str):
            yield name, value if isinstance(value, str) else ""


def _mentions_wrapper(container: Mapping[str, Json], *keys: str) -> bool:
    words = [word for key in keys for word in _list(container.get(key))]
    return any(isinstance(word, str) and WRAPPER in word for word in words)


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []

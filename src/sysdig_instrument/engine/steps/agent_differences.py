"""The differences between an agent's container and what the settings ask for, and those that leave a task unprotected.

The agent's container is what :mod:`agent` would make, and nothing else is known to protect. So whatever differs makes the
task unprotected, with these exceptions:

- Image: an image of TrustedAgentImages, if AgentImage is not locked.
- What a setting governs (the collector, the reservation, …): another value, if that setting is not locked. Other
  deployments of the macro (rings) may have other settings.
- ``_HARMLESS``, and members with the value that ECS assumes without them.

Source: the ECS API reference, ContainerDefinition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import Container
from sysdig_instrument.engine.expressions.decision_tree import leaves
from sysdig_instrument.engine.expressions.evaluate import evaluate_by_condition
from sysdig_instrument.engine.expressions.scope import PlanState
from sysdig_instrument.engine.expressions.values import Evaluated, Known, Unknown, to_string
from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.settings.agent_images import is_trusted
from sysdig_instrument.engine.settings.locks import is_locked
from sysdig_instrument.engine.settings.table import Settings
from sysdig_instrument.engine.steps.agent_variables import (
    altered,
    environment_difference,
    not_as_locked,
    secrets_difference,
)
from sysdig_instrument.lazy_dataclasses import replace

_HARMLESS: Final = frozenset(
    {
        "DockerLabels",  # nothing reads them but people and tools
        "StartTimeout",  # how long the container waits for others, and the agent waits for none
        "StopTimeout",  # how long it may take to end once it is stopped
    }
)
_DEFAULTS: Final[Mapping[str, str]] = {
    "Cpu": "0",
    "DisableNetworking": "false",
    "Interactive": "false",
    "Privileged": "false",
    "PseudoTerminal": "false",
    "ReadonlyRootFilesystem": "false",
}
"""Members with the value that ECS assumes without them, as CloudFormation writes it in a string."""

_SETTINGS_OF_MEMBER: Final[Mapping[str, str]] = {
    "Essential": "AgentEssential",
    "Cpu": "AgentCpu",
    "Memory": "AgentMemory",
    "MemoryReservation": "AgentMemoryReservation",
    "LogConfiguration": "AgentLogConfiguration",
    "RepositoryCredentials": "AgentImageCredentials",
}

_IMAGE_NOT_TRUSTED: Final = Reason(
    "The image of the agent's container is not certain to be one of TrustedAgentImages",
    code=Code.AGENT_IMAGE_NOT_TRUSTED,
)


def difference(container: Container, key: str, wanted: Json | Absent, settings: Settings) -> Reason | None:
    """Return why a task is unprotected by the value of a member of the agent's container; None if it is not.

    ``wanted`` is the value that the settings ask for, ``ABSENT`` if they ask for none.
    """
    certain = replace(container.scope, answers={}, state=PlanState())  # what is looked up may change until deployment
    for leaf, assumptions in container.values(key):
        scope = certain.assuming(assumptions)
        if key == "Environment":
            reason = environment_difference(leaf.value, wanted, settings, scope)
        elif key == "Secrets":
            reason = secrets_difference(leaf.value, wanted, settings, scope)
        else:
            values = leaves(evaluate_by_condition(leaf.value, scope, assumptions), assumptions)
            reason = next(_reasons(key, (value for value, _ in values), wanted, settings), None)
        if reason:
            return reason
    return None


def _reasons(key: str, values: Iterator[Evaluated], wanted: Json | Absent, settings: Settings) -> Iterator[Reason]:
    for value in values:
        if not isinstance(value, Unknown) and _comparable(key, value) == _comparable(key, wanted):
            continue
        if key == "Image":
            yield from _image_reasons(value, settings)
        elif key in ("EntryPoint", "Command"):
            yield Reason(f"{key} of the agent's container is not what the settings ask for", code=Code.AGENT_COMMAND)
        elif setting := _SETTINGS_OF_MEMBER.get(key):
            if is_locked(setting, settings) and not (key == "Essential" and _follows_open_priority(settings)):
                yield not_as_locked(setting)
        elif key not in _HARMLESS:
            yield altered(f"has {quote(key)}")


def _image_reasons(value: Evaluated, settings: Settings) -> Iterator[Reason]:
    match value:
        case Known(str(image)) if is_trusted(image, settings):
            if is_locked("AgentImage", settings):
                yield not_as_locked("AgentImage")
        case _:
            yield _IMAGE_NOT_TRUSTED


def _follows_open_priority(settings: Settings) -> bool:
    return settings.agent_essential == "auto" and not is_locked("Priority", settings)


def _comparable(key: str, value: Known | Json | Absent) -> Json | Absent:
    """Return a value as ECS treats it: scalars as strings, and what is empty or ECS's default as absent."""
    plain = _without_empty(value.value if isinstance(value, Known) else value)
    return ABSENT if plain == _DEFAULTS.get(key, ABSENT) else plain


def _without_empty(value: Json | Absent) -> Json | Absent:
    if isinstance(value, dict):
        members = {key: plain for key, each in value.items() if (plain := _without_empty(each)) is not ABSENT}
        return members or ABSENT
    if isinstance(value, list):
        return [None if (plain := _without_empty(each)) is ABSENT else plain for each in value] or ABSENT
    return ABSENT if value is ABSENT or value is None else to_string(value)

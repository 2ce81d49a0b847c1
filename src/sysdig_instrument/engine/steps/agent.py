"""The definition of the agent's container that the settings ask for.

Source: Sysdig documentation, «Serverless Agents», for the image, the variables and the access key; the ECS API reference,
ContainerDefinition, for the keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from sysdig_instrument.engine.agent import ACCESS_KEY_VARIABLE, AGENT_NAME, SIDECAR_VARIABLE
from sysdig_instrument.engine.container import Container
from sysdig_instrument.engine.expressions.decision_tree import (
    Assumptions,
    Leaf,
    LocatedValue,
    Tree,
    branch_on,
    flat_map,
    render_tree,
)
from sysdig_instrument.engine.expressions.work import steps_of
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.settings.table import Settings

_AGENT_REASON: Final = "the agent"
_STREAM_PREFIX: Final = "sysdig"


def agent_definition(settings: Settings, workloads: Sequence[Container], assumptions: Assumptions) -> dict[str, Json]:
    """Return the container definition of the agent that the settings ask for.

    ``workloads`` are the instrumented containers, in their order. With ``AgentLogConfiguration: inherit``, the agent gets
    the LogConfiguration of the first one. Otherwise the definition depends on the settings alone, and task definitions with
    the same settings share one object.
    """
    state = workloads[0].scope.state
    cached = state.agent_definition
    if cached is None or cached[0] is not settings or settings.agent_log_configuration == "inherit":
        definition = _build_definition(settings, workloads, assumptions)
        cached = state.agent_definition = settings, definition, steps_of(definition)
    state.work.spend(cached[2])
    return cached[1]


def _build_definition(settings: Settings, workloads: Sequence[Container], assumptions: Assumptions) -> dict[str, Json]:
    definition: dict[str, Json | Absent | None] = {
        "Name": AGENT_NAME,
        "Image": settings.agent_image,
        "EntryPoint": cast("Json", settings.agent_entry_point),
        "Command": cast("Json", settings.agent_command),
        "Essential": _essential(settings),
        "Cpu": settings.agent_cpu,
        "Memory": settings.agent_memory,
        "MemoryReservation": settings.agent_memory_reservation,
        "Environment": _environment(settings),
        "Secrets": settings.access_key_value_from
        and [{"Name": ACCESS_KEY_VARIABLE, "ValueFrom": settings.access_key_value_from}],
        "LogConfiguration": _log_configuration(settings, workloads, assumptions),
        "RepositoryCredentials": settings.agent_image_credentials
        and {"CredentialsParameter": settings.agent_image_credentials},
    }
    return {key: value for key, value in definition.items() if value is not None and value is not ABSENT}


def _essential(settings: Settings) -> bool:
    return settings.priority == "security" if settings.agent_essential == "auto" else settings.agent_essential == "true"


def _environment(settings: Settings) -> list[Json]:
    variables: dict[str, Json | None] = {
        "SYSDIG_COLLECTOR": settings.collector_host,
        "SYSDIG_COLLECTOR_PORT": str(settings.collector_port),
        "SYSDIG_PRIORITY": settings.priority,
        SIDECAR_VARIABLE: settings.sidecar_mode,
        "SYSDIG_LOGGING": settings.log_level,
        "SYSDIG_EXTRA_CONF": settings.extra_conf,
        **settings.agent_environment,
    }
    return [{"Name": name, "Value": value} for name, value in variables.items() if value is not None]


def _log_configuration(settings: Settings, workloads: Sequence[Container], assumptions: Assumptions) -> Json | Absent:
    if settings.agent_log_configuration != "inherit":
        return settings.agent_log_configuration
    inherited: Tree[Json | Absent] = Leaf(ABSENT)
    for workload in reversed(workloads):  # which one is the first may depend on conditions
        inherited = branch_on(
            workload.assumptions,
            assumptions,
            flat_map(workload.tree("LogConfiguration"), workload.assumptions, _with_stream_prefix),
            inherited,
        )
    # This removes the branches that contradict each other or the assumptions.
    tree = flat_map(inherited, assumptions, lambda value, _assumptions: Leaf(value))
    return ABSENT if tree == Leaf(ABSENT) else render_tree(tree)


def _with_stream_prefix(leaf: LocatedValue, _assumptions: Assumptions) -> Tree[Json | Absent]:
    """Return a workload's LogConfiguration with the agent's own prefix for awslogs streams."""
    options = leaf.value.get("Options") if isinstance(leaf.value, dict) else None
    if not isinstance(leaf.value, dict) or not isinstance(options, dict) or "awslogs-stream-prefix" not in options:
        return Leaf(leaf.value)
    return Leaf({**leaf.value, "Options": {**options, "awslogs-stream-prefix": _STREAM_PREFIX}})

"""The agent's container, last in the list; one that is there already is brought to what the settings say.

Owns: the container SysdigInstrumentation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, cast

from sysdig_instrument.engine.agent import ACCESS_KEY, AGENT_NAME, SIDECAR
from sysdig_instrument.engine.container import Container, StepOutput
from sysdig_instrument.engine.expressions.decision_tree import (
    Assumptions,
    Leaf,
    LocatedValue,
    Tree,
    any_of,
    flat_map,
    render_tree,
    where,
)
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.settings.table import Settings

_AGENT_REASON: Final = "the agent"
_STREAM_PREFIX: Final = "sysdig"


def agent_definition(settings: Settings, workloads: Sequence[Container], assumptions: Assumptions) -> dict[str, Json]:
    """The container definition that the settings ask for.

    ``workloads`` are the instrumented containers, in their order: the agent may inherit the first one's LogConfiguration.
    Otherwise the settings alone make it, and task definitions with the same settings share it.
    """
    run = workloads[0].scope.state
    if settings.agent_log_configuration == "inherit":
        return _build_definition(settings, workloads, assumptions)
    if run.agent is None or run.agent[0] is not settings:
        run.agent = settings, _build_definition(settings, workloads, assumptions)
    return run.agent[1]


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
        "Secrets": settings.access_key_secret and [{"Name": ACCESS_KEY, "ValueFrom": settings.access_key_secret}],
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
        SIDECAR: settings.sidecar_mode,
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
        inherited = where(
            workload.assumptions,
            assumptions,
            flat_map(workload.tree("LogConfiguration"), workload.assumptions, _with_stream_prefix),
            inherited,
        )
    tree = flat_map(inherited, assumptions, lambda value, _assumptions: Leaf(value))
    return ABSENT if tree == Leaf(ABSENT) else render_tree(tree)


def _with_stream_prefix(leaf: LocatedValue, _assumptions: Assumptions) -> Tree[Json | Absent]:
    """A workload's LogConfiguration with the agent's own stream prefix."""
    options = leaf.value.get("Options") if isinstance(leaf.value, dict) else None
    if not isinstance(leaf.value, dict) or not isinstance(options, dict) or "awslogs-stream-prefix" not in options:
        return Leaf(leaf.value)
    return Leaf({**leaf.value, "Options": {**options, "awslogs-stream-prefix": _STREAM_PREFIX}})


def add_agent(
    definition: dict[str, Json],
    containers: LocatedValue,
    assumptions: Assumptions,
    protected: Tree[bool],
    existing: Sequence[Container],
) -> Iterator[Change]:
    """The agent's container, appended to one list of containers where a container is instrumented and it is missing."""
    there = any_of([container.assumptions for container in existing], assumptions)

    def missing(is_protected: bool, assumed: Assumptions) -> Tree[Json | Absent]:  # noqa: FBT001 - a leaf, not a switch
        return flat_map(
            there, assumed, lambda is_there, _assumptions: Leaf(definition if is_protected and not is_there else ABSENT)
        )

    item = flat_map(protected, assumptions, missing)
    if item != Leaf(ABSENT):
        yield Change("add", (*containers.pointer, "-"), _AGENT_REASON, render_tree(item))


def update_agent(container: Container, definition: dict[str, Json]) -> Iterator[StepOutput]:
    """The changes that make an agent's container what the settings say, key by key.

    Without the setting AccessKeySecret its Secrets stay: an agent without a key is no agent.
    """
    reason = "as the settings say"
    kept = {"Secrets"} - definition.keys()
    for key, value in container.value.items():
        pointer = (*container.pointer, key)
        if key not in definition and key not in kept:
            yield Change("remove", pointer, reason, was=value, protects=False)
            yield container.notice(
                pointer, Reason(f"{key} of the agent's container is taken out, as no setting asks for it")
            )
        elif key in definition and definition[key] != value:
            yield Change("replace", pointer, reason, definition[key], was=value, protects=False)
    for key, value in definition.items():
        if key not in container.value:
            yield Change("add", (*container.pointer, key), reason, value, protects=False)

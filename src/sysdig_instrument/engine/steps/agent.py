"""The agent's container, last in the list; one that is there already is brought to what the settings say.

Owns: the container SysdigInstrumentation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, cast

from sysdig_instrument.engine.agent import ACCESS_KEY, AGENT_NAME, SIDECAR
from sysdig_instrument.engine.choices import Always, Leaf, Tree, When, any_of, bind, render, where
from sysdig_instrument.engine.container import Container, Effect
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.settings.table import Settings

_REASON: Final = "the agent"
_STREAM_PREFIX: Final = "sysdig"


def agent(settings: Settings, workloads: Sequence[Container], when: When) -> dict[str, Json]:
    """The container definition that the settings ask for.

    ``workloads`` are the instrumented containers, in their order: the agent may inherit the first one's LogConfiguration.
    Otherwise the settings alone make it, and task definitions with the same settings share it.
    """
    run = workloads[0].scope.run
    if settings.agent_log_configuration == "inherit":
        return _agent(settings, workloads, when)
    if run.agent is None or run.agent[0] is not settings:
        run.agent = settings, _agent(settings, workloads, when)
    return run.agent[1]


def _agent(settings: Settings, workloads: Sequence[Container], when: When) -> dict[str, Json]:
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
        "LogConfiguration": _log_configuration(settings, workloads, when),
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


def _log_configuration(settings: Settings, workloads: Sequence[Container], when: When) -> Json | Absent:
    if settings.agent_log_configuration != "inherit":
        return settings.agent_log_configuration
    inherited: Tree[Json | Absent] = Always(ABSENT)
    for workload in reversed(workloads):  # which one is the first may depend on conditions
        inherited = where(
            workload.when, when, bind(workload.member("LogConfiguration"), workload.when, _own), inherited
        )
    tree = bind(inherited, when, lambda value, _when: Always(value))
    return ABSENT if tree == Always(ABSENT) else render(tree)


def _own(leaf: Leaf, _when: When) -> Tree[Json | Absent]:
    """A workload's LogConfiguration with the agent's own stream prefix."""
    options = leaf.value.get("Options") if isinstance(leaf.value, dict) else None
    if not isinstance(leaf.value, dict) or not isinstance(options, dict) or "awslogs-stream-prefix" not in options:
        return Always(leaf.value)
    return Always({**leaf.value, "Options": {**options, "awslogs-stream-prefix": _STREAM_PREFIX}})


def add_agent(
    definition: dict[str, Json], containers: Leaf, when: When, protected: Tree[bool], existing: Sequence[Container]
) -> Iterator[Change]:
    """The agent's container, appended to one list of containers where a container is instrumented and it is missing."""
    there = any_of([container.when for container in existing], when)

    def missing(is_protected: bool, under: When) -> Tree[Json | Absent]:  # noqa: FBT001 - a leaf, not a switch
        return bind(
            there, under, lambda is_there, _when: Always(definition if is_protected and not is_there else ABSENT)
        )

    item = bind(protected, when, missing)
    if item != Always(ABSENT):
        yield Change("add", (*containers.pointer, "-"), _REASON, render(item))


def update_agent(container: Container, definition: dict[str, Json]) -> Iterator[Effect]:
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

"""Containers that refer to containers by name (ECS API reference, VolumeFrom and ContainerDependency)."""

from __future__ import annotations

from collections.abc import Iterator

from sysdig_instrument.engine.agent import AGENT_NAME
from sysdig_instrument.engine.checks.made import Made
from sysdig_instrument.engine.findings import Problem, Reason, quoted


def volumes_from(made: Made) -> Iterator[Problem]:
    """VolumesFrom names containers that are there."""
    yield from _targets(made, "VolumesFrom", "SourceContainer")


def depends_on(made: Made) -> Iterator[Problem]:
    """DependsOn names containers that are there."""
    yield from _targets(made, "DependsOn", "ContainerName")


def healthy_agent(made: Made) -> Iterator[Problem]:
    """Nobody waits for the agent to be healthy: its container has no health check, and ECS refuses to wait for one."""
    for container in made.containers:
        for target, entry, pointer in made.entries(container, "DependsOn", "ContainerName"):
            if target == AGENT_NAME and made.worth(entry.get("Condition")) == "HEALTHY":
                fact = "DependsOn waits for the agent to be HEALTHY, and the agent's container has no HealthCheck"
                yield Problem(
                    made.place_of(container, pointer), Reason(fact, "Take the dependency out, or let it wait for START")
                )


def _targets(made: Made, key: str, name: str) -> Iterator[Problem]:
    referring = [container for container in made.containers if key in container.value]
    if not referring or not made.knows_all_names:
        return
    names = {container.name for container in made.containers}
    for container in referring:
        for target, _, pointer in made.entries(container, key, name):
            if isinstance(target, str) and target not in names:
                fact = f"{key} names {quoted(target)}, and there is no such container"
                yield Problem(made.place_of(container, pointer), Reason(fact, "Correct the name"))

"""The containers of a task definition among themselves (ECS API reference, RegisterTaskDefinition; ECS service quotas)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sysdig_instrument.engine.checks.made import Made
from sysdig_instrument.engine.findings import Problem, Reason

MOST_CONTAINERS: Final = 10


def unique_names(made: Made) -> Iterator[Problem]:
    """No two containers have the same name."""
    seen: set[str | None] = set()
    for container in made.containers:
        if container.name is not None and container.name in seen:
            yield Problem(
                made.place(container, "Name"),
                Reason("Another container has the same name", "Give it a name of its own"),
            )
        seen.add(container.name)


def at_most_ten(made: Made) -> Iterator[Problem]:
    """A task definition has ten containers at most, the agent's included."""
    count = len(made.containers)
    if count > MOST_CONTAINERS:
        yield Problem(
            made.place(None, "ContainerDefinitions"),
            Reason(f"With the agent's container there are {count} containers, and ECS takes {MOST_CONTAINERS} at most",
            "Move one into a task definition of its own, or leave this task alone (Enabled: false)"),
        )  # fmt: skip

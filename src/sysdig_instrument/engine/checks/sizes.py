"""What containers reserve fits into the task, and if not, which size would do (ECS developer guide, «Task size»)."""

from __future__ import annotations

from collections.abc import Iterator

from sysdig_instrument.engine.agent import AGENT_NAME
from sysdig_instrument.engine.checks.made import Made
from sysdig_instrument.engine.findings import Problem, Reason
from sysdig_instrument.engine.json_types import ABSENT
from sysdig_instrument.engine.selection import runs_on_fargate
from sysdig_instrument.engine.sizes import RESOURCES, Resource, Size, next_size


def size(made: Made) -> Iterator[Problem]:
    """With the agent's, what the containers reserve together is not more than the task has.

    A problem only where it is the agent's share that is too much: what the template asks for itself is its own affair.
    """
    for resource in RESOURCES:
        agents = sum(resource.of(each.value, made.worth) for each in made.containers if each.name == AGENT_NAME)
        if agents == 0:
            continue
        total = sum(resource.of(each.value, made.worth) for each in made.containers)
        limit = _limit(made, resource)
        if limit is not None and total - agents <= limit < total:
            fact = (
                f"With {agents} {resource.unit} for the agent the containers reserve {total}, and the task has {limit}"
            )
            yield Problem(made.place(None, resource.key), Reason(fact, _advice(made)))


def _limit(made: Made, resource: Resource) -> int | None:
    """What the task has of a resource; nothing where it sets no limit, or none that is known."""
    return resource.read(made.worth(made.properties.get(resource.key, ABSENT)))


def _advice(made: Made) -> str:
    needs = (
        max(sum(resource.of(each.value, made.worth) for each in made.containers), _limit(made, resource) or 0)
        for resource in RESOURCES
    )
    on_fargate = runs_on_fargate(made.properties, made.task.scope)
    larger = next_size(Size(*needs), on_fargate=on_fargate)
    if larger is None:
        return "Make the containers smaller: no Fargate size is large enough"
    which = "the next Fargate size that fits" if on_fargate else "which is enough"
    return f"Give the task {larger.text}, {which}, set TaskSize to raise, or make the containers smaller"

"""What a task's containers reserve of a resource, under each combination of the conditions that decide it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sysdig_instrument.engine import intrinsics
from sysdig_instrument.engine.agent import AGENT_NAME
from sysdig_instrument.engine.choices import Always, Tree, When, bind, leaves, where
from sysdig_instrument.engine.container import container_lists, elements
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import ABSENT, Json
from sysdig_instrument.engine.known import Known, Literal, Unknown
from sysdig_instrument.engine.scope import Scope
from sysdig_instrument.engine.sizes import Resource
from sysdig_instrument.engine.template import TaskDefinition
from sysdig_instrument.values import dataclass

_MOST_LEAVES: Final = 256
_TOO_MANY: Final = Unknown(Reason("it depends on too many conditions"))


@dataclass(frozen=True, slots=True)
class Reserved:
    """What containers reserve: the part that is known, and why there may be more."""

    known: int = 0
    unknown: Unknown | None = None

    def plus(self, other: Reserved) -> Reserved:
        """Both together."""
        return Reserved(self.known + other.known, self.unknown or other.unknown)


def reserved(task: TaskDefinition, scope: Scope, resource: Resource) -> Tree[Reserved]:
    """What the containers reserve without the agent."""
    total: Tree[Reserved] = Always(Reserved())
    for containers, when in container_lists(task):
        values = containers.value if isinstance(containers.value, list) else []
        for _, leaf, under in elements(values, containers.pointer, when):
            if isinstance(leaf.value, dict) and not _is_agent(leaf.value, scope.assuming(under)):
                more = _of_container(leaf.value, resource.reserved, resource, scope, under)
                total = _added(total, where(under, task.when, more, Always(Reserved())), task.when)
                if sum(1 for _ in leaves(total, task.when)) > _MOST_LEAVES:
                    return Always(Reserved(unknown=_TOO_MANY))
    return total


def _added(left: Tree[Reserved], right: Tree[Reserved], when: When) -> Tree[Reserved]:
    return bind(left, when, lambda one, under: bind(right, under, lambda two, _when: Always(one.plus(two))))


def _is_agent(container: Mapping[str, Json], scope: Scope) -> bool:
    return intrinsics.resolve(container.get("Name", ABSENT), scope) == Literal(AGENT_NAME)


def _of_container(
    container: Mapping[str, Json], keys: tuple[str, ...], resource: Resource, scope: Scope, when: When
) -> Tree[Reserved]:
    """The first of some members of a container that says how much of a resource is reserved."""
    if not keys:
        return Always(Reserved())

    def of(known: Known, under: When) -> Tree[Reserved]:
        known_amount = amount(known, resource)
        if known_amount is None:
            return _of_container(container, keys[1:], resource, scope, under)
        return Always(Reserved(known_amount) if isinstance(known_amount, int) else Reserved(unknown=known_amount))

    return bind(intrinsics.cases(container.get(keys[0], ABSENT), scope, when), when, of)


def amount(known: Known, resource: Resource) -> int | Unknown | None:
    """The units of a value that is worked out; nothing where it is no size, or none is given."""
    match known:
        case Unknown():
            return known
        case Literal(value):
            return resource.read(value)
    return None

"""The services of a cluster, and what is to be done with each."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, TypeAlias

from sysdig_instrument.lazy_dataclasses import dataclass, field

Described: TypeAlias = Mapping[str, Any]
"""The response of DescribeTaskDefinition: ``taskDefinition``, and ``tags`` beside it."""

SOURCE_TAG: Final = "sysdig-instrument-from"
"""The tag of a revision that was registered here: the family and the number of the revision that it was made from."""

FARGATE: Final = "FARGATE"
"""The launch type of what runs on Fargate, also by a capacity provider."""

ROLLING: Final = "ROLLING"
"""The strategy of a service whose deployments replace its tasks step by step. A new deployment may replace one that is not complete."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service. ``rollouts`` is the state of each of its deployments, the newest first: IN_PROGRESS, COMPLETED or FAILED.

    ``deployed`` has the task definition of each deployment, in the same order. ``task_definition`` is empty if an external
    controller has not told ECS of one. ``controller`` is EXPRESS for a service that ECS itself manages. ``launch_type`` is
    empty if ECS reports none. ``on_fargate`` has the task definitions of its task sets on Fargate.
    """

    cluster: str
    name: str
    task_definition: str
    controller: str = "ECS"
    tags: Mapping[str, str] = field(default_factory=dict)
    rollouts: tuple[str, ...] = ("COMPLETED",)
    deployed: tuple[str, ...] = ()
    launch_type: str = ""
    strategy: str = ROLLING
    on_fargate: frozenset[str] = frozenset()

    @property
    def label(self) -> str:
        """The name with that of the cluster: clusters may have services of the same name."""
        return f"{self.cluster.rsplit('/', 1)[-1]}/{self.name}"

    @property
    def is_stable(self) -> bool:
        """Return whether all its tasks run its task definition."""
        return self.rollouts == ("COMPLETED",)

    @property
    def has_failed(self) -> bool:
        """Return whether ECS gave up its newest deployment."""
        return self.rollouts[:1] == ("FAILED",)


class Action(Enum):
    """The decision about a service."""

    MOVE = "to move"
    UNCHANGED = "nothing to change"
    LEFT_ALONE = "left alone"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class DefinitionResult:
    """The decision about a task definition. ``value`` is what to register if the action is to move.

    ``is_final`` is false if a lookup failed, so that the decision may be another one later.
    """

    action: Action
    why: str = ""
    value: Described | None = None
    notices: tuple[str, ...] = ()
    is_final: bool = True


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision about a service."""

    service: Service
    action: Action
    why: str = ""


@dataclass(frozen=True, slots=True)
class RolloutPlan:
    """The decisions about all services. ``definitions`` are what to register, by the ARN of the revision it is made from."""

    decisions: tuple[Decision, ...]
    definitions: Mapping[str, Described]
    notices: tuple[str, ...] = ()

    @property
    def is_refused(self) -> bool:
        """Return whether a service blocks all."""
        return any(each.action is Action.REFUSED for each in self.decisions)

    @property
    def services(self) -> tuple[Service, ...]:
        """The services to move."""
        return tuple(each.service for each in self.decisions if each.action is Action.MOVE)


class State(Enum):
    """The state of a service at the end of a rollout."""

    MOVED = "moved"
    NOT_MOVED = "not moved"
    ROLLED_BACK = "rolled back"
    NOT_ROLLED_BACK = "moved, and could not be rolled back"
    UNKNOWN = "moved or not: Amazon ECS did not say"
    CHANGED_MEANWHILE = "changed by somebody else meanwhile"


def short_arn(arn: str) -> str:
    """Return family and revision of a task definition's ARN: ``shop:3``."""
    return arn.rsplit("/", 1)[-1]


def revision(arn: str) -> int:
    """Return the number of a task definition's revision; 0 if there is none."""
    number = short_arn(arn).rpartition(":")[2]
    return int(number) if number.isdecimal() else 0

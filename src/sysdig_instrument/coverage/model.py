"""The inventory of an account: what was read, and what could not be.

Except for task definitions, it holds only names and states.
"""

from __future__ import annotations

from collections.abc import Mapping

from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.lazy_dataclasses import dataclass, field


def short_name(arn: str) -> str:
    """Return the last part of an ARN: a cluster's or service's name, a task ID, or ``family:revision``."""
    return arn.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class RunningContainer:
    """A container of a running task, as ECS reports it.

    ``stop_reason`` is its exit code, or the name of the error that stopped it.
    """

    name: str
    last_status: str
    digest: str | None = None
    stop_reason: str | None = None


@dataclass(frozen=True, slots=True)
class ContainerOverride:
    """A container override of a task: its command, and the names of the variables that it sets."""

    command: tuple[str, ...] = ()
    variable_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task whose desired status is RUNNING.

    ``launch_type`` is empty if ECS reports none. ``group`` is the ECS task group: ``service:web``, or ``family:web``
    for a task outside a service that was started without a group.
    """

    arn: str
    cluster: str
    task_definition: str
    group: str = ""
    launch_type: str = "FARGATE"
    platform_version: str = ""
    last_status: str = "RUNNING"
    containers: tuple[RunningContainer, ...] = ()
    overrides: Mapping[str, ContainerOverride] = field(default_factory=dict)

    @property
    def service(self) -> str | None:
        """Return the name of the task's service, or None if it belongs to none."""
        return self.group.removeprefix("service:") if self.group.startswith("service:") else None

    @property
    def id(self) -> str:
        """Return the task ID: the last part of the ARN."""
        return short_name(self.arn)


@dataclass(frozen=True, slots=True)
class RegisteredTaskDefinition:
    """A task definition as DescribeTaskDefinition returns it, including tags.

    ``status`` is INACTIVE once it is deregistered.
    """

    response: dict[str, Json]
    status: str = "ACTIVE"


@dataclass(frozen=True, slots=True)
class Service:
    """A service: the task definition of its new tasks, if ECS reports one, and whether a deployment is in progress."""

    task_definition: str
    is_deploying: bool = False


@dataclass(frozen=True, slots=True)
class ReadError:
    """Something that could not be read, and why.

    Without a region it applies to every region that was read; without a cluster, to the whole region.
    """

    region: str | None
    cluster: str | None
    reason: Reason

    @property
    def text(self) -> str:
        """Return the location, the fact and the advice as one line."""
        cluster = f'cluster "{self.cluster}"' if self.cluster else None
        location = ", ".join(part for part in (self.region, cluster) if part)
        return f"{location}: {self.reason.coded_text}" if location else self.reason.text


@dataclass(frozen=True, slots=True)
class RegionInventory:
    """The inventory of one region.

    ``task_definitions`` are by ARN; one that could not be read has its error in its place, and not in ``read_errors``.
    ``services`` are by cluster ARN and service name.
    """

    name: str
    clusters: tuple[str, ...] = ()
    tasks: tuple[Task, ...] = ()
    task_definitions: Mapping[str, RegisteredTaskDefinition | ReadError] = field(default_factory=dict)
    services: Mapping[tuple[str, str], Service] = field(default_factory=dict)
    read_errors: tuple[ReadError, ...] = ()


@dataclass(frozen=True, slots=True)
class Inventory:
    """The inventory of an account: its regions, and the errors that belong to no single region."""

    regions: tuple[RegionInventory, ...]
    read_errors: tuple[ReadError, ...] = ()

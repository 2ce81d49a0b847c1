"""The inventory of accounts: what was read, and what could not be.

Except for task definitions, it holds only names and states.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum

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
    for a task outside a service that was started without a group. ``instance`` is the ARN of its container instance, and
    ``capacity_provider`` the name of its capacity provider; either may be empty.
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
    instance: str = ""
    capacity_provider: str = ""
    started_at: datetime | None = None

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
class ManagedDaemon:
    """A managed daemon of a cluster that runs on every instance of these capacity providers, and its containers' images.

    The images are those of privileged containers: the host agent is one.
    """

    name: str
    capacity_providers: tuple[str, ...]
    images: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClusterDaemons:
    """The daemons of a cluster: the names of its services of the strategy DAEMON, and its managed daemons.

    ``unread`` says why they are not known.
    """

    services: frozenset[str] = frozenset()
    managed: tuple[ManagedDaemon, ...] = ()
    unread: Reason | None = None


class AgentLog(Enum):
    """The activity in the log of a task's agent: a line in the time that the caller allows, or none."""

    ACTIVE = "active"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class ReadError:
    """Something that could not be read, and why.

    Without a region it applies to every region that was read; without a cluster, to the whole region. ``account`` is empty
    if it is that of the caller.
    """

    region: str | None
    cluster: str | None
    reason: Reason
    account: str = ""

    @property
    def text(self) -> str:
        """Return the location, the fact and the advice as one line."""
        cluster = f'cluster "{self.cluster}"' if self.cluster else None
        account = f"account {self.account}" if self.account else None
        location = ", ".join(part for part in (account, self.region, cluster) if part)
        return f"{location}: {self.reason.coded_text}" if location else self.reason.text


@dataclass(frozen=True, slots=True)
class RegionInventory:
    """The inventory of one region.

    ``task_definitions`` are by ARN; one that could not be read has its error in its place, and not in ``read_errors``.
    ``services`` are by cluster ARN and service name, ``daemons`` by cluster ARN. ``agent_logs`` are by the ARN of a task; a
    log that could not be read has the reason in its place.
    """

    name: str
    clusters: tuple[str, ...] = ()
    tasks: tuple[Task, ...] = ()
    task_definitions: Mapping[str, RegisteredTaskDefinition | ReadError] = field(default_factory=dict)
    services: Mapping[tuple[str, str], Service] = field(default_factory=dict)
    read_errors: tuple[ReadError, ...] = ()
    daemons: Mapping[str, ClusterDaemons] = field(default_factory=dict)
    agent_logs: Mapping[str, AgentLog | Reason] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Inventory:
    """The inventory of one or more accounts: the regions of each, and the errors that belong to no single region.

    ``accounts`` are those that were named, in this order; it is empty for the account of the caller.
    """

    regions: tuple[RegionInventory, ...]
    read_errors: tuple[ReadError, ...] = ()
    accounts: tuple[str, ...] = ()

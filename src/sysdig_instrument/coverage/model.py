"""What was read of an account: values, and what could not be read. Names and states only, but for the task definitions."""

from __future__ import annotations

from collections.abc import Mapping

from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.lazy_dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RunningContainer:
    """A container of a task, as ECS runs it. ``stop_reason`` is its exit code, or the name of the error that stopped it."""

    name: str
    last_status: str
    digest: str | None = None
    stop_reason: str | None = None


@dataclass(frozen=True, slots=True)
class ContainerOverride:
    """What the task changes in a container of its task definition: its command, and variables by their names."""

    command: tuple[str, ...] = ()
    variable_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task that is to run: one whose desired status is RUNNING.

    ``launch_type`` is empty where ECS does not say. ``group`` is ECS's: ``service:web``, or ``family:web`` for a task that
    belongs to no service and was given no group.
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
        """The name of its service, if it belongs to one."""
        return self.group.removeprefix("service:") if self.group.startswith("service:") else None

    @property
    def id(self) -> str:
        """The last part of its ARN."""
        return self.arn.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class RegisteredTaskDefinition:
    """A task definition as DescribeTaskDefinition gives it, tags included. ``status`` is INACTIVE once it is deregistered."""

    response: dict[str, Json]
    status: str = "ACTIVE"


@dataclass(frozen=True, slots=True)
class Service:
    """A service: the task definition that new tasks of it get, if ECS knows it, and whether it is being deployed."""

    task_definition: str
    is_deploying: bool = False


@dataclass(frozen=True, slots=True)
class ReadError:
    """Something that could not be read.

    Without a region it is about all that were asked, and without a cluster about the whole region.
    """

    region: str | None
    cluster: str | None
    reason: Reason

    @property
    def text(self) -> str:
        """The whole as one line."""
        cluster = f'cluster "{self.cluster}"' if self.cluster else None
        location = ", ".join(part for part in (self.region, cluster) if part)
        return f"{location}: {self.reason.text}" if location else self.reason.text


@dataclass(frozen=True, slots=True)
class RegionInventory:
    """What was read of a region. ``read_errors`` is without task definitions that were not read.

    ``task_definitions`` are by ARN, with why one was not read in its place; ``services`` by their cluster's ARN and their name.
    """

    name: str
    clusters: tuple[str, ...] = ()
    tasks: tuple[Task, ...] = ()
    task_definitions: Mapping[str, RegisteredTaskDefinition | ReadError] = field(default_factory=dict)
    services: Mapping[tuple[str, str], Service] = field(default_factory=dict)
    read_errors: tuple[ReadError, ...] = ()


@dataclass(frozen=True, slots=True)
class Inventory:
    """What was read, region by region, and what could not be read anywhere."""

    regions: tuple[RegionInventory, ...]
    read_errors: tuple[ReadError, ...] = ()

"""Build the report on an inventory: groups of equal tasks, and their counts. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sysdig_instrument.coverage.assess import (
    Assessment,
    DefinitionAssessment,
    TaskStatus,
    assess_definition,
    assess_task,
    is_in_scope,
    out_of_scope,
    unread_definition,
)
from sysdig_instrument.coverage.model import (
    Inventory,
    ReadError,
    RegionInventory,
    RegisteredTaskDefinition,
    Task,
    short_name,
)
from sysdig_instrument.engine.agent import AGENT_NAME
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.settings.layers import ResolvedSettings
from sysdig_instrument.lazy_dataclasses import dataclass

_STATUS_ORDER = {status: number for number, status in enumerate(TaskStatus)}


@dataclass(frozen=True, slots=True)
class GroupKey:
    """The properties that all tasks of a group have in common.

    ``cluster`` and ``task_definition`` are ARNs; ``group`` is the ECS task group.
    """

    region: str
    cluster: str
    group: str
    task_definition: str
    launch_type: str
    assessment: Assessment

    @property
    def sort_key(self) -> tuple[int, str, str, str, str, str]:
        """Return the sort key: unprotected tasks first, then by name."""
        return (
            _STATUS_ORDER[self.assessment.status],
            self.region,
            short_name(self.cluster),
            self.group,
            short_name(self.task_definition),
            self.launch_type,
        )


@dataclass(frozen=True, slots=True)
class ReportGroup:
    """Tasks with the same key, and the digests of the agent images that they run."""

    key: GroupKey
    tasks: tuple[Task, ...]

    @property
    def service(self) -> str | None:
        """Return the service that the tasks belong to, or None."""
        return self.tasks[0].service

    @property
    def agent_digests(self) -> tuple[str, ...]:
        """Return the digests of the agent image as ECS pulled it."""
        agents = (container for task in self.tasks for container in task.containers if container.name == AGENT_NAME)
        return tuple(sorted({container.digest for container in agents if container.digest}))


@dataclass(frozen=True, slots=True)
class Report:
    """The running tasks by group, and what could not be read."""

    regions: tuple[str, ...]
    groups: tuple[ReportGroup, ...]
    read_errors: tuple[ReadError, ...]
    cluster_count: int = 0

    def count(self, *statuses: TaskStatus) -> int:
        """Return the number of tasks with one of these statuses."""
        return sum(len(group.tasks) for group in self.groups if group.key.assessment.status in statuses)

    @property
    def expected_count(self) -> int:
        """Return the number of tasks that should be protected, including those whose status is unknown."""
        return self.count(TaskStatus.PROTECTED, TaskStatus.UNPROTECTED, TaskStatus.UNKNOWN)

    @property
    def out_of_scope_counts(self) -> dict[str, int]:
        """Return the number of out-of-scope tasks by launch type."""
        sizes = ((group.key, len(group.tasks)) for group in self.groups)
        counts: Counter[str] = Counter()
        for key, count in sizes:
            if key.assessment.status is TaskStatus.OUT_OF_SCOPE:
                counts[key.launch_type] += count
        return dict(sorted(counts.items()))

    @property
    def has_passed(self) -> bool:
        """Return whether everything could be read and every task that should be protected is."""
        return not self.read_errors and self.count(TaskStatus.UNPROTECTED, TaskStatus.UNKNOWN) == 0


def build_report(inventory: Inventory, resolved: ResolvedSettings) -> Report:
    """Build the report on an inventory."""
    groups: dict[GroupKey, list[Task]] = {}
    for region in inventory.regions:
        for key, task in _assessed_tasks(region, resolved):
            groups.setdefault(key, []).append(task)
    unsorted = (ReportGroup(key, tuple(sorted(tasks, key=lambda task: task.arn))) for key, tasks in groups.items())
    return Report(
        regions=tuple(region.name for region in inventory.regions),
        groups=tuple(sorted(unsorted, key=lambda group: (group.key.sort_key, group.tasks[0].arn))),
        read_errors=tuple(_read_errors(inventory)),
        cluster_count=sum(len(region.clusters) for region in inventory.regions),
    )


def _read_errors(inventory: Inventory) -> Iterator[ReadError]:
    yield from inventory.read_errors
    for region in inventory.regions:
        yield from region.read_errors


def _assessed_tasks(region: RegionInventory, resolved: ResolvedSettings) -> Iterator[tuple[GroupKey, Task]]:
    definition_assessments = {
        arn: assess_definition(definition, resolved)
        for arn, definition in region.task_definitions.items()
        if isinstance(definition, RegisteredTaskDefinition)
    }
    for task in region.tasks:
        assessment = _assess(task, region, definition_assessments.get(task.task_definition), resolved)
        yield GroupKey(region.name, task.cluster, task.group, task.task_definition, task.launch_type, assessment), task


def _assess(
    task: Task, region: RegionInventory, definition_assessment: DefinitionAssessment | None, resolved: ResolvedSettings
) -> Assessment:
    if not is_in_scope(task.launch_type, resolved):
        return out_of_scope(task.launch_type, resolved)
    if definition_assessment is None:
        return _unread_assessment(region.task_definitions.get(task.task_definition))
    return assess_task(task, definition_assessment, region.services.get((task.cluster, task.service or "")))


def _unread_assessment(task_definition: RegisteredTaskDefinition | ReadError | None) -> Assessment:
    why = [task_definition.reason] if isinstance(task_definition, ReadError) else []
    return unread_definition(Reason("Its task definition could not be read", code=Code.DEFINITION_UNREAD), *why)

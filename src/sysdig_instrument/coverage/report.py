"""Build the report on an inventory: groups of equal tasks, and their counts. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from sysdig_instrument.coverage.assess import (
    Assessment,
    DefinitionAssessment,
    TaskStatus,
    assess_definition,
    assess_task,
    is_in_scope,
    needs_host_agent,
    out_of_scope,
    unread_definition,
    with_agent_log,
)
from sysdig_instrument.coverage.daemons import HostAgents, by_daemon, without_daemon
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
from sysdig_instrument.lookup.aws import Arn

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
    def account(self) -> str:
        """Return the account of the tasks."""
        arn = Arn.parse(self.key.cluster)
        return arn.account if arn else ""

    @property
    def agent_digests(self) -> tuple[str, ...]:
        """Return the digests of the agent image as ECS pulled it."""
        agents = (container for task in self.tasks for container in task.containers if container.name == AGENT_NAME)
        return tuple(sorted({container.digest for container in agents if container.digest}))


@dataclass(frozen=True, slots=True)
class Report:
    """The running tasks by group, and what could not be read. ``accounts`` is empty for the account of the caller."""

    regions: tuple[str, ...]
    groups: tuple[ReportGroup, ...]
    read_errors: tuple[ReadError, ...]
    cluster_count: int = 0
    accounts: tuple[str, ...] = ()

    def count(self, *statuses: TaskStatus) -> int:
        """Return the number of tasks with one of these statuses."""
        return sum(len(group.tasks) for group in self.groups if group.key.assessment.status in statuses)

    @property
    def expected_count(self) -> int:
        """Return the number of tasks that should be protected, including those whose status is unknown."""
        return sum(len(group.tasks) for group in self.groups if group.key.assessment.is_expected)

    def failing_count(self, status: TaskStatus) -> int:
        """Return the number of tasks with this status that should be protected."""
        return sum(
            len(group.tasks)
            for group in self.groups
            if group.key.assessment.status is status and group.key.assessment.is_expected
        )

    @property
    def let_through_count(self) -> int:
        """Return the number of tasks that cannot be protected, and need not."""
        return sum(len(group.tasks) for group in self.groups if group.key.assessment.is_let_through)

    @property
    def covered_count(self) -> int:
        """Return the number of tasks that an agent protects: their own, or that of their host."""
        return self.count(TaskStatus.PROTECTED, TaskStatus.BY_DAEMON)

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
        return not self.read_errors and self.covered_count == self.expected_count

    @property
    def is_of_nothing(self) -> bool:
        """Return whether there was nothing to report on, although everything could be read."""
        return not self.read_errors and not self.cluster_count


@dataclass(frozen=True, slots=True)
class Demands:
    """The conditions of protection that the caller adds to the settings.

    ``require_daemon``: a task on an instance of EC2 or on an external one needs a daemon with the host agent, too.
    ``silent_after``: the minutes after which an agent without a line in its log is silent; None if logs do not count.
    """

    require_daemon: bool = False
    silent_after: int | None = None

    def needs_definition(self, task: Task, resolved: ResolvedSettings) -> bool:
        """Return whether the task definition of a task has to be read."""
        needs_daemon = needs_host_agent(task.launch_type, require_daemon=self.require_daemon)
        return is_in_scope(task.launch_type, resolved) or needs_daemon


_NO_DEMANDS: Final = Demands()


def build_report(inventory: Inventory, resolved: ResolvedSettings, demands: Demands = _NO_DEMANDS) -> Report:
    """Build the report on an inventory."""
    groups: dict[GroupKey, list[Task]] = {}
    for region in inventory.regions:
        for key, task in _assessed_tasks(region, resolved, demands):
            groups.setdefault(key, []).append(task)
    unsorted = (ReportGroup(key, tuple(sorted(tasks, key=lambda task: task.arn))) for key, tasks in groups.items())
    return Report(
        regions=tuple(dict.fromkeys(region.name for region in inventory.regions)),
        groups=tuple(sorted(unsorted, key=lambda group: (group.key.sort_key, group.tasks[0].arn))),
        read_errors=tuple(_read_errors(inventory)),
        cluster_count=sum(len(region.clusters) for region in inventory.regions),
        accounts=inventory.accounts,
    )


def _read_errors(inventory: Inventory) -> Iterator[ReadError]:
    yield from inventory.read_errors
    for region in inventory.regions:
        yield from region.read_errors


def _assessed_tasks(
    region: RegionInventory, resolved: ResolvedSettings, demands: Demands
) -> Iterator[tuple[GroupKey, Task]]:
    definition_assessments = {
        arn: assess_definition(definition, resolved)
        for arn, definition in region.task_definitions.items()
        if isinstance(definition, RegisteredTaskDefinition)
    }
    host_agents = HostAgents.of(region, resolved.values)
    for task in region.tasks:
        assessment = _assess(task, region, definition_assessments.get(task.task_definition), resolved)
        if not assessment.is_covered and assessment.status is not TaskStatus.EXCLUDED:
            assessment = _assess_host(task, assessment, host_agents, demands)
        if demands.silent_after is not None:
            assessment = with_agent_log(assessment, region.agent_logs.get(task.arn), demands.silent_after)
        yield GroupKey(region.name, task.cluster, task.group, task.task_definition, task.launch_type, assessment), task


def _assess(
    task: Task, region: RegionInventory, definition_assessment: DefinitionAssessment | None, resolved: ResolvedSettings
) -> Assessment:
    if not is_in_scope(task.launch_type, resolved):
        own = definition_assessment.assessment if definition_assessment else None
        return own if own and own.is_left_alone else out_of_scope(task.launch_type, resolved)
    if definition_assessment is None:
        return _unread_assessment(region.task_definitions.get(task.task_definition))
    return assess_task(task, definition_assessment, region.services.get((task.cluster, task.service or "")))


def _assess_host(task: Task, assessment: Assessment, agents: HostAgents, demands: Demands) -> Assessment:
    """Return the assessment of a task without an agent of its own, given the daemons on its host."""
    agent = agents.of_task(task)
    if agent:
        return by_daemon(agent)
    needs_daemon = needs_host_agent(task.launch_type, require_daemon=demands.require_daemon)
    if needs_daemon and (assessment.status is TaskStatus.OUT_OF_SCOPE or assessment.is_let_through):
        return without_daemon(task, agents)
    return assessment


def _unread_assessment(task_definition: RegisteredTaskDefinition | ReadError | None) -> Assessment:
    why = [task_definition.reason] if isinstance(task_definition, ReadError) else []
    return unread_definition(Reason("Its task definition could not be read", code=Code.DEFINITION_UNREAD), *why)

"""The report on what was read: tasks that are alike in everything that matters together, and the counts. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sysdig_instrument.coverage import spelled
from sysdig_instrument.coverage.account import Definition, Reading, Region, Task, Unread
from sysdig_instrument.coverage.judging import (
    Judgement,
    Standing,
    Verdict,
    is_in_scope,
    judge_definition,
    judge_task,
)
from sysdig_instrument.engine.agent import AGENT_NAME
from sysdig_instrument.engine.settings.layers import Settled
from sysdig_instrument.values import dataclass

_ORDER = {verdict: number for number, verdict in enumerate(Verdict)}


@dataclass(frozen=True, slots=True)
class Kind:
    """What tasks of one group have in common. ``cluster`` and ``definition`` are ARNs."""

    region: str
    cluster: str
    group: str
    definition: str
    launch_type: str
    judgement: Judgement

    @property
    def order(self) -> tuple[int, str, str, str, str, str]:
        """The unprotected first, then by name."""
        return (
            _ORDER[self.judgement.verdict],
            self.region,
            spelled.last(self.cluster),
            self.group,
            spelled.last(self.definition),
            self.launch_type,
        )


@dataclass(frozen=True, slots=True)
class Group:
    """Tasks that are alike, and the digests of the agent images that really run in them."""

    kind: Kind
    tasks: tuple[Task, ...]

    @property
    def service(self) -> str | None:
        """The service that they belong to."""
        return self.tasks[0].service

    @property
    def digests(self) -> tuple[str, ...]:
        """Digests of the agent's image, as ECS pulled it."""
        running = (container for task in self.tasks for container in task.containers if container.name == AGENT_NAME)
        return tuple(sorted({container.digest for container in running if container.digest}))


@dataclass(frozen=True, slots=True)
class Report:
    """What runs, and what could not be read."""

    regions: tuple[str, ...]
    groups: tuple[Group, ...]
    unread: tuple[Unread, ...]

    def count(self, *verdicts: Verdict) -> int:
        """The number of tasks with one of these verdicts."""
        return sum(len(group.tasks) for group in self.groups if group.kind.judgement.verdict in verdicts)

    @property
    def expected(self) -> int:
        """The number of tasks that should be protected, or may have to be."""
        return self.count(Verdict.PROTECTED, Verdict.UNPROTECTED, Verdict.UNKNOWN)

    @property
    def launch_types_out_of_scope(self) -> dict[str, int]:
        """The number of tasks that are out of scope, by launch type."""
        kinds = ((group.kind, len(group.tasks)) for group in self.groups)
        counts: Counter[str] = Counter()
        for kind, number in kinds:
            if kind.judgement.verdict is Verdict.OUT_OF_SCOPE:
                counts[kind.launch_type] += number
        return dict(sorted(counts.items()))

    @property
    def is_good(self) -> bool:
        """Whether everything was read, and every task that should be protected is."""
        return not self.unread and self.count(Verdict.UNPROTECTED, Verdict.UNKNOWN) == 0


def report(reading: Reading, settled: Settled) -> Report:
    """The report on what was read."""
    groups: dict[Kind, list[Task]] = {}
    for region in reading.regions:
        for kind, task in _judged(region, settled):
            groups.setdefault(kind, []).append(task)
    listed = (Group(kind, tuple(sorted(tasks, key=lambda task: task.arn))) for kind, tasks in groups.items())
    return Report(
        regions=tuple(region.name for region in reading.regions),
        groups=tuple(sorted(listed, key=lambda group: (group.kind.order, group.tasks[0].arn))),
        unread=tuple(_unread(reading)),
    )


def _unread(reading: Reading) -> Iterator[Unread]:
    yield from reading.unread
    for region in reading.regions:
        yield from region.unread


def _judged(region: Region, settled: Settled) -> Iterator[tuple[Kind, Task]]:
    standings = {
        arn: judge_definition(definition, settled)
        for arn, definition in region.definitions.items()
        if isinstance(definition, Definition)
    }
    for task in region.tasks:
        judgement = _judge(task, region, standings.get(task.definition), settled)
        yield Kind(region.name, task.cluster, task.group, task.definition, task.launch_type, judgement), task


def _judge(task: Task, region: Region, standing: Standing | None, settled: Settled) -> Judgement:
    if not is_in_scope(task.launch_type, settled):
        return Judgement(Verdict.OUT_OF_SCOPE, (f"Launch type {task.launch_type} (LaunchTypes is FARGATE)",))
    if standing is None:
        return Judgement(Verdict.UNKNOWN, _unknown(region.definitions.get(task.definition)))
    return judge_task(task, standing, region.services.get((task.cluster, task.service or "")))


def _unknown(definition: Definition | Unread | None) -> tuple[str, ...]:
    why = (definition.reason.fact, definition.reason.advice) if isinstance(definition, Unread) else ()
    return ("Its task definition could not be read", *why)

"""Read whether the agents of running tasks write to their logs in Amazon CloudWatch Logs.

ECS names the log stream of a container with the driver ``awslogs`` PREFIX/CONTAINER/TASK. The streams of a log group are
listed once, the ones with the latest lines first. Their times may be an hour late, so a stream that looks old is asked for a
line before its agent counts as silent. What cannot be read is reported in the result, and is never an agent that works.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sysdig_instrument.coverage.calls import failure, parse_pages
from sysdig_instrument.coverage.model import (
    AgentLog,
    RegionInventory,
    RegisteredTaskDefinition,
    Task,
)
from sysdig_instrument.engine.agent import AGENT_NAME
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.lazy_dataclasses import dataclass, replace
from sysdig_instrument.lookup.aws import AwsClient, AwsClients, AwsError, call, require_list

_MAX_PAGES_OF_STREAMS: Final = 20  # of 50 streams each
_MAX_PAGES_OF_LINES: Final = 5
"""A page can be empty although a later one has a line."""
_MAX_STREAMS_ASKED: Final = 500
"""The streams of a Region that are asked one by one."""

_SERVICE: Final = "Amazon CloudWatch Logs"
_BEFORE_THE_START: Final = frozenset({"PROVISIONING", "PENDING", "ACTIVATING"})
_NOT_FOUND: Final = "ResourceNotFoundException"
_NO_LOG: Final = Reason(
    "The agent has no log in CloudWatch Logs, so it is not known whether it works",
    "Set AgentLogConfiguration with the log driver awslogs and a stream prefix",
    code=Code.AGENT_LOG_UNREAD,
)
_TOO_MANY: Final = Reason(
    "Too many logs of agents look old to ask each of them, so it is not known whether this one works",
    "Name fewer clusters with --cluster",
    code=Code.AGENT_LOG_UNREAD,
)


@dataclass(frozen=True, slots=True)
class LogStream:
    """The log stream of an agent's container."""

    region: str
    group: str
    name: str


def read_agent_logs(clients: AwsClients, inventory: RegionInventory, since: datetime) -> RegionInventory:
    """Return the inventory of a Region with what the logs of the agents show.

    Tasks that started later, or have not started, are left out.
    """
    streams = dict(_streams(inventory, since))
    by_group: dict[tuple[str, str], list[LogStream]] = {}
    for stream in streams.values():
        if isinstance(stream, LogStream):
            by_group.setdefault((stream.region, stream.group), []).append(stream)
    reader = _LogReader(clients, since)
    logs: dict[LogStream, AgentLog | Reason] = {}
    for (region, group), wanted in by_group.items():
        logs |= reader.read_group(region, group, wanted)
    agent_logs = {
        task: logs.get(stream, _TOO_MANY) if isinstance(stream, LogStream) else stream
        for task, stream in streams.items()
    }
    return replace(inventory, agent_logs=agent_logs)


def _streams(inventory: RegionInventory, since: datetime) -> Iterator[tuple[str, LogStream | Reason]]:
    for task in inventory.tasks:
        definition = inventory.task_definitions.get(task.task_definition)
        if not isinstance(definition, RegisteredTaskDefinition) or _is_new(task, since):
            continue
        for container in _agents(definition):
            yield task.arn, _stream_of(container, task, inventory.name) or _NO_LOG


def _is_new(task: Task, since: datetime) -> bool:
    """Return whether a task has started since then, or has not started yet: its agent may have no line."""
    if task.started_at is None:
        return task.last_status in _BEFORE_THE_START
    return task.started_at > since


def _agents(definition: RegisteredTaskDefinition) -> Iterator[Mapping[str, Any]]:
    described = definition.response.get("taskDefinition")
    containers = described.get("containerDefinitions") if isinstance(described, dict) else None
    for container in containers if isinstance(containers, list) else ():
        if isinstance(container, dict) and container.get("name") == AGENT_NAME:
            yield container


def _stream_of(container: Mapping[str, Any], task: Task, region: str) -> LogStream | None:
    match container.get("logConfiguration"):
        case {
            "logDriver": "awslogs",
            "options": {"awslogs-group": str(group), "awslogs-stream-prefix": str(prefix), **options},
        }:
            log_region = options.get("awslogs-region")
            return LogStream(str(log_region or region), group, f"{prefix}/{AGENT_NAME}/{task.id}")
    return None


class _LogReader:
    """Reads the streams of log groups, and asks a limited number of them for a line."""

    def __init__(self, clients: AwsClients, since: datetime) -> None:
        self._clients = clients
        self._start = int(since.timestamp() * 1000)
        self._asked = 0

    def read_group(self, region: str, group: str, wanted: Iterable[LogStream]) -> dict[LogStream, AgentLog | Reason]:
        """Return what these streams of a log group show."""
        operation = "DescribeLogStreams"
        found: dict[LogStream, AgentLog | Reason] = {}
        try:
            client = self._clients.client("logs", region)
            active = self._active_streams(client, group)
            operation = "FilterLogEvents"
            for stream in wanted:
                if stream.name in active:
                    found[stream] = AgentLog.ACTIVE
                elif self._asked < _MAX_STREAMS_ASKED:
                    self._asked += 1
                    found[stream] = self._ask(client, stream)
        except AwsError as error:
            if error.code == _NOT_FOUND:  # a log group that does not exist has no line
                return dict.fromkeys(wanted, AgentLog.SILENT)
            reason = failure(operation, error, service=_SERVICE, prefix="logs", code=Code.AGENT_LOG_UNREAD)
            return {**dict.fromkeys(wanted, reason), **found}
        return found

    def _active_streams(self, client: AwsClient, group: str) -> frozenset[str]:
        """Return the names of the streams with a line in the time, as far as CloudWatch Logs knows by now."""
        parameters = {"logGroupName": group, "orderBy": "LastEventTime", "descending": True}

        def latest(page: Mapping[str, Any]) -> list[str]:
            streams = page["logStreams"]
            return [
                str(each["logStreamName"])
                for each in streams
                if int(each.get("lastEventTimestamp") or 0) >= self._start
            ]

        return frozenset(parse_pages(client, "DescribeLogStreams", latest, parameters, _MAX_PAGES_OF_STREAMS))

    def _ask(self, client: AwsClient, stream: LogStream) -> AgentLog | Reason:
        parameters: dict[str, object] = {
            "logGroupName": stream.group,
            "logStreamNames": [stream.name],
            "startTime": self._start,
            "limit": 1,
        }
        try:
            for _ in range(_MAX_PAGES_OF_LINES):
                page = call(client.filter_log_events, **parameters)
                if require_list(page, "events"):
                    return AgentLog.ACTIVE
                if not page.get("nextToken"):
                    return AgentLog.SILENT
                parameters["nextToken"] = page["nextToken"]
        except AwsError as error:
            if error.code == _NOT_FOUND:  # ECS makes the stream when the container starts, if it can
                return AgentLog.SILENT
            raise
        return _TOO_MANY


def time_before(now: datetime, minutes: int) -> datetime:
    """Return the time so many minutes before another."""
    return now - timedelta(minutes=minutes)

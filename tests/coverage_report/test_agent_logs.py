"""The agent of a protected task is silent if its log has no line; what cannot be read is unknown, and never an agent that works."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from coverage_report.fake_ecs import FakeEcs, FakeEcsRegion
from coverage_report.tasks import AGENT, REGION, agent, plain, registered, wrapped
from sysdig_instrument.coverage.assess import TaskStatus
from sysdig_instrument.coverage.report import Demands, Report
from sysdig_instrument.coverage.survey import Scope, survey
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.settings.layers import merge_layers

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
GROUP = "/ecs/agents"
STREAM = f"sysdig/{AGENT}/{0:032x}"


def milliseconds(minutes_ago: int) -> int:
    return int((NOW - timedelta(minutes=minutes_ago)).timestamp() * 1000)


def running(
    streams: dict[str, int] | None = None, options: dict[str, Any] | None = None, started: int = 600
) -> FakeEcsRegion:
    options = {"awslogs-group": GROUP, "awslogs-stream-prefix": "sysdig", **(options or {})}
    log = {"logDriver": "awslogs", "options": {key: value for key, value in options.items() if value}}
    definition = registered(wrapped(), agent(logConfiguration=log), pidMode="task")
    region = FakeEcsRegion(log_streams={GROUP: streams if streams is not None else {STREAM: milliseconds(1)}})
    region.run("shop", definition, startedAt=milliseconds(started) / 1000)
    return region


def surveyed(region: FakeEcsRegion, silent_after: int | None = 30) -> Report:
    scope = Scope((REGION,), demands=Demands(silent_after=silent_after))
    return survey(FakeEcs(region).account, scope, merge_layers(), NOW)


def outcome(report: Report) -> tuple[TaskStatus, tuple[Code, ...]]:
    (group,) = report.groups
    return group.key.assessment.status, group.key.assessment.codes


def test_an_agent_with_a_line_works() -> None:
    region = running()
    report = surveyed(region)
    assert outcome(report) == (TaskStatus.PROTECTED, (Code.PROTECTED,))
    assert (report.has_passed, region.count("FilterLogEvents")) == (True, 0)


@pytest.mark.parametrize(
    "streams",
    [
        pytest.param({STREAM: milliseconds(31)}, id="old"),
        pytest.param({}, id="no-stream"),
        pytest.param({f"sysdig/web/{0:032x}": milliseconds(1)}, id="another-container"),
        pytest.param({f"sysdig/{AGENT}/{7:032x}": milliseconds(1)}, id="another-task"),
    ],
)
def test_an_agent_without_a_line_is_silent(streams: dict[str, int]) -> None:
    report = surveyed(running(streams))
    assert outcome(report) == (TaskStatus.AGENT_SILENT, (Code.AGENT_SILENT,))
    (group,) = report.groups
    assert group.key.assessment.reasons == ("The log of its agent has no line of the last 30 minutes",)
    assert (report.has_passed, report.covered_count, report.expected_count) == (False, 0, 1)


def test_a_log_group_that_does_not_exist_has_no_line() -> None:
    region = running()
    region.error_codes["DescribeLogStreams"] = "ResourceNotFoundException"
    assert outcome(surveyed(region))[0] is TaskStatus.AGENT_SILENT


def test_the_list_of_streams_may_be_late() -> None:
    region = running()
    region.listed_late.add(STREAM)
    assert outcome(surveyed(region))[0] is TaskStatus.PROTECTED
    assert region.count("FilterLogEvents") == 2  # an empty page came first


@pytest.mark.parametrize("operation", ["DescribeLogStreams", "FilterLogEvents"])
@pytest.mark.parametrize("code", ["AccessDeniedException", "ServiceUnavailableException"])
def test_a_log_that_cannot_be_read_is_unknown(operation: str, code: str) -> None:
    region = running()
    region.listed_late.add(STREAM)
    region.error_codes[operation] = code
    report = surveyed(region)
    assert outcome(report) == (TaskStatus.UNKNOWN, (Code.AGENT_LOG_UNREAD,))
    assert not report.has_passed
    if code == "AccessDeniedException":
        assert report.groups[0].key.assessment.reasons[-1] == f"Allow logs:{operation}"


def test_an_agent_without_such_a_log_is_unknown() -> None:
    assert outcome(surveyed(running(options={"awslogs-stream-prefix": None}))) == (
        TaskStatus.UNKNOWN,
        (Code.AGENT_LOG_UNREAD,),
    )


def test_a_task_that_has_just_started_has_time() -> None:
    assert outcome(surveyed(running({}, started=10)))[0] is TaskStatus.PROTECTED


@pytest.mark.parametrize("state", ["PROVISIONING", "PENDING", "ACTIVATING"])
def test_a_task_that_has_not_started_has_time(state: str) -> None:
    region = running({})
    for task in region.clusters["shop"]:
        del task["startedAt"]
        task["lastStatus"] = state
    assert outcome(surveyed(region))[0] is TaskStatus.PROTECTED
    region.clusters["shop"][0]["lastStatus"] = "RUNNING"
    assert outcome(surveyed(region))[0] is TaskStatus.AGENT_SILENT


def test_logs_are_not_read_unless_asked_for() -> None:
    region = running({})
    assert outcome(surveyed(region, None))[0] is TaskStatus.PROTECTED
    assert region.count("DescribeLogStreams") == 0


def test_an_unprotected_task_stays_so() -> None:
    region = FakeEcsRegion()
    region.run("shop", registered(plain()))
    assert outcome(surveyed(region))[0] is TaskStatus.UNPROTECTED


def test_few_logs_are_asked_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysdig_instrument.coverage.agent_logs._MAX_STREAMS_ASKED", 0)
    assert outcome(surveyed(running({}))) == (TaskStatus.UNKNOWN, (Code.AGENT_LOG_UNREAD,))


def test_the_log_may_be_in_another_region() -> None:
    region = running(options={"awslogs-region": "us-east-1"})
    logs = FakeEcsRegion("us-east-1", log_streams=region.log_streams)
    region.log_streams = {}
    scope = Scope((REGION,), demands=Demands(silent_after=30))
    report = survey(FakeEcs(region, logs).account, scope, merge_layers(), NOW)
    assert outcome(report)[0] is TaskStatus.PROTECTED

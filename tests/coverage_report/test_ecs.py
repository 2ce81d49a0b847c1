"""Reading an account: pages, batches, throttling, and access denied."""

from __future__ import annotations

import time
from typing import Any

import pytest

from coverage_report.fake_ecs import FakeEcs, FakeEcsRegion
from coverage_report.tasks import AGENT, PLANTED, REGION, instrumented, plain, registered
from sysdig_instrument.cli.console import Console
from sysdig_instrument.cli.formats import coverage_table
from sysdig_instrument.coverage import json_report
from sysdig_instrument.coverage.assess import TaskStatus, is_in_scope
from sysdig_instrument.coverage.ecs import MAX_ATTEMPTS, read_inventory
from sysdig_instrument.coverage.report import Report, build_report
from sysdig_instrument.engine.settings.layers import merge_layers


def report_on(*regions: FakeEcsRegion, clusters: tuple[str, ...] = ()) -> Report:
    names = [region.name for region in regions]
    settings = merge_layers()
    return build_report(
        read_inventory(
            FakeEcs(*regions).account.clients, names, clusters, lambda task: is_in_scope(task.launch_type, settings)
        ),
        settings,
    )


def read_error_texts(found: Report) -> list[str]:
    return [each.text for each in found.read_errors]


def test_no_clusters_and_no_tasks() -> None:
    found = report_on(FakeEcsRegion(clusters={"empty": []}), FakeEcsRegion("us-east-1"))
    assert (found.groups, found.read_errors, found.has_passed) == ((), (), True)
    assert coverage_table.render(found, Console()) == "No task runs in 1 cluster in eu-central-1, us-east-1.\n"


def test_pages_and_batches() -> None:
    region = FakeEcsRegion(clusters={f"empty-{number}": [] for number in range(250)})
    region.run("shop", instrumented(family="web"), 240)
    region.run("shop", registered(plain(), family="batch"), 15)
    found = report_on(region)
    assert [(len(group.tasks), group.key.assessment.status) for group in found.groups] == [
        (15, TaskStatus.UNPROTECTED),
        (240, TaskStatus.PROTECTED),
    ]
    assert region.count("ListClusters") == 3
    assert region.count("ListTasks") == 250 + 3
    assert region.count("DescribeTasks") == 3
    assert region.count("DescribeTaskDefinition") == 2  # and not one for each task


def test_services_of_running_tasks_are_read_in_batches_of_ten() -> None:
    region = FakeEcsRegion()
    for number in range(21):
        region.run("shop", registered(plain(), family=f"web-{number}"), 2, group=f"service:web-{number}")
        region.services[f"web-{number}"] = {
            "serviceName": f"web-{number}",
            "taskDefinition": f"arn:aws:ecs:{REGION}:1:task-definition/web-{number}:7",
            "deployments": [{"rolloutState": "IN_PROGRESS"}, {"rolloutState": "COMPLETED"}],
        }
    region.run("batch", registered(plain(), family="batch"))
    found = report_on(region)
    assert region.count("DescribeServices") == 3
    assert {group.service for group in found.groups} == {None, *(f"web-{number}" for number in range(21))}
    remarks = next(group.key.assessment.remarks for group in found.groups if group.service == "web-3")
    assert remarks == ("The service is deploying web-3:7",)


def test_throttled_calls_are_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    region = FakeEcsRegion()
    region.run("shop", instrumented(family="web"), 3)
    region.throttled_calls.update({"ListTasks": 4, "DescribeTasks": MAX_ATTEMPTS - 1, "DescribeTaskDefinition": 1})
    assert report_on(region).has_passed
    assert len(waits) == 4 + MAX_ATTEMPTS - 1 + 1


def test_persistent_throttling_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    region = FakeEcsRegion(clusters={"shop": []})
    region.throttled_calls["ListTasks"] = 1000
    found = report_on(region)
    (error,) = read_error_texts(found)
    assert error.startswith(f'{REGION}, cluster "shop": ListTasks: Amazon ECS returned ThrottlingException. Try again')
    assert not found.has_passed
    assert region.count("ListTasks") == MAX_ATTEMPTS


def test_access_denied_in_one_region_does_not_hide_others() -> None:
    closed = FakeEcsRegion("us-east-1", error_codes={"ListClusters": "AccessDeniedException"})
    open_region = FakeEcsRegion()
    open_region.run("shop", instrumented(family="web"))
    found = report_on(closed, open_region)
    assert found.count(TaskStatus.PROTECTED) == 1
    assert read_error_texts(found) == [
        "us-east-1: ListClusters: Amazon ECS returned AccessDeniedException. Allow ecs:ListClusters. (SI606)"
    ]
    assert not found.has_passed


@pytest.mark.parametrize("operation", ["ListTasks", "DescribeTasks", "DescribeServices"])
def test_access_denied_for_one_cluster_does_not_hide_others(operation: str) -> None:
    region = FakeEcsRegion(error_codes={f"{operation} closed": "AccessDeniedException"})
    region.run("closed", instrumented(family="secret"), group="service:secret")
    region.run("shop", instrumented(family="web"))
    found = report_on(region)
    assert "web:1" in coverage_table.render(found, Console())
    assert read_error_texts(found) == [
        f'{REGION}, cluster "closed": {operation}: Amazon ECS returned AccessDeniedException. Allow ecs:{operation}. (SI606)'
    ]
    assert not found.has_passed


@pytest.mark.parametrize("code", ["AccessDeniedException", "ClientException"])
def test_task_definitions_that_cannot_be_read(code: str) -> None:
    region = FakeEcsRegion(error_codes={"DescribeTaskDefinition": code})
    region.run("shop", instrumented(family="web"), 2)
    found = report_on(region)
    (group,) = found.groups
    assert group.key.assessment.status is TaskStatus.UNKNOWN
    assert group.key.assessment.reasons[:2] == (
        "Its task definition could not be read",
        f"DescribeTaskDefinition: Amazon ECS returned {code}",
    )
    assert not found.has_passed
    assert region.count("DescribeTaskDefinition") == 1


def test_tasks_and_clusters_deleted_meanwhile_are_ignored() -> None:
    region = FakeEcsRegion(clusters={"deleted": []}, error_codes={"ListTasks deleted": "ClusterNotFoundException"})
    region.run("shop", instrumented(family="web"))
    region.run("shop", registered(plain(), family="stopped"), gone=True)
    region.run("shop", registered(plain(), family="stopping"), desiredStatus="STOPPED")
    found = report_on(region)
    assert [group.key.task_definition.rsplit("/", 1)[-1] for group in found.groups] == ["web:1"]
    assert found.has_passed


@pytest.mark.parametrize(
    ("globs", "families"),
    [
        ((), ["a", "b", "c"]),
        (("shop-*",), ["a", "b"]),
        (("shop-2", "batch"), ["b", "c"]),
        ((f"arn:aws:ecs:{REGION}:111122223333:cluster/batch",), ["c"]),
    ],
)
def test_clusters_by_name(globs: tuple[str, ...], families: list[str]) -> None:
    region = FakeEcsRegion()
    for cluster, family in (("shop-1", "a"), ("shop-2", "b"), ("batch", "c")):
        region.run(cluster, instrumented(family=family))
    found = report_on(region, clusters=globs)
    assert sorted(group.key.group for group in found.groups) == [f"family:{family}" for family in families]
    assert region.count("ListTasks") == len(families)


def test_an_unmatched_cluster_name_is_reported() -> None:
    """A typo must not look like a cluster in which everything is protected."""
    region = FakeEcsRegion(clusters={"shop": []})
    found = report_on(region, FakeEcsRegion("us-east-1"), clusters=("shop", "shpo-*"))
    assert read_error_texts(found) == ['No cluster matches "shpo-*". Check the name and the region.']
    assert found.regions == (REGION, "us-east-1")
    assert not found.has_passed
    closed = FakeEcsRegion(error_codes={"ListClusters": "AccessDeniedException"})
    assert len(report_on(closed, clusters=("shop",)).read_errors) == 1  # it may be there


def test_identical_tasks_form_one_group() -> None:
    region = FakeEcsRegion()
    region.run("shop", instrumented(family="web"), 3, group="service:web")
    stopped = [
        {"name": AGENT, "lastStatus": "STOPPED", "exitCode": 137, "reason": "OutOfMemoryError: Container killed"}
    ]
    region.run("shop", instrumented(family="web"), 2, group="service:web", containers=stopped)
    region.run("shop", instrumented(family="web"), 1, group="", containers=[], launchType="EXTERNAL")
    found = report_on(region)
    assert [(group.key.assessment.status, len(group.tasks)) for group in found.groups] == [
        (TaskStatus.UNPROTECTED, 2),
        (TaskStatus.PROTECTED, 3),
        (TaskStatus.OUT_OF_SCOPE, 1),
    ]
    assert found.groups[0].key.assessment.reasons == ("The agent's container has stopped (OutOfMemoryError)",)
    assert found.groups[1].agent_digests == (f"sha256:{AGENT}",)
    assert found.out_of_scope_counts == {"EXTERNAL": 1}


def test_out_of_scope_tasks_need_only_the_daemons_of_their_cluster() -> None:
    region = FakeEcsRegion()
    region.run("shop", registered(plain(), family="web"), 3, launchType="EC2", group="service:web")
    found = report_on(region)
    assert found.count(TaskStatus.OUT_OF_SCOPE) == 3
    assert found.has_passed
    assert [operation for operation, _ in region.calls] == [
        "ListClusters",
        "ListTasks",
        "DescribeTasks",
        "ListServices",
    ]


@pytest.mark.parametrize(
    ("members", "launch_type"),
    [
        ({"launchType": "EC2"}, "EC2"),
        ({"launchType": None, "capacityProviderName": "FARGATE_SPOT"}, "FARGATE"),
        ({"launchType": None, "containerInstanceArn": "arn"}, "EC2"),
        ({"launchType": None}, ""),
    ],
)
def test_the_launch_type_of_a_task(members: dict[str, Any], launch_type: str) -> None:
    region = FakeEcsRegion()
    region.run("shop", instrumented(family="web"), **members)
    (group,) = report_on(region).groups
    assert group.key.launch_type == launch_type


def test_no_variable_value_or_aws_message_is_reported() -> None:
    region = FakeEcsRegion(error_codes={"DescribeServices": "AccessDeniedException"})
    overrides = {"containerOverrides": [{"name": "web", "environment": [{"name": "SYSDIG_X", "value": PLANTED}]}]}
    reason = f"CannotPullContainerError: {PLANTED}"
    containers = [{"name": AGENT, "lastStatus": "STOPPED", "reason": reason}]
    region.run("shop", instrumented(family="web"), group="service:w", overrides=overrides, containers=containers)
    found = report_on(region)
    for text in (
        json_report.render(found),
        coverage_table.render(found, Console(80)),
        coverage_table.render(found, Console()),
    ):
        assert PLANTED not in text
        assert "secret text of AWS" not in text
        assert "CannotPullContainerError" in text
        assert "SYSDIG_X" in text


def test_the_same_account_gives_the_same_report() -> None:
    def account(*, turned: bool) -> FakeEcsRegion:
        region = FakeEcsRegion()
        region.run("shop", instrumented(family="web"), 3)
        region.run("shop", registered(plain(), family="batch"), 2)
        region.run("zoo", instrumented(family="web"))
        if turned:
            region.clusters = {name: tasks[::-1] for name, tasks in reversed(region.clusters.items())}
        return region

    one, other = report_on(account(turned=False)), report_on(account(turned=True))
    assert json_report.render(one) == json_report.render(other)


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("ListClusters", {}),
        ("ListClusters", {"clusterArns": None}),
        ("ListTasks", {}),
        ("ListTasks", {"taskArns": [None]}),
        ("DescribeTasks", {}),
        ("DescribeTasks", {"tasks": []}),
        ("DescribeTasks", {"tasks": [], "failures": [{"reason": "MISSING"}]}),
        ("DescribeTasks", {"tasks": [], "failures": [{"arn": "other", "reason": "MISSING"}]}),
        ("DescribeTasks", {"tasks": [{"launchType": "FARGATE"}]}),
        ("DescribeTaskDefinition", {}),
        ("DescribeTaskDefinition", {"taskDefinition": None}),
        ("DescribeServices", {}),
        ("DescribeServices", {"services": [{}]}),
    ],
)
def test_an_answer_that_was_cut_off_is_not_an_account_without_tasks(
    operation: str, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    region = FakeEcsRegion()
    region.run("shop", instrumented(family="web"), group="service:web")
    respond = region.respond
    monkeypatch.setattr(
        region, "respond", lambda name, given: (200, body) if name == operation else respond(name, given)
    )
    found = report_on(region)
    assert not found.has_passed
    said = [*read_error_texts(found), *(text for group in found.groups for text in group.key.assessment.reasons)]
    assert any(f"{operation}: Amazon ECS returned an invalid response" in text for text in said)


def test_a_page_that_was_cut_off_is_not_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    region = FakeEcsRegion()
    region.run("shop", instrumented(family="web"), 150)
    respond = region.respond

    def cut(name: str, given: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return (200, {}) if name == "ListTasks" and "nextToken" in given else respond(name, given)

    monkeypatch.setattr(region, "respond", cut)
    assert not report_on(region).has_passed

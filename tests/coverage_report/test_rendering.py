"""The report as a table and as JSON."""

from __future__ import annotations

import json
import re

import pytest

from coverage_report.tasks import (
    AGENT,
    IMAGE,
    PLANTED,
    cluster_arn,
    definition,
    definition_arn,
    instrumented,
    plain,
    registered,
    task,
    wrapped,
)
from sysdig_instrument.cli.console import Console
from sysdig_instrument.cli.formats import coverage_table
from sysdig_instrument.coverage import json_report
from sysdig_instrument.coverage.model import (
    Inventory,
    ReadError,
    RegionInventory,
    RegisteredTaskDefinition,
    RunningContainer,
)
from sysdig_instrument.coverage.report import Report, build_report
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.settings.layers import merge_layers

ROUTER = plain("log", firelensConfiguration={"type": "fluentbit"})
DENIED = ReadError(
    "us-east-1",
    None,
    Reason("ListClusters: Amazon ECS answered AccessDeniedException", "Allow ecs:ListClusters", code=Code.NO_ANSWER),
)


def sample() -> Report:
    """Return a report with every status and every kind of group."""
    definitions: dict[str, RegisteredTaskDefinition | ReadError] = {
        definition_arn("web:12"): definition(instrumented(wrapped(), ROUTER)),
        definition_arn("batch:3"): definition(registered(plain())),
        definition_arn("half-instrumented-worker:41"): definition(
            instrumented(wrapped(), plain("metrics-exporter"), pidMode=None)
        ),
        definition_arn("win:1"): definition(registered(plain()), sysdig_instrument="false"),
        definition_arn("secret:1"): ReadError(
            "eu-central-1", None, Reason("It was refused", "Allow it", code=Code.NO_ANSWER)
        ),
    }
    running = (RunningContainer(AGENT, "RUNNING", "sha256:aa"), RunningContainer("web", "RUNNING", "sha256:bb"))
    tasks = [
        *(task(number, task_definition=definition_arn("web:12"), containers=running) for number in range(4)),
        task(10, task_definition=definition_arn("batch:3"), group="family:batch", platform_version="1.3.0"),
        *(
            task(number, task_definition=definition_arn("half-instrumented-worker:41"), group="service:half-worker")
            for number in (11, 12)
        ),
        task(13, task_definition=definition_arn("win:1"), group="ours"),
        task(14, task_definition=definition_arn("secret:1"), cluster=cluster_arn("vault")),
        *(task(number, task_definition=definition_arn("host:1"), launch_type="EC2") for number in (15, 16)),
    ]
    region = RegionInventory("eu-central-1", (cluster_arn("shop"), cluster_arn("vault")), tuple(tasks), definitions)
    return build_report(Inventory((region, RegionInventory("us-east-1", read_errors=(DENIED,)))), merge_layers())


WIDE = f"""\
REGION        CLUSTER  SERVICE         TASK DEFINITION              TASKS  VERDICT      WHY
eu-central-1  shop     (family:batch)  batch:3                          1  unprotected  It is not instrumented; Platform version 1.3.0 does not support the agent; use 1.4.0 or later
eu-central-1  shop     half-worker     half-instrumented-worker:41      2  unprotected  Container "metrics-exporter" is not started by the wrapper; The task's PidMode is not task
eu-central-1  vault    web             secret:1                         1  unknown      Its task definition could not be read; It was refused; Allow it
eu-central-1  shop     web             web:12                           4  protected    {IMAGE}; Left alone: log
eu-central-1  shop     (ours)          win:1                            1  excluded     Enabled is false in the tags

4 of 8 tasks protected (50.0 %): 3 unprotected, 1 unknown. 1 excluded, 2 out of scope (EC2).

Could not be read:
    us-east-1: ListClusters: Amazon ECS answered AccessDeniedException. Allow ecs:ListClusters. (SI421)
"""


def test_lines_are_not_wrapped_in_a_file() -> None:
    assert coverage_table.render(sample(), Console()) == WIDE


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_a_terminals_width_is_kept(width: int) -> None:
    lines = coverage_table.render(sample(), Console(width)).splitlines()
    # Below some width names are no names any more; then they may be cut by the terminal.
    assert max(map(len, lines)) <= max(width, 79)
    text = " ".join(" ".join(lines).split())
    for words in ("It is not instrumented", '"metrics-exporter" is not started by the wrapper', IMAGE, "(50.0 %)"):
        assert words in text


def test_reasons_are_shown_beside_names_if_they_fit() -> None:
    lines = coverage_table.render(sample(), Console(134)).splitlines()
    start = lines[0].index("WHY")
    assert lines[1][start:] == "It is not instrumented; Platform version 1.3.0"
    assert lines[2] == " " * start + "does not support the agent; use 1.4.0 or later"


def test_reasons_are_shown_below_if_they_do_not_fit() -> None:
    lines = coverage_table.render(sample(), Console(80)).splitlines()
    assert "WHY" not in lines[0]
    assert lines[1].endswith("unprotected")
    assert lines[2] == "    It is not instrumented; Platform version 1.3.0 does not support the agent;"
    (shortened,) = (line for line in lines if "…" in line)
    assert "rker:41" in shortened


def test_colours() -> None:
    plainly, coloured = (
        coverage_table.render(sample(), Console(100)),
        coverage_table.render(sample(), Console(100, colours=True)),
    )
    assert "\x1b" not in plainly
    assert "\x1b[1;31munprotected\x1b[0m" in coloured
    assert "\x1b[32mprotected\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plainly


def test_group_names_are_escaped() -> None:
    tasks = (task(group="\x1b[2J family: x"), task(2, group="service:a\nb"))
    read = RegionInventory("eu-central-1", (), tasks, {definition_arn("web:1"): definition(registered(plain()))})
    shown = coverage_table.render(build_report(Inventory((read,)), merge_layers()), Console())
    assert "\x1b" not in shown
    assert len(shown.splitlines()) == 1 + 2 + 2


def test_only_tasks_that_are_out_of_scope() -> None:
    read = RegionInventory("eu-central-1", (), (task(launch_type="EC2"), task(2, launch_type="EXTERNAL")))
    found = build_report(Inventory((read,)), merge_layers())
    expected = "No task should be protected. 1 out of scope (EC2), 1 out of scope (EXTERNAL).\n"
    assert coverage_table.render(found, Console()) == expected
    assert json.loads(json_report.render(found))["summary"]["protectedPercent"] is None


def test_a_percentage_is_not_rounded_up() -> None:
    good, bad = definition_arn("good:1"), definition_arn("bad:1")
    tasks = tuple(task(number, task_definition=good if number else bad) for number in range(3000))
    definitions = {good: definition(instrumented()), bad: definition(registered(plain()))}
    found = build_report(Inventory((RegionInventory("eu-central-1", (), tasks, definitions),)), merge_layers())
    assert json_report.protected_percent(found) == 99.9


def test_json() -> None:
    text = json_report.render(sample())
    assert PLANTED not in text
    found = json.loads(text)
    assert found["schema"] == 1
    assert found["accounts"] == []
    assert found["regions"] == ["eu-central-1", "us-east-1"]
    assert found["summary"] == {
        "tasks": 11,
        "expected": 8,
        "protected": 4,
        "unprotected": 3,
        "unknown": 1,
        "byDaemon": 0,
        "agentSilent": 0,
        "cannotBeProtected": 0,
        "letThrough": 0,
        "excluded": 1,
        "outOfScope": {"EC2": 2},
        "protectedPercent": 50.0,
        "unread": 1,
    }
    assert [group["verdict"] for group in found["groups"]] == [
        "unprotected", "unprotected", "unknown", "protected", "excluded", "out of scope",
    ]  # fmt: skip
    assert found["groups"][3] == {
        "region": "eu-central-1",
        "account": "111122223333",
        "cluster": "shop",
        "service": "web",
        "group": "service:web",
        "taskDefinition": "web:12",
        "launchType": "FARGATE",
        "verdict": "protected",
        "codes": ["SI000"],
        "reasons": [],
        "remarks": [],
        "leftAlone": [
            {
                "container": "log",
                "why": "a FireLens log router (InstrumentLogRouters is false)",
                "code": "SI022",
                "layer": None,
            }
        ],
        "agent": {"image": IMAGE, "digests": ["sha256:aa"]},
        "tasks": [f"{number:032x}" for number in range(4)],
    }
    assert found["groups"][0]["service"] is None
    assert found["groups"][0]["agent"] is None
    # In full here, where the table is content with a few words.
    assert found["groups"][0]["reasons"] == ['Container "web" is not started by the wrapper']
    assert found["unread"] == [
        {
            "account": None,
            "region": "us-east-1",
            "cluster": None,
            "fact": "ListClusters: Amazon ECS answered AccessDeniedException",
            "advice": "Allow ecs:ListClusters",
        }
    ]


def test_every_member_is_documented() -> None:
    def names(value: object) -> set[str]:
        match value:
            case dict():
                return {str(name) for name in value}.union(*map(names, value.values()))
            case list():
                return set[str]().union(*map(names, value))
        return set()

    described = set(re.findall(r'"(\w+)":', json_report.__doc__ or ""))
    assert names(json.loads(json_report.render(sample()))) == described  # the launch type EC2 among them

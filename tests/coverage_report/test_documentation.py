"""docs/coverage.md describes the command correctly."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from coverage_report.fake_ecs import FakeEcs, FakeEcsRegion
from coverage_report.tasks import REGION, agent, instrumented, plain, registered, wrapped
from sysdig_instrument.cli import main
from sysdig_instrument.coverage.assess import TaskStatus
from sysdig_instrument.coverage.report import Demands
from sysdig_instrument.coverage.survey import Scope, survey
from sysdig_instrument.engine.settings.layers import merge_layers

PAGE = (Path(__file__).parents[2] / "docs/coverage.md").read_text()


def test_the_policy_allows_exactly_the_calls_made() -> None:
    region = FakeEcsRegion(log_streams={"agents": {}})
    log = {"logDriver": "awslogs", "options": {"awslogs-group": "agents", "awslogs-stream-prefix": "sysdig"}}
    definition = registered(wrapped(), agent(logConfiguration=log), pidMode="task", family="web")
    region.run("shop", definition, group="service:web")
    region.run("shop", registered(plain(), family="host"), launchType="MANAGED_INSTANCES", capacityProviderName="mine")
    covered = {"arn": "a/mine", "runningCount": 1, "withoutDaemonCount": 0}
    region.managed_daemons["sysdig"] = {"cluster": "shop", "providers": [covered], "containers": []}
    scope = Scope((REGION,), demands=Demands(silent_after=30))
    survey(FakeEcs(region).account, scope, merge_layers(), datetime(2026, 11, 29, tzinfo=UTC))
    policy = json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0])
    allowed = [action for statement in policy["Statement"] for action in statement["Action"] if len(action) > 1]
    called = {operation for operation, _ in region.calls}
    assert sorted(action.split(":")[1] for action in allowed) == sorted(called)
    assert policy["Statement"][-1]["Action"] == "ec2:DescribeRegions"


def example_ecs() -> FakeEcs:
    """Return the account of the example."""
    frankfurt, virginia = FakeEcsRegion("eu-central-1"), FakeEcsRegion("us-east-1")
    frankfurt.run("shop", registered(plain(), family="batch"), revision=3)
    half = instrumented(wrapped(), plain("metrics"), family="worker")
    frankfurt.run("shop", half, count=2, revision=41, group="service:worker")
    router = plain("log", firelensConfiguration={"type": "fluentbit"})
    virginia.run("shop", instrumented(wrapped(), router), count=4, revision=12, group="service:web")
    left_alone = registered(plain(), family="legacy", tags=[{"key": "sysdig-instrument", "value": "false"}])
    frankfurt.run("old", left_alone, group="ours")
    frankfurt.run("old", registered(plain(), family="host"), count=2, launchType="EC2")
    return FakeEcs(frankfurt, virginia)


def test_the_example(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    aws_account = example_ecs().account
    monkeypatch.setattr("sysdig_instrument.coverage.ecs.AwsAccount.from_session", lambda *_: aws_account)
    command, printed = re.findall(r"```console\n\$ (.*?)\n(.*?)```", PAGE, re.DOTALL)[0]
    assert main.run(command.split()[1:]) == 1
    assert capsys.readouterr().out == printed


def test_every_status_is_documented() -> None:
    table = PAGE[PAGE.index("| verdict | meaning |") :].split("\n\n")[0]
    assert set(re.findall(r"^\| ([a-z ]+) \|", table, re.MULTILINE)) - {"verdict"} == {
        each.value for each in TaskStatus
    }

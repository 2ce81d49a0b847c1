"""docs/coverage.md describes the command correctly."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from coverage_report.fake_ecs import FakeEcs, FakeEcsRegion
from coverage_report.tasks import REGION, instrumented, plain, registered, wrapped
from sysdig_instrument.cli import main
from sysdig_instrument.coverage.assess import TaskStatus
from sysdig_instrument.coverage.ecs import read_inventory

PAGE = (Path(__file__).parents[2] / "docs/coverage.md").read_text()


def test_the_policy_allows_exactly_the_calls_made() -> None:
    region = FakeEcsRegion()
    region.run("shop", instrumented(family="web"), group="service:web")
    read_inventory(FakeEcs(region).account.clients, [REGION], [], lambda _: True)
    (policy,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    ecs, regions = json.loads(policy)["Statement"]
    assert sorted(ecs["Action"]) == sorted({f"ecs:{operation}" for operation, _ in region.calls})
    assert regions["Action"] == "ec2:DescribeRegions"


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
    assert set(re.findall(r"^\| ([a-z ]+) \|", PAGE, re.MULTILINE)) - {"verdict", "exit code"} == {
        verdict.value for verdict in TaskStatus
    }

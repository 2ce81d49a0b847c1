"""The coverage command as users call it, against moto's ECS."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from coverage_report.fake_ecs import BOTOCORE_LOADER
from coverage_report.tasks import IMAGE, PLANTED, REGION, instrumented, plain, registered, wrapped
from readable_ids import readable_id
from sysdig_instrument.cli import main
from sysdig_instrument.cli.exit_codes import EXIT_NOTHING, EXIT_USAGE

OTHER = "us-east-1"


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("AWS_") or name == "COLUMNS"]:  # xdist sets the latter
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # Each session would read AWS's models again, which takes longer than everything else.
    monkeypatch.setattr("botocore.session.create_loader", lambda _=None: BOTOCORE_LOADER)
    with mock_aws():
        yield


def run_task(described: dict[str, Any], cluster: str = "shop", region: str = REGION, **members: Any) -> None:
    """Register a task definition and run it on Fargate.

    Its Fargate members are left out, since moto would take seconds to create a network for them; only the launch type
    of the task counts. Memory is added, which moto requires for each container.
    """
    ecs = boto3.client("ecs", region)
    containers = [{"memory": 64, **container} for container in described["containerDefinitions"]]
    given = {**described, "containerDefinitions": containers}
    for key in ("networkMode", "requiresCompatibilities"):
        del given[key]
    ecs.create_cluster(clusterName=cluster)
    arn = ecs.register_task_definition(**given)["taskDefinition"]["taskDefinitionArn"]
    assert ecs.run_task(cluster=cluster, taskDefinition=arn, **(members or {"launchType": "FARGATE"}))["tasks"]


def call(*arguments: str) -> int:
    return main.run(["coverage", *arguments])


def test_a_protected_account(capsys: pytest.CaptureFixture[str]) -> None:
    run_task(instrumented())
    assert call("--region", REGION) == 0
    printed = capsys.readouterr()
    assert IMAGE in printed.out
    assert printed.out.endswith("1 of 1 tasks protected (100.0 %).\n")
    assert printed.err == ""


def test_an_unprotected_task_in_one_of_several_regions(capsys: pytest.CaptureFixture[str]) -> None:
    run_task(instrumented())
    run_task(registered(plain(), family="batch"), region=OTHER)
    run_task(registered(plain(), family="left", tags=[{"key": "sysdig-instrument", "value": "false"}]), region=OTHER)
    assert call("--region", REGION, "--region", OTHER, "--region", REGION) == 1
    assert "1 of 2 tasks protected (50.0 %): 1 unprotected. 1 excluded." in capsys.readouterr().out
    assert call("--region", OTHER, "--fail-on", "none") == 0
    assert call("--region", REGION) == 0


def test_a_daemon_is_required_on_machines_only() -> None:
    run_task(instrumented())
    assert call("--region", REGION, "--require-daemon") == 0


def test_an_agent_whose_log_is_not_known_fails_on_demand(capsys: pytest.CaptureFixture[str]) -> None:
    run_task(instrumented())
    assert call("--region", REGION, "--silent-after", "60") == 1
    assert "The agent has no log in CloudWatch Logs" in capsys.readouterr().out


@pytest.mark.parametrize("minutes", ["0", "-1", "1.5", "an hour", "20161", "9" * 5000], ids=readable_id)
def test_minutes_that_are_none(minutes: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        call(f"--silent-after={minutes}")
    assert "give a number of minutes, from 1 to 20160" in capsys.readouterr().err


def test_another_account_by_a_role(capsys: pytest.CaptureFixture[str]) -> None:
    run_task(instrumented())
    assert call("--region", REGION, "--accounts", "123456789012", "--role-name", "coverage") == 0
    assert call("--region", REGION, "--accounts", "111122223333", "--role-name", "coverage") == 3
    assert "There is no cluster" in capsys.readouterr().out


def test_csv_and_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    run_task(registered(plain(), family="batch"))
    run_task(registered(plain(), family="left", tags=[{"key": "sysdig-instrument", "value": "false"}]))
    assert call("--region", REGION, "--format", "csv") == 1
    found = {row["task definition"]: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    assert {name: (row["verdict"], row["tasks"]) for name, row in found.items()} == {
        "batch:1": ("unprotected", "1"),
        "left:1": ("excluded", "1"),
    }
    assert found["left:1"]["left alone"] == "all: Enabled is false in the tags"
    assert call("--region", REGION, "--format", "markdown") == 1
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.startswith("| ")]) == 3
    assert lines[-1] == "0 of 1 tasks protected (0.0 %): 1 unprotected. 1 excluded."


def test_settings_apply_as_in_the_macro(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run_task(registered(plain()))
    settings = tmp_path / "settings.yaml"
    settings.write_text("ExcludeContainers: [we*]\n")
    assert call("--region", REGION) == 1
    assert call("--region", REGION, "--settings", str(settings)) == 0
    assert call("--region", REGION, "--set", "Mode=opt-in") == 0
    assert call("--region", REGION, "--set", "Moode=opt-in") == 2
    assert 'Did you mean "Mode"?' in capsys.readouterr().err


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    run_task(instrumented())
    run_task(registered(plain(), family="batch"), "batch")
    assert call("--region", REGION, "--format", "json", "--cluster", "shop", "--cluster", "shpo") == 1
    printed = capsys.readouterr()
    assert PLANTED not in printed.out
    found = json.loads(printed.out)
    assert [group["cluster"] for group in found["groups"]] == ["shop"]
    assert found["unread"][0]["fact"] == 'No cluster matches "shpo"'
    assert printed.err == 'Could not be read: No cluster matches "shpo". Check the name and the region.\n'


def test_tasks_by_capacity_provider(capsys: pytest.CaptureFixture[str]) -> None:
    run_task(instrumented(), capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1}])
    assert call("--region", REGION) == 0
    assert "1 of 1 tasks protected" in capsys.readouterr().out


def test_a_deregistered_task_definition_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    run_task(instrumented())
    boto3.client("ecs", REGION).deregister_task_definition(taskDefinition="web:1")
    assert call("--region", REGION) == 0
    assert "Its task definition was deregistered" in capsys.readouterr().out


def test_all_regions(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    run_task(instrumented())
    run_task(instrumented(), region=OTHER)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert call("--all-regions") == 0
    assert "2 of 2 tasks protected" in capsys.readouterr().out


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_the_region_of_the_environment(
    variable: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, OTHER)
    assert call() == EXIT_NOTHING
    assert capsys.readouterr().out.startswith(f"There is no cluster in {OTHER}, so no task was looked at. ")
    assert call("--fail-on", "none") == 0


def test_the_region_and_the_credentials_of_a_profile(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    keys = "aws_access_key_id = testing\naws_secret_access_key = testing"
    (tmp_path / "config").write_text(f"[profile production]\nregion = eu-north-1\n{keys}\n")
    assert call("--profile", "production") == EXIT_NOTHING
    assert capsys.readouterr().out.startswith("There is no cluster in eu-north-1, ")


def test_usage_errors(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call() == EXIT_USAGE
    assert "No AWS region is set. Give --region" in capsys.readouterr().err
    assert call("--profile", "nobody", "--region", REGION) == EXIT_USAGE
    assert "No AWS credentials were found (ProfileNotFound)." in capsys.readouterr().err
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert call("--region", REGION) == EXIT_USAGE
    assert "No AWS credentials were found." in capsys.readouterr().err


def test_an_invalid_region_name(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "not a region")
    assert call() == 1
    assert "InvalidRegionError. Check the region's name" in capsys.readouterr().out


def test_region_and_all_regions_exclude_each_other() -> None:
    with pytest.raises(SystemExit) as ended:
        call("--region", REGION, "--all-regions")
    assert ended.value.code == EXIT_USAGE


@pytest.mark.parametrize(
    ("variables", "options", "is_coloured"),
    [({}, [], False), ({"FORCE_COLOR": "1"}, [], True), ({"NO_COLOR": "1"}, ["--color", "always"], True)],
)
def test_output_follows_the_terminal_options(
    variables: dict[str, str],
    options: list[str],
    is_coloured: bool,  # noqa: FBT001 - a row of the table
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**variables, "COLUMNS": "80"}.items():
        monkeypatch.setenv(name, value)
    run_task(instrumented(wrapped(), plain("metrics")))
    assert call("--region", REGION, *options) == 1
    printed = capsys.readouterr().out
    assert ("\x1b[1;31munprotected\x1b[0m" in printed) is is_coloured
    assert max(len(line.replace("\x1b[1;31m", "").replace("\x1b[0m", "")) for line in printed.splitlines()) <= 80

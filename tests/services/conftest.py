"""A cluster in moto's ECS, and ``apply`` on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from aws_faults import Faults
from cli.running import Ran, run
from coverage_report.fake_ecs import BOTOCORE_LOADER

REGION = "eu-central-1"
CLUSTER = "shop"
SETTINGS = ("--set", "Collector=us2", "--set", "AccessKeySecret=none", "--offline", "--images", "images.json")
WRAPPER = "/opt/draios/bin/instrument"
TASK: dict[str, Any] = {
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "executionRoleArn": "arn:aws:iam::123456789012:role/pull",
    "cpu": "1024",
    "memory": "2048",
    "containerDefinitions": [{"name": "main", "image": "nginx", "memory": 64}],
}


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def ecs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, faults: Faults) -> Iterator[Any]:
    for name in [name for name in os.environ if name.startswith("AWS_") or name == "COLUMNS"]:
        monkeypatch.delenv(name)
    for name, value in {"ACCESS_KEY_ID": "testing", "SECRET_ACCESS_KEY": "testing", "DEFAULT_REGION": REGION}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setattr("botocore.session.create_loader", lambda _=None: BOTOCORE_LOADER)
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images.json").write_text('{"nginx": {"Entrypoint": ["/entry"], "Cmd": ["nginx"]}}')

    def session(_: str | None = None) -> boto3.Session:
        made = boto3.Session()
        faults.register(made, "ecs")
        return made

    monkeypatch.setattr("sysdig_instrument.cli.commands.apply.aws_session", session)
    with mock_aws():
        client = boto3.client("ecs", REGION)
        client.create_cluster(clusterName=CLUSTER)
        yield client


def add_service(ecs: Any, name: str, definition: dict[str, Any] | None = None, **members: Any) -> str:
    given = {**TASK, "family": name, **(definition or {})}
    arn: str = ecs.register_task_definition(**given)["taskDefinition"]["taskDefinitionArn"]
    ecs.create_service(cluster=CLUSTER, serviceName=name, taskDefinition=arn, desiredCount=0, **members)
    return arn


def apply(capsys: pytest.CaptureFixture[str], *options: str) -> Ran:
    return run(capsys, "apply", "--cluster", CLUSTER, *SETTINGS, *options)


def used(ecs: Any, name: str) -> str:
    (service,) = ecs.describe_services(cluster=CLUSTER, services=[name])["services"]
    return str(service["taskDefinition"]).rsplit("/", 1)[-1]


def revisions(ecs: Any) -> int:
    return len(ecs.list_task_definitions()["taskDefinitionArns"])

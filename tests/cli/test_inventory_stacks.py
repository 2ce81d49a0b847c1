"""The inventory of stacks: what is deployed, the line that was submitted, and what the macro would change today."""

from __future__ import annotations

import copy
import datetime as dt
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from cli.running import EXAMPLES, run
from coverage_report.fake_ecs import BOTOCORE_LOADER
from fixtures_documentation import PAGES_ON_MOTO, command_blocks, tool_commands
from repositories import TASK, WORKLOADS
from sysdig_instrument.cli.inventory_rows import InventoryRow, State
from sysdig_instrument.cli.inventory_stacks import rows_of_stack
from sysdig_instrument.cli.stack_accounts import FoundStack
from sysdig_instrument.coverage.ecs import AwsAccount
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.plan import Context, process
from sysdig_instrument.engine.settings.layers import Layer, merge_layers
from sysdig_instrument.planning import LookupFunction, look_up_nothing, plan_with_lookups
from sysdig_instrument.stacks.read import read_stacks

REGION = "eu-central-1"
KEY = f"arn:aws:ssm:{REGION}:111122223333:parameter/key"
GIVEN: dict[str, Json] = {"Collector": "us2", "AccessKeySecret": KEY}
WHEN = dt.datetime(2026, 3, 4, 5, 6, 7, tzinfo=dt.UTC)


def template(workload: Any = TASK, line: Json = "SysdigInstrument", **sections: Json) -> dict[str, Json]:
    return {**({"Transform": line} if line else {}), **sections, "Resources": {"Api": copy.deepcopy(dict(workload))}}


def processed(original: Mapping[str, Json], **settings: Json) -> Json:
    """Return what the macro makes of a template, without the Transform section, as CloudFormation stores it."""
    fragment = {key: value for key, value in original.items() if key != "Transform"}
    context = Context(deployment_settings=merge_layers(Layer("the macro", {**GIVEN, **settings})), region=REGION)
    made, problems = process(fragment, plan_with_lookups(fragment, context, look_up_nothing))
    assert not problems
    return made


@dataclass
class FakeCloudFormation:
    """CloudFormation with the templates of its stacks, in pages of two."""

    templates: dict[str, tuple[Any, Any]]
    denied: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)

    def client(self, service: str, region: str) -> FakeCloudFormation:
        assert (service, region) == ("cloudformation", REGION)
        return self

    def get_paginator(self, operation: str) -> FakeCloudFormation:
        assert operation == "describe_stacks"
        return self

    def paginate(self) -> Iterator[dict[str, Any]]:
        self._check("DescribeStacks")
        names = [*self.templates, "planned"]
        for start in range(0, len(names), 2):
            yield {"Stacks": [self._described(name) for name in names[start : start + 2]]}

    def _described(self, name: str) -> dict[str, Any]:
        return {
            "StackName": name,
            "StackId": f"arn:aws:cloudformation:{REGION}:111122223333:stack/{name}/1",
            "StackStatus": "REVIEW_IN_PROGRESS" if name == "planned" else "UPDATE_COMPLETE",
            "CreationTime": WHEN,
            "Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()],
            "Parameters": [{"ParameterKey": key, "ParameterValue": each} for key, each in self.parameters.items()],
        }

    def get_template(self, **parameters: str) -> dict[str, Any]:
        self._check("GetTemplate")
        body = self.templates[parameters["StackName"]][parameters["TemplateStage"] == "Processed"]
        if body == "deleted":
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "secret text of AWS"}}, "GetTemplate")
        return {"TemplateBody": body}

    def _check(self, operation: str) -> None:
        if operation == self.denied:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "secret text of AWS"}}, operation)


def nothing(*_: object) -> LookupFunction:
    return look_up_nothing


def rows(fake: FakeCloudFormation, **settings: Json) -> dict[str, InventoryRow]:
    resolved = merge_layers(Layer("--set", {**GIVEN, **settings}))
    clients: Any = fake
    found = [
        row
        for each in read_stacks(clients, [REGION])
        for row in rows_of_stack(FoundStack(each, resolved, nothing), "team")
    ]
    return {row.place: row for row in found}


def test_states() -> None:
    line, other = template(), template(line=None)
    early = processed(line, LogLevel="debug")
    opt_out = template(WORKLOADS["opt-out with a reason"])
    hidden = template(WORKLOADS["opt-out"], line=None)
    fake = FakeCloudFormation(
        {
            "now": (line, processed(line)),
            "behind": (line, early),
            "without": (other, other),
            "by-tool": (other, processed(other)),
            "misspelt": (template(line="SysdigInstrumnet"), other),
            "never": (line, other),
            "opt-out": (opt_out, processed(opt_out)),
            "hidden-opt-out": (hidden, hidden),
            "express": (template(WORKLOADS["Express"]), template(WORKLOADS["Express"], line=None)),
            "yaml": (
                "Transform: SysdigInstrument\nResources: {A: {Type: 'AWS::SNS::Topic'}}\n",
                "Resources: {A: {Type: 'AWS::SNS::Topic'}}\n",
            ),
            "gone": ("deleted", "deleted"),
            "broken": ("Resources: [", "Resources: ["),
            "deep": ("Resources: " + "[" * 3000 + "]" * 3000, "Resources: {}"),
        },
        tags={"team": "shop"},
    )
    found = rows(fake)
    assert {name: (row.state, row.macro_line, row.behind) for name, row in found.items()} == {
        "now": (State.PROTECTED, "listed", "no"),
        "behind": (State.BEHIND, "listed", "yes"),
        "without": (State.WITHOUT_LINE, "absent", ""),
        "by-tool": (State.PROTECTED_ALREADY, "absent", ""),
        "misspelt": (State.WITHOUT_LINE, "misspelt", ""),
        "never": (State.NOT_PROTECTED, "listed", "yes"),
        "opt-out": (State.LEFT_ALONE, "listed", ""),
        "hidden-opt-out": (State.WITHOUT_LINE, "absent", ""),
        "express": (State.CANNOT_BE_PROTECTED, "listed", ""),
        "yaml": (State.NEEDS_NONE, "listed", ""),
        "broken": (State.UNREADABLE, "", ""),
        "deep": (State.UNREADABLE, "", ""),
    }
    now = found["now"]
    assert (now.account, now.region, now.owner) == ("111122223333", REGION, "shop")
    assert now.updated == "2026-03-04T05:06:07+00:00"
    assert "Moves to EC2 in May" in found["opt-out"].left_alone[0].reason.fact
    assert {row.state for row in rows(fake, LogLevel="debug").values()} >= {State.BEHIND}


def test_parameters_of_the_transform_and_of_the_stack_count() -> None:
    line: Json = {"Name": "SysdigInstrument", "Parameters": {"LogLevel": "debug"}}
    image = copy.deepcopy(dict(TASK))
    image["Properties"]["Cpu"] = {"Ref": "Size"}
    original = template(image, line, Parameters={"Size": {"Type": "String"}})
    fake = FakeCloudFormation({"app": (original, processed(original, LogLevel="debug"))}, parameters={"Size": "256"})
    assert rows(fake)["app"].state is State.PROTECTED


def test_it_is_not_known_without_the_settings() -> None:
    line = template()
    row = rows(FakeCloudFormation({"app": (line, processed(line))}), AccessKeySecret=None)["app"]
    assert row.behind == "not known"


@pytest.mark.parametrize("operation", ["DescribeStacks", "GetTemplate"])
def test_what_cannot_be_read_is_a_row(operation: str) -> None:
    (row,) = rows(FakeCloudFormation({"app": (template(), template())}, denied=operation)).values()
    assert row.state is State.UNREADABLE
    assert row.why == f"{operation}: CloudFormation returned AccessDenied. Allow cloudformation:{operation}."


@pytest.mark.parametrize(
    ("operation", "response"), [("DescribeStacks", {}), ("DescribeStacks", {"Stacks": [1]}), ("GetTemplate", {})]
)
def test_an_answer_that_was_cut_off_is_not_an_account_without_stacks(
    operation: str, response: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeCloudFormation({"app": (template(), template())})
    if operation == "GetTemplate":
        monkeypatch.setattr(fake, "get_template", lambda **_: response)
    else:
        monkeypatch.setattr(fake, "paginate", lambda: iter([response]))
    (row,) = rows(fake).values()
    assert row.state is State.UNREADABLE
    assert f"{operation}: CloudFormation returned an invalid response" in row.why


@pytest.fixture
def _aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("AWS_") or name == "COLUMNS"]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setattr("botocore.session.create_loader", lambda _=None: BOTOCORE_LOADER)
    with mock_aws():
        yield


@pytest.mark.usefixtures("_aws")
def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    client = boto3.client("cloudformation", REGION)
    topic: Json = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    for name, body in {"app": template(line=None), "done": processed(template(line=None)), "topic": topic}.items():
        client.create_stack(StackName=name, TemplateBody=json.dumps(body), Tags=[{"Key": "team", "Value": "shop"}])
    call = ["inventory", "--stacks", "--region", REGION, "--region", "us-east-1", "--owner-tag", "team"]
    call += ["--set", "Collector=us2", "--set", f"AccessKeySecret={KEY}"]
    ran = run(capsys, *call, "--format", "json", "--fail-on", "missing")
    assert ran.code == 1
    assert {row["stack"]: (row["region"], row["state"], row["owner"]) for row in ran.value["rows"]} == {
        "app": (REGION, "without the line", "shop"),
        "done": (REGION, "protected already", "shop"),
        "topic": (REGION, "needs none", "shop"),
    }
    assert run(capsys, *call[:2], "templates").code == 2

    (page,) = (page for page in PAGES_ON_MOTO if page.name == "inventory.md")
    (block,) = (text for text in command_blocks(page) if not tool_commands(text))
    shutil.copy(EXAMPLES / "settings.yaml", tmp_path)
    monkeypatch.setattr(AwsAccount, "all_regions", lambda _: (REGION,))
    assert "1 without the line" in run(capsys, *block.split()[1:]).out

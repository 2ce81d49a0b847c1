"""``stacks`` on the embedded AWS: a stack that was deployed before a setting changed is found, and really updated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cli.running import run
from fixtures_deployment import Application, task, template
from fixtures_embedded_aws import SECRET, on_embedded_aws

pytestmark = on_embedded_aws

WEB = {"Name": "web", "Image": "shop/web:1.4", "EntryPoint": ["serve"]}


@contextmanager
def another_setting(application: Application) -> Iterator[None]:
    """Let the macro have another setting in this block."""
    cloudformation, functions = application.aws.client("cloudformation"), application.aws.client("lambda")
    resources = cloudformation.describe_stack_resources(StackName="sysdig-instrument")["StackResources"]
    (name,) = (each["PhysicalResourceId"] for each in resources if each["LogicalResourceId"] == "MacroFunction")
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

    def set_to(values: dict[str, Any]) -> None:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": values})
        functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})

    set_to({**variables, "SYSDIG_INSTRUMENT_LOG_LEVEL": "debug"})
    try:
        yield
    finally:
        set_to(variables)


def test_a_stack_that_is_behind_is_updated(
    application: Application, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = template(Task=task(WEB, Family=application.name))
    application.deployed(template(Topic={"Type": "AWS::SNS::Topic"}))  # LocalStack compares updates of change sets only
    with another_setting(application):
        first = application.deployed(source)
    assert ("SYSDIG_LOGGING", "debug") in agent_variables(application, first.resources["Task"])
    for name in ("CREATION_POLL_SECONDS", "EXECUTION_POLL_SECONDS"):
        monkeypatch.setattr(f"sysdig_instrument.stacks.rollout.{name}", 0.1)
    for name, value in application.aws.environment().items():
        monkeypatch.setenv(name, value)
    stacks = ["stacks", "--stack", application.name, "--no-config", "--offline"]
    stacks += ["--set", "Collector=us2", "--set", f"AccessKeySecret={SECRET}"]
    listed = run(capsys, *stacks, "--format", "json").value
    assert [(each["state"], each["replaces"]) for each in listed["stacks"]] == [("behind", ["Task"])]

    shown = run(capsys, *stacks, "--update")
    assert (shown.code, "to execute: Task" in shown.out) == (0, True), shown.out + shown.err
    assert application.revisions(application.name) == [first.resources["Task"]]

    ran = run(capsys, *stacks, "--update", "--execute")
    assert (ran.code, ran.out.endswith("1 updated.\n")) == (0, True), ran.out + ran.err
    now = application.revisions(application.name)[-1]
    assert now != first.resources["Task"]
    assert ("SYSDIG_LOGGING", "debug") not in agent_variables(application, now)
    assert run(capsys, *stacks, "--fail-on", "behind").code == 0


def agent_variables(application: Application, definition: str) -> set[tuple[str, str]]:
    _, agent = application.described(definition)["containerDefinitions"]
    return {(each["name"], each["value"]) for each in agent["environment"]}

"""Task definitions outside of templates: they have no Metadata, so standard error says what no document does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cli.running import Ran, run
from sysdig_instrument.engine.agent import WRAPPER

SET = ["--set", "Collector=us2", "--set", "AccessKeySecret=none", "--offline"]
WEB = {"name": "web", "image": "x", "entryPoint": ["run"]}
FARGATE = {
    "family": "shop",
    "requiresCompatibilities": ["FARGATE"],
    "networkMode": "awsvpc",
    "cpu": "512",
    "memory": "1024",
    "executionRoleArn": "arn:aws:iam::111122223333:role/shop",
}
LAUNCH_TYPE = "does not say for which launch type"
KEPT = "EntryPoint and Command stay as they are"


def transform(capsys: pytest.CaptureFixture[str], document: object, *options: str) -> Ran:
    return run(capsys, "transform", "-", *SET, *options, stdin=json.dumps(document).encode())


def entry_point(ran: Ran) -> Any:
    return ran.value["containerDefinitions"][0]["entryPoint"]


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param({}, id="containers-alone"),
        pytest.param({"family": "shop", "taskRoleArn": "r"}, id="family"),
        pytest.param({"cpu": None, "memory": "", "requiresCompatibilities": []}, id="empty-values"),
    ],
)
def test_a_fragment_is_instrumented(rest: dict[str, object], capsys: pytest.CaptureFixture[str]) -> None:
    ran = transform(capsys, {**rest, "containerDefinitions": [WEB]})
    assert ran.code == 0
    assert entry_point(ran) == [WRAPPER, "run"]
    assert ran.value["pidMode"] == "task"
    assert {key: ran.value[key] for key in rest} == rest
    assert LAUNCH_TYPE in ran.err
    checked = run(capsys, "check", "-", *SET, stdin=json.dumps({**rest, "containerDefinitions": [WEB]}).encode())
    assert checked.code == 1


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param({"requiresCompatibilities": ["EC2"]}, id="ec2"),
        pytest.param({"networkMode": "bridge"}, id="bridge"),
        pytest.param({"memory": "512"}, id="memory"),
        pytest.param({"compatibilities": ["EC2", "EXTERNAL"]}, id="described-without-its-envelope"),
        pytest.param({"taskDefinitionArn": "arn", "revision": 1}, id="registered"),
    ],
)
@pytest.mark.parametrize("command", ["transform", "diff"])
def test_what_is_left_alone_is_told(command: str, rest: object, capsys: pytest.CaptureFixture[str]) -> None:
    document = {"containerDefinitions": [WEB], **dict(rest)}  # type: ignore[call-overload]
    ran = run(capsys, command, "-", *SET, stdin=json.dumps(document).encode())
    assert ran.code == 0
    assert ran.err == (
        "notice: Left alone: not for Fargate, so the host agent covers it (LaunchTypes is FARGATE). (SI023)\n"
        "  --> standard input:1:1\n"
    )


def test_a_described_task_is_no_fragment(capsys: pytest.CaptureFixture[str]) -> None:
    ran = transform(capsys, {"taskDefinition": {"containerDefinitions": [WEB]}})
    assert "Left alone" in ran.err
    assert ran.value == {"taskDefinition": {"containerDefinitions": [WEB]}}


def test_a_container_that_is_left_alone_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    document = {**FARGATE, "containerDefinitions": [WEB, {**WEB, "name": "other"}]}
    ran = transform(capsys, document, "--set", "ExcludeContainers=other")
    assert 'Task "shop", container "other": Left alone: ExcludeContainers in ' in ran.err
    assert 'container "web": Left alone' not in ran.err


def test_an_entry_point_that_may_be_of_another_image_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A pipeline that describes, changes the image and registers keeps the entry point of the old image."""
    first = transform(capsys, {**FARGATE, "containerDefinitions": [WEB]})
    assert KEPT not in first.err
    described = {"taskDefinition": first.value}
    described["taskDefinition"]["containerDefinitions"][0]["image"] = "another"
    again = transform(capsys, described)
    assert again.value == described
    assert again.err.count(KEPT) == 1
    assert 'container "web" (containerDefinitions[0])' in again.err
    explained = run(capsys, "explain", "-", *SET, stdin=json.dumps(described).encode())
    assert (explained.code, explained.out.count(KEPT)) == (0, 1)

"""Each call of AWS that ``apply`` makes fails in each way: all or none have moved, the failure is reported, and the next run mends it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from aws_calls import FAULTS, LOST, REGISTRY, SECRET, Calls, answer_for_images, keep_clients
from cli.running import Ran, run
from services.conftest import CLUSTER, REGION, TASK, add_service, used
from sysdig_instrument import __version__

EVERY = (
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "ecs:DescribeServices",
    "ecs:DescribeTaskDefinition",
    "ecs:ListServices",
    "ecs:ListTaskDefinitions",
    "ecs:RegisterTaskDefinition",
    "ecs:UpdateService",
    "secretsmanager:GetSecretValue",
    "ssm:GetParameters",
)
WRITES = ("ecs:RegisterTaskDefinition", "ecs:UpdateService")
IMAGES = (f"123456789012.dkr.ecr.{REGION}.amazonaws.com/shop:1", f"{REGISTRY}/side:1")
GIVEN = {"MacroName": "SysdigInstrument", "Collector": "us2", "AccessKeySecret": "none"}
MACRO = {
    "Release": __version__,
    "Settings": {**GIVEN, "RegistryCredentials": json.dumps({REGISTRY: SECRET})},
    "Withheld": "",
}


@pytest.fixture
def calls(ecs: Any, monkeypatch: pytest.MonkeyPatch) -> Calls:
    found = Calls(monkeypatch)
    keep_clients(monkeypatch)
    found.ignore(ecs)
    answer_for_images(found, monkeypatch)
    found.answers["ssm:GetParameters"] = lambda given: {
        "Parameters": [{"Name": each, "Type": "String", "Value": json.dumps(MACRO)} for each in given["Names"]]
    }
    return found


class Service:
    """A service with a task definition of its own."""

    def __init__(self, ecs: Any, name: str) -> None:
        containers = [{"name": f"c{number}", "image": image, "memory": 64} for number, image in enumerate(IMAGES)]
        add_service(ecs, name, {**TASK, "containerDefinitions": containers})
        self.ecs, self.name = ecs, name

    def apply(self, capsys: pytest.CaptureFixture[str]) -> Ran:
        options = ("--cluster", CLUSTER, "--service", self.name, "--execute", "--no-config", "--from-macro")
        return run(capsys, "apply", *options)

    @property
    def state(self) -> tuple[str, int]:
        latest = self.ecs.list_task_definitions(familyPrefix=self.name)["taskDefinitionArns"]
        return used(self.ecs, self.name).partition(":")[2], len(latest)


def services(ecs: Any) -> Iterator[tuple[str, Service]]:
    for number, name in enumerate(EVERY):
        yield name, Service(ecs, f"web-{number}")


def test_these_are_all_calls(ecs: Any, calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    """A call that is new fails here until each way in which it can fail is tested below."""
    web = Service(ecs, "web")
    ran = web.apply(capsys)
    assert (ran.code, web.state) == (0, ("2", 2)), ran.err
    assert tuple(sorted(calls.made)) == EVERY


@pytest.mark.parametrize("fault", FAULTS)
def test_a_call_fails_for_good(fault: str, ecs: Any, calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    for name, web in services(ecs):
        calls.before[name] = [FAULTS[fault]]
        ran = web.apply(capsys)
        assert (ran.code, ran.err != "") in ((1, True), (2, True)), name
        assert "secret of" not in ran.out + ran.err, name
        assert web.state == ("1", 2 if name == "ecs:UpdateService" else 1), name
        calls.clear()
        ran = web.apply(capsys)
        assert (ran.code, web.state) == (0, ("2", 2)), (name, ran.err)


@pytest.mark.parametrize("fault", LOST)
def test_a_call_takes_effect_and_its_answer_is_lost(
    fault: str, ecs: Any, calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    for (name, web), is_only_once in zip(services(ecs), itertools.cycle((True, False)), strict=False):
        calls.after[name] = [LOST[fault], None] if is_only_once or name in WRITES else [LOST[fault]]
        ran = web.apply(capsys)
        assert ran.code == 0 or web.state[0] == "1", name
        assert ran.code == (0 if name in WRITES else ran.code), name
        calls.clear()
        ran = web.apply(capsys)
        assert (ran.code, web.state) == (0, ("2", 2)), (name, ran.err)

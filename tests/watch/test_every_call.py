"""Each call of AWS that watch makes fails in each way: it ends in a state that is reported, and a repetition mends it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import boto3
import pytest

from aws_calls import FAULTS, LOST, REGISTRY, SECRET, Calls, answer_for_images
from sysdig_instrument.errors import UserError
from sysdig_instrument.function import deployment_hook_handler, watch_handler
from sysdig_instrument.function.deployment_hook import MAX_ATTEMPTS
from sysdig_instrument.lookup.aws import AwsClients
from watch.calls import ACCOUNT, CLUSTER, REGION, TASK, Account, FakeContext, handle, handle_with_retries, registered

ROOT = Path(__file__).parents[2]
EVERY = (
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "ecs:DescribeServices",
    "ecs:DescribeTaskDefinition",
    "ecs:ListClusters",
    "ecs:ListServices",
    "ecs:ListTaskDefinitions",
    "ecs:RegisterTaskDefinition",
    "ecs:UpdateService",
    "lambda:GetFunctionConfiguration",
    "secretsmanager:GetSecretValue",
    "sns:Publish",
)
IMAGES = (f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/shop:1", f"{REGISTRY}/side:1")
SETTINGS = {
    "SYSDIG_INSTRUMENT_COLLECTOR": "us2",
    "SYSDIG_INSTRUMENT_ACCESS_KEY_SECRET": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:key-AbCdEf",
    "SYSDIG_INSTRUMENT_REGISTRY_CREDENTIALS": json.dumps({REGISTRY: SECRET}),
    "SYSDIG_INSTRUMENT_TAG_CACHE_SECONDS": "0",
}
pytestmark = pytest.mark.usefixtures("remediate")


@pytest.fixture
def calls(account: Account, monkeypatch: pytest.MonkeyPatch) -> Calls:
    found = Calls(monkeypatch)
    found.ignore(account.ecs)
    answer_for_images(found, monkeypatch)
    found.answers["lambda:GetFunctionConfiguration"] = lambda _: {"Environment": {"Variables": SETTINGS}}
    monkeypatch.setenv("MACRO_FUNCTION", "macro")
    return found


class Event:
    """The event of a registration, each of a family of its own, which one service uses."""

    def __init__(self, account: Account, family: str) -> None:
        watch_handler._lookup_session.cache_clear()  # else an image is read once
        containers = [{"name": f"c{number}", "image": image, "memory": 64} for number, image in enumerate(IMAGES)]
        arn = account.register(family, **{**TASK, "containerDefinitions": containers})
        account.serve(family, arn)
        self.account, self.family, self.event = account, family, registered(arn)

    @property
    def is_untouched(self) -> bool:
        return self.account.used(self.family) == f"{self.family}:1"

    @property
    def is_mended(self) -> bool:
        latest = self.account.ecs.list_task_definitions(familyPrefix=self.family)["taskDefinitionArns"]
        return self.account.used(self.family) == f"{self.family}:2" and len(latest) == 2


def events(account: Account) -> Iterator[tuple[str, Event]]:
    for number, name in enumerate(EVERY):
        yield name, Event(account, f"web-{number}")


def test_these_are_all_calls(account: Account, calls: Calls) -> None:
    """A call that is new fails here until each way in which it can fail is tested below."""
    web = Event(account, "web")
    assert handle(web.event)["status"] == "unprotected"
    assert web.is_mended
    assert tuple(sorted(calls.made)) == EVERY


def test_a_call_fails_once(account: Account, calls: Calls) -> None:
    for (name, web), fault in zip(events(account), itertools.cycle(FAULTS)):
        calls.before[name] = [FAULTS[fault], None]
        handle_with_retries(web.event)
        assert web.is_mended, name
        assert {f"{CLUSTER}/{web.family}": "moved"} in [each.get("services") for each in account.published], name


@pytest.mark.parametrize("fault", LOST)
def test_a_call_takes_effect_and_its_answer_is_lost(fault: str, account: Account, calls: Calls) -> None:
    for name, web in events(account):
        calls.after[name] = [LOST[fault], None]
        handle_with_retries(web.event)
        assert web.is_mended, name


@pytest.mark.parametrize("fault", FAULTS)
def test_a_call_fails_for_good(fault: str, account: Account, calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    for name, web in events(account):
        calls.before[name] = [FAULTS[fault]]
        with pytest.raises(UserError, match="SI650") as raised:
            handle(web.event)
        reported = json.dumps(account.published) + str(raised.value) + capsys.readouterr().out
        assert "secret of" not in reported
        assert web.is_mended if name == "sns:Publish" else web.is_untouched, name
        calls.clear()
        handle(web.event)
        assert web.is_mended, name


# --- the deployment hook

OF_HOOK = ("ecs:DescribeServiceRevisions", "ecs:DescribeTaskDefinition", "lambda:GetFunctionConfiguration")
REVISION = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service-revision/shop/web/9313423515462893900"


def inspected(calls: Calls, arn: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, Any]]:
    """Return the function that calls the hook for a task definition, as Amazon ECS does: with what it answered before."""
    clients = AwsClients(lambda: boto3.Session(region_name=REGION), max_attempts=1)
    monkeypatch.setattr(deployment_hook_handler, "_clients", lambda: clients)
    monkeypatch.setenv("DEPLOYMENT_HOOK", "FAIL")
    described = {"serviceRevisionArn": REVISION, "taskDefinition": arn, "launchType": "FARGATE"}
    calls.answers["ecs:DescribeServiceRevisions"] = lambda _: {"serviceRevisions": [described]}
    event = json.loads((ROOT / "events" / "deployment-hook.json").read_text())
    event["executionDetails"]["targetServiceRevisionArn"] = REVISION

    def inspect() -> dict[str, Any]:
        details: dict[str, Any] = {}
        for _ in range(MAX_ATTEMPTS):
            answer = cast(
                "dict[str, Any]",
                deployment_hook_handler.handler({**event, "hookDetails": details}, cast("Any", FakeContext())),
            )
            if answer["hookStatus"] != "IN_PROGRESS":
                return answer
            details = answer["hookDetails"]
        raise AssertionError("the hook asks again without an end")

    return inspect


def test_each_call_of_the_deployment_hook(account: Account, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    """It never lets something through that it did not judge, and a repetition judges."""
    off = [{"key": "sysdig-instrument", "value": "false"}]
    inspect = inspected(calls, account.register("off", tags=off), monkeypatch)
    assert inspect() == {"hookStatus": "SUCCEEDED"}
    assert tuple(sorted(calls.made)) == OF_HOOK
    failures = itertools.cycle((calls.before, calls.after, calls.before))
    for name, (fault, error) in itertools.product(OF_HOOK, FAULTS.items()):
        next(failures)[name] = [error, None]
        assert inspect()["hookStatus"] == ("FAILED" if fault == "denied" else "SUCCEEDED"), (name, fault)
        calls.clear()
    for name in OF_HOOK:
        calls.before[name] = [FAULTS["timed out"]]
        assert inspect() == {"hookStatus": "FAILED"}, name
        calls.clear()
    assert inspect() == {"hookStatus": "SUCCEEDED"}

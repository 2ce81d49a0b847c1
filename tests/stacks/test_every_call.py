"""Each call of AWS that ``stacks`` makes fails in each way: the failure is reported, no stack is updated twice, and the next run mends it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from aws_calls import FAULTS, LOST, Calls, answer_for_images, keep_clients
from cli.running import Ran, run
from stacks.conftest import GIVEN, behind, macro, template
from stacks.fake_cloudformation import ACCOUNT, REGION, FakeCloudFormation, FakeStack
from sysdig_instrument import __version__
from sysdig_instrument.engine.lookups import Answer, ImageConfig, ImageLookup, Lookup
from sysdig_instrument.lookup.aws import aws_session, session_of_role

EVERY = (
    "cloudformation:CreateChangeSet",
    "cloudformation:DeleteChangeSet",
    "cloudformation:DescribeChangeSet",
    "cloudformation:DescribeStackEvents",
    "cloudformation:DescribeStacks",
    "cloudformation:ExecuteChangeSet",
    "cloudformation:GetTemplate",
    "cloudformation:ListExports",
    "ec2:DescribeRegions",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "ssm:GetParameters",
    "sts:AssumeRole",
)
WRITES = ("cloudformation:CreateChangeSet", "cloudformation:DeleteChangeSet", "cloudformation:ExecuteChangeSet")
NOT_NEEDED = {"cloudformation:DescribeStackEvents"}
"""What makes no difference to the outcome."""
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/shop:1"
LOOKUPS = {"cloudformation:ListExports", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
"""What makes none where the macro would also change what is deployed."""
ROLE = f"arn:aws:iam::{ACCOUNT}:role/fleet"
MACRO = {"Release": __version__, "Settings": {**GIVEN, "MacroName": "SysdigInstrument"}, "Withheld": ""}
KEYS = {"AccessKeyId": "ASIATESTING", "SecretAccessKey": "testing", "SessionToken": "testing"}


@pytest.fixture
def calls(fleet: FakeCloudFormation, monkeypatch: pytest.MonkeyPatch) -> Calls:
    found = Calls(monkeypatch)
    keep_clients(monkeypatch)
    answer_for_images(found, monkeypatch)
    fleet.macro = lambda original: macro(original, look_up)
    value = json.dumps(MACRO)
    found.answers["ssm:GetParameters"] = lambda given: {
        "Parameters": [{"Name": each, "Type": "String", "Value": value} for each in given["Names"]]
    }
    found.answers["ec2:DescribeRegions"] = lambda _: {"Regions": [{"RegionName": REGION}]}
    found.answers["cloudformation:ListExports"] = lambda _: {"Exports": [{"Name": "image", "Value": IMAGE}]}
    found.answers["sts:AssumeRole"] = lambda _: {"Credentials": {**KEYS, "Expiration": "2099-01-01T00:00:00Z"}}

    def of_role(_own: Any, role: str, region: str) -> Any:
        session_of_role(aws_session(), role, region)
        return fleet.session(role.split(":")[4])

    monkeypatch.setattr("sysdig_instrument.cli.stack_accounts.session_of_role", of_role)
    return found


def look_up(lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
    """Answer as the services do."""
    image = ImageConfig(("/entry",), ())
    return {each: image if isinstance(each, ImageLookup) else IMAGE for each in lookups}


def stacks(capsys: pytest.CaptureFixture[str], *options: str) -> Ran:
    return run(capsys, "stacks", "--all-regions", "--role", ROLE, "--no-config", "--from-macro", *options)


def add_stacks(fleet: FakeCloudFormation, capsys: pytest.CaptureFixture[str]) -> list[FakeStack]:
    """Add a stack with a change set that a run left over, one that needs an image, and one whose update fails the first time."""
    fleet.stacks.clear()
    found = [behind(fleet, "left-over")]
    assert stacks(capsys, "--update").code == 0
    original = template("image")
    container = original["Resources"]["Api"]["Properties"]["ContainerDefinitions"][0]
    del container["EntryPoint"]
    container["Image"] = {"Fn::ImportValue": "image"}
    found.append(fleet.add("image", original, macro(original, look_up, LogLevel="debug")))
    found.append(behind(fleet, "fails", fails=True))
    return found


def update(capsys: pytest.CaptureFixture[str]) -> Ran:
    return stacks(capsys, "--update", "--execute", "--timeout", "60", "--wave", "1")


def mend(found: list[FakeStack], fleet: FakeCloudFormation, calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    """Run it again without failures. Each stack is updated once, and the one that failed once more."""
    calls.clear()
    for each in found:
        for _ in range(5):
            fleet._advance(each)
    had_failed = found[-1].status == "UPDATE_ROLLBACK_COMPLETE"
    found[-1].fails = False
    ran = update(capsys)
    assert ran.code == 0, ran.out + ran.err
    assert "No stack is behind" in update(capsys).out
    assert [len(each.executed) for each in found] == [1, 1, 2 if had_failed else 1]


def test_these_are_all_calls(fleet: FakeCloudFormation, calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    """A call that is new fails here until each way in which it can fail is tested below."""
    found = add_stacks(fleet, capsys)
    ran = update(capsys)
    assert ran.code == 1
    mend(found, fleet, calls, capsys)
    assert tuple(sorted(calls.made)) == EVERY


@pytest.mark.parametrize("fault", FAULTS)
def test_a_call_fails_for_good(
    fault: str, fleet: FakeCloudFormation, calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in EVERY:
        found = add_stacks(fleet, capsys)
        found[-1].fails = name in NOT_NEEDED
        calls.before[name] = [FAULTS[fault]]
        ran = update(capsys)
        text = ran.out + ran.err
        if name in LOOKUPS and ran.code == 0:
            calls.clear()
            continue
        assert ran.code != 0, name
        assert "secret" not in text, name
        reported = ("returned", "could not be", "not complete after", "UPDATE_ROLLBACK_COMPLETE")
        assert any(each in text for each in reported), (name, text)
        mend(found, fleet, calls, capsys)


@pytest.mark.parametrize("fault", LOST)
def test_a_call_takes_effect_and_its_answer_is_lost(
    fault: str, fleet: FakeCloudFormation, calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in EVERY:
        found = add_stacks(fleet, capsys)
        found[-1].fails = False
        calls.after[name] = [LOST[fault], None]
        ran = update(capsys)
        assert ran.code == 0 or name not in WRITES, (name, ran.out + ran.err)
        mend(found, fleet, calls, capsys)

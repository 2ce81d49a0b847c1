"""Accounts and Regions: credentials of roles, the settings of each Region's macro, and memory that does not grow with the stacks."""

from __future__ import annotations

import argparse
import gc
import json
import time

import boto3
import pytest
from botocore.credentials import RefreshableCredentials
from moto import mock_aws

from stacks.conftest import GIVEN, Stacks, behind, macro, template, up_to_date
from stacks.fake_cloudformation import REGION, FakeCloudFormation
from stacks.test_updates import states
from sysdig_instrument import __version__
from sysdig_instrument.cli.main import build_parser
from sysdig_instrument.cli.stack_accounts import StackAccounts
from sysdig_instrument.documents import Document
from sysdig_instrument.engine.plan import Plan
from sysdig_instrument.lookup.aws import AwsError, aws_session, session_of_role
from sysdig_instrument.stacks.model import Stack
from sysdig_instrument.stacks.updates import lists_macro, update_of

ROLE = "arn:aws:iam::444455556666:role/fleet"


@pytest.mark.usefixtures("fleet")
def test_the_credentials_of_a_role_are_renewed() -> None:
    with mock_aws():
        session = session_of_role(aws_session(), ROLE, REGION)
        credentials = session.get_credentials()
        assert isinstance(credentials, RefreshableCredentials)  # botocore gets new ones before these expire
        assert session.client("sts", region_name=REGION).get_caller_identity()["Account"] == "444455556666"


def test_a_role_that_cannot_be_assumed_is_told(
    fleet: FakeCloudFormation, stacks: Stacks, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind(fleet, "theirs", account="555566667777")
    real = fleet.session

    def deny(_own: object, role: str, _region: str) -> object:
        if role == ROLE:
            raise AwsError("AccessDenied")
        return real(role.split(":")[4])

    monkeypatch.setattr("sysdig_instrument.cli.stack_accounts.session_of_role", deny)
    roles = ("--role", ROLE, "--role", "arn:aws:iam::555566667777:role/fleet")
    rows = stacks("--format", "json", *roles).value["stacks"]
    assert [(each["account"], each["stack"], each["state"]) for each in rows] == [
        ("444455556666", None, "unreadable"),
        ("555566667777", "theirs", "behind"),
    ]
    assert rows[0]["why"].startswith("AssumeRole: AWS STS returned AccessDenied. Allow sts:AssumeRole on the role")


def test_the_settings_of_each_region(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    """With the settings of one Region for both, one of the two stacks would be behind."""
    original = template("debug")
    fleet.add("debug", original, macro(original, LogLevel="debug"), region="us-east-1")
    up_to_date(fleet, "plain")
    regions = ("--region", REGION, "--region", "us-east-1", "--region", "eu-west-1", "--from-macro")
    with mock_aws():
        for region, settings in ((REGION, {}), ("us-east-1", {"LogLevel": "debug"})):
            given = {**GIVEN, "MacroName": "SysdigInstrument", **settings}
            value = json.dumps({"Release": __version__, "Settings": given, "Withheld": ""})
            client = boto3.client("ssm", region_name=region)
            client.put_parameter(Name="/sysdig-instrument/SysdigInstrument", Value=value, Type="String")
        assert states(stacks, *regions) == {"debug": "up to date", "plain": "up to date", "eu-west-1": "unreadable"}


def test_memory_does_not_grow_with_the_stacks(fleet: FakeCloudFormation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 3,000 stacks, a tenth list the macro. What is held at once are the templates that are read at the same time."""
    other = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    current = template("shop")
    deployed = macro(current)
    for number in range(3000):
        listed = number % 10 == 0
        fleet.add(f"shop-{number}", *((current, deployed) if listed else (other, other)))
    monkeypatch.setattr("stacks.fake_cloudformation.PAGE", 100)
    options: argparse.Namespace = build_parser().parse_args(
        ["stacks", "--set", "Collector=us2", "--set", "AccessKeySecret=none", "--offline", "--no-config"]
    )
    accounts = StackAccounts(options, {"AWS_REGION": REGION}, time.sleep)
    updates = (update_of(each.found, each.settings, each.look_up_for) for each in accounts.read(lists_macro))
    found, held = 0, 0
    for found, _ in enumerate(updates, start=1):
        if found % 60 == 0:
            held = max(held, sum(isinstance(each, (Document, Plan, Stack)) for each in gc.get_objects()))
    assert (found, fleet.calls["DescribeStacks"], fleet.calls["GetTemplate"]) == (300, 30, 3300)
    assert held < 150  # a page of stacks, and the templates of eight

"""``inventory --stacks`` has the verdict of ``stacks`` on each stack, over the same accounts and Regions."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from cli.running import run
from repositories import WORKLOADS
from stacks.conftest import GIVEN, Stacks, add_every_state, behind, macro, template, up_to_date
from stacks.fake_cloudformation import ACCOUNT, REGION, FakeCloudFormation

OTHER = "444455556666"
BEHIND = {"behind": "yes", "up to date": "no", "refused": "refused", "unknown": "not known"}
ROLES = ("--role", f"arn:aws:iam::{ACCOUNT}:role/fleet", "--accounts", OTHER, "--role-name", "fleet")


def rows(ran: Any) -> dict[str, dict[str, Any]]:
    return {each["stack"] or each["region"] or each["account"]: each for each in ran.value["rows"]}


def test_both_commands_agree(fleet: FakeCloudFormation, stacks: Stacks, inventory: Stacks) -> None:
    add_every_state(fleet)
    removed = template("removed")
    processed = macro(removed)
    processed["Resources"]["Api"]["Properties"]["ContainerDefinitions"][0]["Environment"].append(
        {"Name": "OLD", "Value": "1"}
    )
    fleet.add("removed", removed, processed)  # only the submitted template shows it
    listed = stacks("--format", "json").value["stacks"]
    found = rows(inventory("--format", "json"))
    assert {each["stack"] for each in listed} < set(found)
    for each in listed:
        row = found[each["stack"]]
        if each["state"] == "unreadable":
            assert (row["state"], row["why"]) == ("unreadable", each["why"])
        elif row["state"] in ("protected", "not protected", "behind"):
            assert row["behind"] == BEHIND[each["state"]], each["stack"]
    assert (found["removed"]["state"], found["removed"]["behind"]) == ("behind", "yes")
    assert found["never"]["behind"] == "yes"
    assert found["image-never-read"]["behind"] == "not known"
    assert (found["other"]["state"], found["other"]["macroLine"]) == ("without the line", "absent")


def test_an_update_that_would_be_refused(fleet: FakeCloudFormation, stacks: Stacks, inventory: Stacks) -> None:
    """What runs is protected, and no update reaches it any more."""
    original = template("shop")
    deployed = macro(original)
    original["Resources"]["Second"] = copy.deepcopy(original["Resources"]["Api"])
    original["Resources"]["Second"]["Properties"]["PidMode"] = "host"
    fleet.add("shop", original, deployed)
    (listed,) = stacks("--format", "json").value["stacks"]
    row = rows(inventory("--format", "json"))["shop"]
    assert (listed["state"], row["state"], row["behind"]) == ("refused", "protected", "refused")
    assert row["why"].startswith("The macro would refuse an update today: ")
    assert listed["code"] in row["codes"]


def test_a_change_of_something_else_is_not_hidden(fleet: FakeCloudFormation, stacks: Stacks, inventory: Stacks) -> None:
    original = template("shop", Role={"Type": "AWS::IAM::Role", "Properties": {"Path": "/a/"}})
    deployed = copy.deepcopy(macro(original))
    deployed["Resources"]["Role"]["Properties"]["Path"] = "/b/"
    fleet.add("shop", original, deployed)
    (listed,) = stacks("--format", "json").value["stacks"]
    found = {each["resource"]: each for each in inventory("--format", "json").value["rows"]}
    assert listed["state"] == "behind"
    assert (found["Api"]["state"], found["Api"]["behind"]) == ("protected", "no")
    assert (found["Role"]["state"], found["Role"]["behind"]) == ("behind", "yes")


def test_accounts_and_regions(fleet: FakeCloudFormation, inventory: Stacks) -> None:
    behind(fleet, "own", tags={"team": "shop"})
    up_to_date(fleet, "theirs", account=OTHER)
    up_to_date(fleet, "far", account=OTHER, region="us-east-1")
    fleet.denied_regions = {"eu-west-1"}
    regions = ("--region", REGION, "--region", "us-east-1", "--region", "eu-west-1")
    every = inventory("--format", "json", "--owner-tag", "team", *ROLES, *regions).value["rows"]
    assert {(each["account"], each["region"], each["stack"], each["state"]) for each in every} == {
        (ACCOUNT, REGION, "own", "behind"),
        (OTHER, REGION, "theirs", "protected"),
        (OTHER, "us-east-1", "far", "protected"),
        (ACCOUNT, "eu-west-1", None, "unreadable"),
        (OTHER, "eu-west-1", None, "unreadable"),
    }
    (own,) = (each for each in every if each["stack"] == "own")
    assert (own["owner"], own["lastUpdate"]) == ("shop", "2026-03-04T05:06:07+00:00")


def test_left_alone_and_why(fleet: FakeCloudFormation, inventory: Stacks) -> None:
    original = template("shop", Api=WORKLOADS["opt-out with a reason"])
    fleet.add("shop", original, macro(original))
    row = rows(inventory("--format", "json"))["shop"]
    assert (row["state"], row["macroLine"]) == ("left alone", "listed")
    assert "Moves to EC2 in May" in str(row["leftAlone"])


def test_only_some_stacks(fleet: FakeCloudFormation, inventory: Stacks) -> None:
    for name in ("shop-web", "shop-api", "other"):
        up_to_date(fleet, name)
    assert set(rows(inventory("--format", "json", "--stack", "shop-*", "--leave", "*-api"))) == {"shop-web"}
    ran = inventory("--stack", "shpo-*")
    assert (ran.code, 'No stack matches "shpo-*"' in ran.err) == (2, True)


@pytest.mark.parametrize("missing", GIVEN)
def test_a_setting_that_this_tool_lacks_is_not_a_refusal(
    missing: str, fleet: FakeCloudFormation, capsys: pytest.CaptureFixture[str]
) -> None:
    up_to_date(fleet, "shop")
    given = [part for name, value in GIVEN.items() if name != missing for part in ("--set", f"{name}={value}")]
    ran = run(capsys, "stacks", "--format", "json", "--offline", "--no-config", *given)
    assert [each["state"] for each in ran.value["stacks"]] == ["unknown"]

"""The role of watch allows the calls that watch makes, and no others; the page lists them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, cast

import pytest

from sysdig_instrument.documents import load
from watch.calls import Account, handle, registered

ROOT: Final = Path(__file__).parents[2]
ROLE: Final = cast("dict[str, Any]", load(str(ROOT / "template.yaml")).value)["Resources"]["WatchRole"]["Properties"]
REPORT, REMEDIATE = ROLE["Policies"][0], ROLE["Policies"][1]["Fn::If"][1]
CHANGED_BY_TAGS: Final = {"ecs:TagResource", "iam:PassRole"}
"""What AWS requires beside a call: it is not a call."""


def allowed(*policies: dict[str, Any]) -> set[str]:
    found = set[str]()
    for policy in policies:
        for statement in policy["PolicyDocument"]["Statement"]:
            given = statement.get("Fn::If", [None, statement])[1]
            actions = given["Action"]
            found |= {actions} if isinstance(actions, str) else set(actions)
    return found


def of_ecs(actions: set[str]) -> set[str]:
    return {each for each in actions if each.startswith("ecs:")} - CHANGED_BY_TAGS


def called(account: Account) -> set[str]:
    return {f"ecs:{name}" for name in account.faults.calls if name != "Publish"}


def run(account: Account) -> set[str]:
    arn = account.register("web")
    account.serve("web", arn)
    handle(registered(arn))
    return called(account)


def test_reporting_only_describes(account: Account) -> None:
    assert run(account) <= of_ecs(allowed(REPORT)) == {"ecs:DescribeServices", "ecs:DescribeTaskDefinition"}


@pytest.mark.usefixtures("remediate")
def test_repairing_makes_each_call_that_the_role_allows(account: Account) -> None:
    assert run(account) == of_ecs(allowed(REPORT, REMEDIATE))


def test_the_page_lists_the_permissions() -> None:
    page = (ROOT / "docs" / "watch.md").read_text()
    read_images = {each for each in allowed(REMEDIATE) if each.startswith(("ecr:", "secretsmanager:"))}
    own_log = {each for each in allowed(REPORT) if each.startswith("logs:")}
    missing = [each for each in allowed(REPORT, REMEDIATE) - read_images - own_log if f"`{each}`" not in page]
    assert missing == []

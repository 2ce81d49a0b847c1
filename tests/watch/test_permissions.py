"""The page lists the permissions of watch. Whether they are those that its calls need, tests/deployed/ says."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, cast

from sysdig_instrument.documents import load

ROOT: Final = Path(__file__).parents[2]
ROLE: Final = cast("dict[str, Any]", load(str(ROOT / "template.yaml")).value)["Resources"]["WatchRole"]["Properties"]
REPORT, REMEDIATE = ROLE["Policies"][0], ROLE["Policies"][1]["Fn::If"][1]


def allowed(*policies: dict[str, Any]) -> set[str]:
    found = set[str]()
    for policy in policies:
        for statement in policy["PolicyDocument"]["Statement"]:
            given = statement.get("Fn::If", [None, statement])[1]
            actions = given["Action"]
            found |= {actions} if isinstance(actions, str) else set(actions)
    return found


def test_the_page_lists_the_permissions() -> None:
    page = (ROOT / "docs" / "watch.md").read_text()
    read_images = {each for each in allowed(REMEDIATE) if each.startswith(("ecr:", "secretsmanager:"))}
    own_log = {each for each in allowed(REPORT) if each.startswith("logs:")}
    missing = [each for each in allowed(REPORT, REMEDIATE) - read_images - own_log if f"`{each}`" not in page]
    assert missing == []

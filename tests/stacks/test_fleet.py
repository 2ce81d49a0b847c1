"""Two hundred stacks of which sixty are behind: found exactly, updated in waves, stopped at a failure, and resumed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stacks.conftest import Stacks, behind, template, up_to_date
from stacks.fake_cloudformation import FakeCloudFormation

STAGES = ["canary"] * 5 + ["early"] * 20 + ["late"] * 35
BEHIND = [f"behind-{number}" for number in range(60)]


def add_fleet(fake: FakeCloudFormation) -> None:
    for number, name in enumerate(BEHIND):
        behind(fake, name, tags={"stage": STAGES[number], "aws:cdk": "x"}, capabilities=("CAPABILITY_IAM",))
        up_to_date(fake, f"current-{number}")
    for number in range(80):
        other = template(f"other-{number}", line=None)
        fake.add(f"other-{number}", other, other)


def executed(fake: FakeCloudFormation) -> list[str]:
    return [name for (_, _, name), stack in fake.stacks.items() for _ in stack.executed]


def test_two_hundred_stacks(fleet: FakeCloudFormation, stacks: Stacks, tmp_path: Path) -> None:
    add_fleet(fleet)
    assert len(fleet.stacks) == 200
    listed = stacks("--format", "json", "--fail-on", "behind", "--tag", "stage")
    assert listed.code == 1, listed.err
    found = {each["stack"]: each for each in listed.value["stacks"]}
    assert sorted(name for name, each in found.items() if each["state"] == "behind") == sorted(BEHIND)
    assert listed.value["summary"] == {"behind": 60, "refused": 0, "unreadable": 0, "unknown": 0, "up to date": 60}
    assert (found["behind-0"]["replaces"], found["behind-0"]["tag"]) == (["Api"], "canary")
    assert found["behind-0"]["changes"][1] == {"logicalId": "Service", "type": "AWS::ECS::Service", "effect": "changed"}

    shown = stacks("--update", "--tag", "stage", "--order", "canary,early,late")
    assert shown.code == 0, shown.err
    assert executed(fleet) == []
    assert shown.out.count("aws cloudformation execute-change-set --region eu-central-1 --change-set-name arn:") == 60
    assert shown.out.endswith("60 not executed.\n")

    bad = fleet.stacks["111122223333", "eu-central-1", "behind-17"]
    bad.fails = True
    update = ("--update", "--execute", "--tag", "stage", "--order", "canary,early,late", "--json", "report.json")
    ran = stacks(*update)
    assert ran.code == 1
    assert executed(fleet) == BEHIND[:25]  # the canary's five, and both waves of ten of the early ones
    assert "Wave 3 has a failure. Run the same command again to go on." in ran.err
    report = json.loads((tmp_path / "report.json").read_text())
    assert outcomes(report) == {
        **dict.fromkeys(BEHIND[:25], "updated"),
        "behind-17": "failed",
        **dict.fromkeys(BEHIND[25:], "not reached"),
    }

    bad.fails = False
    again = stacks(*update)
    assert again.code == 0, again.err + again.out
    report = json.loads((tmp_path / "report.json").read_text())
    assert outcomes(report) == dict.fromkeys(["behind-17", *BEHIND[25:]], "updated")
    assert (report["stopped"], report["summary"]["updated"]) == (None, 36)
    assert sorted(executed(fleet)) == sorted([*BEHIND, "behind-17"])
    assert stacks("--format", "json", "--fail-on", "behind").value["summary"]["up to date"] == 120
    assert "No stack is behind" in stacks("--update", "--execute").out


def outcomes(report: dict[str, Any]) -> dict[str, str]:
    return {each["stack"]: each["outcome"] for each in report["stacks"]}

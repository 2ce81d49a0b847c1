"""The drill finds mistakes: of a command, between two commands, and of a patch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from drill.patches import is_only_the_line
from drill.rows import Judgement, Row
from repositories import repositories

REPOSITORIES = {each.name: each for each in repositories()}
LISTED = REPOSITORIES["yaml-1"]
RIGHT = Row(LISTED, (LISTED.expected,), 0, "protected", "protected", "protected")
BEFORE = LISTED.with_line("absent").text


def test_a_right_row() -> None:
    assert (RIGHT.mistakes, RIGHT.judgement) == ([], Judgement.RIGHT)


@pytest.mark.parametrize(
    ("members", "mistakes"),
    [
        ({"inventory": ()}, {"inventory should say listed, protected"}),
        ({"inventory": RIGHT.inventory * 2}, {"inventory should say listed, protected"}),
        ({"exit_code": 1}, {"check should exit with 0, not 1"}),
        ({"status": "unprotected"}, {"coverage should say protected", "check and coverage disagree"}),
        ({"first_verdict": "unknown"}, {"check should say protected"}),
        ({"repository": REPOSITORIES["sam-5"]}, {"inventory should say listed, unknown", "check should say unknown"}),
    ],
)
def test_a_wrong_row(members: dict[str, Any], mistakes: set[str]) -> None:
    row = replace(RIGHT, **members)
    assert (set(row.mistakes), row.judgement) == (mistakes, Judgement.WRONG)


@pytest.mark.parametrize(
    ("after", "is_right"),
    [
        (LISTED.text, True),
        (LISTED.text.replace("Transform: SysdigInstrument\n", "") + "Transform: SysdigInstrument\n", True),
        (BEFORE, False),
        (LISTED.text.replace("# Kept by the team\n", ""), False),
        (LISTED.text.replace("# Kept", "# kept"), False),
        (LISTED.text.replace("SysdigInstrument", "Other"), False),
        (LISTED.text.replace("Memory: '1024'", "Memory: '2048'"), False),
        (LISTED.text + "\n", False),
    ],
)
def test_only_the_line(after: str, *, is_right: bool) -> None:
    assert is_only_the_line(BEFORE, after, LISTED.text) is is_right

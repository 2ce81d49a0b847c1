"""The oracle notices an opt-out that the tags of the output do not say, and a change of other tags."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from case_folders import FOLDER
from oracle.evaluate import StackInputs
from oracle.values import Json
from oracle.verify import refusal_reasons, verify_output
from sysdig_instrument.documents import load

CASE = FOLDER / "opt-out-container-tagged"
SETTINGS = json.loads((FOLDER / "settings.json").read_text())
BEFORE = load(str(CASE / "template.yaml")).value
AFTER = json.loads((CASE / "expected.json").read_text())


def findings(tags: Json) -> list[str]:
    after: dict[str, Any] = copy.deepcopy(AFTER)
    after["Resources"]["Api"]["Properties"]["Tags"] = tags
    found = verify_output(BEFORE, after, stack=StackInputs({}), settings=SETTINGS, images={})
    return [str(each) for each in found]


TEAM: Json = {"Key": "team", "Value": "shop"}
EXCLUDE: Json = {"Key": "sysdig-instrument-exclude", "Value": "debugger"}


def test_the_expected_tags_are_right() -> None:
    assert findings([TEAM, EXCLUDE]) == []


@pytest.mark.parametrize("value", ["", "web", "debug"])
def test_an_opt_out_that_no_tag_says_is_noticed(value: str) -> None:
    other: Json = {"Key": "sysdig-instrument-exclude", "Value": value}
    lists: list[Json] = [[TEAM], [TEAM, other]]
    for tags in lists:
        assert any("container debugger is left alone" in each for each in findings(tags))


def test_a_change_of_another_tag_is_noticed() -> None:
    assert any("not the macro's" in each for each in findings([{"Key": "team", "Value": "other"}, EXCLUDE]))
    assert any("not the macro's" in each for each in findings([EXCLUDE]))


def test_a_missing_reason_is_a_valid_reason_to_refuse() -> None:
    before: Any = copy.deepcopy(BEFORE)
    settings = {**SETTINGS, "RequireReason": "true"}
    assert refusal_reasons(before, stack=StackInputs({}), settings=settings, images={}) == {}
    del before["Resources"]["Api"]["Metadata"]["SysdigInstrument"]["Containers"]["debugger"]["Reason"]
    assert refusal_reasons(before, stack=StackInputs({}), settings=settings, images={}) == {"reason-missing": True}

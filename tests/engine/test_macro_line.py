"""What a template says about the macro. What is not certainly the line is not the line."""

from __future__ import annotations

import pytest

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.macro_line import LineStatus, find_line

NAME = "SysdigInstrument"
TASK: dict[str, Json] = {"Type": "AWS::ECS::TaskDefinition", "Properties": {}}
R: dict[str, Json] = {"Resources": {"Api": TASK}}


@pytest.mark.parametrize(
    "section",
    [
        NAME,
        [NAME],
        f"{NAME}-canary",
        {"Name": NAME},
        ["A::B", {"Name": NAME, "Parameters": {}}],
        ["AWS::LanguageExtensions", NAME],
        ["Strip", NAME],
        [NAME, "AWS::Serverless-2016-10-31"],
    ],
)
def test_listed(section: Json) -> None:
    assert find_line({**R, "Transform": section}, NAME).status is LineStatus.LISTED
    assert not find_line({**R, "Transform": section}, "Other").is_listed


@pytest.mark.parametrize(
    ("section", "status"),
    [
        (None, LineStatus.ABSENT),
        ([], LineStatus.ABSENT),
        ({"Ref": NAME}, LineStatus.ABSENT),
        ([{"name": NAME, "Parameters": {}}], LineStatus.ABSENT),
        ([{"name": "Other"}], LineStatus.ABSENT),
        ([[NAME]], LineStatus.ABSENT),
        ({"Name": {"Fn::Sub": NAME}}, LineStatus.ABSENT),
        ("DatadogInstrument", LineStatus.ABSENT),
        ("AWS::Serverless-2016-10-31", LineStatus.ABSENT),
        pytest.param("x" * 10000, LineStatus.ABSENT, id="long"),
        ("SysdigInstrumnet", LineStatus.MISSPELT),
        ("sysdiginstrument", LineStatus.MISSPELT),
        ("SYSDIGINSTRUMENT", LineStatus.MISSPELT),
        ("Sysdig-Instrument", LineStatus.MISSPELT),
        (f"{NAME} ", LineStatus.MISSPELT),
        (f"{NAME}2", LineStatus.MISSPELT),
        (f"AWS::{NAME}", LineStatus.MISSPELT),
        pytest.param(f"{NAME}, AWS::LanguageExtensions", LineStatus.MISSPELT, id="two names in one"),
        ({"Name": "sysdigInstrument"}, LineStatus.MISSPELT),
        ([NAME, "AWS::LanguageExtensions"], LineStatus.LISTED_EARLY),
        ([NAME, "A", {"Name": "AWS::LanguageExtensions"}], LineStatus.LISTED_EARLY),
        ([NAME, NAME], LineStatus.LISTED_TWICE),
        ([NAME, f"{NAME}-canary"], LineStatus.LISTED_TWICE),
        ([NAME, "Strip"], LineStatus.LISTED_BEFORE_OTHERS),
        ([NAME, "AWS::Serverless-2016-10-31", {"Name": "AWS::Include"}], LineStatus.LISTED_BEFORE_OTHERS),
        ([NAME, f"{NAME}Canary"], LineStatus.LISTED_BEFORE_OTHERS),
    ],
)
def test_not_quite(section: Json, status: LineStatus) -> None:
    line = find_line({**R, "Transform": section}, NAME)
    assert line.status is status
    assert line.reason


@pytest.mark.parametrize(
    ("section", "code"),
    [
        (None, Code.LINE_NOT_LITERAL),
        ("", Code.LINE_NOT_LITERAL),
        ({}, Code.LINE_NOT_LITERAL),
        ({"Ref": NAME}, Code.LINE_NOT_LITERAL),
        (["A::B", {"Fn::Sub": NAME}], Code.LINE_NOT_LITERAL),
        ([[NAME]], Code.LINE_NOT_LITERAL),
        ({"Nom": "A"}, Code.LINE_NOT_LITERAL),
        ({"Name": {"Ref": NAME}}, Code.LINE_NOT_LITERAL),
        ([], Code.LINE_MISSING),
        (["A::B", {"Name": "AWS::Include"}], Code.LINE_MISSING),
    ],
)
def test_what_is_no_literal_name_has_its_own_reason(section: Json, code: Code) -> None:
    reason = find_line({**R, "Transform": section}, NAME).reason
    assert reason
    assert reason.code is code


@pytest.mark.parametrize(
    "key", ["transform", "Transforms", "TRANSFORM", "Transform ", "Tranform", "Macros", "Fn:Transform"]
)
def test_the_wrong_key(key: str) -> None:
    templates: list[Json] = [
        {**R, key: NAME},
        {**R, "Metadata": {key: [NAME]}},
        {"Resources": {"Api": TASK, key: NAME}},
    ]
    for template in templates:
        assert find_line(template, NAME).status is LineStatus.WRONG_KEY


def test_the_name_elsewhere_is_no_line() -> None:
    assert (
        find_line({**R, "Metadata": {NAME: {}}, "Description": f"Transform: {NAME}"}, NAME).status is LineStatus.ABSENT
    )


@pytest.mark.parametrize(
    ("earlier", "last", "status"),
    [
        ([NAME], "A", LineStatus.DUPLICATE_KEY),
        (["A"], NAME, LineStatus.DUPLICATE_KEY),
        ([None], NAME, LineStatus.DUPLICATE_KEY),
        (["SysdigInstrumnet"], "A", LineStatus.DUPLICATE_KEY),
        ([NAME], [NAME], LineStatus.LISTED),
        (["A"], "B", LineStatus.ABSENT),
    ],
)
def test_a_duplicate_key_counts_only_if_each_lists_the_macro(
    earlier: list[Json], last: Json, status: LineStatus
) -> None:
    assert find_line({**R, "Transform": last}, NAME, earlier).status is status


@pytest.mark.parametrize(("lines", "text"), [((1, 7), " (lines 1 and 7)."), ((1, 1), "twice."), ((), "twice.")])
def test_the_lines_of_a_duplicate_key_are_named_if_they_differ(lines: tuple[int, ...], text: str) -> None:
    reason = find_line({**R, "Transform": "A"}, NAME, [NAME], lines).reason
    assert reason
    assert text in reason.text


def test_a_snippet_covers_one_task_definition() -> None:
    use: Json = {"Name": NAME}
    template: Json = {"Resources": {"Api": {**TASK, "Fn::Transform": use}, "Job": TASK}}
    line = find_line(template, NAME)
    assert (line.status, line.is_listed) == (LineStatus.IN_FN_TRANSFORM, False)
    assert line.covers(("Resources", "Api"))
    assert not line.covers(("Resources", "Job"))
    inner: Json = {"Resources": {"Api": {**TASK, "Properties": {"Fn::Transform": [use]}}}}
    assert find_line(inner, NAME).covers(("Resources", "Api"))


@pytest.mark.parametrize(
    "use",
    [
        NAME,
        {"Name": NAME, "Parameters": {"Enabled": "false"}},
        [{"Name": NAME}, {"Name": "Other"}],
        {"Name": "SysdigInstrumnet"},
        [],
    ],
)
def test_another_snippet_covers_nothing(use: Json) -> None:
    line = find_line({"Resources": {"Api": {**TASK, "Fn::Transform": use}}}, NAME)
    assert not line.covers(("Resources", "Api"))


def test_a_snippet_does_not_see_the_settings_of_the_template() -> None:
    template: Json = {
        "Metadata": {NAME: {"Enabled": True}},
        "Resources": {"Api": {**TASK, "Fn::Transform": {"Name": NAME}}},
    }
    assert not find_line(template, NAME).covers(("Resources", "Api"))


@pytest.mark.parametrize("template", [None, [], "x", {}, {"Transform": NAME}, {"Resources": []}])
def test_any_value_has_an_answer(template: Json) -> None:
    assert isinstance(find_line(template, NAME).status, LineStatus)

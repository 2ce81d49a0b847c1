"""What a template says without effect is noticed: a function as plain text, and a key beside the macro's name."""

from __future__ import annotations

from typing import Any

import pytest

from factories import CONDITIONS, container, plan_of, template
from sysdig_instrument.engine.findings import Notice
from sysdig_instrument.engine.json_types import Json

SECTIONS: dict[str, Any] = {**CONDITIONS, "Parameters": {"Role": {"Type": "String", "Default": "r"}}}
SECRET = "hunter2"  # noqa: S105 - no password


def with_text(text: Any, **sections: Any) -> Any:
    made = template(container(EntryPoint=["/web"]), sections={**SECTIONS, **sections})
    made["Resources"]["Bucket"] = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": text}}
    return made


def noticed(value: Json, code: str) -> list[Notice]:
    return [each for each in plan_of(value).notices if each.reason.code.value == code]


MEANT = {
    "Ref! Role": ('"Ref! Role"', '"!Ref Role"'),
    "Ref!Role": ('"Ref!Role"', '"!Ref Role"'),
    "Ref !Role": ('"Ref!Role"', '"!Ref Role"'),
    "Ref ! Role": ('"Ref! Role"', '"!Ref Role"'),
    "ref! Role": ('"ref! Role"', '"!Ref Role"'),
    " Ref! Api ": ('"Ref! Api"', '"!Ref Api"'),
    "Ref! AWS::Region": ('"Ref! AWS::Region"', '"!Ref AWS::Region"'),
    "Condition! Active": ('"Condition! Active"', '"!Condition Active"'),
    f"GetAtt! Api.{SECRET}": ('"GetAtt! Api.…"', '"!GetAtt Api.…"'),
    f"Sub! {SECRET}-${{Role}}": ('"Sub! …"', '"!Sub …"'),
    f"Sub!\n{SECRET}\n${{Role}}\n": ('"Sub!?…"', '"!Sub …"'),
    f'Join! ["", [a, {SECRET}]]': ('"Join! …"', '"!Join …"'),
    f"If! [Active, {SECRET}, b]": ('"If! …"', '"!If …"'),
    f"FindInMap! [{SECRET}, b, c]": ('"FindInMap! …"', '"!FindInMap …"'),
    f"Transform! {{Name: {SECRET}}}": ('"Transform! …"', '"!Transform …"'),
    "ImportValue! shop-role": ('"ImportValue! …"', '"!ImportValue …"'),
    'GetAZs! ""': ('"GetAZs! …"', '"!GetAZs …"'),
}


@pytest.mark.parametrize("text", MEANT)
def test_a_function_with_its_mark_behind(text: str) -> None:
    (notice,) = noticed(with_text(text), "SI238")
    fact, meant = MEANT[text]
    assert notice.reason.fact == f"{fact} is plain text, not a function"
    assert notice.reason.advice == f"Did you mean {meant}?"
    assert notice.location.pointer == ("Resources", "Bucket", "Properties", "BucketName")
    assert SECRET not in f"{notice} {notice.paste_text}"


def test_a_function_as_text_that_is_replaced() -> None:
    """The processed template does not have it, and the template that a person wrote does."""
    variable: Json = {"Name": "SYSDIG_SIDECAR", "Value": "!Ref Role"}
    made = template(container(EntryPoint=["/web"], Environment=[variable]), sections=SECTIONS)
    (notice,) = noticed(made, "SI238")
    assert notice.location.pointer[-3:] == ("Environment", 0, "Value")


@pytest.mark.parametrize(
    "text", ["!Ref Role", "! Ref Role", "!ref Role", "!Sub x-${Role}", "!GetAtt Api.Arn", "!Select [0, [a]]"]
)
def test_a_short_form_in_quotes(text: str) -> None:
    """It is what JSON has, too: there is no short form of a function in JSON."""
    (notice,) = noticed(with_text(text), "SI238")
    assert notice.reason.fact.endswith(" is plain text, not a function")
    assert "without quotes" in notice.reason.advice


@pytest.mark.parametrize(
    "text",
    [
        *("Ref! Nothing", "Ref! the role", "Condition! Nothing", "GetAtt! Nothing.Arn", "GetAtt! Api", "Sub! Marine"),
        *("Join! now", "Or! else", "Not! at all", "If! only [x]", "Select! your size", "!important", "!Reference Role"),
        *("#!/bin/sh\nRef! Role", "echo Ref! Role", "Hello! Role", "Ref!", "!Ref", "Ref: Role", "Fn::Ref", "", "!"),
    ],
)  # fmt: skip
def test_what_may_be_meant_as_a_text_is_none(text: str) -> None:
    assert noticed(with_text(text), "SI238") == []


@pytest.mark.parametrize(
    ("key", "meant"), [("!Ref", "Ref"), ("Ref!", "Ref"), ("!GetAtt", "Fn::GetAtt"), (" !sub", "Fn::Sub")]
)
def test_the_short_form_as_a_key(key: str, meant: str) -> None:
    (notice,) = noticed(with_text([{key: SECRET}]), "SI238")
    assert (notice.reason.fact, notice.reason.advice) == (
        f'"{key}" as a key is not a function',
        f'Did you mean "{meant}"?',
    )
    assert SECRET not in str(notice)


@pytest.mark.parametrize("value", [{"Ref": "Role"}, {"!Ref": "a", "b": "c"}, {"!": "a"}, {"!x": "a"}, {"Hello!": "a"}])
def test_another_key_is_none(value: Json) -> None:
    assert noticed(with_text(value), "SI238") == []


def test_a_real_function_is_none() -> None:
    for value in ({"Ref": "Role"}, {"Fn::Sub": "x-${Role}"}, {"Fn::GetAtt": ["Api", "Arn"]}):
        assert noticed(with_text(value), "SI238") == []


def test_it_names_the_task_and_what_to_paste() -> None:
    made = template(container(EntryPoint=["/web"]), sections=SECTIONS, TaskRoleArn="Ref! Role")
    (notice,) = noticed(made, "SI238")
    assert notice.location.task == "Api"
    assert notice.paste_text == 'Paste into Resources.Api.Properties: "TaskRoleArn": {"Ref": "Role"}'


def test_there_are_not_more_than_fifty() -> None:
    assert len(noticed(with_text(["Ref! Role"] * 60), "SI238")) == 50


LINES: dict[str, tuple[dict[str, Any], str, str]] = {
    "a typo": ({"Parameter": {"Priority": SECRET}}, "Parameter", 'Did you mean "Parameters"?'),
    "lower case": ({"parameters": {}}, "parameters", 'Did you mean "Parameters"?'),
    "a setting": ({"Priority": SECRET, "Parameters": {}}, "Priority", "Move it into Parameters"),
    "something else": ({"Version": 1}, "Version", "Remove it: a transform has Name and Parameters"),
}


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("is_list", [False, True])
def test_an_unknown_key_beside_the_name(name: str, is_list: bool) -> None:  # noqa: FBT001 - a parameter
    members, key, advice = LINES[name]
    entry = {"Name": "SysdigInstrument", **members}
    made = with_text("", Transform=["AWS::LanguageExtensions", entry] if is_list else entry)
    (notice,) = noticed(made, "SI237")
    assert notice.location.pointer == ("Transform", *([1] if is_list else []), key)
    assert (notice.reason.fact, notice.reason.advice) == (
        f'"{key}" is not a key of a transform, so the macro does not get what is in it',
        advice,
    )
    assert SECRET not in f"{notice} {notice.paste_text}"


def test_each_unknown_key_has_a_notice_also_in_fn_transform() -> None:
    made: Any = with_text("")
    made["Resources"]["Api"]["Properties"]["Fn::Transform"] = {
        "Name": "SysdigInstrument",
        "Parameter": {},
        "Params": {},
    }
    assert len(noticed(made, "SI237")) == 2


@pytest.mark.parametrize(
    "entry", ["SysdigInstrument", {"Name": "SysdigInstrument", "Parameters": {}}, {"Name": "Other", "X": 1}]
)
def test_a_line_without_one_has_none(entry: Json) -> None:
    assert noticed(with_text("", Transform=entry), "SI237") == []

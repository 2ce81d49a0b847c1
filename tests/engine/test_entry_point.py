"""The wrapper in front of what a container runs. The image runs: start serve."""

from __future__ import annotations

from typing import Any

import pytest

from factories import (
    CONDITIONS,
    NOVALUE,
    container,
    containers_of,
    context_of,
    if_,
    notices_of,
    plan_of,
    problems_of,
    processed,
    processed_container,
    template,
)
from sysdig_instrument.engine.agent import WRAPPER
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import Unavailable
from sysdig_instrument.engine.plan import plan
from sysdig_instrument.planning import plan_with_lookups


@pytest.mark.parametrize(
    ("entry_point", "command", "new_entry_point", "new_command"),
    [
        pytest.param(["a"], None, [WRAPPER, "a"], None, id="entry-point"),
        pytest.param(["a"], ["b"], [WRAPPER, "a"], ["b"], id="entry-point-and-command"),
        pytest.param([WRAPPER, "a"], ["b"], [WRAPPER, "a"], ["b"], id="already-wrapped"),
        pytest.param([{"Ref": "X"}], ["b"], [WRAPPER, {"Ref": "X"}], ["b"], id="expression-item"),
        pytest.param(["", "a"], None, [WRAPPER, "", "a"], None, id="empty-first-item"),
        pytest.param(NOVALUE, ["b"], [WRAPPER, "start"], ["b"], id="no-value-and-command"),
        pytest.param([], ["b"], [WRAPPER, "start"], ["b"], id="empty-list-and-command"),
        pytest.param(None, ["b"], [WRAPPER, "start"], ["b"], id="null-and-command"),
        pytest.param(NOVALUE, NOVALUE, [WRAPPER, "start"], ["serve"], id="both-no-value"),
        pytest.param([], [], [WRAPPER, "start"], ["serve"], id="both-empty"),
        pytest.param(
            if_("Active", ["a"]),
            None,
            if_("Active", [WRAPPER, "a"], [WRAPPER, "start"]),
            if_("Active", NOVALUE, ["serve"]),
            id="conditional-entry-point",
        ),
        pytest.param(
            if_("Active", ["a"]),
            ["b"],
            if_("Active", [WRAPPER, "a"], [WRAPPER, "start"]),
            ["b"],
            id="conditional-entry-point-and-command",
        ),
        pytest.param(
            NOVALUE,
            [if_("Active", "b")],
            [WRAPPER, "start"],
            if_("Active", ["b"], ["serve"]),
            id="conditional-command",
        ),
        pytest.param(
            NOVALUE,
            [if_("Active", "b"), "c"],
            [WRAPPER, "start"],
            [if_("Active", "b"), "c"],
            id="conditional-first-argument",
        ),
        pytest.param(
            [if_("Active", "a")],
            ["b"],
            if_("Active", [WRAPPER, "a"], [WRAPPER, "start"]),
            ["b"],
            id="conditional-list-and-command",
        ),
        pytest.param(
            [if_("Active", 1, no=True)],
            ["b"],
            [WRAPPER, if_("Active", 1, no=True)],
            ["b"],
            id="conditional-non-string",
        ),
        pytest.param(
            [NOVALUE, if_("Active", "a", "b"), if_("Active", 1, no=True)],
            None,
            [WRAPPER, NOVALUE, if_("Active", "a", "b"), if_("Active", 1, no=True)],
            None,
            id="no-value-and-conditional-items",
        ),
    ],
)
def test_the_wrapper_starts_the_original_command(
    entry_point: Json, command: Json, new_entry_point: Json, new_command: Json
) -> None:
    members = {"EntryPoint": entry_point, **({"Command": command} if command is not None else {})}
    web = processed_container({}, **members)
    assert repr(web["EntryPoint"]) == repr(new_entry_point)
    assert repr(web.get("Command")) == repr(new_command)


@pytest.mark.parametrize("key", ["EntryPoint", "Command"])
def test_a_list_of_optional_items_gets_linearly_many_branches(key: str) -> None:
    flags: list[Json] = [if_(f"C{number}", f"--{number}") for number in range(40)]
    members: dict[str, Any] = {"EntryPoint": None, key: flags}
    new = processed_container(**members)[key]
    wrapper: list[Json] = [WRAPPER] if key == "EntryPoint" else []
    for number in range(40):
        condition, yes, new = new["Fn::If"]
        assert (condition, yes) == (f"C{number}", [*wrapper, f"--{number}", *flags[number + 1 :]])
    assert new == ([WRAPPER, "start"] if wrapper else ["serve"])


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param("x", id="string"),
        pytest.param(5, id="number"),
        pytest.param(True, id="boolean"),
        pytest.param({}, id="empty-object"),
        pytest.param({"Fn::Join": [",", ["a"]]}, id="join"),
        pytest.param({"Fn::GetAtt": ["X", "Y"]}, id="getatt"),
    ],
)
def test_an_entry_point_that_cannot_be_extended_is_refused(bad: Json) -> None:
    (problem,) = problems_of(template(container(EntryPoint=bad)))
    assert "EntryPoint" in problem


def test_a_bad_entry_point_in_an_inactive_branch_is_a_notice() -> None:
    value = template(container(EntryPoint=if_("Active", ["a"], "x")), sections=CONDITIONS)
    assert any(
        "this branch is not active with the current parameters, so it was left unchanged" in each
        for each in notices_of(value)
    )
    web = containers_of(processed(value))[0]
    assert web["EntryPoint"] == if_("Active", [WRAPPER, "a"], "x")


def test_an_entry_point_of_an_empty_string_is_refused() -> None:
    (problem,) = problems_of(template(container(EntryPoint=[""])))
    assert "contains only an empty string" in problem


_ONE_EMPTY_STRING: list[Json] = [
    [if_("Active", "", "run")],
    [if_("Active", "", NOVALUE)],
    [if_("Inactive", NOVALUE), ""],
    ["", if_("Inactive", "absent now")],
    [if_("Inactive", "absent now"), "", if_("Inactive", "absent now")],
    [{"Ref": "Blank"}],
]
_BLANK: dict[str, Json] = {**CONDITIONS, "Parameters": {"Blank": {"Type": "String", "Default": ""}}}


@pytest.mark.parametrize("items", _ONE_EMPTY_STRING)
def test_an_entry_point_that_is_an_empty_string_now_is_refused(items: Json) -> None:
    """Found by fuzzing: such a list came out unchanged, and the container was reported as instrumented."""
    (problem,) = problems_of(template(container(EntryPoint=items), sections=_BLANK))
    assert "EntryPoint contains only an empty string" in problem


def test_an_entry_point_that_is_an_empty_string_in_an_inactive_branch_is_a_notice() -> None:
    later = template(container(EntryPoint=[if_("Inactive", "", "run")]), sections=CONDITIONS)
    assert any("empty string; this branch is not active" in each for each in notices_of(later))
    assert processed(processed(later)) == processed(later)


@pytest.mark.parametrize("items", [[""], *_ONE_EMPTY_STRING])
def test_a_command_of_an_empty_string_is_an_argument_of_the_entrypoint(items: Json) -> None:
    web = containers_of(processed(template(container(EntryPoint=None, Command=items), sections=_BLANK)))[0]
    assert web["EntryPoint"][0] == WRAPPER
    assert web["Command"] in (items, if_("Active", items, ["serve"]), if_("Active", [""], ["serve"]))


_BY_DEFAULT: dict[str, Json] = {"Fn::FindInMap": ["M", {"Ref": "Env"}, "Argv", {"DefaultValue": NOVALUE}]}
_MAPS: dict[str, Json] = {
    "Parameters": {"Env": {"Type": "String"}},
    "Mappings": {"M": {"prod": {"Argv": ["a"], "One": "a"}}},
}
_ITEM: dict[str, Json] = {"Fn::FindInMap": ["M", {"Ref": "Env"}, "One", {"DefaultValue": if_("Active", NOVALUE, "b")}]}


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"EntryPoint": _BY_DEFAULT}, id="entry point"),
        pytest.param({"EntryPoint": [_ITEM]}, id="item of the entry point"),
        pytest.param({"EntryPoint": [_ITEM, if_("Inactive", NOVALUE, _ITEM)]}, id="two items"),
        pytest.param({"EntryPoint": None, "Command": [_ITEM]}, id="item of the command"),
        pytest.param({"EntryPoint": [WRAPPER], "Command": _BY_DEFAULT}, id="behind the wrapper"),
    ],
)
def test_what_may_be_absent_by_a_default_value_is_not_guessed(members: dict[str, Json]) -> None:
    assert problems_of(template(container(**members), sections={**CONDITIONS, **_MAPS}))


def test_an_item_that_is_always_there_keeps_the_list() -> None:
    value = template(container(EntryPoint=[_ITEM, "x"]), sections={**CONDITIONS, **_MAPS})
    assert containers_of(processed(value))[0]["EntryPoint"] == [WRAPPER, _ITEM, "x"]


def test_an_item_that_parameters_give_keeps_a_list_of_conditional_items() -> None:
    sections: dict[str, Json] = {**CONDITIONS, **_MAPS, "Parameters": {"Env": {"Type": "String", "Default": "prod"}}}
    items: list[Json] = [_ITEM, if_("Active", "x", NOVALUE)]
    value = template(container(EntryPoint=items), sections=sections)
    assert containers_of(processed(value))[0]["EntryPoint"] == [WRAPPER, *items]


def test_a_command_that_may_be_absent_gets_the_images_cmd_as_its_default_value() -> None:
    entry_point = if_("Active", ["run"], NOVALUE)
    value = template(container(EntryPoint=entry_point, Command=_BY_DEFAULT), sections={**CONDITIONS, **_MAPS})
    web = containers_of(processed(value))[0]
    assert web["EntryPoint"]["Fn::If"][1] == [WRAPPER, "run"]
    assert web["Command"]["Fn::If"][:2] == ["Active", _BY_DEFAULT]
    (default,) = web["Command"]["Fn::If"][2]["Fn::FindInMap"][3].values()
    assert isinstance(default, list)
    assert processed(processed(value)) == processed(value)


def test_the_reason_does_not_name_an_unread_image() -> None:
    web = container(EntryPoint=if_("Active", ["run"]), Image="shop/gone:1")
    value = template(web, sections=CONDITIONS)
    context = context_of()
    gone = plan_with_lookups(
        value,
        context,
        lambda lookups: dict.fromkeys(lookups, Unavailable(Reason("It is gone", "Push it", code=Code.NO_ANSWER))),
    )
    assert gone.tasks[0].containers[0].text == "instrumented: entry point from the template"
    assert plan_of(value).tasks[0].containers[0].text == "instrumented: entry point from the image"


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(5, id="number"),
        pytest.param([""], id="empty-string"),
        pytest.param({"Ref": "Nothing"}, id="empty-list-parameter"),
        pytest.param({"Fn::Join": [",", ["a"]]}, id="not-a-list"),
    ],
)
def test_the_reason_of_an_unchanged_entry_point(bad: Json) -> None:
    """The problem does no harm in a resource whose Condition is false."""
    parameters: Json = {"Nothing": {"Type": "CommaDelimitedList", "Default": ""}}
    value = template(container(EntryPoint=bad), sections={**CONDITIONS, "Parameters": parameters})
    assert problems_of(value)
    value["Resources"]["Api"]["Condition"] = "Inactive"
    assert plan_of(value).tasks[0].containers[0].text == "instrumented: entry point left unchanged"


def test_a_missing_image_is_reported_for_each_branch() -> None:
    """A Command that starts the wrapper in the first branch does not hide the problem in the second."""
    command = if_("Later", [WRAPPER, "x"], NOVALUE)
    sections: dict[str, Json] = {"Conditions": {"Later": {"Fn::Equals": [1, 2]}}}
    value = template(container(EntryPoint=None, Command=command, Image="shop/gone:1"), sections=sections)
    context = context_of()
    gone = plan_with_lookups(
        value,
        context,
        lambda lookups: dict.fromkeys(lookups, Unavailable(Reason("It is gone", "Push it", code=Code.NO_ANSWER))),
    )
    assert any("It is gone" in each.text for each in gone.problems)


def test_an_image_that_is_not_looked_up_yet_is_not_a_problem() -> None:
    context = context_of()
    first = plan(template(container(EntryPoint=None)), context)
    assert (first.problems, len(first.lookups)) == ((), 1)


@pytest.mark.parametrize("env", ["dev", "prod"])
def test_capabilities_and_the_role_may_be_absent_by_a_default_value(env: str) -> None:
    def of(key: str) -> dict[str, Json]:
        return {"Fn::FindInMap": ["M", {"Ref": "Env"}, key, {"DefaultValue": NOVALUE}]}

    added: Json = ["SYS_PTRACE"] if env == "prod" else ["OTHER"]
    role = "arn:aws:iam::111122223333:role/own"
    sections: dict[str, Json] = {
        "Parameters": {"Env": {"Type": "String", "Default": env}},
        "Mappings": {"M": {"prod": {"Add": added, "Role": role}}},
    }
    web = container(LinuxParameters={"Capabilities": {"Add": of("Add")}})
    value = template(web, sections=sections, ExecutionRoleArn=of("Role"))
    default = "arn:aws:iam::111122223333:role/default"
    properties = processed(value, {"DefaultExecutionRoleArn": default})["Resources"]["Api"]["Properties"]
    capabilities = properties["ContainerDefinitions"][0]["LinuxParameters"]["Capabilities"]
    expected: Json = ["SYS_PTRACE"] if env == "dev" else NOVALUE
    assert capabilities["Add"]["Fn::FindInMap"][3] == {"DefaultValue": expected}
    assert properties["ExecutionRoleArn"]["Fn::FindInMap"][3] == {"DefaultValue": default}

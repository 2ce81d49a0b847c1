"""What counts as wrapped: an EntryPoint whose first item is the wrapper. The wrapper anywhere else is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from readable_ids import readable_id
from sysdig_instrument.engine.agent import WRAPPER
from sysdig_instrument.engine.codes import Code, Verdict
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import ImageConfig
from sysdig_instrument.engine.plan import Plan, process
from sysdig_instrument.engine.protection import protection
from sysdig_instrument.planning import look_up_nothing, plan_with_lookups

ELSEWHERE: list[Json] = [
    ["/bin/sh", "-c", f"exec /app # {WRAPPER}"],
    ["/bin/sh", "-c", f"{WRAPPER} /app"],
    ["/app", WRAPPER],
    [f"{WRAPPER} ", "/app"],
    [f"{WRAPPER}.sh", "/app"],
    ["/opt/draios/bin/../bin/instrument", "/app"],
    ["/opt/draios//bin/./instrument", "/app"],
    ["/OPT/DRAIOS/BIN/INSTRUMENT", "/app"],
    ["sh", "-c", "cd /opt/draios/bin; ./instrument /app"],
    ["env", {"Fn::Sub": f"A=1 {WRAPPER}"}],
    ["env", {"Ref": "Wrapper"}],
    ["env", {"Fn::Join": [" ", [{"Fn::GetAtt": ["X", "Y"]}, WRAPPER]]}],
    [{"Fn::Join": [" ", [WRAPPER, "/app"]]}],
    [if_("Inactive", WRAPPER, "/init"), WRAPPER],
    {"Fn::Split": [",", f"sh,-c,{WRAPPER} /app"]},
    {"Fn::Split": [",", {"Fn::Join": [",", [{"Fn::GetAtt": ["X", "Y"]}, WRAPPER]]}]},
    # Like the expression that the macro writes, but the delimiter cuts the wrapper's path.
    {"Fn::Split": ["t", {"Fn::Join": ["t", [WRAPPER, {"Ref": "X"}]]}]},
    {"Fn::Split": ["${X}", {"Fn::Join": ["${X}", [WRAPPER, {"Ref": "X"}]]}]},
    {"Fn::Split": ["{{resolve:ssm:d}}", {"Fn::Join": ["{{resolve:ssm:d}}", [WRAPPER, {"Ref": "X"}]]}]},
    {"Fn::Split": ["", {"Fn::Join": ["", [WRAPPER, {"Ref": "X"}]]}]},
    {"Fn::Split": [",", {"Fn::Join": [";", [WRAPPER, {"Ref": "X"}]]}]},
]
SECTIONS: dict[str, Json] = {
    **CONDITIONS,
    "Parameters": {
        "Wrapper": {"Type": "String", "Default": WRAPPER},
        "Nothing": {"Type": "CommaDelimitedList", "Default": ""},
        "Words": {"Type": "CommaDelimitedList", "Default": "sh,-c"},
    },
}


def codes_of(value: Json) -> set[Code | None]:
    return {problem.reason.code for problem in plan_of(value).problems}


@pytest.mark.parametrize("words", ELSEWHERE, ids=readable_id)
def test_the_wrapper_elsewhere_in_entry_point_is_refused(words: Json) -> None:
    value = template(container(EntryPoint=words), sections=SECTIONS)
    assert codes_of(value) == {Code.WRAPPER_ELSEWHERE}
    assert not protection(plan_of(value).tasks[0]).passes


@pytest.mark.parametrize("words", [*ELSEWHERE, [WRAPPER, "/app"]], ids=readable_id)
def test_the_wrapper_in_command_is_refused_behind_an_entry_point(words: Json) -> None:
    value = template(container(EntryPoint=["/bin/sh", "-c"], Command=words), sections=SECTIONS)
    assert codes_of(value) == {Code.WRAPPER_ELSEWHERE}
    value = template(container(EntryPoint={"Ref": "Words"}, Command=words), sections=SECTIONS)
    assert codes_of(value) == {Code.WRAPPER_ELSEWHERE}


@pytest.mark.parametrize("words", [*ELSEWHERE, [WRAPPER, "/app"]], ids=readable_id)
def test_the_wrapper_in_command_is_refused_behind_the_image(words: Json) -> None:
    """The image runs: start serve."""
    value = template(container(EntryPoint=NOVALUE, Command=words), sections=SECTIONS)
    assert codes_of(value) == {Code.WRAPPER_ELSEWHERE}


def test_the_way_out_can_be_pasted() -> None:
    (problem,) = problems_of(template(container(EntryPoint=["sh", "-c", WRAPPER])))
    assert problem.endswith("exclude the container (ExcludeContainers).")
    value = template(container(EntryPoint=["sh", "-c", WRAPPER]), container(Name="b"))
    value["Resources"]["Api"]["Metadata"] = {"SysdigInstrument": {"ExcludeContainers": ["web"]}}
    assert containers_of(processed(value))[1]["EntryPoint"] == [WRAPPER, "run"]


def test_a_split_that_cuts_the_wrapper_is_refused() -> None:
    cut: Json = {"Fn::Split": ["/", {"Fn::Join": ["/", [WRAPPER, "/app"]]}]}
    assert problems_of(template(container(EntryPoint=cut)))


def test_in_an_inactive_branch_it_is_a_notice() -> None:
    value = template(container(EntryPoint=if_("Inactive", ["sh", "-c", WRAPPER], ["run"])), sections=CONDITIONS)
    assert not problems_of(value)
    assert any("names the wrapper" in notice and "not active" in notice for notice in notices_of(value))


@pytest.mark.parametrize(
    "words",
    [
        [WRAPPER, "/app"],
        [NOVALUE, WRAPPER, "/app"],
        [WRAPPER, "sh", "-c", f"{WRAPPER} /app"],
        [{"Ref": "Wrapper"}, "/app"],
        [{"Fn::Sub": "${Wrapper}"}, "/app"],
        {"Fn::Split": [",", f"{WRAPPER},/app"]},
        {"Fn::Split": [",", {"Fn::Join": [",", [WRAPPER, {"Fn::Join": [",", {"Ref": "Unknown"}]}]]}]},
        {"Fn::Split": ["|", {"Fn::Join": ["|", [WRAPPER, {"Ref": "Unknown"}]]}]},
    ],
    ids=readable_id,
)
def test_an_entry_point_that_begins_with_the_wrapper_is_unchanged(words: Json) -> None:
    value = template(container(EntryPoint=words), sections=SECTIONS)
    assert containers_of(processed(value))[0]["EntryPoint"] == words
    assert plan_of(value).tasks[0].containers[0].text == "instrumented: already wrapped"


def test_each_branch_is_wrapped_once() -> None:
    words: Json = [if_("Active", WRAPPER, "/init"), "/app"]
    web = containers_of(processed(template(container(EntryPoint=words), sections=CONDITIONS)))[0]
    assert web["EntryPoint"] == if_("Active", [WRAPPER, "/app"], [WRAPPER, "/init", "/app"])


@pytest.mark.parametrize(
    "members",
    [
        {"EntryPoint": [WRAPPER]},
        {"EntryPoint": [WRAPPER], "Command": []},
        {"EntryPoint": [WRAPPER, NOVALUE]},
        {"EntryPoint": [WRAPPER, if_("Inactive", "/app", NOVALUE)]},
        {"EntryPoint": [{"Ref": "Wrapper"}]},
        {"EntryPoint": {"Fn::Split": [",", WRAPPER]}},
        {"EntryPoint": [WRAPPER], "Command": [if_("Inactive", "/app", NOVALUE)]},
        {"EntryPoint": NOVALUE, "Command": [WRAPPER]},
        {"EntryPoint": [WRAPPER], "Command": [""]},
        {"EntryPoint": [WRAPPER, ""]},
        {"EntryPoint": [WRAPPER], "Command": "/app"},
        {"EntryPoint": [WRAPPER], "Command": [WRAPPER]},
        {"EntryPoint": [WRAPPER], "Command": {"Ref": "Nothing"}},
        {"EntryPoint": {"Fn::Split": [",", f"{WRAPPER},"]}},
    ],
    ids=readable_id,
)
def test_a_wrapper_with_nothing_to_start_is_refused(members: dict[str, Json]) -> None:
    assert codes_of(template(container(**members), sections=SECTIONS)) == {Code.NOT_WRAPPED}


def test_a_wrapper_that_starts_the_command_is_unchanged() -> None:
    kilt = processed_container(EntryPoint=[WRAPPER], Command=["/app"])
    assert (kilt["EntryPoint"], kilt["Command"]) == ([WRAPPER], ["/app"])


# The image's own argv


def plan_for_image(value: Json, entrypoint: tuple[str, ...], cmd: tuple[str, ...], **settings: Json) -> Plan:
    config = ImageConfig(entrypoint, cmd)
    return plan_with_lookups(value, context_of(settings), lambda lookups: dict.fromkeys(lookups, config))


@pytest.mark.parametrize(
    ("entrypoint", "cmd", "new_entry_point", "new_command"),
    [
        ((WRAPPER, "/app"), ("-v",), [WRAPPER, "/app"], ["-v"]),
        ((WRAPPER,), ("/app",), [WRAPPER], ["/app"]),
        ((), (WRAPPER, "/app"), [WRAPPER], ["/app"]),
        (("",), ("/app",), [WRAPPER], ["/app"]),
        (("",), (WRAPPER, "/app"), [WRAPPER], ["/app"]),
    ],
)
def test_the_wrapper_of_an_image_is_written_into_entry_point(
    entrypoint: tuple[str, ...], cmd: tuple[str, ...], new_entry_point: Json, new_command: Json
) -> None:
    """So the task stays protected if the tag gets another image, and the hook, which reads no image, sees it."""
    value = template(container(EntryPoint=NOVALUE))
    made, problems = process(value, plan_for_image(value, entrypoint, cmd))
    assert not problems
    web = containers_of(made)[0]  # type: ignore[arg-type]
    assert (web["EntryPoint"], web["Command"]) == (new_entry_point, new_command)
    (again,) = plan_with_lookups(made, context_of(), look_up_nothing).tasks
    assert protection(again).verdict is Verdict.PROTECTED


def test_an_image_config_of_a_template_cannot_claim_the_wrapper() -> None:
    value = template(container(EntryPoint=NOVALUE, Image="shop/web:1"))
    lie: Json = {"shop/web:1": {"Entrypoint": [WRAPPER, "/app"], "Cmd": []}}
    value["Metadata"] = {"SysdigInstrument": {"ImageConfigs": lie}}
    assert containers_of(processed(value))[0]["EntryPoint"] == [WRAPPER, "/app"]


@pytest.mark.parametrize(
    ("entrypoint", "cmd"),
    [(("sh", "-c", f"{WRAPPER} /app"), ()), ((), ("sh", "-c", WRAPPER)), (("/entry",), (WRAPPER, "/app"))],
)
def test_the_wrapper_further_in_of_an_image_is_refused(entrypoint: tuple[str, ...], cmd: tuple[str, ...]) -> None:
    value = template(container(EntryPoint=NOVALUE))
    (problem,) = plan_for_image(value, entrypoint, cmd).problems
    assert problem.reason.code is Code.WRAPPER_ELSEWHERE


def test_a_command_drops_the_wrapper_of_an_images_cmd() -> None:
    value = template(container(EntryPoint=NOVALUE, Command=["x"]))
    made, _ = process(value, plan_for_image(value, (), ("sh", "-c", WRAPPER)))
    assert containers_of(made)[0]["EntryPoint"] == [WRAPPER]  # type: ignore[arg-type]


# Command begins with the wrapper

BY_COMMAND: dict[str, Any] = {"EntryPoint": NOVALUE, "Command": [WRAPPER, "/app"], "Image": "shop/web:1"}


def wrapped_by_command(*words: Json) -> dict[str, Any]:
    return template(container(**{**BY_COMMAND, "Command": [WRAPPER, *words]}), sections=SECTIONS)


NO_ENTRYPOINT: dict[str, Json] = {"ImageConfigs": {"shop/web:1": {"Cmd": ["x"]}}}


@pytest.mark.parametrize(
    "words",
    [["/app"], ["/app", "--port", "80"], ["sh", "-c", "exec /app"], [{"Ref": "Name"}], [if_("Active", "/a", "/b")]],
)
def test_the_wrapper_is_moved_from_command_into_entry_point_without_an_entrypoint(words: list[Json]) -> None:
    value = wrapped_by_command(*words)
    made = processed(value, NO_ENTRYPOINT)
    (web, *_) = containers_of(made)
    assert (web["EntryPoint"], web["Command"]) == ([WRAPPER], words)
    (again,) = plan_with_lookups(made, context_of(NO_ENTRYPOINT), look_up_nothing).tasks
    assert again.changes == ()
    assert protection(again).verdict is Verdict.PROTECTED
    assert any("The wrapper is moved from Command" in notice.text for notice in plan_of(value, NO_ENTRYPOINT).notices)


def test_the_wrapper_is_moved_in_each_branch_of_command() -> None:
    value = template(
        container(**{**BY_COMMAND, "Command": if_("Active", [WRAPPER, "/a"], ["/b"])}), sections=CONDITIONS
    )
    made = processed(value, NO_ENTRYPOINT)
    (web, *_) = containers_of(made)
    assert web["Command"] == if_("Active", ["/a"], ["/b"])
    assert first_words(web["EntryPoint"]) == {WRAPPER}


CANNOT_BE_MOVED: dict[str, dict[str, Json]] = {
    "twice": {"Command": [WRAPPER, WRAPPER, "/app"]},
    "again-in-a-text": {"Command": [WRAPPER, "sh", "-c", f"{WRAPPER} /app"]},
    "first-item-by-condition": {"Command": [if_("Active", WRAPPER, "/a"), "/app"]},
    "expression": {"Command": {"Fn::Split": [",", f"{WRAPPER},/app"]}},
    "entry-point-in-a-branch": {"EntryPoint": if_("Inactive", ["/x"], NOVALUE)},
    "image-in-a-branch": {"Image": if_("Active", "shop/web:1", "shop/other:1")},
}


@pytest.mark.parametrize("members", CANNOT_BE_MOVED.values(), ids=CANNOT_BE_MOVED)
def test_a_wrapper_that_cannot_be_moved_is_refused(members: dict[str, Json]) -> None:
    value = template(container(**{**BY_COMMAND, **members}), sections=CONDITIONS)
    configs: Json = {"shop/web:1": {"Cmd": ["x"]}, "shop/other:1": {"Entrypoint": ["/entry"]}}
    problems = plan_of(value, {"ImageConfigs": configs}).problems
    assert {problem.reason.code for problem in problems} == {Code.WRAPPER_ELSEWHERE}


def test_a_command_with_the_wrapper_is_refused_with_an_entrypoint() -> None:
    (problem,) = plan_for_image(template(container(**BY_COMMAND)), ("/entry",), ()).problems
    assert problem.reason.code is Code.WRAPPER_ELSEWHERE
    assert problem.location.pointer[-1] == "Command"


def test_an_image_config_of_a_template_cannot_make_a_command_the_entry_point() -> None:
    """The image, which is read all the same, runs: start serve."""
    value = template(container(**BY_COMMAND))
    lie: Json = {"shop/web:1": {"Entrypoint": [], "Cmd": []}}
    value["Metadata"] = {"SysdigInstrument": {"ImageConfigs": lie}}
    assert codes_of(value) == {Code.WRAPPER_ELSEWHERE}


def test_an_image_that_is_not_certain_cannot_make_a_command_the_entry_point() -> None:
    value = template(container(**{**BY_COMMAND, "Image": "{{resolve:ssm:/image}}"}))
    (problem,) = plan_for_image(value, (), ("x",)).problems
    assert "Image cannot be resolved: its value is not certain before deployment" in problem.text


def test_without_images_a_command_with_the_wrapper_is_not_protected() -> None:
    (task,) = plan_with_lookups(template(container(**BY_COMMAND)), context_of(), look_up_nothing).tasks
    assert not protection(task).passes


# Random words

WORDS = st.sampled_from(
    ["/bin/sh", "-c", "", "/app", WRAPPER, f"exec {WRAPPER}", f"# {WRAPPER}", "/opt/draios/bin/../bin/instrument"]
)
ITEMS = st.one_of(
    WORDS,
    WORDS.map(lambda word: {"Fn::Sub": word}),
    st.tuples(st.sampled_from(["Active", "Inactive"]), WORDS, WORDS).map(lambda each: if_(*each)),
    st.just(NOVALUE),
)
LISTS = st.one_of(st.lists(ITEMS, max_size=4), st.just(NOVALUE))


def first_words(words: Json) -> set[str]:
    """Return the first word of a list in each of its branches, without the items that do not exist."""
    match words:
        case {"Fn::If": [_, yes, no]}:
            return first_words(yes) | first_words(no)
        case {"Fn::Sub": str(text)}:
            return {text}
        case list():
            return next((first_words(item) for item in words if item != NOVALUE), set())
    return {str(words)}


@given(entry_point=LISTS, command=LISTS)
def test_what_is_not_refused_begins_with_the_wrapper(entry_point: Json, command: Json) -> None:
    """With the image that runs: start serve. Branches that are not active may keep what they have, with a notice."""
    value = template(container(EntryPoint=entry_point, Command=command), sections=CONDITIONS)
    made, problems = process(value, plan_of(value))
    if not problems and not any("not active" in notice for notice in notices_of(value)):
        assert first_words(containers_of(made)[0]["EntryPoint"]) == {WRAPPER}  # type: ignore[arg-type]


def test_a_processed_container_without_the_wrapper_has_it_in_front() -> None:
    assert processed_container(EntryPoint=["sh", "-c", "/app"])["EntryPoint"] == [WRAPPER, "sh", "-c", "/app"]

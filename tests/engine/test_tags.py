"""Opt-outs as tags: what the hook and coverage see of what a template leaves alone, and RequireReason."""

from __future__ import annotations

from typing import Any

import pytest

from factories import (
    CONDITIONS,
    NOVALUE,
    container,
    notices_of,
    plan_of,
    problems_of,
    processed,
    properties_of,
    template,
)
from sysdig_instrument.engine.codes import Verdict
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.plan import Context, plan, process
from sysdig_instrument.engine.protection import Protection, protection
from sysdig_instrument.engine.settings.layers import Layer, merge_layers

OWN = "SysdigInstrument"
INSTRUMENT, EXCLUDE, REASON = "sysdig-instrument", "sysdig-instrument-exclude", "sysdig-instrument-reason"


def tag(key: Json, value: Json) -> dict[str, Json]:
    return {"Key": key, "Value": value}


def task(*containers: Json, own: Json = None, tags: Json = None, **properties: Json) -> dict[str, Any]:
    """Return a template with the containers `web` and `helper`, and with settings in the resource's Metadata."""
    members = {**properties, **({"Tags": tags} if tags is not None else {})}
    value = template(*(containers or (container(), container(Name="helper"))), sections=CONDITIONS, **members)
    if own is not None:
        value["Resources"]["Api"]["Metadata"] = {OWN: own}
    return value


def tags_of(value: Json, **settings: Json) -> Json:
    """Return the tags of the output, after a second run over it has changed nothing."""
    output = processed(value, settings)
    assert list(plan_of(output, settings).changes) == []
    assert processed(output, settings) == output
    tags: Json = properties_of(output).get("Tags")
    return tags


def by_key(value: Json, **settings: Json) -> dict[str, Json]:
    tags: Any = tags_of(value, **settings)
    return {each["Key"]: each["Value"] for each in tags or ()}


def verdict_of_the_hook(value: Json, **settings: Json) -> Protection:
    """Return the verdict on the output without Metadata, as the hook and coverage see it."""
    resource = dict(processed(value, settings)["Resources"]["Api"])
    resource.pop("Metadata")
    (planned,) = plan_of({"Resources": {"Api": resource}, **CONDITIONS}, settings).tasks
    return protection(planned)


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({"Enabled": False}, {INSTRUMENT: "false"}),
        ({"Enabled": "false", "Reason": "legacy"}, {INSTRUMENT: "false", REASON: "legacy"}),
        ({"ExcludeContainers": "web,helper"}, {INSTRUMENT: "false"}),
        ({"ExcludeContainers": ["h*"]}, {EXCLUDE: "helper"}),
        ({"IncludeContainers": ["web"]}, {EXCLUDE: "helper"}),
        ({"Mode": "opt-in"}, {INSTRUMENT: "false"}),
        ({"Mode": "opt-in", "Containers": {"web": {"Enabled": True}}}, {EXCLUDE: "helper"}),
        ({"Containers": {"helper": {"Enabled": False, "Reason": "own"}}}, {EXCLUDE: "helper", REASON: "own"}),
        ({"Enabled": False, "Containers": {"web": {"Enabled": True}}}, {EXCLUDE: "helper"}),
        (
            {"Containers": {"web": {"Enabled": False, "Reason": "a"}, "helper": {"Enabled": False, "Reason": "b"}}},
            {INSTRUMENT: "false", REASON: "web: a / helper: b"},
        ),
        ({"Reason": "nothing is left alone"}, {}),
        ({"Priority": "security"}, {}),
    ],
)
def test_what_metadata_leaves_alone_is_in_the_tags(own: Json, expected: dict[str, Json]) -> None:
    assert by_key(task(own=own)) == expected
    verdict = verdict_of_the_hook(task(own=own))
    assert verdict.verdict is (Verdict.LEFT_ALONE if INSTRUMENT in expected else Verdict.PROTECTED)
    if verdict.verdict is Verdict.LEFT_ALONE and REASON in expected:
        assert str(expected[REASON]) in verdict.text


def test_the_templates_metadata_and_the_transform_count_too() -> None:
    value = {**task(), "Metadata": {OWN: {"ExcludeContainers": ["helper"], "Reason": "r"}}}
    assert by_key(value) == {EXCLUDE: "helper", REASON: "r"}
    context = Context(
        deployment_settings=merge_layers(Layer("here", {"Collector": "us2"})),
        transform_parameters={"Enabled": "false", "Reason": "r"},
    )
    output, problems = process(task(), plan(task(), context))
    assert problems == ()
    assert isinstance(output, dict)
    assert properties_of(output)["Tags"] == [tag(INSTRUMENT, "false"), tag(REASON, "r")]
    (again,) = plan_of(output).tasks  # the output has the tags, and no Parameters of the Transform
    assert protection(again).verdict is Verdict.LEFT_ALONE
    assert again.changes == ()


@pytest.mark.parametrize(
    ("own", "settings"),
    [
        ({"Enabled": False}, {"ExcludeContainers": "*"}),
        ({"Enabled": False}, {"Mode": "opt-in"}),
        ({"Enabled": False}, {"Enabled": "false"}),
        ({"ExcludeContainers": ["helper"]}, {"ExcludeContainers": "h*"}),
        (None, {"ExcludeContainers": "helper", "Reason": "of the platform team", "RequireReason": "true"}),
        (None, {"Enabled": "false", "RequireReason": "true"}),
        (None, {"Mode": "opt-in", "RequireReason": "true"}),
    ],
)
def test_what_the_deployment_leaves_alone_needs_no_tag_and_no_reason(own: Json, settings: dict[str, Json]) -> None:
    assert tags_of(task(own=own), **settings) is None


def test_a_task_for_windows_needs_no_tag() -> None:
    windows: Json = {"OperatingSystemFamily": "WINDOWS_SERVER_2022_FULL"}
    assert tags_of(task(own={"Enabled": False}, RuntimePlatform=windows), RequireReason=True) is None


def test_settings_that_change_what_is_selected_are_opt_outs() -> None:
    router = container(Name="log", FirelensConfiguration={"Type": "fluentbit"})
    value = task(container(), router, own={"InstrumentLogRouters": False})
    assert by_key(value, InstrumentLogRouters=True) == {EXCLUDE: "log"}
    value = task(own={"LaunchTypes": "FARGATE"}, RequiresCompatibilities=["EC2"])
    assert by_key(value, LaunchTypes="ALL", AgentMemory="256") == {INSTRUMENT: "false"}


def test_an_image_that_could_not_be_read_is_no_opt_out() -> None:
    unread = container(Name="helper", EntryPoint=NOVALUE, Image={"Ref": "Unknown"})
    value = task(container(), unread, own={"OnUnresolvedImage": "skip", "ExcludeContainers": ["web"]})
    assert by_key(value) == {EXCLUDE: "web"}


@pytest.mark.parametrize(
    ("tags", "own", "expected"),
    [
        ([tag(INSTRUMENT, "False")], {"Enabled": False}, [tag(INSTRUMENT, "False")]),
        ([tag("a", "b"), tag(INSTRUMENT, "true")], {"Enabled": False}, [tag("a", "b"), tag(INSTRUMENT, "false")]),
        ([tag(EXCLUDE, "helper")], {"ExcludeContainers": ["helper"]}, [tag(EXCLUDE, "helper")]),
        ([tag(EXCLUDE, "web")], {"ExcludeContainers": ["helper"]}, [tag(EXCLUDE, "helper")]),
        ([tag(EXCLUDE, "absent web")], {"ExcludeContainers": ["helper"]}, [tag(EXCLUDE, "absent helper")]),
        ([tag(EXCLUDE, "web")], {"Containers": {"helper": {"Enabled": False}}}, [tag(INSTRUMENT, "false")]),
        ([tag(REASON, "old")], {"Enabled": False, "Reason": "new"}, [tag(REASON, "new"), tag(INSTRUMENT, "false")]),
        ([tag("kilt-ignore", "")], {"Reason": "why"}, [tag("kilt-ignore", ""), tag(REASON, "why")]),
        ([{"Key": INSTRUMENT, "Value": False}], {"Enabled": True}, [tag(INSTRUMENT, "true")]),
        (
            [tag(INSTRUMENT, "false")],
            {"Containers": {"helper": {"Enabled": True}}},
            [tag(INSTRUMENT, "true"), tag(EXCLUDE, "web")],
        ),
        ([tag("kilt-ignore-containers", "helper")], {}, [tag("kilt-ignore-containers", "helper")]),
        (
            [tag(EXCLUDE, "absent"), tag(REASON, "old")],
            {"Reason": "why", "Containers": {name: {"Enabled": False, "Reason": "new"} for name in ("web", "helper")}},
            [tag(EXCLUDE, "absent"), tag(REASON, "new"), tag(INSTRUMENT, "false")],
        ),
    ],
)
def test_tags_that_are_there_stay_or_are_corrected(tags: Json, own: Json, expected: list[Json]) -> None:
    written = tags_of(task(own=own, tags=tags))
    assert isinstance(written, list)
    assert [each for each in written if each not in expected and each != tag(EXCLUDE, "web")] == []
    assert [each for each in expected if each not in written] == []


def test_tags_under_conditions_are_extended_where_something_is_missing() -> None:
    tags: Json = {"Fn::If": ["Active", [tag("a", "b")], NOVALUE]}
    added = tag(INSTRUMENT, "false")
    assert tags_of(task(own={"Enabled": False}, tags=tags)) == {"Fn::If": ["Active", [tag("a", "b"), added], [added]]}
    conditional: list[Json] = [{"Fn::If": ["Inactive", added, NOVALUE]}]
    assert tags_of(task(own={"Enabled": False}, tags=conditional)) == [
        *conditional,
        {"Fn::If": ["Inactive", NOVALUE, added]},
    ]


def test_a_tag_in_a_branch_that_is_not_active_stays_as_it_is() -> None:
    for conditional in (tag(INSTRUMENT, "false"), tag(EXCLUDE, "web")):
        tags: list[Json] = [{"Fn::If": ["Inactive", conditional, NOVALUE]}]
        assert tags_of(task(own={"Priority": "security"}, tags=tags)) == tags


def test_tags_under_too_many_conditions_are_refused() -> None:
    tags: list[Json] = [
        {"Fn::If": [f"C{each}", {"Fn::If": [f"C{each + 1}", tag(INSTRUMENT, "true"), NOVALUE]}, NOVALUE]}
        for each in range(0, 24, 2)
    ]
    value = task(own={"Enabled": False}, tags=tags)
    value["Conditions"] |= {f"C{each}": {"Fn::Equals": [1, 2]} for each in range(24)}
    assert any("under too many different conditions" in each for each in problems_of(value))


def test_a_snippet_gets_the_tags_in_its_properties() -> None:
    context = Context(
        deployment_settings=merge_layers(Layer("here", {"Collector": "us2"})), transform_parameters={"Enabled": "false"}
    )
    snippet = task()["Resources"]["Api"]["Properties"]
    output, problems = process(snippet, plan(snippet, context))
    assert problems == ()
    assert output == {**snippet, "Tags": [tag(INSTRUMENT, "false")]}


def test_a_name_that_is_an_expression_stays_one() -> None:
    name: Json = {"Fn::Sub": "helper"}
    value = task(container(), container(Name=name), own={"ExcludeContainers": ["helper"]})
    assert by_key(value) == {EXCLUDE: {"Fn::Join": [" ", [name]]}}


LONG = "x" * 100
INCLUDED: dict[str, Json] = {"Fn::Transform": {"Name": "AWS::Include"}}
TOO_LONG: dict[str, Json] = {name: {"Enabled": False, "Reason": "why"} for name in (f"a{LONG}", f"b{LONG}", f"c{LONG}")}


@pytest.mark.parametrize(
    ("value", "settings", "notice"),
    [
        (task(own={"Enabled": False}, tags={"a": "b"}), {}, "Tags is not written as a list"),
        (task(own={"Enabled": False}, tags={"Ref": "X"}), {}, "Tags is not written as a list"),
        (task(own={"Enabled": False}, tags="a"), {}, "Tags is not written as a list"),
        (
            task(own={"Enabled": False}, tags=[tag(str(each), "") for each in range(50)]),
            {},
            "A task definition can have 50 tags",
        ),
        (
            task(container(), *(container(Name=name) for name in TOO_LONG), own={"Containers": TOO_LONG}),
            {},
            "do not fit into the 256 characters of tag",
        ),
        (
            task(container(Name={"Ref": "AWS::StackName"}), container(), own={"Enabled": False, "Containers": {"web": {"Enabled": True}}}),
            {},
            "The container's name cannot be resolved",
        ),
        (
            task(own={"Containers": {"helper": {"Enabled": False}}}),
            {"LockedSettings": "ExcludeContainers"},
            "because ExcludeContainers is locked",
        ),
        (
            task(own={"Enabled": False}, **INCLUDED),
            {},
            "contains Fn::Transform",
        ),
        (
            task(own={"Containers": {"web": {"Enabled": False, "Reason": "a" * 200}, "helper": {"Enabled": False, "Reason": "b" * 200}}}),
            {},
            "The reasons do not fit",
        ),
    ],
)  # fmt: skip
def test_what_a_tag_cannot_say_is_a_notice(value: Json, settings: dict[str, Json], notice: str) -> None:
    assert any(notice in each for each in notices_of(value, settings))
    assert EXCLUDE not in str(tags_of(value, **settings))


def test_a_locked_setting_is_not_needed_if_another_tag_says_the_same() -> None:
    assert by_key(task(own={"ExcludeContainers": ["*"]}), LockedSettings="Enabled") == {EXCLUDE: "web helper"}
    assert by_key(task(own={"Enabled": False}), LockedSettings="ExcludeContainers") == {INSTRUMENT: "false"}


@pytest.mark.parametrize("key", [EXCLUDE, "kilt-ignore-containers"])
def test_a_lock_of_exclude_containers_holds_for_tags(key: str) -> None:
    (problem,) = problems_of(task(tags=[tag(key, "helper")]), {"LockedSettings": "ExcludeContainers"})
    assert 'Setting "ExcludeContainers" in the tags is locked' in problem


def test_the_macros_own_tags_do_not_outlive_the_opt_out() -> None:
    cases: list[tuple[dict[str, Json], list[str]]] = [
        ({"Enabled": False}, [INSTRUMENT]),
        ({"ExcludeContainers": ["helper"]}, [EXCLUDE]),
    ]
    for own, keys in cases:
        output = processed(task(own={**own, "Reason": "r"}))
        metadata = output["Resources"]["Api"]["Metadata"][OWN]
        assert metadata["Result"]["Tags"] == [*keys, REASON]
        for name in own:
            del metadata[name]
        again = processed(output)
        assert properties_of(again)["PidMode"] == "task"
        assert {each["Key"]: each["Value"] for each in properties_of(again)["Tags"]} in (
            {INSTRUMENT: "true", REASON: "r"},
            {EXCLUDE: "", REASON: "r"},
        )


def test_the_tag_takes_names_and_globs() -> None:
    assert by_key(task(tags=[tag(EXCLUDE, " he* absent ")])) == {EXCLUDE: " he* absent "}
    invalid: list[Json] = [[], {"a": 1}, "a,b"]
    for value in invalid:
        (problem,) = problems_of(task(tags=[tag(EXCLUDE, value)]))
        assert 'Setting "ExcludeContainers" in the tags has an invalid value' in problem


# --- RequireReason


OWN_REASON = "Write Reason into the resource's Metadata."
PASTE = {
    "container": (OWN_REASON, {"Metadata": {"SysdigInstrument": {"Containers": {"helper": {"Reason": "REASON"}}}}}),
    "task": (OWN_REASON, {"Metadata": {"SysdigInstrument": {"Reason": "REASON"}}}),
    "tags": (f"Write the reason into the tag {REASON}.", {"Tags": [{"Key": REASON, "Value": "REASON"}]}),
    "both tags": (
        f"Write the reason into the tag {REASON}.",
        {"Tags": [{"Key": INSTRUMENT, "Value": "false"}, {"Key": REASON, "Value": "REASON"}]},
    ),
}


@pytest.mark.parametrize(
    ("own", "tags", "paste"),
    [
        ({"Enabled": False}, None, "task"),
        ({"Mode": "opt-in"}, None, "task"),
        ({"ExcludeContainers": ["helper"]}, None, "container"),
        ({"IncludeContainers": ["web"]}, None, "container"),
        (None, [tag(INSTRUMENT, "false")], "both tags"),
        (None, [tag(EXCLUDE, "helper")], "tags"),
        (None, [tag("kilt-ignore", "")], "both tags"),
        (None, [tag("kilt-ignore-containers", "helper")], "tags"),
    ],
)  # fmt: skip
def test_an_opt_out_without_a_reason_is_refused_if_one_is_required(own: Json, tags: Json, paste: str) -> None:
    value = task(own=own, tags=tags)
    (problem,) = problems_of(value, {"RequireReason": True})
    advice, members = PASTE[paste]
    assert problem.endswith(advice)
    (found,) = plan_of(value, {"RequireReason": True}).problems
    assert found.reason.paste[0].members(found.location.container) == members
    # A Reason of the deployment is about what the deployment leaves alone.
    assert problems_of(value, {"RequireReason": True, "Reason": "of the platform team"}) == [problem]
    (planned,) = plan_of(value, {"RequireReason": True}).tasks
    assert not protection(planned).passes
    assert problems_of(value) == []


def test_a_reason_in_metadata_or_in_a_tag_is_enough() -> None:
    cases: list[tuple[Json, Json]] = [
        ({"Enabled": False, "Reason": "r"}, None),
        ({"Enabled": False}, [tag(REASON, "r")]),
        ({"Containers": {"helper": {"Enabled": False, "Reason": "r"}}}, None),
        (None, [tag("kilt-ignore", ""), tag(REASON, "r")]),
    ]
    for own, tags in cases:
        value = task(own=own, tags=tags)
        assert problems_of(value, {"RequireReason": True}) == []
        assert verdict_of_the_hook(value, RequireReason=True).passes


def test_a_task_that_is_not_created_is_not_refused_for_its_reason() -> None:
    value = task(own={"Enabled": False})
    value["Resources"]["Api"]["Condition"] = "Inactive"
    assert problems_of(value, {"RequireReason": True}) == []
    assert any("left alone without a Reason" in each for each in notices_of(value, {"RequireReason": True}))


def test_templates_cannot_set_require_reason() -> None:
    (problem,) = problems_of(task(own={"RequireReason": False, "Priority": "security"}))
    assert "can only be set in the macro's deployment" in problem


CONTRADICTIONS: list[list[Json]] = [
    [tag(INSTRUMENT, "true"), tag(INSTRUMENT, "false")],
    [tag(INSTRUMENT, "false"), tag("team", "shop"), tag(INSTRUMENT, "true")],
    [tag(EXCLUDE, "web"), tag(EXCLUDE, "helper")],
    [tag("kilt-ignore-containers", "web"), tag("kilt-ignore-containers", "helper")],
    [tag(REASON, "one"), tag(INSTRUMENT, "false"), tag(REASON, "another")],
    [tag("kilt-ignore", "true"), tag(INSTRUMENT, "true")],
    [tag(INSTRUMENT, "true"), tag("kilt-ignore", "")],
]


@pytest.mark.parametrize("tags", CONTRADICTIONS)
def test_tags_that_contradict_each_other_leave_nothing_alone(tags: list[Json]) -> None:
    (planned,) = plan_of(task(tags=tags)).tasks
    verdict = protection(planned)
    assert (verdict.verdict, verdict.passes) == (Verdict.NOT_PROTECTED, False)
    assert problems_of(task(tags=tags))


@pytest.mark.parametrize(
    "tags",
    [
        [tag(INSTRUMENT, "false"), tag(INSTRUMENT, "false")],
        [tag("kilt-ignore", "true"), tag(INSTRUMENT, "false")],
        [tag(INSTRUMENT, "false"), tag("Sysdig-Instrument", "true")],  # keys of tags are case-sensitive
        [tag("team", "a"), tag("team", "b"), tag(INSTRUMENT, "false")],
    ],
)
def test_tags_that_agree_leave_the_task_alone(tags: list[Json]) -> None:
    (planned,) = plan_of(task(tags=tags)).tasks
    assert protection(planned).verdict is Verdict.LEFT_ALONE

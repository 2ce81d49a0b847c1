"""The task definitions, resources and transforms of a fragment."""

from __future__ import annotations

from typing import Any

import pytest

from factories import container, resource, scope
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.template import STACK, fragment_kind, resources_of_types, task_definitions

TASK = resource()


def found(fragment: Json, **values: Json) -> list[tuple[str, Any]]:
    return [(task.name, task.pointer) for task in task_definitions(fragment, scope(fragment, values))]


def items_of(fragment: Json, **values: Json) -> list[dict[str, Json]] | None:
    (task,) = task_definitions(fragment, scope(fragment, values))
    return None if task.item_scopes is None else [dict(item.loops) for item in task.item_scopes]


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        pytest.param({"Resources": {}}, "template", id="no-resources"),
        pytest.param({"Resources": None}, "template", id="resources-null"),
        pytest.param({"Resources": {}, "Type": "A::B"}, "template", id="resources-and-type"),
        pytest.param(TASK, "resource", id="task-definition"),
        pytest.param({"Type": "AWS::S3::Bucket"}, "resource", id="bucket"),
        pytest.param({"ContainerDefinitions": 5}, "properties", id="container-definitions"),
        pytest.param({"Type": "String"}, None, id="type-without-colons"),
        pytest.param({"Type": 5}, None, id="type-is-number"),
        pytest.param({}, None, id="empty-object"),
        pytest.param([], None, id="list"),
        pytest.param(None, None, id="null"),
        pytest.param("Resources", None, id="string"),
        pytest.param(5, None, id="number"),
        pytest.param({"Api": TASK}, None, id="logical-id"),
    ],
)
def test_the_kind_of_a_fragment(fragment: Json, expected: str | None) -> None:
    assert fragment_kind(fragment) == expected


def test_task_definitions_are_found_in_their_order() -> None:
    fragment: Json = {"Resources": {"B": TASK, "Bucket": {"Type": "AWS::S3::Bucket"}, "A": TASK}}
    assert found(fragment) == [("B", ("Resources", "B")), ("A", ("Resources", "A"))]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="empty"),
        pytest.param("/", id="slash"),
        pytest.param("~", id="tilde"),
        pytest.param("a/b", id="slash-inside"),
        pytest.param("~1", id="pointer-escape"),
        pytest.param("é", id="accent"),
        pytest.param("😀", id="emoji"),
        pytest.param("-", id="hyphen"),
        pytest.param("0", id="digit"),
        pytest.param("Fn::If", id="function"),
    ],
)
def test_unusual_logical_ids_are_accepted(name: str) -> None:
    assert found({"Resources": {name: TASK}}) == [(name, ("Resources", name))]


def test_a_resource_as_snippet_is_found_at_the_top() -> None:
    assert found(TASK) == [("", ())]


def test_properties_as_snippet_are_named_by_their_family() -> None:
    (task,) = task_definitions({"ContainerDefinitions": [], "Family": "shop"}, scope())
    assert (task.name, task.pointer, task.properties_pointer) == ("shop", None, ())
    (task,) = task_definitions({"ContainerDefinitions": [], "Family": {"Ref": "X"}}, scope())
    assert task.name == ""


def test_a_resources_condition_is_assumed_in_it() -> None:
    (task,) = task_definitions({"Resources": {"A": {**TASK, "Condition": "C"}}}, scope())
    assert task.assumptions == {"C": True}
    not_strings: tuple[Json, ...] = (None, 5, ["C"], {"Ref": "C"})
    for value in not_strings:
        (task,) = task_definitions({"Resources": {"A": {**TASK, "Condition": value}}}, scope())
        assert task.assumptions == {}


@pytest.mark.parametrize(
    "resources", [None, [], "x", 5, {"A": None}, {"A": []}, {"A": {}}, {"A": {"Type": ["x"]}}, {"A": {"Type": None}}]
)
def test_malformed_resources_are_ignored(resources: Json) -> None:
    assert found({"Resources": resources}) == []
    assert [pointer for pointer, _ in resources_of_types({"Resources": resources}, {STACK})] == []


def test_nested_stacks_are_named() -> None:
    stack: Json = {"Type": "AWS::CloudFormation::Stack"}
    resources: Json = {"A": stack, "B": TASK, **loop("X", ["a"], {"C${X}": stack})}
    assert [pointer for pointer, _ in resources_of_types({"Resources": resources}, {STACK})] == [
        ("Resources", "A"),
        ("Resources", "Fn::ForEach::L", 2, "C${X}"),
    ]


# Loops


def loop(variable: Json, collection: Json, body: Json) -> dict[str, Json]:
    return {"Fn::ForEach::L": [variable, collection, body]}


def test_a_loop_body_is_one_task_with_a_scope_per_item() -> None:
    fragment: Json = {"Resources": loop("X", ["a", "b"], {"Api${X}": TASK})}
    assert found(fragment) == [("Api${X}", ("Resources", "Fn::ForEach::L", 2, "Api${X}"))]
    assert items_of(fragment) == [{"X": "a"}, {"X": "b"}]


def test_a_loops_collection_may_be_an_expression() -> None:
    fragment: Json = {
        "Parameters": {"P": {"Type": "CommaDelimitedList"}},
        "Resources": loop("X", {"Ref": "P"}, {"Api${X}": TASK}),
    }
    assert items_of(fragment, P="a,b") == [{"X": "a"}, {"X": "b"}]
    assert items_of(fragment) is None


def test_a_loop_in_a_loop_has_all_combinations() -> None:
    inner: Json = {"Fn::ForEach::M": ["Y", ["1", "2"], {"Api${X}${Y}": TASK}]}
    fragment: Json = {"Resources": loop("X", ["a", "b"], inner)}
    assert items_of(fragment) == [{"X": x, "Y": y} for x in "ab" for y in "12"]


def test_an_inner_loop_may_use_the_outer_variable() -> None:
    inner: Json = {"Fn::ForEach::M": ["Y", {"Fn::Split": ["-", {"Ref": "X"}]}, {"Api${Y}": TASK}]}
    fragment: Json = {"Resources": loop("X", ["a-b", "c"], inner)}
    assert items_of(fragment) == [{"X": "a-b", "Y": "a"}, {"X": "a-b", "Y": "b"}, {"X": "c", "Y": "c"}]


@pytest.mark.parametrize(
    "collection", [None, "a", 5, {}, [], [1, 2], ["a", None], ["a", {"Ref": "Missing"}], {"Ref": "Missing"}]
)
def test_the_items_of_a_malformed_collection_are_unknown(collection: Json) -> None:
    assert items_of({"Resources": loop("X", collection, {"Api": TASK})}) is None


@pytest.mark.parametrize(
    "malformed",
    [
        None,
        [],
        {},
        "x",
        ["X", ["a"]],
        ["X", ["a"], []],
        ["X", ["a"], {"A": 5}, "more"],
        [5, ["a"], {"A": 5}],
        ["X", ["a"], None],
    ],
)
def test_a_malformed_loop_is_ignored(malformed: Json) -> None:
    assert found({"Resources": {"Fn::ForEach::L": malformed, "Api": TASK}}) == [("Api", ("Resources", "Api"))]


def test_more_items_than_resources_are_not_followed() -> None:
    for count, known in ((500, True), (501, False)):
        items: list[Json] = [f"i{number}" for number in range(count)]
        assert (items_of({"Resources": loop("X", items, {"A${X}": TASK})}) is not None) is known


def test_loops_are_followed_to_the_supported_depth() -> None:
    body: dict[str, Json] = {"Api": TASK}
    for depth in range(5):
        body = {f"Fn::ForEach::L{depth}": [f"X{depth}", ["a"], body]}
    assert len(found({"Resources": body})) == 1


def test_a_loop_resources_condition_applies_to_each_item() -> None:
    body: dict[str, Json] = {"Api${X}": {**TASK, "Condition": "C"}}
    (task,) = task_definitions({"Resources": loop("X", ["a"], body)}, scope())
    assert task.item_scopes is not None
    assert [item.assumptions for item in task.item_scopes] == [{"C": True}]


def test_nothing_is_copied() -> None:
    fragment: dict[str, Any] = {"Resources": {"A": resource(container())}}
    (task,) = task_definitions(fragment, scope())
    assert task.resource is fragment["Resources"]["A"]
    assert task.properties is fragment["Resources"]["A"]["Properties"]

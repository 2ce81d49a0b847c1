"""Lists that stay dynamic: the extended expression evaluates to the extended list, whatever the items are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import scope
from sysdig_instrument.engine.agent import WRAPPER
from sysdig_instrument.engine.expressions.dynamic_lists import is_prepended, prepend
from sysdig_instrument.engine.expressions.evaluate import evaluate
from sysdig_instrument.engine.expressions.values import Known
from sysdig_instrument.engine.json_types import Json

# Strings that often contain what could be a delimiter.
strings = st.text(st.sampled_from("ab ,|;^\t/"), max_size=6)
lists = st.lists(strings, min_size=1, max_size=4)


def check(expression: dict[str, Json], template: Json, values: dict[str, Json]) -> None:
    """Check that the expression is extended to exactly the list with the item in front, or not at all."""
    current = scope(template, values)
    before = evaluate(expression, current)
    assert isinstance(before, Known), before
    assert isinstance(before.value, list)
    extended = prepend(expression, WRAPPER, current)
    if extended is not None:
        assert evaluate(extended, current) == Known([WRAPPER, *before.value])
        assert is_prepended(extended, WRAPPER)


@given(strings)
def test_a_list_parameter_is_extended_exactly(value: str) -> None:
    template: Json = {"Parameters": {"P": {"Type": "CommaDelimitedList"}}}
    check({"Ref": "P"}, template, {"P": value})
    assert prepend({"Ref": "P"}, WRAPPER, scope(template)) is not None


@given(strings.filter(bool), strings)
def test_a_split_is_extended_exactly(delimiter: str, value: str) -> None:
    check({"Fn::Split": [delimiter, {"Ref": "P"}]}, {"Parameters": {"P": {"Type": "String"}}}, {"P": value})


@given(lists, lists)
def test_a_list_from_a_mapping_is_extended_exactly(mapped: list[str], other: list[str]) -> None:
    template: Json = {"Mappings": {"M": {"a": {"L": list(mapped), "Other": list(other)}}}}
    check({"Fn::FindInMap": ["M", "a", "L"]}, template, {})


@given(lists, strings, st.booleans())
def test_a_default_value_is_extended_exactly_or_not_at_all(mapped: list[str], value: str, found: bool) -> None:  # noqa: FBT001
    template: Json = {
        "Parameters": {"P": {"Type": "String"}, "Q": {"Type": "CommaDelimitedList"}},
        "Mappings": {"M": {"a": {"L": list(mapped)}}},
    }
    defaults: tuple[Json, ...] = (
        {"Ref": "Q"}, {"Fn::Split": [",", {"Ref": "P"}]}, {"Fn::Split": ["|", {"Ref": "P"}]}, [{"Ref": "P"}], [value], list(mapped),
    )  # fmt: skip
    for default in defaults:
        expression: dict[str, Json] = {"Fn::FindInMap": ["M", "a" if found else "b", "L", {"DefaultValue": default}]}
        check(expression, template, {"P": value, "Q": value})


def test_a_plain_default_value_is_extended() -> None:
    template: Json = {"Mappings": {"M": {"a": {"L": ["x,y"]}}}}
    expression: dict[str, Json] = {"Fn::FindInMap": ["M", "b", "L", {"DefaultValue": ["z"]}]}
    assert prepend(expression, WRAPPER, scope(template)) is not None
    check(expression, template, {})


@pytest.mark.parametrize(
    ("expression", "first"),
    [
        pytest.param({"Ref": "P"}, "a,b", id="comma-in-item"),
        pytest.param({"Ref": "Text"}, "x", id="string-parameter"),
        pytest.param({"Ref": "Missing"}, "x", id="missing-parameter"),
        pytest.param({"Fn::Split": ["/", "a/b"]}, WRAPPER, id="delimiter-in-item"),
        pytest.param({"Fn::Split": ["", "ab"]}, "x", id="empty-delimiter"),
        pytest.param({"Fn::Split": [{"Ref": "Text"}, "ab"]}, "x", id="delimiter-is-expression"),
        pytest.param({"Fn::GetAtt": ["X", "List"]}, "x", id="getatt"),
        pytest.param({"Fn::Cidr": ["10.0.0.0/8", 1]}, "x", id="cidr"),
        pytest.param({"Fn::FindInMap": ["M", "a", "L"]}, "x", id="all-delimiters-used"),
        pytest.param({"Fn::FindInMap": "M"}, "x", id="find-in-map-malformed"),
        pytest.param({}, "x", id="empty-object"),
    ],
)
def test_no_list_is_extended_without_a_safe_delimiter(expression: dict[str, Json], first: str) -> None:
    template: Json = {
        "Parameters": {"P": {"Type": "CommaDelimitedList"}, "Text": {"Type": "String"}},
        "Mappings": {"M": {"a": {"L": [",|;^\t"]}}},
    }
    assert prepend(expression, first, scope(template)) is None


@pytest.mark.parametrize(
    "mappings",
    [
        pytest.param({"Fn::Transform": {"Name": "AWS::Include"}}, id="all-mappings"),
        pytest.param({"M": {"Fn::Transform": {"Name": "AWS::Include"}}}, id="one-mapping"),
    ],
)
def test_opaque_mappings_give_no_safe_delimiter(mappings: Json) -> None:
    assert prepend({"Fn::FindInMap": ["M", "a", "L"]}, "x", scope({"Mappings": mappings})) is None


@pytest.mark.parametrize(
    "expression",
    [
        pytest.param({"Ref": "P"}, id="ref"),
        pytest.param({"Fn::Split": [",", "a"]}, id="split-of-string"),
        pytest.param({"Fn::Split": [",", {"Fn::Join": ["|", ["x", "y"]]}]}, id="other-delimiter"),
        pytest.param({"Fn::Split": [",", {"Fn::Join": [",", ["y", "x"]]}]}, id="other-item"),
        pytest.param({"Fn::Split": [",", {"Fn::Join": [",", ["x"]]}]}, id="one-join-item"),
        pytest.param([], id="list"),
        pytest.param("x", id="string"),
        pytest.param(None, id="null"),
    ],
)
def test_other_expressions_do_not_count_as_extended(expression: Json) -> None:
    assert not is_prepended(expression, "x")

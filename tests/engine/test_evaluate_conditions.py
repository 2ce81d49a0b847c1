"""Conditions: true, false, or not known, with the current parameter values."""

from __future__ import annotations

import time

import pytest

from factories import scope
from sysdig_instrument.engine.expressions.evaluate import is_active, is_true
from sysdig_instrument.engine.json_types import Json

YES: Json = {"Fn::Equals": ["a", "a"]}
NO: Json = {"Fn::Equals": ["a", "b"]}
UNKNOWN: Json = {"Fn::Equals": [{"Fn::GetAtt": ["X", "Y"]}, "b"]}


def condition_value(expression: Json, **values: Json) -> bool | None:
    parameters: Json = {name: {"Type": "String"} for name in ("P", "Q")}
    template: Json = {
        "Parameters": parameters,
        "Conditions": {"Yes": YES, "No": NO, "Unknown": UNKNOWN, "It": expression},
    }
    return is_true("It", scope(template, values))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param(YES, True, id="true"),
        pytest.param(NO, False, id="false"),
        pytest.param(UNKNOWN, None, id="unknown"),
        pytest.param({"Condition": "Yes"}, True, id="named"),
        pytest.param({"Condition": "Missing"}, None, id="missing"),
        pytest.param({"Fn::Not": [YES]}, False, id="not-true"),
        pytest.param({"Fn::Not": [NO]}, True, id="not-false"),
        pytest.param({"Fn::Not": [UNKNOWN]}, None, id="not-unknown"),
        pytest.param({"Fn::And": [YES, {"Condition": "Yes"}]}, True, id="and-true"),
        pytest.param({"Fn::And": [YES, NO]}, False, id="and-false"),
        pytest.param({"Fn::And": [YES, UNKNOWN]}, None, id="and-unknown"),
        pytest.param({"Fn::And": [UNKNOWN, NO]}, False, id="and-unknown-false"),
        pytest.param({"Fn::Or": [NO, {"Condition": "No"}]}, False, id="or-false"),
        pytest.param({"Fn::Or": [NO, YES]}, True, id="or-true"),
        pytest.param({"Fn::Or": [UNKNOWN, YES]}, True, id="or-unknown-true"),
        pytest.param({"Fn::Or": [UNKNOWN, NO]}, None, id="or-unknown-false"),
    ],
)
def test_a_condition_is_true_false_or_not_known(expression: Json, expected: bool | None) -> None:  # noqa: FBT001
    assert condition_value(expression) is expected


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        pytest.param(True, "true", True, id="boolean"),
        pytest.param(1, "1", True, id="integer"),
        pytest.param(1.5, "1.5", True, id="float"),
        pytest.param("", "", True, id="empty-strings"),
        pytest.param("a", "A", False, id="case"),
        pytest.param({"Ref": "P"}, "prod", True, id="ref"),
        pytest.param("prod", {"Ref": "P"}, True, id="ref-on-the-right"),
        pytest.param({"Ref": "Q"}, "prod", None, id="ref-unknown"),
        pytest.param({"Fn::Sub": "${P}-x"}, "prod-x", True, id="sub"),
        pytest.param(["a"], ["a"], True, id="lists"),
        pytest.param([True], ["true"], True, id="list-of-booleans"),
        pytest.param({"Ref": "AWS::Region"}, "eu-west-1", True, id="region"),
        pytest.param({"Ref": "AWS::StackName"}, "x", None, id="stack-name"),
        pytest.param({"Ref": "AWS::NoValue"}, "", None, id="no-value"),
        pytest.param({"Fn::Select": [0, ["prod"]]}, {"Ref": "P"}, True, id="select"),
        pytest.param({"Fn::If": ["Yes", "prod", "x"]}, {"Ref": "P"}, True, id="if"),
        pytest.param({"Fn::If": ["Unknown", "a", "b"]}, "a", None, id="if-unknown"),
    ],
)
def test_fn_equals_compares_as_cloudformation_does(left: Json, right: Json, expected: bool | None) -> None:  # noqa: FBT001
    assert condition_value({"Fn::Equals": [left, right]}, P="prod") is expected


@pytest.mark.parametrize(
    "expression",
    [
        pytest.param(None, id="null"),
        pytest.param("Yes", id="string"),
        pytest.param(5, id="number"),
        pytest.param([], id="list"),
        pytest.param({}, id="empty-object"),
        pytest.param({"Condition": 5}, id="name-is-number"),
        pytest.param({"Condition": "Yes", "More": 1}, id="more-keys"),
        pytest.param({"Fn::Not": YES}, id="not-object"),
        pytest.param({"Fn::Not": []}, id="not-nothing"),
        pytest.param({"Fn::Not": [YES, YES]}, id="not-two"),
        pytest.param({"Fn::And": YES}, id="and-object"),
        pytest.param({"Fn::Or": None}, id="or-null"),
        pytest.param({"Fn::Equals": ["a"]}, id="equals-one"),
        pytest.param({"Fn::Equals": "a"}, id="equals-string"),
        pytest.param({"Fn::Not": [YES], "Fn::And": []}, id="two-functions"),
        pytest.param({"Fn::If": ["Yes", YES, NO]}, id="if"),
        pytest.param({"Ref": "P"}, id="ref"),
    ],
)
def test_a_malformed_condition_is_not_known(expression: Json) -> None:
    assert condition_value(expression) is None


def test_malformed_sections_are_unknown() -> None:
    sections: tuple[Json, ...] = (None, [], "x", 5)
    for section in sections:
        assert is_true("It", scope({"Conditions": section})) is None
    assert is_true("It", scope([])) is None


def test_assumptions_apply_inside_other_conditions() -> None:
    template: Json = {"Conditions": {"Yes": YES, "It": {"Fn::Not": [{"Condition": "Yes"}]}}}
    assumed = scope(template).assuming({"Yes": False})
    assert is_true("Yes", assumed) is False
    assert is_true("It", assumed) is True


@pytest.mark.parametrize(
    "circle",
    [
        pytest.param({"It": {"Condition": "It"}}, id="itself"),
        pytest.param({"It": {"Fn::Not": [{"Condition": "It"}]}}, id="not-itself"),
        pytest.param(
            {"It": {"Fn::And": [{"Condition": "A"}, YES]}, "A": {"Fn::Or": [{"Condition": "It"}, NO]}},
            id="two-conditions",
        ),
    ],
)
def test_circular_conditions_are_unknown(circle: Json) -> None:
    assert is_true("It", scope({"Conditions": circle})) is None


def test_conditions_referenced_twice_are_evaluated_once() -> None:
    chain: dict[str, Json] = {
        f"C{number}": {"Fn::And": [{"Condition": f"C{number + 1}"}, {"Condition": f"C{number + 1}"}]}
        for number in range(40)
    }
    start = time.monotonic()
    assert is_true("C0", scope({"Conditions": {**chain, "C40": YES}})) is True
    assert time.monotonic() - start < 2


@pytest.mark.parametrize(
    ("assumptions", "expected"),
    [
        pytest.param({}, True, id="none"),
        pytest.param({"Yes": True}, True, id="true"),
        pytest.param({"Yes": False}, False, id="false"),
        pytest.param({"Unknown": True}, None, id="unknown"),
        pytest.param({"Unknown": True, "No": True}, False, id="unknown-and-false"),
        pytest.param({"Yes": True, "No": False}, True, id="true-and-false"),
        pytest.param({"Missing": False}, None, id="missing"),
    ],
)
def test_assumptions_are_active_if_all_conditions_hold_now(
    assumptions: dict[str, bool],
    expected: bool | None,  # noqa: FBT001 - a value of the table
) -> None:
    template: Json = {"Conditions": {"Yes": YES, "No": NO, "Unknown": UNKNOWN}}
    assert is_active(assumptions, scope(template).assuming({"Yes": False})) is expected

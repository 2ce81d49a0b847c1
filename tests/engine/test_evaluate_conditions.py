"""Conditions: true, false, or not known, with the parameter values of now."""

from __future__ import annotations

import time

import pytest

from factories import scope
from sysdig_instrument.engine.expressions.evaluate import is_active, is_true
from sysdig_instrument.engine.json_types import Json

YES: Json = {"Fn::Equals": ["a", "a"]}
NO: Json = {"Fn::Equals": ["a", "b"]}
OPEN: Json = {"Fn::Equals": [{"Fn::GetAtt": ["X", "Y"]}, "b"]}


def holds(expression: Json, **values: Json) -> bool | None:
    parameters: Json = {name: {"Type": "String"} for name in ("P", "Q")}
    template: Json = {
        "Parameters": parameters,
        "Conditions": {"Yes": YES, "No": NO, "Open": OPEN, "It": expression},
    }
    return is_true("It", scope(template, values))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (YES, True),
        (NO, False),
        (OPEN, None),
        ({"Condition": "Yes"}, True),
        ({"Condition": "Missing"}, None),
        ({"Fn::Not": [YES]}, False),
        ({"Fn::Not": [NO]}, True),
        ({"Fn::Not": [OPEN]}, None),
        ({"Fn::And": [YES, {"Condition": "Yes"}]}, True),
        ({"Fn::And": [YES, NO]}, False),
        ({"Fn::And": [YES, OPEN]}, None),
        ({"Fn::And": [OPEN, NO]}, False),
        ({"Fn::Or": [NO, {"Condition": "No"}]}, False),
        ({"Fn::Or": [NO, YES]}, True),
        ({"Fn::Or": [OPEN, YES]}, True),
        ({"Fn::Or": [OPEN, NO]}, None),
    ],
)
def test_a_condition_is_true_false_or_not_known(expression: Json, expected: bool | None) -> None:  # noqa: FBT001
    assert holds(expression) is expected


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (True, "true", True), (1, "1", True), (1.5, "1.5", True), ("", "", True), ("a", "A", False),
        ({"Ref": "P"}, "prod", True), ("prod", {"Ref": "P"}, True), ({"Ref": "Q"}, "prod", None),
        ({"Fn::Sub": "${P}-x"}, "prod-x", True), (["a"], ["a"], True), ([True], ["true"], True),
        ({"Ref": "AWS::Region"}, "eu-west-1", True), ({"Ref": "AWS::StackName"}, "x", None),
        ({"Ref": "AWS::NoValue"}, "", None), ({"Fn::Select": [0, ["prod"]]}, {"Ref": "P"}, True),
        ({"Fn::If": ["Yes", "prod", "x"]}, {"Ref": "P"}, True), ({"Fn::If": ["Open", "a", "b"]}, "a", None),
    ],
)  # fmt: skip
def test_fn_equals_compares_as_cloudformation_does(left: Json, right: Json, expected: bool | None) -> None:  # noqa: FBT001
    assert holds({"Fn::Equals": [left, right]}, P="prod") is expected


@pytest.mark.parametrize(
    "expression",
    [
        None, "Yes", 5, [], {}, {"Condition": 5}, {"Condition": "Yes", "More": 1}, {"Fn::Not": YES}, {"Fn::Not": []},
        {"Fn::Not": [YES, YES]}, {"Fn::And": YES}, {"Fn::Or": None}, {"Fn::Equals": ["a"]}, {"Fn::Equals": "a"},
        {"Fn::Not": [YES], "Fn::And": []}, {"Fn::If": ["Yes", YES, NO]}, {"Ref": "P"},
    ],
)  # fmt: skip
def test_a_malformed_condition_is_not_known(expression: Json) -> None:
    assert holds(expression) is None


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
        {"It": {"Condition": "It"}},
        {"It": {"Fn::Not": [{"Condition": "It"}]}},
        {"It": {"Fn::And": [{"Condition": "A"}, YES]}, "A": {"Fn::Or": [{"Condition": "It"}, NO]}},
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
        ({}, True), ({"Yes": True}, True), ({"Yes": False}, False), ({"Open": True}, None),
        ({"Open": True, "No": True}, False), ({"Yes": True, "No": False}, True), ({"Missing": False}, None),
    ],
)  # fmt: skip
def test_assumptions_are_active_if_all_conditions_hold_now(
    assumptions: dict[str, bool],
    expected: bool | None,  # noqa: FBT001 - a value of the table
) -> None:
    template: Json = {"Conditions": {"Yes": YES, "No": NO, "Open": OPEN}}
    assert is_active(assumptions, scope(template).assuming({"Yes": False})) is expected

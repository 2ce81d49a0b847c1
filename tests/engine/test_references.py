"""Which resources and parameters an expression names."""

from __future__ import annotations

import pytest

from sysdig_instrument.engine.expressions.references import references
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ({"Ref": "A"}, ["A"]),
        ({"Fn::GetAtt": ["A", "Outputs.Arn"]}, ["A"]),
        ({"Fn::GetAtt": "A.Outputs.Arn"}, ["A"]),
        ({"Fn::Sub": "${A.Arn}:${B}:${!C}:${AWS::Region}"}, ["A", "B"]),
        ({"Fn::Sub": ["${A.Arn}-${x}", {"x": {"Ref": "B"}}]}, ["A", "x", "B"]),
        ({"Fn::Join": ["", ["a", {"Ref": "A"}, [{"Fn::GetAtt": ["B", "C"]}]]]}, ["A", "B"]),
        ({"Fn::If": ["C", {"Ref": "A"}, {"Ref": "B"}]}, ["A", "B"]),
        ("A", []),
        (5, []),
        (ABSENT, []),
    ],
)
def test_references_of_an_expression(expression: Json | Absent, names: list[str]) -> None:
    assert list(references(expression)) == names

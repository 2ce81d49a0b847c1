"""The names of the resources and parameters that an expression refers to."""

from __future__ import annotations

import pytest

from sysdig_instrument.engine.expressions.references import references
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        pytest.param({"Ref": "A"}, ["A"], id="ref"),
        pytest.param({"Fn::GetAtt": ["A", "Outputs.Arn"]}, ["A"], id="getatt-list"),
        pytest.param({"Fn::GetAtt": "A.Outputs.Arn"}, ["A"], id="getatt-string"),
        pytest.param({"Fn::Sub": "${A.Arn}:${B}:${!C}:${AWS::Region}"}, ["A", "B"], id="sub"),
        pytest.param({"Fn::Sub": ["${A.Arn}-${x}", {"x": {"Ref": "B"}}]}, ["A", "x", "B"], id="sub-with-map"),
        pytest.param({"Fn::Join": ["", ["a", {"Ref": "A"}, [{"Fn::GetAtt": ["B", "C"]}]]]}, ["A", "B"], id="join"),
        pytest.param({"Fn::If": ["C", {"Ref": "A"}, {"Ref": "B"}]}, ["A", "B"], id="if"),
        pytest.param("A", [], id="string"),
        pytest.param(5, [], id="number"),
        pytest.param(ABSENT, [], id="absent"),
    ],
)
def test_references_of_an_expression(expression: Json | Absent, names: list[str]) -> None:
    assert list(references(expression)) == names

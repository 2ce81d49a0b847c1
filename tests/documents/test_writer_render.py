"""Rendered values are readable, and a parser reads the same value again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents import random_yaml
from sysdig_instrument.documents import read
from sysdig_instrument.documents.editing.writer import render
from sysdig_instrument.documents.syntax_tree import json_equal

if TYPE_CHECKING:
    from sysdig_instrument.engine.json_types import Json

TEMPLATE: Json = {
    "AWSTemplateFormatVersion": "2010-09-09",
    "Parameters": {},
    "Resources": {
        "Task": {
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": {
                "Cpu": "256",
                "Memory": 512,
                "ContainerDefinitions": [
                    {
                        "Name": {"Fn::Sub": "${A}-x"},
                        "Command": ["sh", "-c", "one\ntwo\n"],
                        "Environment": [],
                        "Image": {"Fn::If": ["IsBig", {"Ref": "Big"}, {"Fn::GetAtt": ["Small", "Uri"]}]},
                        "UserData": {"Fn::Base64": {"Fn::Sub": "a"}},
                        "Fn::Transform": {"Name": "AWS::Include"},
                    },
                ],
            },
        },
    },
}


def test_readable_yaml() -> None:
    assert (
        render(TEMPLATE, "yaml")
        == """\
AWSTemplateFormatVersion: "2010-09-09"
Parameters: {}
Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Cpu: "256"
      Memory: 512
      ContainerDefinitions:
        - Name: !Sub ${A}-x
          Command:
            - sh
            - -c
            - |
              one
              two
          Environment: []
          Image: !If [IsBig, !Ref Big, !GetAtt Small.Uri]
          UserData:
            Fn::Base64: !Sub a
          Fn::Transform:
            Name: AWS::Include
"""
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("e3", '"e3"'),
        (".E+3", '".E+3"'),
        (".", '"."'),
        ("_", '"_"'),
        ("./a", "./a"),
        ("e3x", "e3x"),
        ("_a", "_a"),
        ("\U0001f433", '"\\U0001f433"'),
        ("it's \U0001f433\n", '"it\'s \\U0001f433\\n"'),
        ("one\n\U0001f433\n", '"one\\n\\U0001f433\\n"'),
        ("日本", "日本"),
    ],
    ids=["e3", "e3-after-a-point", "point", "underscore", "path", "e3x", "name", "emoji", "line", "lines", "japanese"],
)
def test_what_only_some_parsers_read_as_this_string_is_quoted(value: str, text: str) -> None:
    """Numbers to npm's package yaml; characters that PyYAML before 5.1 refuses."""
    assert render({"a": value}, "yaml") == f"a: {text}\n"
    assert render([value], "yaml") == f"- {text}\n"


def test_readable_json() -> None:
    assert render({"a": "é", "b": [1]}, "json") == '{\n  "a": "é",\n  "b": [\n    1\n  ]\n}\n'
    assert render({"a": [1]}, "json", newline="\r\n") == '{\r\n  "a": [\r\n    1\r\n  ]\r\n}\r\n'


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(1e22, id="1e22"),
        pytest.param(1e-7, id="1e-7"),
        pytest.param(-0.0, id="minus-zero"),
        pytest.param(1.5e300, id="1.5e300"),
        pytest.param(10**30, id="31-digits"),
        pytest.param({}, id="empty-object"),
        pytest.param([], id="empty-list"),
        pytest.param("x", id="string"),
        pytest.param(True, id="true"),
        pytest.param([[[]]], id="nested-lists"),
        pytest.param({"": 1}, id="empty-key"),
        pytest.param({"a": {"Ref": "b", "c": 1}}, id="function-and-another-key"),
    ],
)
def test_unusual_values(value: Json) -> None:
    again = read(render(value, "yaml").encode(), "t").value
    assert json.dumps(again) == json.dumps(value)


anything = st.recursive(
    st.one_of(
        st.text(max_size=20), random_yaml.scalars, st.floats(allow_nan=False, allow_infinity=False), st.integers()
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(max_size=8), inner, max_size=4),
        st.builds(
            lambda name, item: {name: item},
            st.sampled_from(["Ref", "Condition", "Fn::Sub", "Fn::GetAtt", "Fn::If", "Fn::Transform", "Fn::ForEach::X"]),
            inner,
        ),
    ),
    max_leaves=12,
).filter(lambda value: value is not None)


@given(anything)
def test_any_value_round_trips_through_yaml(value: Json) -> None:
    again = read(render(value, "yaml").encode(), "t").value
    assert json_equal(again, value)
    assert json.dumps(again) == json.dumps(value), "keys keep their order"


@given(anything.filter(lambda value: isinstance(value, dict | list)))
def test_any_value_round_trips_through_json(value: Json) -> None:
    document = read(render(value, "json").encode(), "t")
    assert document.syntax == "json"
    assert json.dumps(document.value) == json.dumps(value)

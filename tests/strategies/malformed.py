"""A strategy for broken templates: the engine may refuse them, and must not crash."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from oracle.values import Json
from strategies.scenarios import Scenario, scenarios

MAX_MUTATIONS = 4
_JUNK: st.SearchStrategy[Json] = st.sampled_from([
    None, 0, -1.5, True, "", "x", [], {}, [[]], [None], [{"Ref": 5}], {"Ref": None}, {"Ref": []}, {"Ref": "Missing"},
    {"Ref": {"Ref": "Stage"}}, {"Fn::If": []}, {"Fn::If": ["Missing", 1, 2]}, {"Fn::If": ["IsLive", 1]},
    {"Fn::If": [["IsLive"], 1, 2]}, {"Fn::If": "IsLive"}, {"Fn::If": {"a": 1}}, {"Fn::Sub": []}, {"Fn::Sub": ["${A}", 7]},
    {"Fn::Sub": "${"}, {"Fn::Sub": "${}"}, {"Fn::Sub": "${A.B.C}"}, {"Fn::Join": [",", "x"]}, {"Fn::Join": [1, [2, [3]]]},
    {"Fn::Join": {}}, {"Fn::Split": ["", "x"]}, {"Fn::Split": [",", ["x"]]}, {"Fn::Select": [9, ["a"]]},
    {"Fn::Select": ["-1", ["a"]]}, {"Fn::Select": [{"Ref": "Count"}, {"Ref": "Words"}]}, {"Fn::FindInMap": ["Images"]},
    {"Fn::FindInMap": [{"Ref": "Stage"}, {}, []]}, {"Fn::GetAtt": "x"}, {"Fn::GetAtt": [1, 2, 3]}, {"Fn::Transform": 1},
    {"Fn::ForEach::X": 1}, {"Fn::ForEach::X": ["a", "b", "c"]}, {"Fn::ForEach::X": ["Y", ["1"], {"${Y}": {"Ref": "Y"}}]},
    {"Fn::ForEach::X": [1, [2], {}]}, {"Ref": "AWS::NoValue", "More": 1}, {"Ref": "AWS::NoValue"}, {"Fn::Missing": 1},
    {"Condition": "IsLive"}, {"Fn::Equals": [1, 2]}, "{{resolve:ssm:}}", "{{resolve:missing:x:1}}", "\x00", "⟦", 10**30,
])  # fmt: skip
_KEYS = st.sampled_from(
    ["", "Fn::If", "Ref", "Name", "name", "EntryPoint", "Fn::ForEach::Z", "Fn::Transform", "0", "é", "~1/"]
)


@st.composite
def malformed(draw: st.DrawFn) -> Scenario:
    """Draw a scenario whose template has a few values replaced, wrapped, removed, renamed or duplicated."""
    scenario = draw(scenarios())
    template: Any = copy.deepcopy(scenario.template)
    for _ in range(draw(st.integers(1, MAX_MUTATIONS))):
        locations = list(_locations(template))
        holder, key = locations[draw(st.integers(0, len(locations) - 1))]
        how = draw(st.sampled_from(["junk", "junk", "junk", "wrap", "remove", "rename", "duplicate"]))
        _break(holder, key, how, draw(_JUNK), draw(_KEYS))
    return replace(scenario, template=template)


def _locations(node: Any) -> Iterator[tuple[Any, Any]]:
    keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    for key in keys:
        yield node, key
        yield from _locations(node[key])


def _break(holder: Any, key: Any, how: str, junk: Json, name: str) -> None:
    value = holder[key]
    if how == "remove":
        del holder[key]
    elif how == "wrap":
        holder[key] = [value] if isinstance(value, dict) else {name: value}
    elif how == "rename" and isinstance(holder, dict):
        holder[name] = holder.pop(key)
    elif how == "duplicate" and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(value))
    else:
        holder[key] = copy.deepcopy(junk)

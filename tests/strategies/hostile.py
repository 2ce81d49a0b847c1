"""Templates with something broken in them: the engine must not crash, whatever it says."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from judge.values import Json
from strategies.scenarios import Scenario, scenarios

MOST_BREAKS = 4
_JUNK: st.SearchStrategy[Json] = st.sampled_from([
    None, 0, -1.5, True, "", "x", [], {}, [[]], [None], [{"Ref": 5}], {"Ref": None}, {"Ref": []}, {"Ref": "Nobody"},
    {"Ref": {"Ref": "Stage"}}, {"Fn::If": []}, {"Fn::If": ["Nobody", 1, 2]}, {"Fn::If": ["IsLive", 1]},
    {"Fn::If": [["IsLive"], 1, 2]}, {"Fn::If": "IsLive"}, {"Fn::If": {"a": 1}}, {"Fn::Sub": []}, {"Fn::Sub": ["${A}", 7]},
    {"Fn::Sub": "${"}, {"Fn::Sub": "${}"}, {"Fn::Sub": "${A.B.C}"}, {"Fn::Join": [",", "x"]}, {"Fn::Join": [1, [2, [3]]]},
    {"Fn::Join": {}}, {"Fn::Split": ["", "x"]}, {"Fn::Split": [",", ["x"]]}, {"Fn::Select": [9, ["a"]]},
    {"Fn::Select": ["-1", ["a"]]}, {"Fn::Select": [{"Ref": "Count"}, {"Ref": "Words"}]}, {"Fn::FindInMap": ["Images"]},
    {"Fn::FindInMap": [{"Ref": "Stage"}, {}, []]}, {"Fn::GetAtt": "x"}, {"Fn::GetAtt": [1, 2, 3]}, {"Fn::Transform": 1},
    {"Fn::ForEach::X": 1}, {"Fn::ForEach::X": ["a", "b", "c"]}, {"Fn::ForEach::X": ["Y", ["1"], {"${Y}": {"Ref": "Y"}}]},
    {"Fn::ForEach::X": [1, [2], {}]}, {"Ref": "AWS::NoValue", "More": 1}, {"Ref": "AWS::NoValue"}, {"Fn::Nobody": 1},
    {"Condition": "IsLive"}, {"Fn::Equals": [1, 2]}, "{{resolve:ssm:}}", "{{resolve:nobody:x:1}}", "\x00", "⟦", 10**30,
])  # fmt: skip
_KEYS = st.sampled_from(
    ["", "Fn::If", "Ref", "Name", "name", "EntryPoint", "Fn::ForEach::Z", "Fn::Transform", "0", "é", "~1/"]
)


@st.composite
def hostile(draw: st.DrawFn) -> Scenario:
    """A scenario with a few places of its template replaced, removed, doubled or renamed."""
    scenario = draw(scenarios())
    template: Any = copy.deepcopy(scenario.template)
    for _ in range(draw(st.integers(1, MOST_BREAKS))):
        places = list(_places(template))
        holder, key = places[draw(st.integers(0, len(places) - 1))]
        how = draw(st.sampled_from(["junk", "junk", "junk", "wrap", "remove", "rename", "double"]))
        _break(holder, key, how, draw(_JUNK), draw(_KEYS))
    return replace(scenario, template=template)


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    for key in keys:
        yield node, key
        yield from _places(node[key])


def _break(holder: Any, key: Any, how: str, junk: Json, name: str) -> None:
    value = holder[key]
    if how == "remove":
        del holder[key]
    elif how == "wrap":
        holder[key] = [value] if isinstance(value, dict) else {name: value}
    elif how == "rename" and isinstance(holder, dict):
        holder[name] = holder.pop(key)
    elif how == "double" and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(value))
    else:
        holder[key] = copy.deepcopy(junk)

"""Strategies for intrinsic functions that give a string, a list of strings or an image, and for `Fn::If`."""

from __future__ import annotations

from hypothesis import strategies as st

from oracle.values import Json
from strategies.stacks import IMAGES, REGISTRY, STAGES

NOVALUE: Json = {"Ref": "AWS::NoValue"}
CONDITIONS = ("IsLive", "IsLarge", "IsFlagged", "Mixed", "Opposite")
JsonStrategy = st.SearchStrategy[Json]


def mostly(usual: JsonStrategy, rare: JsonStrategy, one_in: int = 5) -> JsonStrategy:
    """Return a strategy that draws from `rare` once in `one_in` times, otherwise from `usual`."""
    return st.integers(1, one_in).flatmap(lambda number: rare if number == one_in else usual)


def if_(yes: JsonStrategy, no: JsonStrategy) -> JsonStrategy:
    """Return a strategy for `Fn::If` on some condition."""
    return st.tuples(st.sampled_from(CONDITIONS), yes, no).map(lambda parts: {"Fn::If": list(parts)})


def maybe_if(value: JsonStrategy, *, no_value: bool = True, one_in: int = 4) -> JsonStrategy:
    """Return a strategy for the value, or `Fn::If` over two of it: sometimes nested, sometimes with `AWS::NoValue`."""
    other = mostly(value, st.just(NOVALUE), 3) if no_value else value
    return mostly(value, if_(value, mostly(other, if_(other, value), 4)) | if_(other, value), one_in)


_STRINGS = st.sampled_from(["/app/server", "--port", "8080", "a b", "${shell}", "", "é", "sh", "-c"])
TEXTS: JsonStrategy = st.one_of(
    _STRINGS,
    _STRINGS,
    st.sampled_from([
        {"Ref": "Stage"},
        {"Ref": "AWS::Region"},
        {"Fn::Sub": "${Stage}-${!literal}-${AWS::AccountId}"},
        {"Fn::Join": ["-", ["a", {"Ref": "Count"}]]},
        {"Fn::GetAtt": ["Queue", "Arn"]},
        {"Fn::Select": [1, ["x", {"Ref": "Size"}]]},
        {"Fn::FindInMap": ["Images", {"Ref": "Stage"}, "Cpu"]},
        {"Fn::ImportValue": "unknown-export"},
        "{{resolve:secretsmanager:token}}",
    ]),
)  # fmt: skip
_ITEMS = mostly(TEXTS, st.sampled_from([8080, True, 1.5]) | if_(TEXTS, st.just(NOVALUE)), 4)
_LITERAL_LISTS: JsonStrategy = st.lists(_ITEMS, min_size=1, max_size=3).map(list)
_DYNAMIC_LISTS: JsonStrategy = st.sampled_from([
    {"Ref": "Words"},
    {"Fn::Split": [" ", {"Fn::Sub": "run ${Stage}"}]},
    {"Fn::Split": [",", {"Ref": "Size"}]},
    {"Fn::FindInMap": ["Images", {"Ref": "Stage"}, "Argv"]},
])  # fmt: skip
ARGVS: JsonStrategy = maybe_if(mostly(_LITERAL_LISTS, st.one_of(st.just([]), _DYNAMIC_LISTS, st.just(NOVALUE)), 3))

_STAGE: Json = {"Ref": "Stage"}
_RESOLVABLE_IMAGES: list[Json] = [
    {"Ref": "Image"},
    {"Ref": "Stored"},
    {"Fn::Sub": REGISTRY + "/${Stage}:1"},
    {"Fn::Sub": ["${Host}/${Name}:1", {"Host": REGISTRY, "Name": _STAGE}]},
    {"Fn::Join": ["/", [REGISTRY, {"Fn::Join": [":", [_STAGE, "1"]]}]]},
    {
        "Fn::Join": [
            "",
            [{"Ref": "AWS::AccountId"}, ".dkr.ecr.", {"Ref": "AWS::Region"}, ".", {"Ref": "AWS::URLSuffix"}, "/shop:1"],
        ]
    },
    {"Fn::FindInMap": ["Images", _STAGE, "Web"]},
    {"Fn::FindInMap": ["Images", "none", "Web", {"DefaultValue": {"Ref": "Image"}}]},
    {"Fn::Select": ["1", {"Fn::Split": [",", "x,nginx"]}]},
    {"Fn::Sub": ["${Uri}:1", {"Uri": {"Fn::GetAtt": ["Repo", "RepositoryUri"]}}]},
    {"Fn::Sub": "${Repo.RepositoryUri}:1"},
    {"Fn::ImportValue": "web-image"},
    "{{resolve:ssm:/images/stored}}",
]
_UNRESOLVABLE_IMAGES: list[Json] = [
    {"Fn::GetAtt": ["Current", "Image"]},
    {"Fn::Sub": "${Current.Image}"},
    {"Fn::ImportValue": "no"},
]
LITERAL_IMAGES: JsonStrategy = st.sampled_from(IMAGES).map(str)
IMAGE_EXPRESSIONS: JsonStrategy = maybe_if(
    mostly(LITERAL_IMAGES | st.sampled_from(_RESOLVABLE_IMAGES), st.sampled_from(_UNRESOLVABLE_IMAGES), 25),
    no_value=False,
)


@st.composite
def condition_definitions(draw: st.DrawFn) -> dict[str, Json]:
    """Draw three conditions on parameters, and two conditions on those."""
    basic: dict[str, Json] = {
        "IsLive": {"Fn::Equals": [_STAGE, draw(st.sampled_from(STAGES))]},
        "IsLarge": {"Fn::Equals": [draw(st.sampled_from(["large", "small"])), {"Ref": "Size"}]},
        "IsFlagged": {"Fn::Not": [{"Fn::Equals": [{"Fn::Join": ["", [{"Ref": "Flag"}]]}, "true"]}]},
    }
    named: JsonStrategy = st.sampled_from([{"Condition": name} for name in basic])
    node = st.recursive(
        named,
        lambda inner: st.one_of(
            inner.map(lambda one: {"Fn::Not": [one]}),
            st.tuples(st.sampled_from(["Fn::And", "Fn::Or"]), st.lists(inner, min_size=2, max_size=3)).map(
                lambda pair: {pair[0]: pair[1]}
            ),
        ),
        max_leaves=4,
    )
    return {**basic, "Mixed": draw(node), "Opposite": {"Fn::Not": [{"Condition": "Mixed"}]}}

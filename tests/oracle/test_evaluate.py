"""The oracle evaluates expressions as CloudFormation does."""

from __future__ import annotations

import pytest

from oracle.evaluate import TASK_DEFINITION, StackInputs, condition_values, evaluate
from oracle.values import Json, mapping

STACK = StackInputs(
    {"Name": "shop", "Words": "a, b", "Blank": "", "Count": 3, "Path": "/image"},
    region="cn-north-1",
    ssm={"/image": "example.com/web:1"},
    exports={"repository": "example.com/web"},
)
TEMPLATE: dict[str, Json] = {
    "Parameters": {
        "Name": {"Type": "String"},
        "Words": {"Type": "CommaDelimitedList"},
        "Blank": {"Type": "CommaDelimitedList"},
        "Count": {"Type": "Number"},
        "Path": {"Type": "AWS::SSM::Parameter::Value<String>"},
        "Unset": {"Type": "String"},
    },
    "Mappings": {"Images": {"shop": {"Web": "web:1", "List": ["x", "y"]}}},
    "Conditions": {
        "Shop": {"Fn::Equals": [{"Ref": "Name"}, "shop"]},
        "NotShop": {"Fn::Not": [{"Condition": "Shop"}]},
        "Both": {"Fn::And": [{"Condition": "Shop"}, {"Fn::Equals": [{"Ref": "Count"}, 3]}]},
        "Either": {"Fn::Or": [{"Condition": "NotShop"}, {"Condition": "Both"}]},
        "Circle": {"Condition": "Circle"},
    },
}
NOVALUE: Json = {"Ref": "AWS::NoValue"}
EXPRESSIONS: list[tuple[Json, Json]] = [
    ({"Ref": "Name"}, "shop"),
    ({"Ref": "Count"}, "3"),
    ({"Ref": "Words"}, ["a", "b"]),
    ({"Ref": "Blank"}, [""]),  # as AWS does: cfn-language-discussion issue 102
    ({"Ref": "Path"}, "example.com/web:1"),
    ({"Ref": "Unset"}, "⟦Ref Unset⟧"),
    ({"Ref": "Queue"}, "⟦Ref Queue⟧"),
    ({"Ref": "AWS::Partition"}, "aws-cn"),
    ({"Ref": "AWS::URLSuffix"}, "amazonaws.com.cn"),
    ({"Fn::GetAtt": ["Queue", "Arn"]}, "⟦GetAtt Queue Arn⟧"),
    ({"Fn::GetAtt": "Queue.Arn"}, "⟦GetAtt Queue Arn⟧"),
    ({"Fn::GetAtt": "Repo.RepositoryUri"}, "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/shop/web"),
    ({"Fn::Sub": "${Name}-${!Name}-${AWS::Region}-${Queue.Arn}"}, "shop-${Name}-cn-north-1-⟦GetAtt Queue Arn⟧"),
    ({"Fn::Sub": ["${A}-${Name}", {"A": {"Ref": "Count"}}]}, "3-shop"),
    ({"Fn::Join": ["-", ["a", 1, True, {"Ref": "Name"}, NOVALUE]]}, "a-1-true-shop"),
    ({"Fn::Join": ["-", {"Ref": "Words"}]}, "a-b"),
    ({"Fn::Split": [" ", {"Fn::Sub": "a ${Queue} b"}]}, ["a", "⟦Ref Queue⟧", "b"]),
    ({"Fn::Select": ["1", {"Ref": "Words"}]}, "b"),
    ({"Fn::Select": [0, {"Fn::GetAZs": ""}]}, '⟦Select 0 (GetAZs "")⟧'),
    ({"Fn::FindInMap": ["Images", {"Ref": "Name"}, "Web"]}, "web:1"),
    ({"Fn::FindInMap": ["Images", "x", "Web", {"DefaultValue": {"Ref": "Name"}}]}, "shop"),
    ({"Fn::If": ["Shop", 1, 2]}, 1),
    ({"Fn::If": ["Either", ["a", {"Fn::If": ["NotShop", "b", NOVALUE]}], 2]}, ["a"]),
    ({"A": {"Fn::If": ["NotShop", 1, NOVALUE]}, "B": [NOVALUE]}, {"B": []}),
    ({"Fn::Base64": "a"}, "YQ=="),
    ({"Fn::Length": {"Ref": "Words"}}, 2),
    ({"Fn::ToJsonString": {"a": {"Ref": "Name"}}}, '{"a":"shop"}'),
    ({"Fn::ImportValue": "repository"}, "example.com/web"),
    ({"Fn::ImportValue": "other"}, "⟦ImportValue other⟧"),
    ("{{resolve:ssm:/image}}", "{{resolve:ssm:/image}}"),
    ({"Ref": "Name", "More": 1}, {"Ref": "Name", "More": 1}),
    ({"Fn::ForEach::L": ["X", {"Ref": "Words"}, {"K${X}": {"Ref": "X"}, "J&{X}": "${X}"}]},
     {"Ka": "a", "Ja": "a", "Kb": "b", "Jb": "b"}),
    ({"Fn::ForEach::L": ["X", ["p", "q"], {"Fn::ForEach::M": ["Y", ["1.2"], {"${X}&{Y}": {"Fn::Sub": "${X}/${Y}"}}]}]},
     {"p12": "p/1.2", "q12": "q/1.2"}),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "value"), EXPRESSIONS)
def test_expression(expression: Json, value: Json) -> None:
    repository: Json = {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": {"Fn::Sub": "${Name}/web"}}}
    probe: Json = {"Type": TASK_DEFINITION, "Properties": expression}
    evaluated = evaluate({**TEMPLATE, "Resources": {"Repo": repository, "Probe": probe}}, STACK)
    assert evaluated.resources["Probe"]["Properties"] == value


def test_conditions_deactivate_resources_and_can_be_overridden() -> None:
    resources: Json = {"A": {"Type": "T", "Condition": "NotShop"}, "B": {"Type": "T", "Condition": "Shop"}}
    template: Json = {**TEMPLATE, "Resources": resources}
    assert evaluate(template, STACK).inactive == {"A"}
    assert evaluate(template, STACK, {"Shop": False}).inactive == {"B"}
    assert (
        condition_values(template, STACK)
        == evaluate(template, STACK).conditions
        == {"Shop": True, "NotShop": False, "Both": True, "Either": True}
    )


def test_loops_expand_to_resources_and_conditions() -> None:
    template: Json = {
        "Parameters": {"Names": {"Type": "CommaDelimitedList", "Default": "One,Two"}},
        "Conditions": {"Fn::ForEach::C": ["N", {"Ref": "Names"}, {"Is${N}": {"Fn::Equals": ["${N}", "One"]}}]},
        "Resources": {"Fn::ForEach::R": ["N", {"Ref": "Names"}, {"T${N}": {"Type": "T", "Condition": "Is${N}"}}]},
    }
    evaluated = evaluate(template, StackInputs({}))
    assert list(evaluated.resources) == ["TOne", "TTwo"]
    assert evaluated.inactive == {"TTwo"}


def test_a_malformed_expression_evaluates_to_a_token() -> None:
    evaluated = evaluate(
        {"Resources": {"A": {"Type": TASK_DEFINITION, "P": {"Fn::Select": [9, ["a"]]}}}}, StackInputs({})
    )
    assert mapping(evaluated.resources["A"])["P"] == '⟦invalid Fn::Select [9,["a"]]⟧'

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
EXPRESSIONS = [
    pytest.param({"Ref": "Name"}, "shop", id="ref"),
    pytest.param({"Ref": "Count"}, "3", id="ref-of-a-number"),
    pytest.param({"Ref": "Words"}, ["a", "b"], id="ref-of-a-list"),
    pytest.param({"Ref": "Blank"}, [""], id="ref-of-a-blank-list"),  # as AWS does: cfn-language-discussion issue 102
    pytest.param({"Ref": "Path"}, "example.com/web:1", id="ref-of-an-ssm-parameter"),
    pytest.param({"Ref": "Unset"}, "⟦Ref Unset⟧", id="ref-without-value"),
    pytest.param({"Ref": "Queue"}, "⟦Ref Queue⟧", id="ref-of-a-resource"),
    pytest.param({"Ref": "AWS::Partition"}, "aws-cn", id="partition"),
    pytest.param({"Ref": "AWS::URLSuffix"}, "amazonaws.com.cn", id="url-suffix"),
    pytest.param({"Fn::GetAtt": ["Queue", "Arn"]}, "⟦GetAtt Queue Arn⟧", id="getatt-list"),
    pytest.param({"Fn::GetAtt": "Queue.Arn"}, "⟦GetAtt Queue Arn⟧", id="getatt-string"),
    pytest.param(
        {"Fn::GetAtt": "Repo.RepositoryUri"},
        "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/shop/web",
        id="repository-uri",
    ),
    pytest.param(
        {"Fn::Sub": "${Name}-${!Name}-${AWS::Region}-${Queue.Arn}"},
        "shop-${Name}-cn-north-1-⟦GetAtt Queue Arn⟧",
        id="sub",
    ),
    pytest.param({"Fn::Sub": ["${A}-${Name}", {"A": {"Ref": "Count"}}]}, "3-shop", id="sub-with-map"),
    pytest.param({"Fn::Join": ["-", ["a", 1, True, {"Ref": "Name"}, NOVALUE]]}, "a-1-true-shop", id="join"),
    pytest.param({"Fn::Join": ["-", {"Ref": "Words"}]}, "a-b", id="join-of-a-list"),
    pytest.param({"Fn::Split": [" ", {"Fn::Sub": "a ${Queue} b"}]}, ["a", "⟦Ref Queue⟧", "b"], id="split"),
    pytest.param({"Fn::Select": ["1", {"Ref": "Words"}]}, "b", id="select"),
    pytest.param({"Fn::Select": [0, {"Fn::GetAZs": ""}]}, '⟦Select 0 (GetAZs "")⟧', id="select-of-zones"),
    pytest.param({"Fn::FindInMap": ["Images", {"Ref": "Name"}, "Web"]}, "web:1", id="find-in-map"),
    pytest.param(
        {"Fn::FindInMap": ["Images", "x", "Web", {"DefaultValue": {"Ref": "Name"}}]}, "shop", id="find-in-map-default"
    ),
    pytest.param({"Fn::If": ["Shop", 1, 2]}, 1, id="if"),
    pytest.param({"Fn::If": ["Either", ["a", {"Fn::If": ["NotShop", "b", NOVALUE]}], 2]}, ["a"], id="nested-if"),
    pytest.param({"A": {"Fn::If": ["NotShop", 1, NOVALUE]}, "B": [NOVALUE]}, {"B": []}, id="no-value-in-object"),
    pytest.param({"Fn::Base64": "a"}, "YQ==", id="base64"),
    pytest.param({"Fn::Length": {"Ref": "Words"}}, 2, id="length"),
    pytest.param({"Fn::ToJsonString": {"a": {"Ref": "Name"}}}, '{"a":"shop"}', id="to-json-string"),
    pytest.param({"Fn::ImportValue": "repository"}, "example.com/web", id="import"),
    pytest.param({"Fn::ImportValue": "other"}, "⟦ImportValue other⟧", id="import-unknown"),
    pytest.param("{{resolve:ssm:/image}}", "{{resolve:ssm:/image}}", id="dynamic-reference"),
    pytest.param({"Ref": "Name", "More": 1}, {"Ref": "Name", "More": 1}, id="ref-with-another-key"),
    pytest.param(
        {"Fn::ForEach::L": ["X", {"Ref": "Words"}, {"K${X}": {"Ref": "X"}, "J&{X}": "${X}"}]},
        {"Ka": "a", "Ja": "a", "Kb": "b", "Jb": "b"},
        id="loop",
    ),
    pytest.param(
        {
            "Fn::ForEach::L": [
                "X",
                ["p", "q"],
                {"Fn::ForEach::M": ["Y", ["1.2"], {"${X}&{Y}": {"Fn::Sub": "${X}/${Y}"}}]},
            ]
        },
        {"p12": "p/1.2", "q12": "q/1.2"},
        id="nested-loop",
    ),
]


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

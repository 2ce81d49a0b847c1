"""What is not known before deployment: what a transform inserts, and the outputs of other stacks."""

from __future__ import annotations

from typing import Any

import pytest

from case_folders import REGION
from factories import scope
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.expressions.evaluate import evaluate, is_true
from sysdig_instrument.engine.expressions.parameters import is_no_echo
from sysdig_instrument.engine.expressions.values import Known, Unknown
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.lookups import StackOutputLookup

INCLUDE: dict[str, Any] = {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://x/y"}}}
PARAMETERS: Any = {"Parameters": {"Image": {"Type": "String", "Default": "nginx:1"}}}
WITH_DEFAULT: Any = {"Fn::FindInMap": ["Map", "dev", "Image", {"DefaultValue": "nginx:1"}]}


@pytest.mark.parametrize(
    "sections",
    [
        pytest.param({"Mappings": INCLUDE}, id="all maps"),
        pytest.param({"Mappings": {"Map": INCLUDE}}, id="map"),
        pytest.param({"Mappings": {"Map": {"dev": INCLUDE}}}, id="key"),
        pytest.param({"Mappings": {"Map": {"dev": {"Image": INCLUDE}}}}, id="value"),
        pytest.param({"Mappings": {"Map": {"dev": {"Image": ["a", INCLUDE]}}}}, id="item of a value"),
        pytest.param({"Mappings": {"Map": {"live": {"Image": "x"}, **INCLUDE}}}, id="beside a key"),
        pytest.param({"Mappings": {"Map": {}}, **INCLUDE}, id="all sections"),
        pytest.param({"Transform": {"Name": "AWS::Include"}}, id="transform"),
        pytest.param({"Transform": ["X", {"Name": "AWS::Include"}]}, id="one of several transforms"),
    ],
)
def test_a_default_value_is_not_believed_where_a_transform_may_insert_a_value(sections: Any) -> None:
    found = evaluate(WITH_DEFAULT, scope({"Resources": {}, **sections}))
    assert isinstance(found, Unknown)
    assert "a transform may insert it" in found.reason.fact


def test_a_snippet_does_not_show_its_mappings() -> None:
    assert isinstance(evaluate(WITH_DEFAULT, scope({"Type": "AWS::ECS::TaskDefinition", "Properties": {}})), Unknown)


@pytest.mark.parametrize(
    "sections",
    [
        pytest.param({}, id="no mappings"),
        pytest.param({"Mappings": {"Map": {"live": {"Image": "x"}}, "Other": INCLUDE}}, id="include in another map"),
        pytest.param({"Transform": "AWS::LanguageExtensions", "Parameters": INCLUDE}, id="include in another section"),
    ],
)
def test_a_default_value_is_believed_where_no_transform_inserts_any(sections: Any) -> None:
    assert evaluate(WITH_DEFAULT, scope({"Resources": {}, **sections})) == Known("nginx:1")


def test_what_stands_beside_an_include_is_known() -> None:
    mappings = {"Map": {"dev": {"Image": "x", **INCLUDE}, **INCLUDE}, **INCLUDE}
    assert evaluate(WITH_DEFAULT, scope({"Resources": {}, "Mappings": mappings})) == Known("x")


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param(INCLUDE, id="all parameters"),
        pytest.param({"Given": {"Type": "String", **INCLUDE}}, id="a part of the declaration"),
        pytest.param({"Given": INCLUDE}, id="the declaration"),
    ],
)
def test_a_parameter_that_a_transform_declares_is_not_known_and_may_be_secret(parameters: Any) -> None:
    template = {"Resources": {}, "Parameters": parameters}
    found = evaluate({"Ref": "Given"}, scope(template, {"Given": "nginx:1"}))
    assert found == Unknown(
        Reason(
            'the declaration of parameter "Given" is inserted by a transform',
            "Use the template as it is after that transform",
            not_known_here=True,
            code=Code.INSERTED_BY_TRANSFORM,
        )
    )
    assert is_no_echo("Given", template)


@pytest.mark.parametrize("conditions", [INCLUDE, {"C": INCLUDE}, {"C": {"Fn::Equals": ["a", "b"], **INCLUDE}}])
def test_a_condition_that_a_transform_inserts_is_not_known(conditions: Any) -> None:
    assert is_true("C", scope({"Resources": {}, "Conditions": conditions})) is None


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param("Stack.Output", id="text"),
        pytest.param({"StackName": "s"}, id="no output"),
        pytest.param({"StackName": ["s"], "OutputName": "o"}, id="list"),
        pytest.param({"StackName": "s", "OutputName": "o", "Region": 5}, id="region"),
        pytest.param({"StackName": "s", "OutputName": "o", "RoleArn": []}, id="role"),
    ],
)
def test_a_stack_output_that_is_malformed(arguments: Any) -> None:
    current = scope(PARAMETERS).with_lookups()
    found = evaluate({"Fn::GetStackOutput": arguments}, current)
    assert found == Unknown(Reason("its Fn::GetStackOutput is malformed", code=Code.MALFORMED))


def test_a_stack_output_is_looked_up_in_its_region_and_is_never_certain() -> None:
    value: Any = {
        "Fn::GetStackOutput": {"StackName": {"Fn::Sub": "${Image}"}, "OutputName": "o", "Region": "us-west-2"}
    }
    lookup = StackOutputLookup("nginx:1", "o", "us-west-2")
    current = scope(PARAMETERS, answers={lookup: "found"})
    assert evaluate(value, current.with_lookups()) == Known("found")
    assert isinstance(evaluate(value, current), Unknown)
    without = scope(PARAMETERS).with_lookups()
    evaluate({"Fn::GetStackOutput": {"StackName": "s", "OutputName": "o"}}, without)
    assert list(without.state.lookups) == [StackOutputLookup("s", "o", REGION)]

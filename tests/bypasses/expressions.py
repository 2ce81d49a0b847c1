"""Fields of an instrumented task definition written as expressions, which have the right value now or never."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bypasses.mutations import Path, field_name, fields, value_at
from oracle.evaluate import TASK_DEFINITION, StackInputs
from oracle.values import Json

NOVALUE: Json = {"Ref": "AWS::NoValue"}
STORED = "/stored/value"


@dataclass(frozen=True)
class ExpressionMutation:
    """A template in which one field is an expression. `stack` gives its parameters."""

    field: str
    operation: str
    template: Json
    stack: StackInputs

    @property
    def kind(self) -> str:
        """Return the field and the operation as one text."""
        return f"{self.field}: {self.operation}"


def expression_mutations(properties: Mapping[str, Json]) -> Iterator[ExpressionMutation]:
    """Yield each field of a task definition as each kind of expression that can have its value."""
    for path, value in fields(dict(properties), ()):
        for operation, expression, parameter, given in _expressions(value):
            template, stack = _template(properties, path, expression, parameter, given)
            yield ExpressionMutation(field_name(properties, path), operation, template, stack)


def _expressions(value: Json) -> Iterator[tuple[str, Json, Json, Json]]:
    """Yield the name of an expression, the expression, the declaration of the parameter `P`, and its value."""
    ref: Json = {"Ref": "P"}
    yield "the branch taken of Fn::If", {"Fn::If": ["Yes", value, NOVALUE]}, None, None
    yield "the branch not taken of Fn::If", {"Fn::If": ["No", value, NOVALUE]}, None, None
    yield "in both branches of Fn::If", {"Fn::If": ["No", value, value]}, None, None
    yield "AWS::NoValue", NOVALUE, None, None
    yield "Fn::GetAtt of a custom resource", {"Fn::GetAtt": ["Custom", "Value"]}, None, None
    yield "unknown function", {"Fn::Unknown": value}, None, None
    if isinstance(value, str):
        yield "Ref with the value", ref, {"Type": "String"}, value
        yield "Ref with another value", ref, {"Type": "String", "Default": value}, "other"
        yield "Ref with the value as default", ref, {"Type": "String", "Default": value}, None
        yield "Ref without a value", ref, {"Type": "String"}, None
        yield "Ref to a masked value", ref, {"Type": "String", "NoEcho": True, "Default": value}, "****"
        yield "Ref to an SSM parameter", ref, {"Type": "AWS::SSM::Parameter::Value<String>"}, STORED
        yield "dynamic reference", "{{resolve:ssm:" + STORED + "}}", None, None
        yield "dynamic reference at the end", value + "{{resolve:ssm:" + STORED + "}}", None, None
        yield "Fn::Sub", {"Fn::Sub": value}, None, None
        yield "Fn::Sub of a parameter", {"Fn::Sub": "${P}"}, {"Type": "String"}, value
        yield "Fn::Join", {"Fn::Join": ["", [value[:3], value[3:]]]}, None, None
        yield "Fn::ImportValue", {"Fn::ImportValue": "export"}, None, None
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        listed = ",".join(map(str, value))
        yield "Ref to a list", ref, {"Type": "CommaDelimitedList"}, listed
        yield "Ref to another list", ref, {"Type": "CommaDelimitedList", "Default": listed}, "other"
        yield "Ref to a list in SSM", ref, {"Type": "AWS::SSM::Parameter::Value<List<String>>"}, STORED
        yield "Fn::Split", {"Fn::Split": [",", listed]}, None, None
        yield (
            "Fn::Split of an SSM parameter",
            {"Fn::Split": [",", ref]},
            {"Type": "AWS::SSM::Parameter::Value<String>"},
            STORED,
        )


def _template(
    properties: Mapping[str, Json], path: Path, expression: Json, parameter: Json, given: Json
) -> tuple[Json, StackInputs]:
    changed: Any = copy.deepcopy(dict(properties))
    value = value_at(changed, path)
    value_at(changed, path[:-1])[path[-1]] = expression
    stored = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    parameters: dict[str, Json] = {"Yes": {"Type": "String", "Default": "yes"}}
    if parameter is not None:
        parameters["P"] = parameter
    template: dict[str, Json] = {
        "Parameters": parameters,
        "Conditions": {
            "Yes": {"Fn::Equals": [{"Ref": "Yes"}, "yes"]},
            "No": {"Fn::Equals": [{"Ref": "Yes"}, "no"]},
        },
        "Resources": {
            "Task": {"Type": TASK_DEFINITION, "Properties": changed},
            "Custom": {"Type": "Custom::Value", "Properties": {"ServiceToken": "arn"}},
        },
    }
    values: dict[str, Json] = {"Yes": "yes"}
    if given is not None:
        values["P"] = given
    return template, StackInputs(values, ssm={STORED: stored}, exports={"export": stored})

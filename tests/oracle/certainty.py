"""What is certain about a template for one deployment: literals, and parameters whose values are given.

The value of an SSM parameter, of an export, of a dynamic reference, or of a masked NoEcho parameter is not.
"""

from __future__ import annotations

import re
from dataclasses import replace

from oracle.evaluate import StackInputs
from oracle.functions import FUNCTIONS
from oracle.values import Json, mapping, text_of, token

DYNAMIC_REFERENCE = re.compile(r"\{\{resolve:[^}]*\}\}")
MASK = "****"
KNOWN_ELSEWHERE = ("Fn::ForEach", "Fn::Equals", "Fn::Not", "Fn::And", "Fn::Or")


def certain_inputs(template: Json, stack: StackInputs) -> tuple[Json, StackInputs]:
    """Return a template and the inputs of its stack without what is not certain."""
    whole = without_masked_values(without_unknown_functions(without_dynamic_references(template)))
    return whole, replace(stack, ssm={}, exports={}, outputs={})


def without_dynamic_references(value: Json) -> Json:
    """Return a value with a token for each dynamic reference, whose value only CloudFormation knows."""
    if isinstance(value, dict):
        return {key: without_dynamic_references(each) for key, each in value.items()}
    if isinstance(value, list):
        return [without_dynamic_references(each) for each in value]
    if isinstance(value, str) and "{{" in value:
        return DYNAMIC_REFERENCE.sub(lambda match: token("resolve", match[0]), value)
    return value


def without_unknown_functions(node: Json) -> Json:
    """Return a node in which each call of a function that CloudFormation does not have is a value that is not known."""
    if isinstance(node, list):
        return [without_unknown_functions(each) for each in node]
    if not isinstance(node, dict):
        return node
    [name] = node if len(node) == 1 else [""]
    if name.startswith("Fn::") and name not in FUNCTIONS and not name.startswith(KNOWN_ELSEWHERE):
        return token("unknown", name)
    return {key: without_unknown_functions(each) for key, each in node.items()}


def without_masked_values(template: Json) -> Json:
    """Return the template without the default values of NoEcho parameters, whose real values are masked."""
    sections = mapping(template)
    parameters = {name: _unmasked(mapping(each)) for name, each in mapping(sections.get("Parameters")).items()}
    return {**sections, "Parameters": parameters} if parameters else template


def _unmasked(declaration: dict[str, Json]) -> Json:
    if text_of(declaration.get("NoEcho", "")).lower() != "true":
        return declaration
    return {"Type": "AWS::SSM::Parameter::Value<String>", "Default": MASK}

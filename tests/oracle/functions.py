"""CloudFormation's intrinsic functions. A malformed call evaluates to a token, so that evaluation never fails."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from oracle.values import (
    CLOSE,
    NO_VALUE,
    OPEN,
    Json,
    Value,
    canonical,
    is_unknown,
    items,
    mapping,
    text_of,
    token,
)

if TYPE_CHECKING:
    from oracle.evaluate import Evaluator

Function = Callable[["Evaluator", Json], Value]
VARIABLE = re.compile(r"\$\{([^}]*)\}")
TOKEN = re.compile(f"{OPEN}[^{CLOSE}]*{CLOSE}")


def invalid(name: str, argument: Json) -> str:
    """Return the token for a call that CloudFormation refuses. The same call always gives the same token."""
    return token("invalid", name, canonical(argument))


def ref(evaluator: Evaluator, argument: Json) -> Value:
    """Evaluate `Ref`. With AWS::LanguageExtensions, its argument may be an expression."""
    return evaluator.reference(text_of(evaluator.value(argument)))


def get_att(evaluator: Evaluator, argument: Json) -> Value:
    """Evaluate `Fn::GetAtt`: a token, except for the URI and the ARN of an ECR repository whose name is in the template."""
    match evaluator.value(argument):
        case str() as path if "." in path:
            resource, attribute = path.split(".", 1)
        case [resource_name, attribute_name]:
            resource, attribute = text_of(resource_name), text_of(attribute_name)
        case _:
            return invalid("Fn::GetAtt", argument)
    return evaluator.attribute(resource, attribute)


def sub(evaluator: Evaluator, argument: Json) -> Value:
    """Evaluate both forms of `Fn::Sub`. `${!X}` becomes `${X}`."""
    match argument:
        case str() as text:
            variables: dict[str, Value] = {}
        case [str() as text, dict() as given]:
            variables = {name: evaluator.value(value) for name, value in given.items()}
        case _:
            return invalid("Fn::Sub", argument)

    def replace(match: re.Match[str]) -> str:
        name = match.group(1).strip()
        if name.startswith("!"):
            return "${" + name[1:] + "}"
        if name in variables:
            return text_of(variables[name])
        if "." in name:
            return text_of(evaluator.attribute(*name.split(".", 1)))
        return text_of(evaluator.reference(name))

    return VARIABLE.sub(replace, text)


def join(evaluator: Evaluator, argument: Json) -> Value:
    """Evaluate `Fn::Join`. An unknown list evaluates to its token."""
    match argument:
        case [delimiter, parts]:
            match evaluator.value(parts):
                case list() as words:
                    return text_of(evaluator.value(delimiter)).join(text_of(word) for word in words)
                case str() as unknown if is_unknown(unknown):
                    return unknown
    return invalid("Fn::Join", argument)


def split(evaluator: Evaluator, argument: Json) -> Value:
    """Evaluate `Fn::Split`, without splitting inside a token."""
    match argument:
        case [str() as delimiter, source] if delimiter:
            text = evaluator.value(source)
            if isinstance(text, str):
                return list(split_outside_tokens(text, delimiter))
    return invalid("Fn::Split", argument)


def split_outside_tokens(text: str, delimiter: str) -> list[str]:
    """Return the parts of a string between delimiters that are not inside a token."""
    tokens = TOKEN.findall(text)
    if not tokens:
        return text.split(delimiter)
    marker = "\ue000"  # for private use, so no template contains it
    remaining = iter(tokens)
    parts = TOKEN.sub(marker, text).split(delimiter)
    return [re.sub(marker, lambda _: next(remaining), part) for part in parts]


def select(evaluator: Evaluator, argument: Json) -> Value:
    """Evaluate `Fn::Select`."""
    match argument:
        case [index_node, source]:
            index, words = text_of(evaluator.value(index_node)), evaluator.value(source)
            if isinstance(words, list) and index.isdigit() and int(index) < len(words):
                return words[int(index)]
            if isinstance(words, str) or any(is_unknown(word) for word in items(words)):
                return token("Select", index, text_of(words))
    return invalid("Fn::Select", argument)


def find_in_map(evaluator: Evaluator, argument: Json) -> Value:
    """Evaluate `Fn::FindInMap`, including the DefaultValue of AWS::LanguageExtensions."""
    match argument:
        case [map_node, first_node, second_node, *rest]:
            name, first, second = (text_of(evaluator.value(node)) for node in (map_node, first_node, second_node))
            found = mapping(mapping(evaluator.mappings.get(name)).get(first))
            if second in found:
                return found[second]
            if rest and "DefaultValue" in mapping(rest[0]):
                return evaluator.value(mapping(rest[0])["DefaultValue"])
    return invalid("Fn::FindInMap", argument)


def if_(evaluator: Evaluator, argument: Json) -> Value:
    """Evaluate `Fn::If`: the active branch only."""
    match argument:
        case [str() as name, yes, no]:
            is_true = evaluator.conditions.value(name)
            return invalid("Fn::If", argument) if is_true is None else evaluator.value(yes if is_true else no)
    return invalid("Fn::If", argument)


def base64_(evaluator: Evaluator, argument: Json) -> Value:
    """Evaluate `Fn::Base64`."""
    text = text_of(evaluator.value(argument))
    return token("Base64", text) if is_unknown(text) else base64.b64encode(text.encode()).decode()


def length(evaluator: Evaluator, argument: Json) -> Value:
    """Evaluate `Fn::Length` of AWS::LanguageExtensions."""
    value = evaluator.value(argument)
    return len(value) if isinstance(value, list) else token("Length", text_of(value))


def to_json_string(evaluator: Evaluator, argument: Json) -> Value:
    """Evaluate `Fn::ToJsonString` of AWS::LanguageExtensions."""
    value = evaluator.value(argument)
    return "" if value is NO_VALUE else json.dumps(value, separators=(",", ":"))


def import_value(evaluator: Evaluator, argument: Json) -> Value:
    """Evaluate `Fn::ImportValue`: the export's value if the stack inputs have it, otherwise a token."""
    name = text_of(evaluator.value(argument))
    return evaluator.exports.get(name, token("ImportValue", name))


def get_stack_output(evaluator: Evaluator, argument: Json) -> Value:
    """Evaluate `Fn::GetStackOutput`: the output's value if the stack inputs have it, otherwise a token."""
    given = evaluator.value(argument)
    members = given if isinstance(given, dict) else {}
    name = f"{text_of(members.get('StackName', ''))}.{text_of(members.get('OutputName', ''))}"
    unknown = token("GetStackOutput", name)
    return unknown if "RoleArn" in members else evaluator.outputs.get(name, unknown)


def unknown_value(name: str) -> Function:
    """Return a function whose value only AWS knows. The same arguments give the same token."""

    def evaluate(evaluator: Evaluator, argument: Json) -> Value:
        value = evaluator.value(argument)
        return token(name, "" if value is NO_VALUE else canonical(value))

    return evaluate


FUNCTIONS: Mapping[str, Function] = {
    "Ref": ref,
    "Fn::GetAtt": get_att,
    "Fn::Sub": sub,
    "Fn::Join": join,
    "Fn::Split": split,
    "Fn::Select": select,
    "Fn::FindInMap": find_in_map,
    "Fn::If": if_,
    "Fn::Base64": base64_,
    "Fn::Length": length,
    "Fn::ToJsonString": to_json_string,
    "Fn::ImportValue": import_value,
    "Fn::GetStackOutput": get_stack_output,
    "Fn::Cidr": unknown_value("Cidr"),
    "Fn::GetAZs": unknown_value("GetAZs"),
    "Fn::Transform": unknown_value("Transform"),
}


def function_of(node: Json) -> tuple[str, Json] | None:
    """Return the name and argument of an intrinsic function call: an object whose only key is the function's name."""
    if isinstance(node, dict) and len(node) == 1:
        [(name, argument)] = node.items()
        if name in FUNCTIONS:
            return name, argument
    return None

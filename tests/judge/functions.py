"""CloudFormation's intrinsic functions. A malformed use is worth a token, so that evaluation never fails."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from judge.values import (
    CLOSE,
    NO_VALUE,
    OPEN,
    Json,
    Value,
    canonical,
    is_opaque,
    items,
    mapping,
    text_of,
    token,
)

if TYPE_CHECKING:
    from judge.evaluate import Evaluator

Function = Callable[["Evaluator", Json], Value]
VARIABLE = re.compile(r"\$\{([^}]*)\}")
TOKEN = re.compile(f"{OPEN}[^{CLOSE}]*{CLOSE}")


def invalid(name: str, argument: Json) -> str:
    """CloudFormation would refuse this. Both sides of a comparison get the same token for the same mistake."""
    return token("invalid", name, canonical(argument))


def ref(evaluator: Evaluator, argument: Json) -> Value:
    """`Ref`, whose argument may be an expression under AWS::LanguageExtensions."""
    return evaluator.reference(text_of(evaluator.value(argument)))


def get_att(evaluator: Evaluator, argument: Json) -> Value:
    """`Fn::GetAtt`: a token, but for the address of an ECR repository whose name the template says."""
    match evaluator.value(argument):
        case str() as path if "." in path:
            resource, attribute = path.split(".", 1)
        case [resource_name, attribute_name]:
            resource, attribute = text_of(resource_name), text_of(attribute_name)
        case _:
            return invalid("Fn::GetAtt", argument)
    return evaluator.attribute(resource, attribute)


def sub(evaluator: Evaluator, argument: Json) -> Value:
    """`Fn::Sub` in both forms. `${!X}` stays as `${X}`."""
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
    """`Fn::Join`. A list that nobody knows joins to what stands for it."""
    match argument:
        case [delimiter, parts]:
            match evaluator.value(parts):
                case list() as words:
                    return text_of(evaluator.value(delimiter)).join(text_of(word) for word in words)
                case str() as unknown if is_opaque(unknown):
                    return unknown
    return invalid("Fn::Join", argument)


def split(evaluator: Evaluator, argument: Json) -> Value:
    """`Fn::Split`, which never cuts through a token."""
    match argument:
        case [str() as delimiter, source] if delimiter:
            text = evaluator.value(source)
            if isinstance(text, str):
                return list(split_outside_tokens(text, delimiter))
    return invalid("Fn::Split", argument)


def split_outside_tokens(text: str, delimiter: str) -> list[str]:
    """The parts of a text between delimiters that are not inside a token."""
    tokens = TOKEN.findall(text)
    if not tokens:
        return text.split(delimiter)
    marker = "\ue000"  # private use: in no template
    remaining = iter(tokens)
    parts = TOKEN.sub(marker, text).split(delimiter)
    return [re.sub(marker, lambda _: next(remaining), part) for part in parts]


def select(evaluator: Evaluator, argument: Json) -> Value:
    """`Fn::Select`."""
    match argument:
        case [index_node, source]:
            index, words = text_of(evaluator.value(index_node)), evaluator.value(source)
            if isinstance(words, list) and index.isdigit() and int(index) < len(words):
                return words[int(index)]
            if isinstance(words, str) or any(is_opaque(word) for word in items(words)):
                return token("Select", index, text_of(words))
    return invalid("Fn::Select", argument)


def find_in_map(evaluator: Evaluator, argument: Json) -> Value:
    """`Fn::FindInMap`, with the DefaultValue of AWS::LanguageExtensions."""
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
    """`Fn::If`: only the branch that is taken is looked at."""
    match argument:
        case [str() as name, yes, no]:
            truth = evaluator.conditions.truth(name)
            return invalid("Fn::If", argument) if truth is None else evaluator.value(yes if truth else no)
    return invalid("Fn::If", argument)


def base64_(evaluator: Evaluator, argument: Json) -> Value:
    """`Fn::Base64`."""
    text = text_of(evaluator.value(argument))
    return token("Base64", text) if is_opaque(text) else base64.b64encode(text.encode()).decode()


def length(evaluator: Evaluator, argument: Json) -> Value:
    """`Fn::Length` of AWS::LanguageExtensions."""
    value = evaluator.value(argument)
    return len(value) if isinstance(value, list) else token("Length", text_of(value))


def to_json_string(evaluator: Evaluator, argument: Json) -> Value:
    """`Fn::ToJsonString` of AWS::LanguageExtensions."""
    value = evaluator.value(argument)
    return "" if value is NO_VALUE else json.dumps(value, separators=(",", ":"))


def import_value(evaluator: Evaluator, argument: Json) -> Value:
    """`Fn::ImportValue`: what the exports say, if the test says what they say."""
    name = text_of(evaluator.value(argument))
    return evaluator.exports.get(name, token("ImportValue", name))


def opaque(name: str) -> Function:
    """A function whose value is known only to AWS, but is the same for the same arguments."""

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
    "Fn::Cidr": opaque("Cidr"),
    "Fn::GetAZs": opaque("GetAZs"),
    "Fn::Transform": opaque("Transform"),
}


def function_of(node: Json) -> tuple[str, Json] | None:
    """Name and argument where the node is an intrinsic function: a map with that one key and no other."""
    if isinstance(node, dict) and len(node) == 1:
        [(name, argument)] = node.items()
        if name in FUNCTIONS:
            return name, argument
    return None

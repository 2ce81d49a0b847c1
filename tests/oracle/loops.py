"""`Fn::ForEach`, expanded as AWS::LanguageExtensions does before CloudFormation evaluates anything else."""

from __future__ import annotations

import re
from collections.abc import Callable

from oracle.values import Json, Value, items, text_of

PREFIX = "Fn::ForEach::"
Evaluate = Callable[[Json], Value]


def expand(node: Json, evaluate: Evaluate) -> Json:
    """Return the node with its loops expanded. A malformed loop stays as it is."""
    if isinstance(node, list):
        return [expand(item, evaluate) for item in node]
    if not isinstance(node, dict):
        return node
    result: dict[str, Json] = {}
    for key, value in node.items():
        loop = read_loop(key, value)
        if loop is None:
            result[key] = expand(value, evaluate)
            continue
        identifier, collection, body = loop
        for item in items(evaluate(collection)):
            expanded = expand(substitute(body, identifier, text_of(item)), evaluate)
            result |= expanded if isinstance(expanded, dict) else {}
    return result


def read_loop(key: str, value: Json) -> tuple[str, Json, dict[str, Json]] | None:
    """Return the identifier, collection and body of a loop, or None if the key or value is not one."""
    if not key.startswith(PREFIX):
        return None
    match value:
        case [str() as identifier, collection, dict() as body]:
            return identifier, collection, body
    return None


def substitute(node: Json, identifier: str, item: str) -> Json:
    """Return the body for one item, with `Ref`, `${X}` and `&{X}` replaced in every string and every key."""
    if isinstance(node, list):
        return [substitute(part, identifier, item) for part in node]
    if isinstance(node, dict):
        if node == {"Ref": identifier}:
            return item
        return {_in_text(key, identifier, item): substitute(value, identifier, item) for key, value in node.items()}
    return _in_text(node, identifier, item) if isinstance(node, str) else node


def _in_text(text: str, identifier: str, item: str) -> str:
    only_letters_and_digits = re.sub(r"[^A-Za-z0-9]", "", item)
    return text.replace("${" + identifier + "}", item).replace("&{" + identifier + "}", only_letters_and_digits)

"""Whether a service control policy denies a request, by the rules of IAM's documentation.

It has the operators that the policies here use, and raises an error for any other. Sources: IAM User Guide, «Policy
evaluation logic», «IAM JSON policy elements: Condition operators», «Single-valued vs. multivalued context keys».
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

Context = Mapping[str, str | Sequence[str]]
"""Condition keys with their values. A key that is not in the request is absent."""

LENGTH_OF_AN_ARN: Final = 6


@dataclass(frozen=True)
class Request:
    """A call of an AWS API, as IAM sees it."""

    action: str
    resource: str = "*"
    context: Context = field(default_factory=dict)


def is_denied(policy: Mapping[str, Any], request: Request) -> bool:
    """Return whether a statement of the policy denies the request. Only denials count: the others allow all."""
    return any(
        statement["Effect"] == "Deny" and _applies(statement, request) for statement in _list(policy["Statement"])
    )


def _applies(statement: Mapping[str, Any], request: Request) -> bool:
    assert set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}, "not evaluated here"
    return (
        any(_like(action.lower(), request.action.lower()) for action in _list(statement["Action"]))
        and any(_like(resource, request.resource) for resource in _list(statement["Resource"]))
        and all(
            condition_holds(operator, expected, request.context.get(key))
            for operator, keys in statement.get("Condition", {}).items()
            for key, expected in keys.items()
        )
    )


def condition_holds(operator: str, expected: str | Sequence[str], actual: str | Sequence[str] | None) -> bool:
    """Return whether a condition holds for the value of a key, or None if the key is not in the request."""
    present = [] if actual is None else _list(actual)
    quantifier, _, name = operator.rpartition(":")
    if name == "Null":
        return any((wanted == "true") == (not present) for wanted in _list(expected))
    is_optional = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    is_negated = "Not" in name
    matches = MATCHERS[name.replace("Not", "")]

    def holds(value: str) -> bool:
        return any(matches(wanted, value) for wanted in _list(expected)) is not is_negated

    if quantifier == "ForAllValues":
        return all(map(holds, present))  # also if the key is absent
    if quantifier == "ForAnyValue":
        return any(map(holds, present)) or (is_optional and not present)
    assert not quantifier
    assert len(present) <= 1, "a key with several values needs ForAllValues or ForAnyValue"
    return holds(present[0]) if present else is_negated or is_optional


def _like(pattern: str, text: str) -> bool:
    """Return whether the text matches: `*` stands for any characters, also a slash, `?` for one."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _arn_like(pattern: str, text: str) -> bool:
    """Compare each of the six components on its own: a `*` does not reach over a colon."""
    patterns, texts = pattern.split(":", LENGTH_OF_AN_ARN - 1), text.split(":", LENGTH_OF_AN_ARN - 1)
    return len(patterns) == len(texts) == LENGTH_OF_AN_ARN and all(map(_like, patterns, texts))


MATCHERS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "StringEquals": str.__eq__,
    "StringLike": _like,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
}


def _list(value: Any) -> list[Any]:
    return [value] if isinstance(value, str | dict) else list(value)

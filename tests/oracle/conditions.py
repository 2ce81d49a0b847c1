"""The Conditions section, evaluated under given parameter values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from oracle.values import Json, mapping, text_of

if TYPE_CHECKING:
    from oracle.evaluate import Evaluator


class Conditions:
    """Condition values by name. For conditions in `overrides`, the definition is not evaluated."""

    def __init__(self, evaluator: Evaluator, definitions: Mapping[str, Json], overrides: Mapping[str, bool]) -> None:
        self._evaluator = evaluator
        self._definitions = definitions
        self._values: dict[str, bool | None] = dict(overrides)

    def value(self, name: str) -> bool | None:
        """Return the value of a condition; None if it is undefined, malformed or refers to itself."""
        if name not in self._values:
            self._values[name] = None  # what a circular reference finds
            self._values[name] = self._evaluate(self._definitions.get(name))
        return self._values[name]

    def all_values(self) -> dict[str, bool]:
        """Return the values of the defined conditions that can be evaluated."""
        values = {name: self.value(name) for name in self._definitions}
        return {name: value for name, value in values.items() if value is not None}

    def _evaluate(self, node: Json) -> bool | None:
        match list(mapping(node).items()):
            case [("Condition", str() as other)]:
                return self.value(other)
            case [("Fn::Equals", [left, right])]:
                return self._text(left) == self._text(right)
            case [("Fn::Not" | "Fn::And" | "Fn::Or" as name, [_, *_] as parts)]:
                values = [self._evaluate(part) for part in parts]
                if None in values:
                    return None
                return {"Fn::Not": not values[0], "Fn::And": all(values), "Fn::Or": any(values)}[name]
        return None

    def _text(self, node: Json) -> str:
        return text_of(self._evaluator.value(node))

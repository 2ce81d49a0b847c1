"""The Conditions section: what each name is worth under given parameter values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from judge.values import Json, mapping, text_of

if TYPE_CHECKING:
    from judge.evaluate import Evaluator


class Conditions:
    """Truth by name; `forced` says what a name is worth whatever its definition says (a flipped condition)."""

    def __init__(self, evaluator: Evaluator, definitions: Mapping[str, Json], forced: Mapping[str, bool]) -> None:
        self._evaluator = evaluator
        self._definitions = definitions
        self._known: dict[str, bool | None] = dict(forced)

    def truth(self, name: str) -> bool | None:
        """What a named condition is worth; None where it is not defined, malformed or defined by itself."""
        if name not in self._known:
            self._known[name] = None  # a circle meets this
            self._known[name] = self._worth(self._definitions.get(name))
        return self._known[name]

    def all_truths(self) -> dict[str, bool]:
        """Each defined condition that can be worked out."""
        truths = {name: self.truth(name) for name in self._definitions}
        return {name: truth for name, truth in truths.items() if truth is not None}

    def _worth(self, node: Json) -> bool | None:
        match list(mapping(node).items()):
            case [("Condition", str() as other)]:
                return self.truth(other)
            case [("Fn::Equals", [left, right])]:
                return self._text(left) == self._text(right)
            case [("Fn::Not" | "Fn::And" | "Fn::Or" as name, [_, *_] as parts)]:
                truths = [self._worth(part) for part in parts]
                if None in truths:
                    return None
                return {"Fn::Not": not truths[0], "Fn::And": all(truths), "Fn::Or": any(truths)}[name]
        return None

    def _text(self, node: Json) -> str:
        return text_of(self._evaluator.value(node))

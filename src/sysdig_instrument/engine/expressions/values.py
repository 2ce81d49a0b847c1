"""The result of an evaluation: :class:`Known`, ``ABSENT``, or :class:`Unknown` with the reason."""

from __future__ import annotations

import json
from typing import TypeAlias, cast

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Absent, Json
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.printable import Hidden


@dataclass(frozen=True, slots=True)
class Known:
    """A known value. Keys and items that were ``AWS::NoValue`` are removed from it."""

    value: Json


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that cannot be known before deployment, or not before a lookup is answered.

    The fact of the reason is a clause, such as «it refers to …», and not a sentence. Its ``not_known_here`` is false if the
    expression itself is wrong, so that no caller and no deployment makes it known. ``until_deployed`` is true if nothing
    that a caller could give makes the value known.
    """

    reason: Reason
    until_deployed: bool = False

    @property
    def code(self) -> Code:
        """The code of a reason for which this value decides: it is refused if the expression itself is wrong."""
        return Code.VALUE_UNKNOWN if self.reason.not_known_here else Code.REFUSED


Evaluated: TypeAlias = Known | Absent | Unknown


def hidden(value: Json | Absent) -> Json | Absent:
    """Return the value, with every text in it marked as one that messages do not show."""
    return _with_texts(value, Hidden)


def plain(value: Json) -> Json:
    """Return the value without the marks of :func:`hidden`, as it may be written into a template."""
    return cast("Json", _with_texts(value, str))


def _with_texts(value: Json | Absent, make_text: type[str]) -> Json | Absent:
    if isinstance(value, str):
        return make_text(value)
    if isinstance(value, list):
        return cast("Json", [_with_texts(item, make_text) for item in value])
    if isinstance(value, dict):
        return cast("Json", {key: _with_texts(item, make_text) for key, item in value.items()})
    return value


class CannotEvaluate(Exception):  # noqa: N818 - control flow between the modules that evaluate, not an error
    """Raised if an expression cannot be evaluated; it carries the :class:`Unknown` that is the result."""

    def __init__(self, unknown: Unknown) -> None:
        super().__init__(unknown.reason.fact)
        self.unknown = unknown


class UndecidedCondition(Exception):  # noqa: N818 - control flow between the modules that evaluate, not an error
    """Raised if the value depends on a condition for which there is no assumption."""

    def __init__(self, condition: str) -> None:
        super().__init__(condition)
        self.condition = condition


def to_string(value: Json | Absent) -> str:
    """Return a scalar as the string that CloudFormation converts it to: ``true``, ``1``, ``1.5``.

    Raises:
        CannotEvaluate: The value is a list, an object, null or absent.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise CannotEvaluate(Unknown(Reason("expected a string", code=Code.MALFORMED)))

"""What is known of a value: :class:`Literal`, ``ABSENT``, or :class:`Unknown` with the reason."""

from __future__ import annotations

import json
from typing import TypeAlias

from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Absent, Json
from sysdig_instrument.lazy_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that is known. ``AWS::NoValue`` in it has been taken away already."""

    value: Json


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that cannot be known before deployment, or not yet.

    The fact of its reason is a clause: «it refers to …».
    """

    reason: Reason


Evaluated: TypeAlias = Literal | Absent | Unknown


class CannotEvaluate(Exception):  # noqa: N818 - control flow between the modules that work values out, not an error
    """The working out cannot go on."""

    def __init__(self, unknown: Unknown) -> None:
        super().__init__(unknown.reason.fact)
        self.unknown = unknown


class UndecidedCondition(Exception):  # noqa: N818 - control flow between the modules that work values out, not an error
    """The value differs with a condition that nothing is assumed of."""

    def __init__(self, condition: str) -> None:
        super().__init__(condition)
        self.condition = condition


def to_string(value: Json | Absent) -> str:
    """A scalar as CloudFormation spells it in a string: ``true``, ``1``, ``1.5``.

    Raises:
        Stop: The value is a list or an object, or there is none.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise CannotEvaluate(Unknown(Reason("a text is needed where none stands")))

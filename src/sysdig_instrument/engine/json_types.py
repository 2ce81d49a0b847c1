"""JSON values as the standard library's parser gives them, and the one that JSON lacks: nothing at all."""

from __future__ import annotations

from enum import Enum
from typing import Final, TypeAlias

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
"""Any JSON value. Objects keep the order of their keys. (Text, as ``Union`` takes milliseconds to make of it.)"""


class Absent(Enum):
    """The type of :data:`ABSENT`, so that ``match`` and mypy can tell it from JSON's ``null``."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
"""A key that is not there, or whose value is ``{"Ref": "AWS::NoValue"}``: CloudFormation treats both alike."""

"""JSON values as the standard library's parser returns them, pointers into them, and :data:`ABSENT` for a value that is not there."""

from __future__ import annotations

from enum import Enum
from typing import Final, TypeAlias

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
"""Any JSON value. Objects keep the order of their keys. (A string, as building the ``Union`` takes milliseconds.)"""

Pointer: TypeAlias = tuple[str | int, ...]
"""The path to a location in a JSON document, as keys and indexes. ``"-"`` is the end of a list (RFC 6901)."""


class Absent(Enum):
    """The type of :data:`ABSENT`, so that ``match`` and mypy can tell it from JSON's ``null``."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
"""A key that is not there, or whose value is ``{"Ref": "AWS::NoValue"}``: CloudFormation treats both alike."""

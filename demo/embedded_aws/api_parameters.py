"""Convert CloudFormation properties to the names and types of the API's parameters, according to the API's own model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from botocore.model import Shape

# Names that differ in more than their case.
RENAMED_MEMBERS: Final[Mapping[str, str]] = {"proxyconfigurationproperties": "properties"}

BOOLEANS: Final[Mapping[str, bool]] = {"true": True, "false": False}


def to_api_parameters(value: Any, shape: Shape) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value with the member names and types of the shape.

    The keys of maps (log options, Docker labels) are left as they are. An unknown name is kept, so that
    botocore refuses it.
    """
    if shape.type_name == "structure" and isinstance(value, dict):
        return dict(_convert_member(name, item, shape) for name, item in value.items())
    if shape.type_name == "list" and isinstance(value, list):
        return [to_api_parameters(item, shape.member) for item in value]
    return _convert_scalar(value, shape.type_name)


def _convert_member(name: str, value: Any, shape: Shape) -> tuple[str, Any]:  # noqa: ANN401 - any JSON value
    target = RENAMED_MEMBERS.get(name.lower(), name.lower())
    for member, member_shape in shape.members.items():
        if member.lower() == target:
            return member, to_api_parameters(value, member_shape)
    return name, value


def _convert_scalar(value: Any, type_name: str) -> Any:  # noqa: ANN401 - any JSON value
    """Convert scalars as CloudFormation does, which accepts ``"80"`` as a number and ``80`` as a string."""
    match type_name, value:
        case "string", bool() | int() | float():
            return json.dumps(value)
        case "integer" | "long", str():
            return int(value)
        case "boolean", str():
            return BOOLEANS.get(value.lower(), value)
    return value

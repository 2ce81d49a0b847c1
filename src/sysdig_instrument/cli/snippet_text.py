"""The text of a snippet: the members of an object in JSON or YAML, on as few lines as fit."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from sysdig_instrument.documents import Syntax
from sysdig_instrument.ecs_documents import camel_key
from sysdig_instrument.engine.json_types import Json

_WIDTH: Final = 60
"""Columns of a line of JSON. At a terminal of 80 columns, a snippet stays whole."""
_PLAIN: Final = r"(?i)(?!(?:true|false|yes|no|on|off|null|y|n)\Z)[A-Za-z][\w./-]*(?:::?[\w./-]+)*"


def members(value: Mapping[str, Json], syntax: Syntax, width: int = _WIDTH) -> str:
    """Return the members of an object without its braces. What fits on one line is on one line."""
    lines = []
    for number, (key, each) in enumerate(value.items(), 1):
        comma = "," if syntax == "json" and number < len(value) else ""
        name, one_line = _one_line(key, syntax), _one_line(each, syntax)
        is_nested = isinstance(each, dict) and each
        if is_nested and (syntax == "yaml" or len(name) + len(one_line) > width):
            inner = (
                [f"  {line}" for line in members(each, syntax, width - 2).splitlines()]
                if isinstance(each, dict)
                else []
            )
            opening, closing = (" {", ["}" + comma]) if syntax == "json" else ("", [])
            lines += [f"{name}:{opening}", *inner, *closing]
        else:
            lines.append(f"{name}: {one_line}{comma}")
    return "\n".join(lines)


def _one_line(value: Json, syntax: Syntax) -> str:
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{_one_line(key, syntax)}: {_one_line(each, syntax)}" for key, each in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(_one_line(each, syntax) for each in value) + "]"
    is_plain = syntax == "yaml" and isinstance(value, str) and re.fullmatch(_PLAIN, value)
    return str(value) if is_plain else json.dumps(value, ensure_ascii=False)


def camel_keys(value: Json) -> Json:
    """Return a value with its keys in the camelCase of the ECS API."""
    if isinstance(value, dict):
        return {camel_key(key): camel_keys(each) for key, each in value.items()}
    return [camel_keys(each) for each in value] if isinstance(value, list) else value

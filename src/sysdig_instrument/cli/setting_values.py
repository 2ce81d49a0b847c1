"""The value of a setting as it may be shown: what may hold a secret is only named."""

from __future__ import annotations

import json
from typing import Final

from sysdig_instrument.engine.json_types import Json

_VARIABLES: Final = frozenset({"AgentEnvironment", "WorkloadEnvironment"})
_BY_NAME: Final = frozenset({"ImageConfigs", "RegistryCredentials"})


def text_of(name: str, value: Json) -> str:
    """The value in a few words: names of variables without their values, a log driver without its options."""
    if value is None:
        return "not set"
    if name == "ExtraConf":
        return f"a text of {len(str(value))} characters"
    if isinstance(value, dict):
        return _of_object(name, value)
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return value if isinstance(value, str) else json.dumps(value)


def _of_object(name: str, value: dict[str, Json]) -> str:
    if name == "AgentLogConfiguration":
        return f"LogDriver {value.get('LogDriver', 'not given')}"
    if name in _VARIABLES:
        return ", ".join(f"{key}=…" for key in value) or "none"
    if name in _BY_NAME:
        return ", ".join(value) or "none"
    return json.dumps(value, ensure_ascii=False)  # an expression, or a map of hosts

"""docs/settings-file.schema.json: what a settings file may hold, ``.sysdig-instrument.yaml`` or one for ``--settings``.

It is made from the table of settings and from the options that such a file may have.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import editor_schemas
import metadata_schema
from sysdig_instrument.cli.file_options import FILE_OPTIONS, OPTIONS_KEY
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.settings.layers import for_deployment
from sysdig_instrument.engine.settings.table import TABLE

_UNSET: Final[Json] = {"enum": ["", None]}
_FILES: Final[list[Json]] = [{"type": "string"}, {"type": "array", "items": {"type": "string", "minLength": 1}}]
_STRINGS: Final[Json] = {"type": "object", "additionalProperties": {"type": "string"}}
_PARAMETERS: Final[Json] = {
    "type": "object",
    "additionalProperties": {
        "anyOf": [
            {"type": ["string", "number", "boolean", "null"]},
            {"type": "array", "items": {"type": "string"}},
        ]
    },
}
_VALUES: Final[Mapping[str, list[Json]]] = {
    "Region": [{"type": "string", "pattern": "^[a-z0-9-]{1,40}$"}],
    "AccountId": [{"type": "string", "pattern": "^[0-9]{12}$"}],
    "Parameters": [_PARAMETERS, *_FILES],
    "Images": _FILES,
    "Ssm": [_STRINGS],
    "Unknown": [{"enum": ["fail", "warn"]}],
    "Offline": [{"type": "boolean"}],
}


def schema() -> str:
    """Return the schema as JSON text."""
    options: dict[str, Json] = {
        name: {"description": description, "anyOf": [*_VALUES[name], _UNSET]}
        for name, description in FILE_OPTIONS.items()
    }
    settings: dict[str, Json] = {
        setting.name: {
            "description": setting.description,
            "anyOf": [metadata_schema.value_schema(setting, allows_intrinsic=False), _UNSET],
        }
        for setting in for_deployment(TABLE)
    }
    document: Json = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": editor_schemas.address(editor_schemas.SETTINGS_FILE),
        "title": "Settings file of sysdig-instrument",
        "description": "Settings by name, and under Options the options of the call that are the same for each run.",
        "type": "object",
        "properties": {
            OPTIONS_KEY: {
                "description": "Options of the call. Those on the command line take precedence.",
                "type": ["object", "null"],
                "properties": options,
                "additionalProperties": False,
            },
            **settings,
        },
        "additionalProperties": False,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

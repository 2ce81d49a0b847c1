"""docs/metadata.schema.json: what ``Metadata.SysdigInstrument`` may hold, for editors and for checks before a deployment.

It is made from the table of settings. White space around a word is the one thing that the engine takes and the schema does
not; what JSON text in a string holds, only the engine knows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

import allowed
from sysdig_instrument.engine.intrinsics import FUNCTIONS
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.layering import CONTAINERS, METADATA, RESULT
from sysdig_instrument.engine.settings.table import COLLECTORS, TABLE, Reach, Setting

_EXPRESSION: Final[Json] = {
    "description": "An intrinsic function; the macro works it out.",
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "propertyNames": {"enum": list[Json](sorted(FUNCTIONS))},
}
_UNSET: Final[Json] = {"description": "Not set.", "enum": ["", None]}
_RESULT: Final[Json] = {"description": "What the macro did and why. It writes this itself, and reads nothing of it."}


def schema() -> str:
    """The schema as JSON text. Its root is for Metadata of a resource; ``#/$defs/template`` is for that of a template."""
    settings = [setting for setting in TABLE if setting.reach is not Reach.DEPLOYMENT]
    own = [setting for setting in settings if setting.reach is Reach.CONTAINER]
    containers: Json = {
        "description": "Settings of single containers, by container name.",
        "type": "object",
        "additionalProperties": {"$ref": "#/$defs/container"},
    }
    text: Json = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Metadata.{METADATA}",
        "description": f"Settings of sysdig-instrument in the Metadata of an AWS::ECS::TaskDefinition, under {METADATA}.",
        "$ref": "#/$defs/resource",
        "$defs": {
            "template": _object("Settings in the Metadata of a template.", settings, {RESULT: _RESULT}),
            "resource": _object(
                "Settings in the Metadata of a resource.", settings, {CONTAINERS: containers, RESULT: _RESULT}
            ),
            "container": _object("Settings of one container.", own, {}),
            **{setting.name: _of(setting) for setting in settings},
            "expression": _EXPRESSION,
            "unset": _UNSET,
        },
    }
    return json.dumps(text, indent=2, ensure_ascii=False) + "\n"


def _object(description: str, settings: Iterable[Setting], more: dict[str, Json]) -> Json:
    properties: dict[str, Json] = {setting.name: {"$ref": f"#/$defs/{setting.name}"} for setting in settings}
    return {
        "description": description,
        "type": "object",
        "properties": {**properties, **more},
        "additionalProperties": False,
    }


def _of(setting: Setting) -> Json:
    value: Json = allowed.schema(setting.kind)
    if setting.name == "Collector":  # a word without a dot is a region, and there are only so many
        value = {"anyOf": [{"enum": list[Json](COLLECTORS)}, {"allOf": [value, {"pattern": r"\."}]}]}
    admitted: list[Json] = [value, {"$ref": "#/$defs/expression"}, {"$ref": "#/$defs/unset"}]
    return {"description": setting.doc, "anyOf": admitted}

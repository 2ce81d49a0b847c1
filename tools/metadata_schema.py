"""docs/metadata.schema.json: what ``Metadata.SysdigInstrument`` may hold, for editors and for checks before a deployment.

It is made from the table of settings. The schema differs from the engine in two ways: the engine also accepts white space
around a word, and only the engine checks JSON inside a string.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

import editor_schemas
import setting_constraints
from sysdig_instrument.engine.agent import COLLECTORS
from sysdig_instrument.engine.expressions.evaluate import FUNCTIONS
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.settings.layers import for_deployment
from sysdig_instrument.engine.settings.table import TABLE, Setting, SettingScope
from sysdig_instrument.engine.settings.template_layers import CONTAINERS_KEY, METADATA_KEY, RESULT_KEY

_EXPRESSION: Final[Json] = {
    "description": "An intrinsic function, which the macro evaluates.",
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "propertyNames": {"enum": list[Json](sorted(FUNCTIONS))},
}
_UNSET: Final[Json] = {"description": "Not set.", "enum": ["", None]}
_RESULT: Final[Json] = {"description": "What the macro did and why. The macro writes this and never reads it."}


def schema() -> str:
    """Return the schema as JSON text. Its root is for Metadata of a resource; ``#/$defs/template`` is for that of a template."""
    settings = [setting for setting in TABLE if setting.scope is not SettingScope.DEPLOYMENT]
    container_settings = [setting for setting in settings if setting.scope is not SettingScope.TASK]
    task_settings = list(for_deployment(settings))
    containers: Json = {
        "description": "Settings of single containers, by container name.",
        "type": "object",
        "additionalProperties": {"$ref": "#/$defs/container"},
    }
    document: Json = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": editor_schemas.address(editor_schemas.METADATA),
        "title": f"Metadata.{METADATA_KEY}",
        "description": f"Settings of sysdig-instrument in the Metadata of an AWS::ECS::TaskDefinition, under {METADATA_KEY}.",
        "$ref": "#/$defs/resource",
        "$defs": {
            "template": _object_schema("Settings in the Metadata of a template.", task_settings, {RESULT_KEY: _RESULT}),
            "resource": _object_schema(
                "Settings in the Metadata of a resource.",
                task_settings,
                {CONTAINERS_KEY: containers, RESULT_KEY: _RESULT},
            ),
            "container": _object_schema("Settings of one container.", container_settings, {}),
            **{setting.name: _setting_schema(setting) for setting in settings},
            "expression": _EXPRESSION,
            "unset": _UNSET,
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _object_schema(description: str, settings: Iterable[Setting], extra: dict[str, Json]) -> Json:
    properties: dict[str, Json] = {setting.name: {"$ref": f"#/$defs/{setting.name}"} for setting in settings}
    return {
        "description": description,
        "type": "object",
        "properties": {**properties, **extra},
        "additionalProperties": False,
    }


def _setting_schema(setting: Setting) -> Json:
    alternatives: list[Json] = [value_schema(setting), {"$ref": "#/$defs/expression"}, {"$ref": "#/$defs/unset"}]
    return {"description": setting.description, "anyOf": alternatives}


def value_schema(setting: Setting, *, allows_intrinsic: bool = True) -> Json:
    """Return the schema of a value, without intrinsic functions if nothing resolves them."""
    value: Json = setting_constraints.schema(setting.value_type)
    if setting.name == "Collector":  # a name without a dot is one of the known regions
        value = {"anyOf": [{"enum": list[Json](COLLECTORS)}, {"allOf": [value, {"pattern": r"\."}]}]}
    if not allows_intrinsic and getattr(setting.value_type, "allows_intrinsic", False):
        value = {"allOf": [value, {"type": "string"}]}
    return value

"""What editors need to find the schemas: their addresses, a schema of whole templates, and an entry for a catalogue.

The address of a schema is that of the file in the repository, at the tag of the release.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Final

from sysdig_instrument import __version__
from sysdig_instrument.cli.settings_file import SETTINGS_FILE_NAMES
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.settings.template_layers import METADATA_KEY
from sysdig_instrument.engine.template import TASK_DEFINITION

_ROOT: Final = Path(__file__).resolve().parent.parent
METADATA: Final = "metadata.schema.json"
TEMPLATE: Final = "template.schema.json"
SETTINGS_FILE: Final = "settings-file.schema.json"
CATALOG: Final = "schema-catalog.json"


def address(name: str) -> str:
    """Return the address of a schema."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return f"{project['urls']['Repository']}/raw/v{__version__}/docs/{name}"


def template_schema(metadata_schema: str) -> str:
    """Return the schema of a template. It says something only about ``Metadata.SysdigInstrument``, wherever that may be."""
    definitions: Json = json.loads(metadata_schema)["$defs"]
    document: Json = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": address(TEMPLATE),
        "title": f"Metadata.{METADATA_KEY} in a CloudFormation template",
        "description": "Use it beside the editor's own schema of CloudFormation: it says nothing about other keys.",
        "type": "object",
        "properties": {
            "Metadata": _metadata("template"),
            "Resources": {
                "type": "object",
                "additionalProperties": {
                    "if": {"properties": {"Type": {"const": TASK_DEFINITION}}, "required": ["Type"]},
                    "then": {"properties": {"Metadata": _metadata("resource")}},
                },
            },
        },
        "$defs": definitions,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _metadata(definition: str) -> Json:
    return {"type": "object", "properties": {METADATA_KEY: {"$ref": f"#/$defs/{definition}"}}}


def catalog() -> str:
    """Return a catalogue in the form of SchemaStore's. Templates have no names of their own, so it has the settings file only."""
    document: Json = {
        "$schema": "https://json.schemastore.org/schema-catalog.json",
        "version": 1.0,
        "schemas": [
            {
                "name": "sysdig-instrument",
                "description": "Settings file of sysdig-instrument",
                "fileMatch": list[Json](SETTINGS_FILE_NAMES),
                "url": address(SETTINGS_FILE),
            }
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

"""The schemas that editors find: their addresses, the schema of whole templates, the catalogue, and the examples."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

import editor_schemas
from fixtures_embedded_aws import ROOT
from sysdig_instrument.cli.settings_file import SETTINGS_FILE_NAMES
from uses.conftest import USES

DOCS = ROOT / "docs"
SCHEMAS = (editor_schemas.METADATA, editor_schemas.TEMPLATE, editor_schemas.SETTINGS_FILE)
TEMPLATE = Draft202012Validator(json.loads((DOCS / editor_schemas.TEMPLATE).read_text()))
FOLDER = USES / "editors"
KEY = "SysdigInstrument"


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_has_the_address_of_its_file_at_the_release(name: str) -> None:
    schema = json.loads((DOCS / name).read_text())
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == editor_schemas.address(name)
    assert schema["$id"].endswith(f"/docs/{name}")


def resource(metadata: Any, kind: str = "AWS::ECS::TaskDefinition") -> Any:
    return {"Resources": {"T": {"Type": kind, "Metadata": {KEY: metadata, "Other": 1}, "Properties": {"Any": 1}}}}


@pytest.mark.parametrize(
    ("template", "is_valid"),
    [
        ({"Resources": {}, "Anything": 5}, True),
        ({"Metadata": {KEY: {"Priority": "security"}}}, True),
        ({"Metadata": {KEY: {"Priority": "high"}}}, False),
        ({"Metadata": {KEY: {"Containers": {}}}}, False),
        (resource({"Containers": {"web": {"Enabled": False}}}), True),
        (resource({"Containers": {"web": {"Enabld": False}}}), False),
        (resource({"Enabld": False}), False),
        (resource({"Enabld": False}, "AWS::S3::Bucket"), True),
    ],
)
def test_the_schema_of_a_template_knows_the_metadata_and_nothing_else(template: Any, *, is_valid: bool) -> None:
    assert TEMPLATE.is_valid(template) is is_valid


def test_the_catalogue_names_the_settings_files() -> None:
    (entry,) = json.loads((DOCS / editor_schemas.CATALOG).read_text())["schemas"]
    assert entry["fileMatch"] == list(SETTINGS_FILE_NAMES)
    assert entry["url"] == editor_schemas.address(editor_schemas.SETTINGS_FILE)


def test_the_examples_name_the_schemas() -> None:
    settings = (FOLDER / ".sysdig-instrument.yaml").read_text()
    line = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", settings.splitlines()[0])
    assert line
    assert line[1] == editor_schemas.address(editor_schemas.SETTINGS_FILE)
    schema = json.loads((DOCS / editor_schemas.SETTINGS_FILE).read_text())
    Draft202012Validator(schema).validate(yaml.safe_load(settings))
    named = json.loads((FOLDER / ".vscode/settings.json").read_text())["yaml.schemas"]
    assert set(named) == {
        editor_schemas.address(name) for name in (editor_schemas.SETTINGS_FILE, editor_schemas.TEMPLATE)
    }

"""docs/metadata.schema.json says of Metadata what the engine says of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

import metadata_schema
from case_folders import CASES, Case
from factories import SECRET, container, problems_of, template
from sysdig_instrument.engine.settings.table import TABLE, SettingScope

SCHEMA: Final = json.loads((Path(__file__).parents[2] / "docs" / "metadata.schema.json").read_text())
RESOURCE: Final = Draft202012Validator(SCHEMA)
TEMPLATE: Final = Draft202012Validator({**SCHEMA, "$ref": "#/$defs/template"})

REF: Final = {"Fn::Sub": "us2"}

GOOD: Final[dict[str, list[Any]]] = {
    "Collector": ["us2", "collector.example.com", "", None, REF],
    "CollectorPort": [1, 65535, "6443", ""],
    "AccessKeySecret": [SECRET, f"{SECRET}:key::", {"Ref": "KeySecret"}],
    "AgentImage": ["quay.io/sysdig/workload-agent:6.0.0"],
    "AgentImageCredentials": [SECRET],
    "Priority": ["availability", "security"],
    "SidecarMode": ["auto", "force"],
    "LogLevel": ["info"],
    "ExtraConf": ["a: b"],
    "AgentEnvironment": [{"A": "b", "B": 1, "C": True, "D": {"Ref": "AWS::Region"}}, '{"A": "b"}', {}],
    "AgentEssential": ["auto", "true", False],
    "AgentCpu": [64, "64"],
    "AgentMemory": [256],
    "AgentMemoryReservation": ["256"],
    "TaskSize": ["raise"],
    "AgentLogConfiguration": ["inherit", {"LogDriver": "awslogs"}, '{"LogDriver": "awslogs"}'],
    "AgentEntryPoint": [["/run"], '["/run"]'],
    "AgentCommand": [["a", "b"]],
    "Enabled": [True, "True", "false"],
    "Mode": ["opt-in", "opt-out"],
    "ExcludeContainers": [["other*"], "web,other", []],
    "IncludeContainers": [["web"], "web"],
    "InstrumentLogRouters": ["true", False],
    "LaunchTypes": ["FARGATE"],
    "UnsupportedArchitecture": ["warn", "fail"],
    "WorkloadEnvironment": [{"A": "b"}],
    "OnUnresolvedImage": ["fail", "skip"],
    "ImageConfigs": [{"a:1": {"Entrypoint": ["/a"], "Cmd": None}}, {}],
    "AccessKeyKmsKey": ["arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"],
    "GrantAccessKeyRead": ["auto", "never"],
    "DefaultExecutionRoleArn": ["arn:aws:iam::111122223333:role/execution", {"Fn::Sub": "${Role.Arn}"}],
}

BAD: Final[dict[str, list[Any]]] = {
    "Collector": ["us9", "host name.example.com", 5, ["us2"], {"Fn::Sub": "us2", "More": 1}],
    "CollectorPort": [0, 65536, "many", True, 1.5],
    "AccessKeySecret": ["sysdig", 5],
    "AgentImage": ["two words", 1],
    "AgentImageCredentials": ["sysdig", {"Unknown": "x"}],
    "Priority": ["urgent", True, 1],
    "SidecarMode": ["AUTO"],
    "LogLevel": ["loud"],
    "ExtraConf": [{"a": "b"}, 5],
    "AgentEnvironment": [{"A": ["b"]}, {"A B": "c"}, {"A": None}, "A=b", ["A"]],
    "AgentEssential": ["yes", 1],
    "AgentCpu": [0, "-1", [64]],
    "AgentMemory": [5, "1 GB"],
    "AgentMemoryReservation": [5],
    "TaskSize": ["grow", True],
    "AgentLogConfiguration": ["none", {"logDriver": "awslogs"}, []],
    "AgentEntryPoint": ["/run", [], [1]],
    "AgentCommand": [{}, [None]],
    "Enabled": ["yes", 1, 0, []],
    "Mode": ["on", True],
    "ExcludeContainers": [["a b"], [1], {"a": "b"}, 5],
    "IncludeContainers": [["a,b"], True],
    "InstrumentLogRouters": ["maybe"],
    "LaunchTypes": ["EC2", ["FARGATE"]],
    "UnsupportedArchitecture": ["ignore"],
    "WorkloadEnvironment": [{"1A": "b"}, "x"],
    "OnUnresolvedImage": ["guess"],
    "ImageConfigs": [{"a:1": ["/a"]}, {"a:1": {"Entrypoint": "/a"}}, {"a:1": {"Cmd": [1]}}, [], "a"],
    "AccessKeyKmsKey": ["alias/sysdig"],
    "GrantAccessKeyRead": ["always"],
    "DefaultExecutionRoleArn": ["execution", 5],
}


def table(values: dict[str, list[Any]]) -> list[tuple[str, Any]]:
    return [(name, value) for name, several in values.items() for value in several]


def engine_takes(resource: dict[str, Any] | None = None, whole: dict[str, Any] | None = None) -> bool:
    """Whether the engine finds nothing wrong with Metadata of a resource, or of a template."""
    value = template(container(), container(Name="other"))
    value["Resources"]["KeySecret"] = {"Type": "AWS::SecretsManager::Secret"}
    value["Resources"]["Role"] = {"Type": "AWS::IAM::Role"}
    if resource is not None:
        value["Resources"]["Api"]["Metadata"] = {"SysdigInstrument": resource}
    if whole is not None:
        value["Metadata"] = {"SysdigInstrument": whole}
    return not problems_of(value)


def test_value_tables_cover_every_setting() -> None:
    admitted = {setting.name for setting in TABLE if setting.scope is not SettingScope.DEPLOYMENT}
    assert set(GOOD) == set(BAD) == admitted


@pytest.mark.parametrize(("name", "value"), table(GOOD))
def test_schema_and_engine_accept_a_valid_value(name: str, value: Any) -> None:
    assert RESOURCE.is_valid({name: value})
    assert TEMPLATE.is_valid({name: value})
    assert engine_takes(resource={name: value})


@pytest.mark.parametrize(("name", "value"), table(BAD))
def test_schema_and_engine_reject_an_invalid_value(name: str, value: Any) -> None:
    assert not RESOURCE.is_valid({name: value})
    assert not engine_takes(resource={name: value})


@pytest.mark.parametrize("setting", TABLE, ids=lambda setting: setting.name)
def test_schema_and_engine_agree_on_setting_scopes(setting: Any) -> None:
    value = (GOOD.get(setting.name) or ["x"])[0]
    anywhere, container_too = setting.scope is not SettingScope.DEPLOYMENT, setting.scope is SettingScope.CONTAINER
    assert TEMPLATE.is_valid({setting.name: value}) == engine_takes(whole={setting.name: value}) == anywhere
    own = {"Containers": {"web": {setting.name: value}}}
    assert RESOURCE.is_valid(own) == engine_takes(resource=own) == container_too


@pytest.mark.parametrize(
    "metadata", [{"Priorty": "security"}, {"Containers": {"web": {"enabled": True}}}, {"Containers": []}, {"Containers": {"web": 1}}]
)  # fmt: skip
def test_schema_and_engine_reject_misspelt_names(metadata: dict[str, Any]) -> None:
    assert not RESOURCE.is_valid(metadata)
    assert not engine_takes(resource=metadata)


def test_container_settings_are_for_resources_only() -> None:
    metadata: dict[str, Any] = {"Containers": {"web": {"Enabled": False}}}
    assert RESOURCE.is_valid(metadata)
    assert not TEMPLATE.is_valid(metadata)
    assert not engine_takes(whole=metadata)


def metadata_of(case: Case) -> list[tuple[Draft202012Validator, Any]]:
    """The Metadata in what a case expects, Results included."""
    value = json.loads((case.folder / "expected.json").read_text())
    found = [(TEMPLATE, value.get("Metadata"))]
    resources = value.get("Resources")
    found += [(RESOURCE, each.get("Metadata")) for each in (resources or {}).values() if isinstance(each, dict)]
    return [(check, each["SysdigInstrument"]) for check, each in found if each and "SysdigInstrument" in each]


def test_what_the_macro_writes_is_valid() -> None:
    written = [
        each for case in CASES if (case.folder / "expected.json").exists() and not case.is_plain for each in metadata_of(case)
    ]  # fmt: skip
    assert len(written) > 50
    for check, metadata in written:
        check.validate(metadata)


def test_the_schema_is_generated_from_the_settings_table() -> None:
    """In this process: mutation testing (`make mutants`) does not follow `make docs`' check into another one."""
    assert metadata_schema.schema() == (Path(__file__).parents[2] / "docs" / "metadata.schema.json").read_text()


def test_the_file_is_a_valid_json_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)

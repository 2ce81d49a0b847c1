"""docs/metadata.schema.json accepts the same Metadata as the engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from _pytest.mark import ParameterSet
from jsonschema import Draft202012Validator

import metadata_schema
from case_folders import CASES, Case
from factories import INVALID_SECRETS, SECRET, VALID_SECRETS, case_id, container, problems_of, template
from sysdig_instrument.engine.settings.table import TABLE, SettingScope

SCHEMA: Final = json.loads((Path(__file__).parents[2] / "docs" / "metadata.schema.json").read_text())
RESOURCE: Final = Draft202012Validator(SCHEMA)
TEMPLATE: Final = Draft202012Validator({**SCHEMA, "$ref": "#/$defs/template"})

REF: Final = {"Fn::Sub": "us2"}

GOOD: Final[dict[str, list[Any]]] = {
    "Collector": ["us2", "collector.example.com", "", None, REF],
    "CollectorPort": [1, 65535, "6443", ""],
    "AccessKeySecret": [*VALID_SECRETS, {"Ref": "KeySecret"}],
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
    "Enabled": [True, "True", "false"],
    "Mode": ["opt-in", "opt-out"],
    "ExcludeContainers": [["other*"], "web,other", []],
    "IncludeContainers": [["web"], "web"],
    "Reason": ["SEC-123: no ptrace", " a/b @c +=_.-: ", "x" * 256, ""],
    "InstrumentLogRouters": ["true", False],
    "LaunchTypes": ["FARGATE"],
    "ExpressServices": ["leave", "convert"],
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
    "AccessKeySecret": ["sysdig", 5, *INVALID_SECRETS],
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
    "Enabled": ["yes", 1, 0, []],
    "Mode": ["on", True],
    "ExcludeContainers": [["a b"], [1], {"a": "b"}, 5],
    "IncludeContainers": [["a,b"], True],
    "Reason": ["a, b", "a\nb", "x" * 257, "aws:x", 5, ["x"]],
    "InstrumentLogRouters": ["maybe"],
    "LaunchTypes": ["EC2", ["FARGATE"]],
    "ExpressServices": ["converted", True],
    "UnsupportedArchitecture": ["ignore"],
    "WorkloadEnvironment": [{"1A": "b"}, "x"],
    "OnUnresolvedImage": ["guess"],
    "ImageConfigs": [{"a:1": ["/a"]}, {"a:1": {"Entrypoint": "/a"}}, {"a:1": {"Cmd": [1]}}, [], "a"],
    "AccessKeyKmsKey": ["alias/sysdig"],
    "GrantAccessKeyRead": ["always"],
    "DefaultExecutionRoleArn": ["execution", 5],
}


def cases(values: dict[str, list[Any]]) -> list[ParameterSet]:
    """Return a parameter set for each value of each setting."""
    return [pytest.param(name, value, id=case_id(name, value)) for name, several in values.items() for value in several]


def engine_accepts(resource: dict[str, Any] | None = None, whole: dict[str, Any] | None = None) -> bool:
    """Return whether the engine accepts Metadata of a resource, or of a template."""
    value = template(container(), container(Name="other"))
    value["Resources"]["KeySecret"] = {"Type": "AWS::SecretsManager::Secret"}
    value["Resources"]["Role"] = {"Type": "AWS::IAM::Role"}
    if resource is not None:
        value["Resources"]["Api"]["Metadata"] = {"SysdigInstrument": resource}
    if whole is not None:
        value["Metadata"] = {"SysdigInstrument": whole}
    return not problems_of(value)


def test_value_tables_cover_every_setting() -> None:
    allowed = {setting.name for setting in TABLE if setting.scope in (SettingScope.TASK, SettingScope.CONTAINER)}
    assert set(GOOD) == set(BAD) == allowed


@pytest.mark.parametrize(("name", "value"), cases(GOOD))
def test_schema_and_engine_accept_a_valid_value(name: str, value: Any) -> None:
    assert RESOURCE.is_valid({name: value})
    assert TEMPLATE.is_valid({name: value})
    assert engine_accepts(resource={name: value})


@pytest.mark.parametrize(("name", "value"), cases(BAD))
def test_schema_and_engine_reject_an_invalid_value(name: str, value: Any) -> None:
    assert not RESOURCE.is_valid({name: value})
    assert not engine_accepts(resource={name: value})


@pytest.mark.parametrize("setting", TABLE, ids=lambda setting: setting.name)
def test_schema_and_engine_agree_on_setting_scopes(setting: Any) -> None:
    value = (GOOD.get(setting.name) or [{"Cmd": ["x"]} if setting.name == "ImageConfig" else "x"])[0]
    in_template = setting.scope in (SettingScope.TASK, SettingScope.CONTAINER)
    in_container = setting.scope in (SettingScope.CONTAINER, SettingScope.ONE_CONTAINER)
    assert TEMPLATE.is_valid({setting.name: value}) == engine_accepts(whole={setting.name: value}) == in_template
    own = {"Containers": {"web": {setting.name: value}}}
    assert RESOURCE.is_valid(own) == engine_accepts(resource=own) == in_container


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"Priorty": "security"}, id="setting"),
        pytest.param({"Containers": {"web": {"enabled": True}}}, id="container-setting"),
        pytest.param({"Containers": []}, id="containers-is-a-list"),
        pytest.param({"Containers": {"web": 1}}, id="container-is-a-number"),
    ],
)
def test_schema_and_engine_reject_malformed_metadata(metadata: dict[str, Any]) -> None:
    assert not RESOURCE.is_valid(metadata)
    assert not engine_accepts(resource=metadata)


@pytest.mark.parametrize(
    ("value", "is_valid"),
    [
        pytest.param({"Entrypoint": ["/a"], "Cmd": None}, True, id="both"),
        pytest.param({}, True, id="empty"),
        pytest.param('{"Cmd": ["x"]}', True, id="text"),
        pytest.param({"EntryPoint": ["/a"]}, False, id="misspelt"),
        pytest.param({"Cmd": "x"}, False, id="string"),
        pytest.param({"a:1": {"Cmd": ["x"]}}, False, id="by-image"),
        pytest.param(["/a"], False, id="list"),
        pytest.param("/a", False, id="other-text"),
    ],
)
def test_schema_and_engine_agree_on_the_image_config_of_a_container(value: Any, *, is_valid: bool) -> None:
    own = {"Containers": {"web": {"ImageConfig": value}}}
    assert RESOURCE.is_valid(own) is engine_accepts(resource=own) is is_valid


def test_container_settings_are_for_resources_only() -> None:
    metadata: dict[str, Any] = {"Containers": {"web": {"Enabled": False}}}
    assert RESOURCE.is_valid(metadata)
    assert not TEMPLATE.is_valid(metadata)
    assert not engine_accepts(whole=metadata)


def metadata_of(case: Case) -> list[tuple[Draft202012Validator, Any]]:
    """Return the Metadata in the expected output of a case, with the Results, and the schema for each."""
    value = json.loads((case.folder / "expected.json").read_text())
    found = [(TEMPLATE, value.get("Metadata"))]
    resources = value.get("Resources")
    found += [(RESOURCE, each.get("Metadata")) for each in (resources or {}).values() if isinstance(each, dict)]
    return [(schema, each["SysdigInstrument"]) for schema, each in found if each and "SysdigInstrument" in each]


def test_what_the_macro_writes_is_valid() -> None:
    processed = [case for case in CASES if (case.folder / "expected.json").exists() and not case.is_plain]
    written = [each for case in processed for each in metadata_of(case)]
    assert len(written) > 50
    for schema, metadata in written:
        schema.validate(metadata)


def test_the_schema_is_generated_from_the_settings_table() -> None:
    """It is generated in this process: mutation testing (`make mutants`) does not mutate the code of other processes."""
    assert metadata_schema.schema() == (Path(__file__).parents[2] / "docs" / "metadata.schema.json").read_text()


def test_the_file_is_a_valid_json_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)

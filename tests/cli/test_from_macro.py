"""--from-macro: what the macro's stack writes into an SSM parameter, and what the tool makes of it, against moto."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

import boto3
import pytest
from moto import mock_aws

from cli.running import Ran, run
from coverage_report.fake_ecs import BOTOCORE_LOADER
from sysdig_instrument import __version__
from sysdig_instrument.documents import load
from sysdig_instrument.engine.settings.layers import Layer, for_deployment, merge_layers
from sysdig_instrument.engine.settings.table import TABLE

ROOT: Final = Path(__file__).parent.parent.parent
REGION: Final = "eu-central-1"
SECRET: Final = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:sysdig-AbCdEf"  # noqa: S105 - its name
WITHHELD: Final = {"AgentEnvironment", "AgentLogConfiguration", "ExtraConf", "WorkloadEnvironment"}
NAME: Final = "/sysdig-instrument/SysdigInstrument"
REQUIRED: Final = {"Collector": "us2", "AccessKeySecret": SECRET}
TEMPLATE: Final = cast("dict[str, Any]", load(str(ROOT / "template.yaml")).value)


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("AWS_") or name == "COLUMNS"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr("botocore.session.create_loader", lambda _=None: BOTOCORE_LOADER)
    monkeypatch.chdir(tmp_path)
    with mock_aws():
        yield


def deploy(**parameters: str) -> str:
    """Create the SSM parameter as the stack of template.yaml does, and return its value."""
    part = {
        "Parameters": {
            name: {key: each for key, each in declared.items() if key in ("Type", "Default")}
            for name, declared in TEMPLATE["Parameters"].items()
        },
        "Conditions": TEMPLATE["Conditions"],
        "Resources": {"SettingsParameter": TEMPLATE["Resources"]["SettingsParameter"]},
    }
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in {**REQUIRED, **parameters}.items()]
    boto3.client("cloudformation", REGION).create_stack(
        StackName="macro", TemplateBody=json.dumps(part), Parameters=given
    )
    name = f"/sysdig-instrument/{parameters.get('MacroName', 'SysdigInstrument')}"
    value: str = boto3.client("ssm", REGION).get_parameter(Name=name)["Parameter"]["Value"]
    return value


def put(value: object, kind: str = "String") -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    boto3.client("ssm", REGION).put_parameter(Name=NAME, Value=text, Type=kind)


def published(settings: Mapping[str, str], **members: str) -> dict[str, Any]:
    given = {"MacroName": "SysdigInstrument", **REQUIRED, **settings}
    return {"Release": __version__, "Settings": given, "Withheld": "", **members}


def template(**metadata: object) -> bytes:
    container = {"Name": "web", "Image": "web:1", "EntryPoint": ["/web"]}
    properties = {
        "RequiresCompatibilities": ["FARGATE"],
        "ExecutionRoleArn": "arn:aws:iam::111122223333:role/x",
        "ContainerDefinitions": [container],
    }
    task = {"Type": "AWS::ECS::TaskDefinition", "Properties": properties, "Metadata": {"SysdigInstrument": metadata}}
    return json.dumps({"Resources": {"Task": task}}).encode()


def settings(capsys: pytest.CaptureFixture[str], *arguments: str, **metadata: object) -> Ran:
    return run(capsys, "settings", "-", "--format", "json", *arguments, stdin=template(**metadata))


def values(ran: Ran) -> dict[str, Any]:
    found: dict[str, Any] = ran.value[0]["taskDefinitions"][0]["settings"]
    return found


# --- the parameter

HOSTILE: Final = {
    "Collector": "ingest.example.com",
    "AgentCommand": r'["--format={{ .ID }}", "a \"quoted\" \\ word"]',
    "ExcludeContainers": '["a", "b*"]',
    "ImageConfigs": '{\n\t"shop/web": {"Entrypoint": ["/bin/sh", "-c", "echo \\"{{{{x}}}} $HOME\\""],\n"Cmd": null}}',
    "RegistryCredentials": json.dumps({"registry.example.com": SECRET}),
    "AllowedRegistries": "quay.io,*.example.com",
    "LockedSettings": "*,!AgentCpu",
    "AgentCpu": "128",
}


@pytest.mark.parametrize("parameters", [{}, HOSTILE], ids=["defaults", "quotes, backslashes, line breaks and braces"])
def test_the_stack_writes_its_settings(parameters: dict[str, str]) -> None:
    value = deploy(**parameters)
    written = json.loads(value, strict=False)
    assert (written["Release"], written["Withheld"]) == (__version__, "")
    declared = {name: str(each.get("Default", "")) for name, each in TEMPLATE["Parameters"].items()}
    wanted = {
        each.name: {**declared, **REQUIRED, **parameters}[each.name]
        for each in for_deployment(TABLE)
        if each.name not in WITHHELD
    }
    assert written["Settings"] == wanted
    assert merge_layers(Layer("written", written["Settings"])) == merge_layers(Layer("written", wanted))
    assert "{{" not in value  # Systems Manager refuses it


def test_values_that_may_be_secret_are_named_and_not_written() -> None:
    value = deploy(
        AgentEnvironment='{"PASSWORD": "planted"}',
        WorkloadEnvironment='{"TOKEN": "planted"}',
        ExtraConf="proxy: planted",
        AgentLogConfiguration='{"LogDriver": "splunk", "Options": {"splunk-token": "planted"}}',
    )
    assert "planted" not in value
    assert set(json.loads(value)["Withheld"].split()) == WITHHELD


def test_all_settings_whose_values_are_free_text_are_withheld() -> None:
    """A new setting of such a type must be withheld, or be listed here because its values are not secret."""
    free = {
        each.name
        for each in for_deployment(TABLE)
        if type(each.value_type).__name__ in ("Object", "ArgumentList", "LogConfiguration") or each.name == "ExtraConf"
    }
    no_secret = {"AgentEntryPoint", "AgentCommand", "ImageConfigs", "RegistryCredentials", "TokenServices"}
    assert free - no_secret == WITHHELD


def test_the_defaults_fit_into_a_standard_parameter_many_times() -> None:
    assert len(deploy().encode()) < 4096 / 2
    assert TEMPLATE["Resources"]["SettingsParameter"]["Properties"]["Tier"] == "Intelligent-Tiering"


# --- reading it


def test_the_settings_of_the_macro(capsys: pytest.CaptureFixture[str]) -> None:
    deploy(**HOSTILE)
    ran = settings(capsys, "--from-macro")
    assert (ran.code, ran.err) == (0, "")
    assert values(ran)["Collector"] == {"value": "ingest.example.com", "layer": "the deployed macro SysdigInstrument"}
    assert values(ran)["ExcludeContainers"]["value"] == "a, b*"
    assert "Priority" not in values(ran)  # it has its default


def test_the_same_bytes_as_with_the_settings_of_the_macro(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    deploy(Priority="security", AgentCpu="128", AgentMemory="256")
    (tmp_path / "settings.json").write_text(
        json.dumps({**REQUIRED, "Priority": "security", "AgentCpu": 128, "AgentMemory": 256})
    )
    from_macro = run(capsys, "transform", "-", "--from-macro", stdin=template())
    from_file = run(capsys, "transform", "-", "--settings", "settings.json", stdin=template())
    assert from_macro.code == 0
    assert from_macro.out == from_file.out


def test_another_macro_region_and_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    deploy(MacroName="SysdigInstrument-canary", Priority="security")
    monkeypatch.delenv("AWS_REGION")
    for command in (["explain", "-"], ["diff", "-"], ["check", "-"], ["images", "-"], ["coverage"]):
        ran = run(capsys, *command, "--from-macro=SysdigInstrument-canary", "--region", REGION, stdin=template())
        assert "SSM parameter" not in ran.err
        assert ran.code != 2 or command == ["coverage"], ran


def test_the_callers_own_settings_win(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    deploy(Priority="security", AgentCpu="128", AgentMemory="256")
    (tmp_path / "own.yaml").write_text("AgentCpu: 64\n")
    found = values(settings(capsys, "--from-macro", "--settings", "own.yaml", "--set", "AgentMemory=512"))
    assert (found["AgentCpu"]["value"], found["AgentMemory"]["value"]) == ("64", "512")
    assert found["Priority"]["value"] == "security"


def test_the_template_wins_where_the_macro_does_not_lock(capsys: pytest.CaptureFixture[str]) -> None:
    deploy(LockedSettings="Priority")
    assert values(settings(capsys, "--from-macro", AgentCpu=64))["AgentCpu"]["value"] == "64"
    ran = settings(capsys, "--from-macro", Priority="security")
    assert ran.code == 1
    assert "is locked by the deployed macro SysdigInstrument" in ran.err


def test_a_found_file_neither_weakens_the_macros_settings_nor_reads_them(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    deploy()
    (tmp_path / ".sysdig-instrument.yaml").write_text("ExcludeContainers: web\n")
    ran = settings(capsys, "--from-macro")
    assert "ExcludeContainers" not in values(ran)
    assert ran.err.count("do not count with --from-macro") == 1
    assert "ExcludeContainers" in values(settings(capsys, "--from-macro", "--settings", ".sysdig-instrument.yaml"))
    (tmp_path / ".sysdig-instrument.yaml").write_text("FromMacro: SysdigInstrument\n")
    assert "Unknown setting" in settings(capsys).err


def test_values_that_are_not_known_are_told_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    deploy(ExtraConf="proxy: x", AgentEnvironment='{"A": "b"}')
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_bytes(template())
    ran = run(capsys, "explain", "a.json", "b.json", "--from-macro")
    assert ran.err.count("has values for ExtraConf, AgentEnvironment that are not known here") == 1
    ran = run(
        capsys, "explain", "a.json", "--from-macro", "--set", "ExtraConf=proxy: x", "--set", "AgentEnvironment={}"
    )
    assert "not known here" not in ran.err


# --- what goes wrong


def test_without_the_parameter(capsys: pytest.CaptureFixture[str]) -> None:
    ran = settings(capsys, "--from-macro")
    assert ran.code == 2
    assert f"There is no SSM parameter {NAME} in {REGION}" in ran.err
    assert "--region" in ran.err


def test_a_profile_that_does_not_exist(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "sysdig_instrument.lookup.aws.aws_session", lambda _: boto3.Session(profile_name="there-is-none")
    )
    ran = settings(capsys, "--from-macro")
    assert ran.code == 2
    assert "could not be called, because the AWS profile does not exist" in ran.err
    assert "Correct --profile or AWS_PROFILE" in ran.err


def test_without_permission(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import ClientError  # noqa: PLC0415 - only here

    def denied(*_: object, **__: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetParameters")

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", denied)
    ran = settings(capsys, "--from-macro")
    assert ran.code == 2
    assert f"({NAME})" in ran.err
    assert "Grant ssm:GetParameters" in ran.err


def test_without_a_region_or_offline(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--offline prevents it" in settings(capsys, "--from-macro", "--offline").err
    monkeypatch.delenv("AWS_REGION")
    assert "The AWS region is not known. Give --region" in settings(capsys, "--from-macro").err


@pytest.mark.parametrize(
    "value",
    [
        "no JSON",
        "[]",
        "[" * 5000,
        published({"MacroName": "Other"}),
        published({}, Release="1\n::error::"),
        {**published({}), "Settings": {"Collector": ["us2"]}},
        {**published({}), "Settings": {"A\nB": "us2"}},
        {**published({}), "Withheld": None},
    ],
    ids=["text", "list", "deep", "another macro", "release", "a list", "a name", "no list of the withheld"],
)
def test_a_parameter_of_somebody_else(value: object, capsys: pytest.CaptureFixture[str]) -> None:
    put(value)
    ran = settings(capsys, "--from-macro")
    assert ran.code == 2
    assert "is not what the macro's stack writes" in ran.err


def test_a_secure_string_is_not_decrypted(capsys: pytest.CaptureFixture[str]) -> None:
    put(published({}), "SecureString")
    assert "is a SecureString, which is never read" in settings(capsys, "--from-macro").err


def test_another_release(capsys: pytest.CaptureFixture[str]) -> None:
    put(published({"Later": ""}, Release="9.0.0"))
    ran = settings(capsys, "--from-macro")
    assert ran.code == 0
    assert ran.err.count(f"has release 9.0.0, and this is release {__version__}") == 1


def test_a_setting_of_another_release(capsys: pytest.CaptureFixture[str]) -> None:
    put(published({"Later": "1"}, Release="9.0.0"))
    ran = settings(capsys, "--from-macro")
    assert ran.code == 2
    assert "does not know (Later). Install release 9.0.0" in ran.err


def test_an_invalid_value_names_the_macro(capsys: pytest.CaptureFixture[str]) -> None:
    put(published({"Priority": "never"}))
    ran = settings(capsys, "--from-macro")
    assert ran.code == 2
    assert 'Setting "Priority" in the deployed macro SysdigInstrument has an invalid value' in ran.err


@pytest.mark.parametrize("name", ["app.yaml", "templates/app", "a b"])
def test_a_file_is_no_macro(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "explain", "--from-macro", name, stdin=template())
    assert ran.code == 2
    assert "Put --from-macro after the files" in ran.err

"""Mistakes that people make: each message has the fact, what to do and a code, and repeats no value that may be secret."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cli.running import run, without_places
from sysdig_instrument.engine.agent import COLLECTORS

KEY = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret:s-AbCdEf"  # noqa: S105 - the ARN of no secret
SET = ["--no-config", "--set", "Collector=us2", "--set", f"AccessKeySecret={SECRET}"]
TEMPLATE = """
Transform: SysdigInstrument
Resources:
  Api:
    Type: AWS::ECS::TaskDefinition
    {metadata}
    Properties:
      RequiresCompatibilities: [FARGATE]
      NetworkMode: awsvpc
      Cpu: 512
      Memory: 1024
      {role}
      ContainerDefinitions:
        - {{Name: web, Image: shop/web:1, {argv}}}
"""


def source(metadata: str = "", role: str = "ExecutionRoleArn: r", argv: str = "EntryPoint: [/web]") -> str:
    return TEMPLATE.format(metadata=metadata, role=role, argv=argv)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("app.yaml").write_text(source())
    Path("folder").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "Colector=us2"], 'Unknown setting "Colector" in --set. Did you mean "Collector"? (SI101)'),
        (["--set", "collector=us2"], 'Unknown setting "collector" in --set. Did you mean "Collector"? (SI101)'),
        (["--set", "Collector=https://c.example.com"], "Use a collector's host name, without https:// and port, or a region"),
        (["--set", "Collector"], "A value of --set has no name or no equals sign. Write --set NAME=VALUE. (SI701)"),
        (["--set", "Collector=us2"], "Set AccessKeySecret to the ARN of the secret that holds the key"),
        ([*SET, "--settings", "nope.yaml"], "nope.yaml cannot be read: No such file or directory. Give the path of a JSON or YAML file. (SI801)"),
        ([*SET, "--images", "nope.json"], "nope.json cannot be read: No such file or directory. Give the path of a JSON or YAML file. (SI801)"),
        ([*SET, "-p", "Enviroment=x"], 'No template has the parameter "Enviroment" given with -p. (SI702)'),
    ],
)  # fmt: skip
def test_options(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert message in run(capsys, "transform", "app.yaml", "--no-config", *arguments).err


@pytest.mark.parametrize("region", ["us9", "eu2", "eu-1", "jp1", "US2x", "au2"])
def test_no_other_region_is_suggested(region: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The data would go to another country."""
    shown = run(capsys, "transform", "app.yaml", "--no-config", "--set", f"Collector={region}")
    assert shown.code == 2
    assert "(SI104)" in shown.err
    assert "Did you mean" not in shown.err
    assert all(each in shown.err for each in COLLECTORS)  # all of them, and none in particular


@pytest.mark.parametrize("value", [KEY, KEY.upper(), KEY.replace("-", ""), "1234-5678", "sysdig/access-key"])
def test_a_key_or_a_name_in_place_of_an_arn_is_not_repeated(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--set", f"AccessKeySecret={value}"], ["--settings", "key.yaml"], []):
        Path("key.yaml").write_text(f"AccessKeySecret: {value}\n")
        metadata = f"Metadata: {{SysdigInstrument: {{AccessKeySecret: {value}}}}}" if not arguments else ""
        Path("app.yaml").write_text(source(metadata))
        shown = run(capsys, "transform", "app.yaml", "--no-config", "--set", "Collector=us2", *arguments)
        assert shown.code in (1, 2)
        assert "looks like an access key or the name of a secret" in shown.err
        assert "replace it with a new one" in shown.err
        assert value not in shown.err + shown.out


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"Resources:\n\tA: 1\n", "file.yaml:2:1: YAML does not allow a tab here. Indent with spaces only. (SI806)"),
        (b"Resources:\n  A: {{ .Values.x }}\n", "file.yaml:2:7: this looks like a template language, such as Helm or Jinja. Render the file first. (SI806)"),
        (b"Resources:\n  {{- if .x }}\n  A: 1\n", "this looks like a template language, such as Helm or Jinja. Render the file first. (SI806)"),
        (b"Resources:\n  {% if x %}\n  A: 1\n", "this looks like a template language, such as Helm or Jinja. Render the file first. (SI806)"),
        (b'{"Resources": {"A": 1,}}', "invalid JSON: there is a comma after the last member. Fix the file. (SI805)"),
        (b'{"Resources": {"A": [1, ]}}', "invalid JSON: there is a comma after the last item. Fix the file. (SI805)"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe", "is not a text file. Give a template or task definition"),
        (b"Resources: \xe9\n", "is not valid UTF-8: line 1 has an invalid byte. Save the file as UTF-8. (SI804)"),
        (b"version: 0.2\nphases: {}\n", "(it has no Resources) nor a task definition. Give a CloudFormation template"),
        (b"", "is empty. Give a template or task definition in JSON or YAML. (SI802)"),
    ],
    ids=["tab", "Helm value", "Helm block", "Jinja", "JSON object", "JSON list", "PNG", "Latin-1", "buildspec", "empty"],
)  # fmt: skip
def test_files(data: bytes, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file.yaml").write_bytes(data)
    shown = run(capsys, "explain", "file.yaml", *SET)
    assert shown.code == 2
    assert message in shown.err


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (source(role=""), "Give the task an ExecutionRoleArn, or set DefaultExecutionRoleArn. (SI340)"),
        (source(argv="EntryPoint: /web"), "EntryPoint is not a list. Write EntryPoint as a list of strings. (SI215)"),
        (source("Metadata: {SysdigInstrument: {ExcludeContainers: [wbe]}}"), "the task has no such container"),
        (source("Metadata: {SysdigInstrument: {Priorty: security}}"), 'Did you mean "Priority"? (SI101)'),
        (source(argv="Command: [x]"), "(SI420)"),
    ],
)
def test_templates(template: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("app.yaml").write_text(template)
    shown = run(capsys, "transform", "app.yaml", *SET, "--offline")
    assert shown.code == 1
    assert message in shown.err
    assert re.search(r"\(SI\d{3}\)$", without_places(shown.err).strip().splitlines()[-1])


def test_a_folder_for_a_command_that_takes_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert "only explain, diff and check take a folder. (SI801)" in run(capsys, "transform", "folder", *SET).err


def test_the_version_has_a_short_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "-V").out == run(capsys, "--version").out != ""


HELP = "Questions: #platform-security, https://wiki.example.com/sysdig"


@pytest.mark.parametrize("command", ["transform", "diff", "explain", "check"])
def test_a_refusal_ends_with_the_help_text(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with_help = [*SET, "--offline", "--set", f"HelpText={HELP}"]
    assert HELP not in run(capsys, command, "app.yaml", *with_help).err
    Path("app.yaml").write_text(source(role=""))
    shown = run(capsys, command, "app.yaml", *with_help)
    assert shown.code == 1
    assert shown.err.splitlines()[-1] == HELP
    assert (shown.err + shown.out).count(HELP) == 1

"""Names of a stranger's, wherever they may stand and whatever prints them: they are shown, and do nothing else."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from cli.running import Ran, run
from sysdig_instrument.cli.formats import FORMATS

HOSTILE = {
    "clear the screen": "\x1b[2J\x1b]0;title\x07",
    "colour": "\x1b[31mred\x1b[0m",
    "C1": "a\x9b2Jb\x85c",
    "line with a command": "a\n::stop-commands::x\n##[error]y",
    "carriage return": "a\r::set-output name=x::y",
    "command": "::stop-commands::x",
    "command after blanks": " \u00a0\u3000::stop-commands::x",
    "old command": "a##[command]b###[x]",
    "other runners": "##vso[task.setvariable variable=x]y ##teamcity[message]",
    "bidi": "a\u202eb\u2066c\u200fd\u061ce",
    "separators": "a\u2028::x::b\u2029c",
    "no width": "a\u200bb\u2060c\ufeffd\U000e0041e",
    "blank or variant": "a\ufe0fb\ufe00c\u2800d\U0001bca0e\U00013430f",
    "half a character": "a\ud800b",
    "not a character": "a\ufdd0b\uffff",
    "null": "a\0b",
    "table": "a | b | c \\| d",
    "link": "[a](https://evil.example) ![b](x) <a href=x>y</a> <!-- z --> `q` $x$",
    "bare addresses": "http://evil.example HTTPS://evil.example www.evil.example ftp://evil.example a@evil.example",
    "mentions": "@octocat #1 GH-1 octo/repo#1",
    "CDATA": "]]></failure><x y='z'>",
}
TERMINAL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufdd0-\ufdef\ufeff\uffff\U000e0041"
    "\u2800\ufe00-\ufe0e\U0001bca0-\U0001bca3\U00013430-\U00013455]|a\ufe0f"
)
COMMAND = re.compile(r"^\s*::|##\w*\[", re.MULTILINE)
OWN_COMMAND = re.compile(r"^::(?:error|warning|notice) [^\n]*$", re.MULTILINE)


def document(name: str, *, is_escaped: bool = True) -> bytes:
    """Return a template with the name in every place that a name can have."""
    web = {"Name": name, "Image": name, "EntryPoint": [name], "Environment": [{"Name": name, "Value": "x"}]}
    unknown = {"Name": "unknown", "Image": {"Fn::If": [name, {"Ref": name}, {"Fn::ImportValue": name}]}}
    named = {
        "Name": {"Ref": "P"},
        "Image": {"Fn::Sub": "${P}/x"},
        "DependsOn": [{"ContainerName": name, "Condition": name}],
    }
    properties = {
        "RequiresCompatibilities": ["FARGATE"],
        "Cpu": name,
        "Memory": name,
        "PidMode": name,
        "Family": name,
        "RuntimePlatform": {"CpuArchitecture": name, "OperatingSystemFamily": name},
        "ContainerDefinitions": [web, unknown, named],
        "Tags": [{"Key": "kilt-ignore-containers", "Value": name}, {"Key": name, "Value": name}],
    }
    metadata = {"SysdigInstrument": {"ExcludeContainers": name, name: name, "Containers": {name: {name: name}}}}
    value: dict[str, Any] = {
        "Parameters": {"P": {"Type": "String", "Default": name}, name: {"Type": "String"}},
        "Conditions": {name: {"Fn::Equals": [{"Ref": name}, name]}},
        "Metadata": {"SysdigInstrument": {name: name}},
        "Transform": [{"Name": "SysdigInstrument", "Parameters": {name: name}}],
        "Resources": {
            name: {"Type": "AWS::ECS::TaskDefinition", "Metadata": metadata, "Properties": properties},
            "Good": {
                "Type": "AWS::ECS::TaskDefinition",
                "Properties": {"RequiresCompatibilities": ["FARGATE"], "ContainerDefinitions": [web]},
            },
            f"{name}Stack": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": name}},
        },
    }
    return json.dumps(value, indent=1, ensure_ascii=is_escaped).encode(errors="surrogatepass")


def good(name: str, *, is_escaped: bool = True) -> bytes:
    """Return a template that is not refused, with the name as name of a task definition and of a container."""
    web = {"Name": name, "Image": "x", "EntryPoint": [name, f"{name}\n  {name}"], "Command": [name]}
    members = {"RequiresCompatibilities": ["FARGATE"], "ExecutionRoleArn": "arn:aws:iam::111122223333:role/x"}
    task = {"Type": "AWS::ECS::TaskDefinition", "Properties": {**members, "ContainerDefinitions": [web]}}
    value = {"Description": name, "Resources": {name: task}}
    return json.dumps(value, indent=1, ensure_ascii=is_escaped).encode(errors="surrogatepass")


def assert_harmless(ran: Ran, *, has_own_commands: bool = False) -> None:
    for text in (OWN_COMMAND.sub("", ran.out) if has_own_commands else ran.out, ran.err):
        assert not TERMINAL.search(text)
        assert not COMMAND.search(text)


@pytest.fixture(autouse=True)
def on_a_runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.chdir(tmp_path)


every_name = pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
OPTIONS = (
    "--offline",
    "--set",
    "Collector=us2",
    "--set",
    "AccessKeySecret=arn:aws:ssm:eu-west-1:111122223333:parameter/k",
)
COMMANDS = {
    **{f"{command} {each}": (command, "--format", each) for command in ("explain", "check") for each in FORMATS},
    **{f"diff {each}": ("diff", "--format", each) for each in ("text", "patch", "json")},
    "diff side by side": ("diff", "--side-by-side"),
    "settings": ("settings", "--all"),
    "settings json": ("settings", "--format", "json"),
    "images": ("images",),
    "transform": ("transform",),
}


@every_name
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_name_is_only_shown(command: tuple[str, ...], name: str, capsys: pytest.CaptureFixture[str]) -> None:
    shows_source = command[0] in ("diff", "transform")
    for source in (
        document(name),
        good(name),
        *((document(name, is_escaped=False), good(name, is_escaped=False)) if shows_source else ()),
    ):
        ran = run(capsys, command[0], "-", *command[1:], *OPTIONS, stdin=source)
        if command[0] != "transform":  # prints the document itself
            assert_harmless(ran, has_own_commands=command[-1] == "github")
        elif ran.code == 0:
            assert not COMMAND.search(ran.out)
        if command[-1] in ("json", "sarif", "patch") and ran.out:
            json.loads(ran.out)
        if command[-1] == "junit":
            ET.fromstring(ran.out)  # noqa: S314 - made here


CODE = re.compile(r"(?ms)^  ```\n[^`]*^  ```\n")
"""What to paste. Whatever is in it, it ends where it is meant to."""


@every_name
@pytest.mark.parametrize("command", ["explain", "check"])
def test_markdown_has_no_link_mention_or_other_cell(
    command: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for source in (document(name), good(name)):
        out = run(capsys, command, "-", "--format", "markdown", *OPTIONS, stdin=source).out
        shown = out.replace("<!-- sysdig-instrument -->", "").replace("<!-- -->", "\0")
        plain = re.sub(r"\\[\\`*_\[\]<>|~&$]", "", CODE.sub("", shown))
        assert not re.search(r"[<\[`$]|(?i:://|www\.|GH-\d)|[@#]\w|\w@\w", plain.replace("\n##", "\n"))
        for row in re.findall(r"^\|.*$", plain, re.MULTILINE):
            assert row.count("|") == 5


@every_name
def test_the_names_of_files_are_only_shown(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    file_name = name.replace("/", "_").replace("\0", "_").encode(errors="replace").decode()
    for suffix, content in (
        (".json", good("web")),
        (".yaml", b"ContainerDefinitions: [\n"),
        (".yml", b"Resources: {x: AWS::ECS::TaskDefinition}"),
    ):
        (folder / (file_name + suffix)).write_bytes(content)
    for command in COMMANDS.values():
        files = ["folder"] if command[0] not in ("images", "transform") else [f"folder/{file_name}.yaml"]
        files = [f"folder/{file_name}.json"] if command[-1] == "patch" else files
        ran = run(capsys, command[0], *command[1:], *OPTIONS, "--", *files)
        assert_harmless(ran, has_own_commands=command[-1] == "github")
        assert_harmless(
            run(capsys, command[0], *command[1:], "--", f"missing/{file_name}"),
            has_own_commands=command[-1] == "github",
        )


def test_an_argument_in_an_error_is_only_shown(capsys: pytest.CaptureFixture[str]) -> None:
    for name in HOSTILE.values():
        assert_harmless(run(capsys, "explain", "x.yaml", f"--{name}"))
        assert_harmless(run(capsys, name))


def test_colours_are_this_tools_own(capsys: pytest.CaptureFixture[str]) -> None:
    for name in HOSTILE.values():
        for command in (("explain",), ("check",), ("diff",), ("diff", "--side-by-side"), ("settings", "--all")):
            ran = run(capsys, command[0], "-", *command[1:], *OPTIONS, "--color", "always", stdin=good(name))
            assert not TERMINAL.search(re.sub(r"\x1b\[(?:[01]|2|3[126]|1;31|38;5;166)m", "", ran.out))


def test_a_result_that_a_runner_would_run_is_for_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = b"Resources: {}\nDescription: |\n  ::stop-commands::x\n"
    ran = run(capsys, "transform", "-", *OPTIONS, stdin=source)
    assert (ran.code, ran.out) == (2, "")
    assert "-o" in ran.err
    assert run(capsys, "transform", "-", *OPTIONS, "-o", "out.yaml", stdin=source).code == 0
    assert (tmp_path / "out.yaml").read_bytes() == source


@pytest.mark.parametrize(
    "source",
    [
        b'Resources: {}\nDescription: "a\r  ::stop-commands::x"\n',
        b"Resources: {}\nDescription: >-\r  ::stop-commands::x\r",
        b"Resources: {}\r\n# x\r\n? ::stop-commands::x\r\n: 1\r\n::stop: 1\r\n",
        "Resources: {}\n::stop-commands::x: 1\n".encode("utf-16"),
        b"\xef\xbb\xbf::stop-commands::x: 1\nResources: {}\n",
        b'{"Resources": {}, "Description": "a ##[error]b"}',
        b'{"Resources": {}, "Description": "a ##vso[task.x]b"}',
    ],
    ids=["carriage return", "lines that end with one", "CRLF", "UTF-16", "byte order mark", "in a line", "Azure"],
)
def test_no_line_of_a_result_is_a_command(source: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "transform", "-", *OPTIONS, stdin=source)
    assert (ran.code, ran.out) == (2, "")
    assert "would be a command of the CI runner" in ran.err


def test_sarif_has_no_links_of_others(capsys: pytest.CaptureFixture[str]) -> None:
    """A message may have links, with the text in brackets (SARIF 2.1.0, section 3.11.6)."""
    for name in (HOSTILE["link"], "a](x)[b", "\\[a](x)"):
        for command in ("explain", "check"):
            report = run(capsys, command, "-", "--format", "sarif", *OPTIONS, stdin=document(name)).value
            texts = [each["message"]["text"] for each in report["runs"][0]["results"]]
            assert any("](" in text for text in texts)
            for text in texts:
                assert not re.search(r"(?<!\\)\](?=\()", text.replace(r"\\\\", ""))


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@x", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201", "x;=1", "\t=1", "\n@x"]
)
def test_no_cell_is_a_formula(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("explain", "check"):
        out = run(capsys, command, "-", "--format", "csv", *OPTIONS, stdin=document(name)).out
        cells = [part for row in csv.reader(io.StringIO(out)) for cell in row for part in cell.split(";")]
        assert any(name.strip().split(";")[-1] in cell for cell in cells)
        assert not [cell for cell in cells if re.match("[=+@\uff1d\uff0b\uff0d\uff20-]", cell)]


def test_a_patch_has_the_lines_as_they_are_outside_of_a_runner(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS")
    source = good("web").replace(b'"Description": "web"', b'"Description":\n    "::x",\n "Z": "##[y]"')
    assert (
        "##[y]"
        in run(capsys, "diff", "-", *OPTIONS, stdin=source.replace(b'"Image"', b'"Z": "##[y]",\n    "Image"')).out
    )


def test_reports_do_not_show_a_hidden_name(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that depends on a NoEcho parameter; its capitals and its slash make it the subject of findings."""
    name: Any = {"Fn::Sub": "${P}/UPPER"}
    members = {"RequiresCompatibilities": ["FARGATE"], "ExecutionRoleArn": "arn:aws:iam::111122223333:role/x"}
    properties = {**members, "ContainerDefinitions": [{"Name": name, "Image": "x", "EntryPoint": ["x"]}]}
    metadata = {"SysdigInstrument": {"ExcludeContainers": [name]}}
    task = {"Type": "AWS::ECS::TaskDefinition", "Metadata": metadata, "Properties": properties}
    value = {"Parameters": {"P": {"Type": "String", "NoEcho": True}}, "Resources": {"Task": task}}
    for command in COMMANDS.values():
        ran = run(capsys, *command, "-", *OPTIONS, "-p", "P=s3cret", stdin=json.dumps(value).encode())
        assert "s3cret" not in ran.out + ran.err, command

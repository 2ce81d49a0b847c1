"""Each finding has its place, and a terminal also shows the line: no secret of it, and nothing that controls the terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from case_folders import CASES
from cli.running import run
from factories import container, template
from sysdig_instrument.cli.console import Console, detect_console, display_width
from sysdig_instrument.cli.documents import InputDocument, input_document
from sysdig_instrument.cli.excerpts import Excerpts
from sysdig_instrument.cli.formats.model import LineLocator
from sysdig_instrument.documents import read
from sysdig_instrument.engine.json_types import Json, Pointer
from sysdig_instrument.lazy_dataclasses import replace

SECRET = "hunter2"  # noqa: S105 - no password
SET = ["--no-config", "--set", "Collector=us2", "--set", "AccessKeySecret=none", "--offline"]
TEMPLATE = """\
Transform: SysdigInstrument
Resources:
  Api:
    Type: AWS::ECS::TaskDefinition
    Properties:
      RequiresCompatibilities: [FARGATE]
      PidMode: host # the agent needs task
      ContainerDefinitions:
        - Name: web
          Image: Shop/Web:1.4
        - Name: other
          Image: shop/other:1
          EntryPoint: run --token hunter2
"""
API = ("Resources", "Api", "Properties")
CONTAINERS = (*API, "ContainerDefinitions")


def document(text: str, name: str = "app.yaml") -> InputDocument:
    return input_document(read(text.encode(), name))


def excerpt(source: InputDocument, pointer: Pointer, width: int | None = 80, *, colours: bool = False) -> list[str]:
    console = Console(width, colours, is_terminal=True, shows_text=True)
    places = [LineLocator(source).place(pointer)]
    return "".join(Excerpts("app.yaml", source).lines(places, console, "bad")).splitlines()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("app.yaml").write_text(TEMPLATE)


@pytest.mark.parametrize("command", ["explain", "check", "diff", "transform"])
def test_each_finding_has_its_place(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, command, "app.yaml", *SET)
    shown = re.findall(r"--> app\.yaml:(\d+:\d+)\n", ran.out + ran.err)
    assert shown[:2] == ["10:18", "13:23"]
    assert "|" not in ran.out + ran.err  # no text of the template in a pipe
    assert "Shop/Web:1.4\n" not in ran.out + ran.err


def test_programs_get_the_column_too(capsys: pytest.CaptureFixture[str]) -> None:
    (file,) = run(capsys, "explain", "app.yaml", *SET, "--format", "json").value
    assert [(each["line"], each["column"]) for each in file["remarks"]][:2] == [(10, 18), (13, 23)]
    (first, *_) = run(capsys, "explain", "app.yaml", *SET, "--format", "sarif").value["runs"][0]["results"]
    region = first["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 10, "startColumn": 18, "endColumn": 30}
    assert "line=10,col=18," in run(capsys, "explain", "app.yaml", *SET, "--format", "github").out


def test_a_terminal_shows_the_line_with_carets() -> None:
    source = document(TEMPLATE)
    assert excerpt(source, (*API, "PidMode")) == [
        "--> app.yaml:7:16",
        "  |",
        "7 |       PidMode: host",
        "  |                ^^^^",
    ]
    assert excerpt(source, (*CONTAINERS, 0, "Image")) == [
        " --> app.yaml:10:18",
        "   |",
        "10 |           Image: Shop/Web:1.4",
        "   |                  ^^^^^^^^^^^^",
    ]
    # A missing key: what it would belong to. A value that may be a secret: nothing of it, not even its length.
    assert excerpt(source, (*CONTAINERS, 0, "EntryPoint"))[2:] == ["9 |         - Name: web", "  |           ^^^^^^^^^"]
    assert excerpt(source, (*CONTAINERS, 1, "EntryPoint"))[2:] == [
        "13 |           EntryPoint: ***",
        "   |                       ^^^",
    ]


def test_findings_about_one_place_show_it_once() -> None:
    source = document(TEMPLATE)
    place = LineLocator(source).place((*API, "PidMode"))
    console, excerpts = Console(80, is_terminal=True, shows_text=True), Excerpts("app.yaml", source)
    shown = [list(excerpts.lines([place], console, "bad")) for _ in range(2)]
    assert list(map(len, shown)) == [4, 1]
    assert len(list(Excerpts("app.yaml", source).lines([place, place], Console(), "bad"))) == 1
    others = [replace(place, line=line) for line in range(7)]
    many = list(excerpts.lines(others, Console(), "bad"))
    assert many[-1] == "--> and 2 more in app.yaml\n"


@pytest.mark.parametrize("width", [30, 60, 80, 120])
@pytest.mark.parametrize("name", ["long", "wide", "tab", "combining", "end"])
def test_carets_are_below_the_value_at_each_width(width: int, name: str) -> None:
    image = {"wide": "店/网" * 3, "combining": "e\u0301" * 5, "end": "x" * 400}.get(name, "Shop/Web")
    gap = "\t" if name == "tab" else " "
    before = f"DependsOn: [{', '.join(['{ContainerName: a, Condition: START}'] * (9 if name == 'long' else 0))}],"
    line = f"    - {{{before} Image:{gap}{image},{gap}Cpu: 1, Name: web}}"
    text = TEMPLATE.partition("        - Name")[0] + line.replace("    -", "        -") + "\n"
    shown = excerpt(document(text), (*CONTAINERS, 0, "Image"), width)
    _, _, excerpt_line, carets = shown
    assert max(map(display_width, shown)) <= width
    before_carets = next(
        index for index in range(len(excerpt_line)) if display_width(excerpt_line[:index]) == carets.index("^")
    )
    assert excerpt_line[before_carets:].startswith(image[:5])
    if name != "end" and width > 80:
        assert carets.count("^") == display_width(image)


HARMFUL = "a\x1b[31m\u202eb\u200b\x9b2J\rc"


def test_control_characters_only_show() -> None:
    text = json.dumps({"Resources": {"Api": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"Family": HARMFUL}}}})
    source = document(
        text.replace("\\u202e", "\u202e").replace("\\u200b", "\u200b").replace("\\u009b", "\x9b"), "t.json"
    )
    for colours in (False, True):
        shown = "\n".join(excerpt(source, (*API, "Family"), colours=colours))
        without_own = re.sub(r"\x1b\[[0-9;]*m", "", shown) if colours else shown
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u200b]", without_own)
        assert "�" in shown
    assert not any("\x1b" in line for line in excerpt(source, (*API, "Family")))


def test_a_name_cannot_be_a_command_of_a_runner() -> None:
    source = document(TEMPLATE.replace("host", '"##vso[task.setvariable]x"'))
    assert "##vso[" not in "".join(excerpt(source, (*API, "PidMode")))


VARIABLE: Json = {"Name": "TOKEN", "Value": SECRET}
SECRETS: Json = {
    "Transform": ["SysdigInstrument", {"Name": "AWS::Include", "Parameters": {"Location": SECRET}}],
    "Description": SECRET,
    "Parameters": {"P": {"Type": "String", "NoEcho": True, "Default": SECRET, "Description": SECRET}},
    "Mappings": {"M": {"a": {"b": SECRET}}},
    "Conditions": {"C": {"Fn::Equals": [SECRET, {"Ref": "P"}]}},
    "Outputs": {"O": {"Value": SECRET}},
    "Metadata": {"SysdigInstrument": {"AgentEnvironment": {"A": SECRET}, "AccessKeySecret": SECRET, "ExtraConf": SECRET}},
    "Resources": {
        "Fn::ForEach::Loop": ["X", [SECRET], {"${X}": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"Memory": {"Fn::Sub": "1"}, "Volumes": [{"Name": SECRET}]}}}],
        "Database": {"Type": "AWS::RDS::DBInstance", "Properties": {"MasterUserPassword": SECRET, "Family": SECRET, "Tags": [{"Key": SECRET, "Value": SECRET}]}},
        "Api": {
            "Type": "AWS::ECS::TaskDefinition",
            "Metadata": {"SysdigInstrument": {"Reason": SECRET, "WorkloadEnvironment": {"A": SECRET}, "Containers": {"web": {"ImageConfig": {"Cmd": [SECRET]}}}}, "Other": SECRET},
            "Properties": {
                "Tags": [{"Key": "sysdig-instrument", "Value": SECRET}],
                "Volumes": [{"Name": "v", "DockerVolumeConfiguration": {"DriverOpts": {"o": SECRET}}}],
                "ContainerDefinitions": [
                    {
                        "Name": "web",
                        "Image": f"https://user:{SECRET}@registry.example.com/web",
                        "Command": ["--password", SECRET],
                        "EntryPoint": SECRET,
                        "Environment": [VARIABLE, {"Fn::If": ["C", {"Name": "A", "Value": {"Fn::Sub": SECRET}}, VARIABLE]}, {"Name": "B", "Value": {"Fn::Join": ["", [SECRET]]}}],
                        "Secrets": [{"Name": "S", "ValueFrom": SECRET}],
                        "RepositoryCredentials": {"CredentialsParameter": SECRET},
                        "DockerLabels": {"Image": SECRET, "Name": SECRET},
                        "LogConfiguration": {"LogDriver": "splunk", "Options": {"splunk-token": SECRET, "Name": SECRET}, "SecretOptions": [{"Name": "x", "ValueFrom": SECRET}]},
                        "HealthCheck": {"Command": ["CMD", SECRET]},
                        "FirelensConfiguration": {"Type": "fluentbit", "Options": {"Type": SECRET}},
                        "ExtraHosts": [{"Hostname": SECRET, "IpAddress": SECRET}],
                        "Hostname": SECRET,
                        "User": SECRET,
                        "Nmae": SECRET,
                    },
                    {"Name": "mistakes", "Environment": {"TOKEN": SECRET, f"TOKEN={SECRET}": ""}},
                    {"Name": "lists", "Environment": [f"TOKEN={SECRET}"], "Secrets": {"Name": {"A": SECRET}}},
                ],
            },
        },
    },
}  # fmt: skip


def yaml_texts(value: Json) -> dict[str, str]:
    import yaml  # noqa: PLC0415 - only here

    commented = re.sub(r"(?m)^(.*\S)$", rf"\1 # {SECRET}", yaml.safe_dump(value, sort_keys=False, width=10_000))
    return {
        "block": commented,
        "flow": yaml.safe_dump(value, sort_keys=False, default_flow_style=True, width=60),
        "one line": yaml.safe_dump(value, sort_keys=False, default_flow_style=True, width=10**6),
        "quoted": yaml.safe_dump(value, sort_keys=False, default_style='"'),
        "short tags": re.sub(r"Fn::Sub: (\w+)", r"!Sub \1", commented).replace(
            "Value:\n              !Sub", "Value: !Sub"
        ),
        "JSON": json.dumps(value, indent=2),
        "one line of JSON": json.dumps(value),
    }


def pointers(value: Json, parent: Pointer = ()) -> list[Pointer]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [parent, *(each for key, child in children for each in pointers(child, (*parent, key)))]


@pytest.mark.parametrize("name", yaml_texts(SECRETS))
def test_no_secret_is_shown_of_any_line(name: str) -> None:
    text = yaml_texts(SECRETS)[name]
    source = document(text, "t.json" if "JSON" in name else "t.yaml")
    shown = {line for pointer in pointers(source.source.value) for line in excerpt(source, pointer, 200)}
    assert [line for line in shown if SECRET in line] == []
    assert any("***" in line for line in shown)
    for known in ("TOKEN", "splunk-token", "web", "AWS::ECS::TaskDefinition", "fluentbit"):
        assert any(known in line for line in shown), known


@pytest.mark.parametrize("kind", ["task definition", "array", "described"])
def test_no_secret_of_a_plain_document_is_shown(kind: str) -> None:
    web: Json = {
        "name": "web", "image": "Shop/Web:1", "environment": [{"name": "A", "value": SECRET}], "command": [SECRET],
        "secrets": [{"name": "B", "valueFrom": SECRET}], "portMappings": [], "entryPoint": SECRET, "dockerLabels": {"name": SECRET},
        "logConfiguration": {"logDriver": "splunk", "options": {"Ref": SECRET}},
    }  # fmt: skip
    task: Json = {"family": "shop", "containerDefinitions": [web], "tags": [{"key": "k", "value": SECRET}]}
    value = {"task definition": task, "array": [web], "described": {"taskDefinition": task}}[kind]
    source = document(json.dumps(value, indent=1), "t.json")
    locator = LineLocator(source)
    console = Console(200, is_terminal=True, shows_text=True)
    shown = "".join(
        line
        for pointer in pointers(task if kind != "array" else {"containerDefinitions": [web]})
        for line in Excerpts("t.json", source).lines([locator.place(pointer)], console, "bad")
    )
    assert SECRET not in shown
    assert '"image": "Shop/Web:1"' in shown


def test_unfinished_and_multi_line_values() -> None:
    text = (
        TEMPLATE.replace("run --token hunter2", "|\n            run\n            --token hunter2")
        + "          Command: \n"
    )
    source = document(text)
    shown = [line for pointer in pointers(source.source.value) for line in excerpt(source, pointer, 200)]
    assert SECRET not in "".join(shown)
    assert "16 |           Command:" in shown


@pytest.mark.parametrize("variable", ["CI", "GITHUB_ACTIONS", "TF_BUILD", "TEAMCITY_VERSION", ""])
def test_the_log_of_a_ci_job_gets_no_text(variable: str) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

        def fileno(self) -> int:
            return -1

    environment = {variable: "true"} if variable else {}
    assert detect_console("auto", environment, Terminal()).shows_text is not bool(variable)  # type: ignore[arg-type]


@pytest.mark.skipif(sys.platform == "win32", reason="it needs a Unix terminal")
@pytest.mark.parametrize("variables", [{}, {"NO_COLOR": "1"}], ids=["colours", "NO_COLOR"])
def test_messages_on_a_terminal(variables: dict[str, str]) -> None:
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "sysdig_instrument", "transform", "app.yaml", *SET]
    environment = {"PYTHONPATH": os.environ.get("PYTHONPATH", ""), "TERM": "xterm", **variables}
    with subprocess.Popen(command, stderr=terminal, stdout=subprocess.DEVNULL, env=environment) as running:
        os.close(terminal)
        shown = b""
        while data := _read(controller):
            shown += data
        assert running.wait() == 1
    os.close(controller)
    text = shown.decode().replace("\r\n", "\n")
    assert ("\x1b[" in text) is not bool(variables)
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert "  10 |           Image: Shop/Web:1.4\n     |                  ^^^^^^^^^^^^\n" in text
    assert "EntryPoint: ***" in text
    assert SECRET not in text


def _read(controller: int) -> bytes:
    try:
        return os.read(controller, 65536)
    except OSError:  # Linux reports a closed terminal this way
        return b""


def test_many_findings_on_one_long_line_are_fast_enough_to_show() -> None:
    value = template(*(container(Name=f"c{number}", Image="Not An Image") for number in range(300)))
    source = document(json.dumps(value), "t.json")
    locator, excerpts = LineLocator(source), Excerpts("t.json", source)
    console = Console(80, is_terminal=True, shows_text=True)
    for number in range(300):
        lines = list(excerpts.lines([locator.place((*CONTAINERS, number, "Image"))], console, "bad"))
        assert '"Not An Image"' in lines[2]


def test_every_value_of_the_cases_can_be_shown() -> None:
    """At any width: the carets are below something, and nothing is wider than the terminal."""
    widths = (30, 40, 60, 80, 120)
    for case in CASES[::3]:
        source = input_document(case.document)
        locator, excerpts = LineLocator(source), Excerpts("t.yaml", source)
        for number, pointer in enumerate(pointers(source.source.value)[::5]):
            width = widths[number % len(widths)]
            console = Console(width, is_terminal=True, shows_text=True)
            lines = [line.rstrip("\n") for line in excerpts.lines([locator.place(pointer)], console, "bad")]
            assert max(map(display_width, lines)) <= width
            if len(lines) == 4:
                assert display_width(lines[3]) <= display_width(lines[2]) + 1

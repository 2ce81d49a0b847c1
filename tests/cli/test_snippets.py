"""A refusal shows what to paste: it can be parsed, has no value of the template, and does what the message says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from case_folders import ACCOUNT, CASES, REGION, Case
from cli.running import run
from factories import container, template
from sysdig_instrument.cli.documents import input_document, preview_document
from sysdig_instrument.cli.formats import FORMATS
from sysdig_instrument.cli.snippets import Snippet, snippets
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.paste import PasteInto
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.settings.layers import Layer, merge_layers

SETTINGS_FILE = PasteInto.SETTINGS_FILE.value
SET = ["--no-config", "--set", "Collector=us2", "--set", "AccessKeySecret=none", "--offline"]
REFUSED = [case for case in CASES if (case.folder / "expected-error.txt").exists()]

NOTHING_TO_PASTE = {
    Code.AGENT_IMAGE_FORBIDDEN: "only the platform team knows which image is trusted",
    Code.AGENT_VARIABLE_FORBIDDEN: "a variable is to be removed",
    Code.BATCH_JOB: "the job is to become an ECS task",
    Code.LOOP_ITEMS_DIFFER: "what Transform lists is not known: the macro gets templates without this section",
    Code.SIZES_DIFFER: "the same",
    Code.NAME_OF_NO_CONTAINER: "the message has the names of the containers",
    Code.NO_SIZE_FITS: "the containers are to become smaller",
    Code.PART_UNKNOWN: "the result of another transform belongs there",
    Code.SETTING_FOR_DEPLOYMENT: "a setting is to be removed",
    Code.WRAPPER_OVERRIDDEN: "a variable is to be removed",
    Code.NOT_THE_AGENT: "a container needs another name, which only its team knows",
}
"""The codes of refusals in the cases for which there is nothing to paste, and why."""


def findings_of(case: Case) -> list[tuple[Code, tuple[Snippet, ...]]]:
    parameters = case.read("parameters.json")
    settings = merge_layers(Layer("settings", case.settings))
    context = Context(deployment_settings=settings, parameter_values=parameters, region=REGION, account=ACCOUNT)
    document = input_document(case.document)
    problems = preview_document(document, context, case.answers).problems
    return [(problem.reason.code, snippets(problem, document)) for problem in problems]


def parsed(snippet: Snippet) -> dict[str, Any]:
    text = snippet.text
    if text.startswith('"'):
        text = f"{{{text}}}"
    value: dict[str, Any] = json.loads(text) if text.startswith("{") else yaml.safe_load(text)
    return value


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_each_refusal_of_a_case_has_something_to_paste(case: Case) -> None:
    found = findings_of(case)
    assert found
    for code, pasted_texts in found:
        assert pasted_texts or code in NOTHING_TO_PASTE or code is Code.EXPRESS_SERVICE, code
        for snippet in pasted_texts:
            assert isinstance(parsed(snippet), dict)


KEY = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:sysdig/access-key-AbCdEf"


def pasted(value: dict[str, Any], snippet: dict[str, str]) -> dict[str, Any]:
    """Paste into a template at the place that the snippet names, and fill in what is in capital letters."""
    text = snippet["text"].replace("PROGRAM", "/web").replace("ARGUMENT", "--all").replace("REPOSITORY:TAG", "web:1")
    text = text.replace("REGISTRY/", "").replace("ACCOUNT", ACCOUNT).replace("REASON", "SEC-1")
    at: Any = value
    if "top level" not in snippet["into"]:
        for part in re.findall(r"[^.\[\]]+", snippet["into"]):
            at = at[int(part)] if part.isdecimal() else at.setdefault(part, {})
    at.update(json.loads(f"{{{text}}}"))
    return value


MISTAKES: dict[str, dict[str, Any]] = {
    "entry point is a string": {"EntryPoint": "/web"},
    "image not read": {"EntryPoint": []},
    "no image": {"Image": None, "EntryPoint": []},
    "waits for the agent": {"DependsOn": [{"ContainerName": "SysdigInstrumentation", "Condition": "HEALTHY"}]},
    "mount": {"MountPoints": [{"ContainerPath": "/opt", "SourceVolume": "x"}]},
    "wrapper in a shell": {"EntryPoint": ["sh", "-c", "/opt/draios/bin/instrument /web"]},
    "environment is an object": {"Environment": {"A": "hunter2"}},
}
OF_TASKS: dict[str, dict[str, Any]] = {
    "pid mode": {"PidMode": "host"},
    "no role": {"ExecutionRoleArn": None},
    "too small": {"Cpu": "256", "Memory": "512"},
    "tag": {"Tags": [{"Key": "sysdig-instrument", "Value": "nope"}]},
}


@pytest.mark.parametrize("name", [*MISTAKES, *OF_TASKS])
def test_what_is_pasted_mends_the_template(name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    members: dict[str, Any] = {"EntryPoint": ["/web"], **MISTAKES.get(name, {})}
    made = template(container(**members))
    made["Transform"] = "SysdigInstrument"
    properties = made["Resources"]["Api"]["Properties"]
    properties |= {"Volumes": [{"Name": "x"}], **OF_TASKS.get(name, {})}
    for parent in (properties, properties["ContainerDefinitions"][0]):
        for key in [key for key, each in parent.items() if each is None]:
            del parent[key]
    if name == "too small":
        properties["ContainerDefinitions"][0]["Memory"] = 512
    path = tmp_path / "t.json"
    more = {"too small": ["AgentMemoryReservation=256"], "no role": [f"AccessKeySecret={KEY}"]}.get(name, [])
    more = [part for each in more for part in ("--set", each)]
    for is_mended in (False, True):
        path.write_text(json.dumps(made))
        (file,) = run(capsys, "explain", path, *SET, *more, "--format", "json").value
        remarks = [each for each in file["remarks"] if each["level"] == "error"]
        if name == "no image" and is_mended:
            assert "not been looked up" in remarks[0]["message"] or "--offline" in remarks[0]["message"]
            return
        if is_mended:
            assert remarks == []
            return
        made = pasted(made, remarks[0]["paste"][0])


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        (None, "SysdigInstrument"),
        ("AWS::Serverless-2016-10-31", ["AWS::Serverless-2016-10-31", "SysdigInstrument"]),
        ("SysdigInstrumnet", "SysdigInstrument"),
        (["SysdigInstrument", "AWS::LanguageExtensions"], ["AWS::LanguageExtensions", "SysdigInstrument"]),
        (["SysdigInstrument", "SysdigInstrument"], "SysdigInstrument"),
        ("AWS::LanguageExtensions, SysdigInstrument", ["AWS::LanguageExtensions", "SysdigInstrument"]),
        (["SysdigInstrument", "any text", "AWS::LanguageExtensions"], None),
        (["SysdigInstrument-{{any}}", "AWS::LanguageExtensions"], None),
    ],
)
def test_the_line_to_paste(
    transform: object, expected: object, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    made = template(container(EntryPoint=["/web"])) | ({"Transform": transform} if transform else {})
    (tmp_path / "t.json").write_text(json.dumps(made))
    (file,) = run(capsys, "explain", tmp_path / "t.json", *SET, "--format", "json").value
    found = [json.loads(f"{{{each['text']}}}") for each in file["remarks"][0].get("paste", [])]
    assert found == ([{"Transform": expected}] if expected else [])


@pytest.mark.parametrize(
    ("resource", "into", "value"),
    [
        ({"Image": {"Ref": "Image"}}, SETTINGS_FILE, {"Options": {"Parameters": {"Image": "VALUE"}}}),
        ({"Image": {"Fn::Sub": "${AWS::AccountId}.x/a"}}, SETTINGS_FILE, {"Options": {"AccountId": "TWELVE DIGITS"}}),
        ({"Image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/web:1"}, "Resources.Api", None),
    ],
)
def test_what_is_not_known_here(
    resource: dict[str, Any], into: str, value: object, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    made = template({"Name": "web", **resource}) | {"Parameters": {"Image": {"Type": "String"}}}
    (tmp_path / "t.json").write_text(json.dumps(made))
    (file,) = run(capsys, "explain", tmp_path / "t.json", *SET, "--format", "json").value
    (unknown,) = (each for each in file["remarks"] if each["rule"] == "unknown")
    assert unknown["paste"][0]["into"] == into
    if value:
        assert yaml.safe_load(unknown["paste"][0]["text"]) == value


HARMFUL = "a`\n```\n::error::x\x1b[31m{{b}}"


@pytest.mark.parametrize("form", [*FORMATS, "transform", "diff"])
def test_a_name_is_no_part_of_what_is_pasted_unless_it_is_harmless(
    form: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    made = template(container(Name=HARMFUL, EntryPoint=[]), container(Name="web", EntryPoint=[]))
    (tmp_path / "t.json").write_text(json.dumps(made))
    command, options = ("explain", ["--format", form]) if form in FORMATS else (form, [])
    ran = run(capsys, command, tmp_path / "t.json", *SET, *options)
    shown = ran.out + ran.err
    assert "\x1b" not in shown
    if form in ("table", "transform", "diff", "markdown"):
        assert '"CONTAINER": {' in shown
        assert '"web": {' in shown
    if form == "markdown":
        assert shown.count("```") == 6


def test_an_opt_out_that_only_metadata_has(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`check` of a processed template, or of one without the line: the hook sees tags only."""
    made = template(container(EntryPoint=["/web"]))
    made["Resources"]["Api"]["Metadata"] = {"SysdigInstrument": {"Enabled": False}}
    (tmp_path / "t.json").write_text(json.dumps(made))
    (file,) = run(capsys, "check", tmp_path / "t.json", *SET, "--format", "json").value
    (snippet,) = next(each["paste"] for each in file["remarks"] if each["code"] == "SI053")
    assert snippet["into"] == "Resources.Api.Properties"
    assert json.loads(f"{{{snippet['text']}}}") == {"Tags": [{"Key": "sysdig-instrument", "Value": "false"}]}


@pytest.mark.parametrize("form", [form for form in FORMATS if form not in ("csv", "table")])
@pytest.mark.parametrize("command", ["check", "explain"])
def test_every_report_has_what_to_paste(
    form: str, command: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    made = template(container(EntryPoint="/web")) | {"Transform": "SysdigInstrument"}
    (tmp_path / "t.json").write_text(json.dumps(made))
    shown = run(capsys, command, tmp_path / "t.json", *SET, "--format", form).out
    assert "Resources.Api.Properties.ContainerDefinitions" in shown
    assert re.search(r'(?i)paste.*EntryPoint\\*": \[\\*"PROGRAM', shown, re.DOTALL)
    if form == "sarif":
        (result,) = (each for each in json.loads(shown)["runs"][0]["results"] if each["properties"]["code"] == "SI215")
        assert result["properties"]["paste"][0]["text"] == '"EntryPoint": ["PROGRAM", "ARGUMENT"]'

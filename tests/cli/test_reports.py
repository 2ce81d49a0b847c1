"""The reports of ``explain`` and ``check``, as people and as their tools read them."""

from __future__ import annotations

import csv
import importlib.metadata
import io
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from case_folders import CASES, FOLDER
from cli.running import SETTINGS, run, with_examples
from factories import container, template
from fixtures_embedded_aws import TOOLS, skip_or_fail
from sysdig_instrument import help_page
from sysdig_instrument.cli.console import Console, display_width
from sysdig_instrument.cli.formats import FORMATS, github, junit, markdown, sarif
from sysdig_instrument.cli.formats.model import (
    NOTICE,
    REFUSED,
    FileReport,
    ReportItem,
    ReportRow,
    RowResult,
    TaskReport,
)
from sysdig_instrument.documents.locate import Place
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.lazy_dataclasses import replace

ROUTER = str(FOLDER / "firelens-router-left-alone" / "template.yaml")
NOT_LISTED = (
    "The template does not list the macro SysdigInstrument, so as it is it would be deployed without the agent. "
    "Add the line Transform: SysdigInstrument at the top level, or run `sysdig-instrument enable app.yaml`."
)
PLACE = Place(3, 7, 40, 45)
UNUSUAL = 'a"b<c>&|`*_@team #1\n\x00%,:☃'


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return with_examples(tmp_path, monkeypatch)


def faults_of_sarif(text: str) -> list[str]:
    """Return the rules of Microsoft's validator that a report breaks. It checks the schema, indexes and URIs."""
    node, folder = shutil.which("node"), TOOLS / "sarif"
    if not node or not (folder / ".done").exists():
        skip_or_fail("the validator of SARIF is not there: it needs Node and `make dev`")
    Path("report.sarif").write_text(text)
    done = subprocess.run(
        [node, str(folder / "node_modules/.bin/sarif-multitool"), "validate", "report.sarif"],
        env={"HOME": str(Path.cwd()), "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"},
        check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "Analysis completed successfully." in done.stdout, done.stdout + done.stderr
    found = re.findall(r"^.*/report\.sarif\(.+?\): \w+ (\w+): .*", done.stdout, re.MULTILINE)
    return [rule for rule in found if rule != "SARIF2005"]  # it requires a web site, which the tool does not have


def unusual_report() -> FileReport:
    row = ReportRow(UNUSUAL, RowResult.FAILED, "refused", UNUSUAL, PLACE)
    return FileReport(
        UNUSUAL,
        (TaskReport(row, (row,)),),
        (
            ReportItem(REFUSED, Reason(UNUSUAL, UNUSUAL, code=Code.NO_ANSWER), UNUSUAL, UNUSUAL, UNUSUAL, (PLACE,)),
            ReportItem(NOTICE, Reason(UNUSUAL, code=Code.NO_ANSWER)),
        ),
    )


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    shown = run(capsys, "explain", "app.yaml", *SETTINGS, "--set", "AgentImage=quay.io/sysdig/workload-agent:6.3.0")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.splitlines() == [
        "app.yaml: does not list SysdigInstrument",
        f"  not listed: {NOT_LISTED} (SI230)",
        "    --> app.yaml:2:1",
        "      paste into the template, at the top level:",
        "        Transform: SysdigInstrument",
        "  Task      would be instrumented",
        "    web     would be instrumented  entry point from the template",
        "    worker  would be instrumented  entry point from the image",
        "settings: Collector, AccessKeySecret (settings.yaml); AgentImage (--set); ImageConfigs (images.json)",
    ]


@pytest.mark.parametrize("width", [40, 80, 140])
def test_the_table_fits_the_width(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    shown = run(capsys, "explain", "app.yaml", "--offline", "--set", "Collector=us2").out
    longest = max(shown.splitlines(), key=display_width)
    assert display_width(longest) <= width or " " not in longest.strip()


def test_unknown_skipped_and_noticed_items_are_reported(capsys: pytest.CaptureFixture[str]) -> None:
    shown = run(capsys, "explain", ROUTER, *SETTINGS, "--format", "json")
    assert shown.code == 1
    (file,) = shown.value
    assert [(each["name"], each["outcome"]) for each in file["taskDefinitions"][0]["containers"]] == [
        ("web", "would be instrumented"), ("nginx", "unknown"), ("router", "skipped"),
    ]  # fmt: skip
    assert {each["rule"] for each in file["remarks"]} == {"not-listed", "unknown", "notice", "left-alone"}
    lines = Path(ROUTER).read_text().splitlines()
    (unknown,) = (each for each in file["remarks"] if each["rule"] == "unknown")
    assert "Image:" in lines[unknown["line"] - 1]
    (router,) = (each for each in file["remarks"] if each["rule"] == "left-alone")
    assert "router" in lines[router["line"] - 1]


def cdk_template(path: str, **members: Any) -> None:
    value = template(container(**members)) | {"Transform": "SysdigInstrument"}
    value["Resources"]["Api"]["Metadata"] = {"aws:cdk:path": path}
    Path("template.json").write_text(json.dumps(value))


@pytest.mark.parametrize("command", ["explain", "check"])
@pytest.mark.parametrize("entry_point", [["/app"], "/app"], ids=["instrumented", "refused"])
def test_reports_have_the_construct_path(command: str, entry_point: Any, capsys: pytest.CaptureFixture[str]) -> None:
    cdk_template("Shop/Api/Resource", EntryPoint=entry_point)
    (file,) = run(capsys, command, "template.json", *SETTINGS, "--format", "json").value
    assert [each["construct"] for each in file["taskDefinitions"]] == ["Shop/Api/Resource"]
    assert {each.get("construct") for each in file["remarks"] if each["taskDefinition"]} <= {"Shop/Api/Resource"}
    assert "construct: Shop/Api/Resource" in run(capsys, command, "template.json", *SETTINGS).out
    assert "Shop/Api/Resource" in run(capsys, command, "template.json", *SETTINGS, "--format", "markdown").out
    if isinstance(entry_point, str):
        for output in ("github", "sarif"):
            assert "Shop/Api/Resource" in run(capsys, command, "template.json", *SETTINGS, "--format", output).out


def test_messages_have_the_construct_path(capsys: pytest.CaptureFixture[str]) -> None:
    cdk_template("Shop/Api/Resource", EntryPoint="/app")
    for command in ("transform", "diff"):
        message = run(capsys, command, "template.json", *SETTINGS).err
        assert 'Task "Api" (construct "Shop/Api/Resource"), container "web" (Resources.Api.' in message
    cdk_template("Shop/Api/Resource", EntryPoint=["/app"])
    assert 'Api (construct "Shop/Api/Resource"): instrumented' in run(capsys, "diff", "template.json", *SETTINGS).out


def test_a_construct_path_is_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    cdk_template("a\n::error::b\x1b[31m|" + "x" * 1000, EntryPoint="/app")
    for output in FORMATS:
        shown = run(capsys, "explain", "template.json", *SETTINGS, "--format", output).out
        assert "\x1b" not in shown
        assert "x" * 400 not in shown
        assert not any(line.startswith("::error::b") for line in shown.splitlines())


@pytest.mark.parametrize("path", [1, None, ["a"], {"Ref": "x"}, ""], ids=["number", "null", "list", "object", "empty"])
def test_no_other_value_is_a_construct_path(path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    cdk_template(path, EntryPoint="/app")
    (file,) = run(capsys, "explain", "template.json", *SETTINGS, "--format", "json").value
    assert "construct" not in file["taskDefinitions"][0]


def test_check_says_which_layer_leaves_something_alone(capsys: pytest.CaptureFixture[str]) -> None:
    value = template(container(), container(Name="log", FirelensConfiguration={"Type": "fluentbit"}))
    value["Transform"] = "SysdigInstrument"
    value["Resources"]["Api"]["Metadata"] = {"SysdigInstrument": {"ExcludeContainers": ["web"], "Reason": "SEC-1"}}
    Path("template.json").write_text(json.dumps(value))
    shown = run(capsys, "check", "template.json", *SETTINGS, "--format", "json")
    assert shown.code == 0
    (task,) = shown.value[0]["taskDefinitions"]
    assert (task["outcome"], task["codes"]) == ("left alone", ["SI020", "SI022"])
    assert task["leftAlone"] == [
        {
            "container": "web",
            "why": "ExcludeContainers in the resource's Metadata (Reason: SEC-1)",
            "code": "SI020",
            "layer": "the resource's Metadata",
        },
        {
            "container": "log",
            "why": "a FireLens log router (InstrumentLogRouters is false)",
            "code": "SI022",
            "layer": None,
        },
    ]


def test_check(capsys: pytest.CaptureFixture[str]) -> None:
    before = run(capsys, "check", "app.yaml", *SETTINGS)
    assert before.code == 1
    assert before.out.startswith("app.yaml: does not list SysdigInstrument\n  not listed: ")
    gap = "\n  Task  NOT protected\n    The task's PidMode is not task (SI005)\n      --> app.yaml:5:5\n"
    assert gap in before.out
    places = [tuple(map(int, each)) for each in re.findall(r" --> app.yaml:(\d+):(\d+)", before.out)]
    assert places[1:] == sorted(places[1:]), "below the missing line, in the order of the file"
    assert "\n    The agent's container is missing (SI006)\n      --> app.yaml:12:7\n" in before.out
    assert before.out.endswith("process it with `sysdig-instrument transform`.\n")
    run(capsys, "transform", "app.yaml", *SETTINGS, "-o", "out.yaml")
    after = run(capsys, "check", "out.yaml", *SETTINGS)
    assert (after.code, after.out) == (0, "out.yaml: does not list SysdigInstrument, and need not\n  Task  protected\n")


def test_check_gives_each_reason_its_own_advice(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "transform", "app.yaml", *SETTINGS, "-o", "out.yaml").code == 0
    shown = " ".join(run(capsys, "check", "out.yaml", "--no-config").out.split())
    assert "has no value, so the agent would have nowhere to report to. Set Collector to " in shown
    assert "Deploy the template through the macro" not in shown


@pytest.mark.parametrize("command", ["explain", "check"])
def test_all_cases_as_sarif(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [case.input for case in CASES if not case.is_plain]
    shown = run(capsys, command, *paths, "app.yaml", "none.yaml", *SETTINGS, "--format", "sarif")
    assert faults_of_sarif(shown.out) == []
    (ran,) = shown.value["runs"]
    assert len(ran["results"]) > 100
    assert shown.code == 2  # for none.yaml


def test_sarif_with_unusual_names_and_without_results() -> None:
    for reports in ([], [unusual_report()]):
        assert faults_of_sarif("".join(sarif.render(reports, Console()))) == []


@pytest.mark.parametrize("address", ["https://git.example.com/shop/sysdig-instrument", ""])
def test_sarif_links_the_entry_of_a_code(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """The address is that of the package's metadata, which pyproject.toml gives; a copy without metadata has no link."""
    package = Message()
    if address:
        package["Project-URL"] = f"Repository, {address}"
    monkeypatch.setattr(importlib.metadata, "metadata", lambda _: package)
    help_page.help_page.cache_clear()
    [shown] = json.loads("".join(sarif.render([unusual_report()], Console())))["runs"]
    page = f"{address}/blob/main/docs/troubleshooting.md" if address else None
    assert {rule.get("helpUri") for rule in shown["tool"]["driver"]["rules"]} == {page}
    for each in shown["results"]:
        properties = each["properties"]
        assert properties.get("helpUri") == (page and f"{page}#{properties['code'].lower()}")
    help_page.help_page.cache_clear()


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the page, as in the metadata of a package that is published."""
    package = Message()
    package["Project-URL"] = "Repository, https://git.example.com/shop/sysdig-instrument"
    monkeypatch.setattr(importlib.metadata, "metadata", lambda _: package)
    help_page.help_page.cache_clear()
    yield "https://git.example.com/shop/sysdig-instrument/blob/main/docs/troubleshooting.md"
    help_page.help_page.cache_clear()


@pytest.mark.parametrize("command", ["check", "explain"])
def test_every_format_links_the_entry_of_a_code(
    command: str, published: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def shown(form: str) -> str:
        line = ["--line", "fail"] if command == "explain" else []
        return run(capsys, command, "app.yaml", *SETTINGS, *line, "--format", form).out

    uri = f"{published}#si230"
    assert {row["help uri"] for row in csv.DictReader(io.StringIO(shown("csv"))) if row["codes"] == "SI230"} == {uri}
    assert f"(SI230)\n{uri}" in "".join(ET.fromstring(shown("junit")).itertext())  # noqa: S314 - our own
    assert f"([SI230]({uri}))" in shown("markdown")
    assert f'"helpUri": "{uri}"' in shown("json")


def test_the_inventory_links_the_entry_of_a_code(published: str, capsys: pytest.CaptureFixture[str]) -> None:
    def shown(form: str) -> str:
        return run(capsys, "inventory", "app.yaml", *SETTINGS, "--format", form).out

    (row, *_) = json.loads(shown("json"))["rows"]
    uri = f"{published}#{row['codes'][0].lower()}"
    assert row["helpUri"] == uri
    assert next(csv.DictReader(io.StringIO(shown("csv"))))["help uri"] == uri
    assert f"[{row['codes'][0]}]({uri})" in shown("markdown")


def test_no_link_for_people_before_the_page_is_published(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("check", "inventory"):
        assert "](" not in run(capsys, command, "app.yaml", *SETTINGS, "--format", "markdown").out


def test_the_sarif_validator_rejects_invalid_reports() -> None:
    text = "".join(sarif.render([unusual_report()], Console()))
    for old, new in (('"message"', '"messages"'), ('"ruleIndex": 0', '"ruleIndex": 99'), ('"2.1.0"', '"2.0"')):
        assert old in text
        assert faults_of_sarif(text.replace(old, new))


def test_fingerprints_survive_inserted_lines() -> None:
    one, other = (
        ReportItem(REFUSED, Reason("It is.", "", code=Code.NO_ANSWER), "Api", "web", "Resources.Api", (place,))
        for place in (PLACE, replace(PLACE, line=30, start=900, end=905))
    )
    first, second = (
        json.loads("".join(sarif.render([FileReport("a.yaml", (), (each,))], Console())))["runs"][0]["results"][0]
        for each in (one, other)
    )
    assert first["partialFingerprints"] == second["partialFingerprints"]


def test_no_row_of_a_refused_template_passes_in_junit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused, other = (
        {
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": {
                "RequiresCompatibilities": ["FARGATE"],
                "ExecutionRoleArn": "arn:aws:iam::111122223333:role/r",
                "ContainerDefinitions": [{"Name": name, "Image": "a", "EntryPoint": ["b"]}],
            },
        }
        for name in ("SysdigInstrumentation", "web")
    )
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"Transform": "SysdigInstrument", "Resources": {"A": refused, "B": other}}))
    root = ET.fromstring(run(capsys, "explain", path, *SETTINGS, "--format", "junit").out)  # noqa: S314 - our own
    children = {case.get("name"): [each.tag for each in case] for case in root.iter("testcase")}
    failed, skipped = ["failure"], ["skipped"]
    assert children == {"A": failed, "A: SysdigInstrumentation": failed, "B": skipped, "B: web": skipped}


def test_junit(capsys: pytest.CaptureFixture[str]) -> None:
    root = ET.fromstring(run(capsys, "explain", ROUTER, "app.yaml", "none.yaml", *SETTINGS, "--format", "junit").out)  # noqa: S314 - our own
    suites = root.findall("testsuite")
    assert [suite.get("name") for suite in suites] == [ROUTER, "app.yaml", "none.yaml"]
    for suite in suites:
        cases = suite.findall("testcase")
        assert suite.get("tests") == str(len(cases))
        for what, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert suite.get(what) == str(len(suite.findall(f"testcase/{tag}")))
    assert [case.get("name") for case in suites[0].findall("testcase[failure]")] == ["Api: nginx"]
    # The template does not list the macro, so nothing passes.
    skipped = ["Api", "Api: web", "Api: router", "the file"]
    assert [case.get("name") for case in suites[0].findall("testcase[skipped]")] == skipped
    assert suites[2].get("errors") == "1"
    unusual = ET.fromstring("".join(junit.render([unusual_report()], Console())))  # noqa: S314 - the same
    assert unusual.find("testsuite/testcase/failure") is not None


def _read_json(text: str) -> list[str]:
    return [item["message"] for file in json.loads(text) for item in file["remarks"] if item["level"] != "none"]


def _read_sarif(text: str) -> list[str]:
    results = json.loads(text)["runs"][0]["results"]
    return [result["message"]["text"] for result in results if result["level"] != "none"]


def _read_junit(text: str) -> list[str]:
    root = ET.fromstring(text)  # noqa: S314 - our own
    return [str(element.get("message")) for tag in ("error", "failure") for element in root.iter(tag)]


def _read_csv(text: str) -> list[str]:
    return [f"{row['file']}: {row['why']}" for row in csv.DictReader(io.StringIO(text)) if row["level"] == "error"]


READERS: dict[str, Callable[[str], list[str]]] = {
    "table": str.splitlines,
    "json": _read_json,
    "csv": _read_csv,
    "sarif": _read_sarif,
    "junit": _read_junit,
    "github": lambda text: re.findall(r"(?m)^::error .*?::(.*)", text),
    "markdown": lambda text: re.findall(r"(?m)^- \*\*(.*)", text),
}
"""For each format, a function that reads a report and returns the messages of its errors."""


def test_every_format_has_a_reader() -> None:
    missing = set(FORMATS) - set(READERS)
    assert not missing, (
        f"No test reads the format {', '.join(missing)}. Add a function to READERS that parses such a report, as a program "
        "would, and returns the messages of its errors; describe the format in docs/cli.md."
    )


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("command", ["explain", "check"])
def test_every_format_reports_all_errors(form: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = run(capsys, command, ROUTER, "none.yaml", *SETTINGS, "--format", form)
    assert shown.code == 2
    messages = [*READERS[form](shown.out), *shown.err.splitlines()]
    for part in ("none.yaml", "prevents the lookup" if command == "explain" else "not"):
        assert any(part in message for message in messages), (part, messages)


def test_the_help_lists_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    sentence = re.search(r"for people \(.*?; default: \w+", " ".join(run(capsys, "explain", "--help").out.split()))
    assert sentence
    assert set(re.findall(r"\w+", sentence[0])) - {"for", "people", "or", "tools", "default"} == set(FORMATS)


def test_github(capsys: pytest.CaptureFixture[str]) -> None:
    shown = run(capsys, "explain", ROUTER, *SETTINGS, "--format", "github").out.splitlines()
    assert re.match(
        rf'::error file={ROUTER},line=\d+,col=\d+,title=unknown%3A Task "Api"%2C container "nginx"::".*" is needed',
        shown[1],
    )
    assert re.match(
        rf"::warning file={ROUTER},line=1,col=1,title=The template does not list the macro::The template", shown[0]
    )
    assert all(line.startswith(("::warning ", "::error ", "::notice ")) for line in shown)
    assert len("".join(github.render([unusual_report()], Console())).splitlines()) == 2


def test_names_are_escaped_in_markdown() -> None:
    text = "".join(markdown.render([unusual_report()], Console()))
    (row, *_) = [line for line in text.splitlines() if line.startswith("| a")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 5
    text = text.replace("**refused**", "")
    assert not re.search(r"@team|#1|(?<!\\)[*_`]|(?<!\\)<(?!!--)|\x00", text)
    assert text.startswith("<!-- sysdig-instrument -->\n")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("command", ["explain", "check"])
def test_no_report_carries_values(form: str, command: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret: Json = {"Name": "TOKEN", "Value": "hunter2"}
    made = template(
        container(Name="web", Environment=[secret], EntryPoint=["run", "hunter2"], DockerLabels={"x": "hunter2"})
    )
    (here / "secret.json").write_text(json.dumps(made))
    shown = run(
        capsys, command, "secret.json", *SETTINGS, "--set", 'AgentEnvironment={"A": "hunter2"}', "--format", form
    )
    assert "hunter2" not in shown.out + shown.err


def test_settings(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = template(container(), container(Name="db"))
    made["Metadata"] = {"SysdigInstrument": {"LogLevel": "debug"}}
    (resource,) = (each for each in made["Resources"].values() if each["Type"].endswith("TaskDefinition"))
    resource["Metadata"] = {"SysdigInstrument": {"Priority": "security", "Containers": {"db": {"Enabled": False}}}}
    (here / "it.json").write_text(json.dumps(made))
    call = ["settings", "it.json", *SETTINGS, "--set", 'AgentEnvironment={"TOKEN": "hunter2"}']
    task, db = run(capsys, *call, "--format", "json").value[0]["taskDefinitions"]
    assert task["settings"]["Collector"] == {"value": "us2", "layer": "settings.yaml"}
    assert task["settings"]["LogLevel"] == {"value": "debug", "layer": "the template's Metadata"}
    assert task["settings"]["Priority"] == {"value": "security", "layer": "the resource's Metadata"}
    assert task["settings"]["AgentEnvironment"] == {"value": "TOKEN=…", "layer": "--set"}
    assert (db["container"], list(db["settings"])) == ("db", ["Enabled"])
    everything = run(capsys, *call, "--all")
    assert re.search(r"CollectorPort +6443 +default\n", everything.out)
    assert "hunter2" not in everything.out


def test_settings_that_cannot_be_used(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = template(container())
    made["Metadata"] = {"SysdigInstrument": {"LogLevl": "debug"}}
    (here / "it.json").write_text(json.dumps(made))
    shown = run(capsys, "settings", "it.json", *SETTINGS)
    assert shown.code == 1
    assert '"LogLevel"' in shown.err


def test_what_is_the_same_for_all_tasks_is_printed_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = {
        "Type": "AWS::ECS::TaskDefinition",
        "Properties": {
            "RequiresCompatibilities": ["FARGATE"],
            "ExecutionRoleArn": "arn:aws:iam::111122223333:role/x",
            "ContainerDefinitions": [{"Name": "web", "Image": "web:1", "EntryPoint": ["/web"]}],
        },
    }
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(json.dumps({"Transform": "SysdigInstrument", "Resources": {"A": task, "B": task}}))
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    ran = run(capsys, "explain", *files, "--no-config", "--set", "AccessKeySecret=none")
    assert ran.code == 1
    assert ran.out.count("refused: 4 task definitions: Setting Collector has no value") == 1
    assert ran.out.count("notice: 4 task definitions: AccessKeySecret is none") == 1
    assert ran.out.count("settings: AccessKeySecret (--set)") == 1
    ran = run(capsys, "explain", files[0], "--no-config", "--set", "AccessKeySecret=none", "--format", "json")
    assert ran.out.count("Setting Collector has no value") == 2  # programs get it with each task definition


@pytest.mark.parametrize("call", ["explain", "explain --format markdown", "check", "diff", "transform"])
def test_each_command_says_once_what_is_about_the_settings(call: str, capsys: pytest.CaptureFixture[str]) -> None:
    made = template(container(EntryPoint=["/web"]))
    api = made["Resources"]["Api"]
    made["Resources"]["Other"] = {**api, "Metadata": {"SysdigInstrument": {"LogLevel": "debug"}}}
    paths = ["a.json"] if call == "transform" else ["a.json", "b.json"]
    for path in paths:
        Path(path).write_text(json.dumps({"Transform": "SysdigInstrument", **made}))
    command, *options = call.split()
    ran = run(capsys, command, *paths, *options, "--no-config", "--set", "AccessKeySecret=none")
    assert ran.code == 1
    shown = ran.out.replace("\\", "") + ran.err
    count = 2 * len(paths)
    assert shown.count("Setting Collector has no value") == 1
    assert f"{count} task definitions: Setting Collector has no value" in shown
    if command != "check":
        assert shown.count("AccessKeySecret is none") <= 1
    if command == "explain":
        assert shown.lower().count("settings: accesskeysecret (--set)") == 1
        assert shown.count("LogLevel (the resource's Metadata)") == len(paths)

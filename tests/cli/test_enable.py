"""``enable`` and ``disable`` change files in place, and only where there is something to change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.running import EXAMPLES, run
from cli.test_line import TASK, TEMPLATES
from repositories import BATCH, CONVERTIBLE, EXPRESS

NAME = "SysdigInstrument"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(TASK)
    return tmp_path


def test_a_file_is_enabled_once_and_disabled(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "enable", "a.yaml")
    assert (ran.code, ran.out, ran.err) == (0, f"a.yaml: lists {NAME} now\n", "")
    assert (here / "a.yaml").read_text() == f"Transform: {NAME}\n{TASK}"
    assert run(capsys, "enable", "a.yaml").out == f"a.yaml: lists {NAME} already\n"
    assert (here / "a.yaml").read_text() == f"Transform: {NAME}\n{TASK}"
    assert run(capsys, "disable", "a.yaml").out == f"a.yaml: does not list {NAME} any more\n"
    assert run(capsys, "disable", "a.yaml").out == f"a.yaml: does not list {NAME}\n"
    assert (here / "a.yaml").read_text() == TASK


def test_a_dry_run_prints_a_diff_and_writes_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "enable", ".", "--dry-run")
    assert ran.out.startswith(f"--- a/a.yaml\n+++ b/a.yaml\n@@ -1,3 +1,4 @@\n+Transform: {NAME}\n")
    assert (here / "a.yaml").read_text() == TASK
    assert NAME in run(capsys, "enable", "a.yaml", "--dry-run", "--color", "always").out


def test_the_name_is_a_setting(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "enable", "a.yaml", "--set", "MacroName=Company-Sysdig").code == 0
    assert (here / "a.yaml").read_text() == f"Transform: Company-Sysdig\n{TASK}"
    assert run(capsys, "enable", "a.yaml", "--set", "MacroName=A B").code == 2


def test_the_encoding_stays(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "b.yaml").write_bytes(b"\xef\xbb\xbf" + TASK.replace("\n", "\r\n").encode())
    assert run(capsys, "enable", "b.yaml").code == 0
    assert (here / "b.yaml").read_bytes().startswith(b"\xef\xbb\xbfTransform: SysdigInstrument\r\nResources:")


@pytest.mark.parametrize("name", ["small", "duplicate"])
def test_what_has_to_be_corrected_is_refused(name: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = TEMPLATES[name][0] + TASK
    (here / "b.yaml").write_text(text)
    ran = run(capsys, "enable", "b.yaml", "a.yaml")
    assert (ran.code, (here / "b.yaml").read_text()) == (1, text)
    assert ran.err.startswith("refused: T")
    assert "\n  --> b.yaml:" in ran.err
    assert "\n      Transform: " in ran.err, "there is a line to paste"
    assert (here / "a.yaml").read_text().startswith("Transform:")  # one file does not stop the others


@pytest.mark.parametrize("section", ["", "17", "!Ref Name", "[!Ref Name]", "[[A]]", "{name: SysdigInstrument}"])
def test_a_name_that_is_not_literal_is_refused(section: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "b.yaml").write_text(text := f"Transform: {section}\n{TASK}")
    ran = run(capsys, "enable", "b.yaml")
    assert (ran.code, (here / "b.yaml").read_text()) == (1, text)
    assert "(SI240)" in ran.err


@pytest.mark.parametrize(
    ("workload", "setting", "is_added"),
    [
        pytest.param(CONVERTIBLE, "ExpressServices=leave", False, id="left as it is"),
        pytest.param(CONVERTIBLE, "ExpressServices=convert", True, id="converted"),
        pytest.param(EXPRESS, "ExpressServices=convert", True, id="refused until it can be converted"),
        pytest.param(EXPRESS, "OtherWorkloads=fail", True, id="refused"),
        pytest.param(BATCH, "OtherWorkloads=warn", False, id="job"),
        pytest.param(BATCH, "OtherWorkloads=fail", True, id="refused job"),
    ],
)
def test_what_the_macro_converts_or_refuses_gets_the_line(
    workload: Any, setting: str, here: Path, capsys: pytest.CaptureFixture[str], *, is_added: bool
) -> None:
    (here / "b.json").write_text(json.dumps({"Resources": {"Web": workload}}))
    assert run(capsys, "enable", "b.json", "--set", setting).code == 0
    assert ("Transform" in json.loads((here / "b.json").read_text())) is is_added


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("Resources: {Topic: {Type: AWS::SNS::Topic}}\n", "has no task definitions"),
        ((EXAMPLES / "task-definition.json").read_text(), "is not a template"),
        (
            TASK.replace("    Properties:\n", f"    Fn::Transform: {{Name: {NAME}}}\n    Properties:\n"),
            "Fn::Transform already",
        ),
    ],
    ids=["no-tasks", "task-definition", "snippet"],
)
def test_what_needs_no_line_stays(text: str, outcome: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "b.yaml").write_text(text)
    ran = run(capsys, "enable", "b.yaml")
    assert (ran.code, (here / "b.yaml").read_text()) == (0, text)
    assert outcome in ran.out


def test_a_link_is_not_followed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "folder").mkdir()
    (here / "folder/b.yaml").symlink_to(here / "a.yaml")
    ran = run(capsys, "enable", "folder")
    assert (ran.code, (here / "a.yaml").read_text()) == (2, TASK)
    assert "It is a symbolic link. Name the file itself." in ran.err


@pytest.mark.parametrize(
    "text",
    [
        f"Fn::Transform: {{Name: {NAME}}}\n{TASK}",
        f"Fn::Transform: {{Name: {NAME}, Parameters: {{AgentCpu: 10}}}}\n{TASK}",
        TASK.replace("Resources:\n", f"Resources:\n  Fn::Transform: {{Name: {NAME}}}\n"),
    ],
    ids=["top", "parameters", "resources"],
)
def test_disable_says_that_an_fn_transform_is_left(text: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "b.yaml").write_text(text)
    ran = run(capsys, "disable", "b.yaml")
    assert ran.out == f"b.yaml: does not list {NAME} (but an Fn::Transform names it)\n"

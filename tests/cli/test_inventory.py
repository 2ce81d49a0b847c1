"""The inventory of thirty repositories says exactly what is so, in each format, and agrees with ``check``."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from cli.running import Ran, run
from repositories import EXPRESS, TASK, Repository, expected_exit_code, write_repositories

SETTINGS = [
    "--offline",
    "--set",
    "Collector=us2",
    "--set",
    "AccessKeySecret=arn:aws:ssm:eu-central-1:111122223333:parameter/key",
]
COUNT = 30


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Repository]]:
    folder = tmp_path_factory.mktemp("repositories")
    return folder, write_repositories(folder)


@pytest.fixture(autouse=True)
def _here(tree: tuple[Path, list[Repository]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree[0])
    monkeypatch.delenv("COLUMNS", raising=False)


def inventory(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Ran:
    return run(capsys, "inventory", *arguments, *SETTINGS)


def rows(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> list[dict[str, Any]]:
    value = inventory(capsys, *arguments, "--format", "json").value
    assert value["schema"] == 1
    found: list[dict[str, Any]] = value["rows"]
    assert sum(value["summary"].values()) == len(found)
    return found


def identity(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[key] for key in ("repository", "file", "resource", "macroLine", "state"))


def test_it_finds_exactly_what_is_so(tree: tuple[Path, list[Repository]], capsys: pytest.CaptureFixture[str]) -> None:
    found = {identity(row) for row in rows(capsys, ".") if row["file"] != "parent.yaml"}
    assert len(tree[1]) == COUNT
    assert found == {each.expected for each in tree[1]}
    assert {row["state"] for row in rows(capsys, ".") if row["file"] == "parent.yaml"} == {"needs none"}


def test_it_agrees_with_check(tree: tuple[Path, list[Repository]], capsys: pytest.CaptureFixture[str]) -> None:
    for each in tree[1]:
        code = run(capsys, "check", each.name, *SETTINGS).code
        assert code == expected_exit_code(each.line, each.workload), each


@pytest.mark.parametrize(
    ("fail_on", "good", "bad"), [("missing", "yaml-1", "yaml-2"), ("unprotected", "yaml-1", "sam-5")]
)
def test_exit_codes(fail_on: str, good: str, bad: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert inventory(capsys, ".").code == 0
    assert inventory(capsys, good, "--fail-on", fail_on).code == 0
    assert inventory(capsys, good, bad, "--fail-on", fail_on).code == 1
    assert inventory(capsys, bad, "--fail-on", fail_on, "--left-alone").code == 1
    assert inventory(capsys, bad, "--fail-on", "none").code == 0
    assert (
        inventory(capsys, "sam-5", "--fail-on", "missing").code == 0
    )  # it has the line, and only an image is not known


def test_opt_outs_with_layer_and_reason(capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(capsys, ".", "--left-alone")
    assert {(row["repository"], row["container"], row["state"]) for row in found} == {
        ("yaml-5", None, "left alone"),
        ("json-2", None, "left alone"),
        ("sam-6", None, "left alone"),
        ("cdk-3", "side", "left alone"),
        ("nested-4", "side", "left alone"),
    }
    assert {row["layer"] for row in found} == {"the resource's Metadata"}
    assert {row["repository"]: "Reason: " in row["why"] for row in found}["json-2"] is False
    assert "Moves to EC2 in May" in inventory(capsys, ".", "--left-alone").out


def test_what_the_line_would_bring_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = rows(capsys, "sam-2")
    assert row["state"] == "without the line"
    assert ". With it: unknown: Container" in row["why"]
    (row,) = rows(capsys, "yaml-3")
    fact = '"SysdigInstrumnet" in Transform is not the macro\'s name, so CloudFormation does not call the macro'
    assert row["why"] == f"{fact}. Write SysdigInstrument (SI231)"


@pytest.mark.parametrize(
    ("repository", "code"), [("yaml-2", "SI230"), ("yaml-3", "SI231"), ("json-4", "SI232"), ("yaml-4", "SI233")]
)
def test_the_first_code_without_the_line_is_that_of_the_line(
    repository: str, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (row,) = rows(capsys, repository)
    assert row["codes"][0] == code
    assert "SI001" in row["codes"]
    assert row["helpUri"] is None or row["helpUri"].endswith(code.lower())


def test_csv_and_markdown_have_the_same_rows(capsys: pytest.CaptureFixture[str]) -> None:
    expected = [(row["repository"], row["file"], row["state"]) for row in rows(capsys, ".")]
    table = list(csv.DictReader(io.StringIO(inventory(capsys, ".", "--format", "csv").out)))
    assert [(row["repository"], row["file"], row["state"]) for row in table] == expected
    lines = inventory(capsys, ".", "--format", "markdown").out.splitlines()
    assert len([line for line in lines if line.startswith("| ")]) == len(expected) + 1
    assert all(len(re.findall(r"(?<!\\)\|", line)) == len(table[0]) for line in lines if line.startswith("| "))


@pytest.mark.parametrize("width", ["60", "80", "120"])
def test_the_table_has_a_group_for_each_repository(
    width: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    out = inventory(capsys, ".").out
    assert len(re.findall(r"(?m)^FILE ", out)) == COUNT
    assert [line for line in out.splitlines() if re.fullmatch(r"(yaml|json|sam|cdk|nested)-\d", line)]
    summary = " ".join(out.split("\n\n")[-1].split())
    assert summary.startswith("10 without the line, 1 refused, ")
    assert summary.endswith(" protected, 8 needs none.")


def test_a_processed_template_and_plain_definitions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    processed = tmp_path / "processed.yaml"
    assert run(capsys, "transform", "yaml-1/templates/app.yaml", *SETTINGS, "-o", processed).code == 0
    (row,) = rows(capsys, processed)
    assert (row["state"], row["repository"], row["file"]) == ("protected already", None, str(processed))
    plain = tmp_path / "task.json"
    plain.write_text('{"family": "web", "containerDefinitions": [{"name": "web", "image": "nginx"}]}')
    (row,) = rows(capsys, plain)
    assert (row["state"], row["macroLine"]) == ("not protected", None)


def test_a_hidden_task_definition_is_not_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module = {"Resources": {"Api": {"Type": "Acme::Api::Service::MODULE"}, "Task": TASK}}
    (tmp_path / "app.json").write_text(json.dumps(module))
    assert {row["resource"]: row["state"] for row in rows(capsys, tmp_path)} == {
        "Api": "unknown",
        "Task": "without the line",
    }


def test_an_unreadable_file_is_a_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "good.json").write_text(json.dumps({"Resources": {"Task": TASK}}))
    (tmp_path / "bad.yaml").write_text("Resources:\n  A: {Type: AWS::ECS::TaskDefinition\n")
    assert [row["state"] for row in rows(capsys, tmp_path)] == ["unreadable", "without the line"]
    assert inventory(capsys, tmp_path, "--fail-on", "missing").code == 1
    assert inventory(capsys, tmp_path / "bad.yaml").code == 2
    assert inventory(capsys, "none.yaml").code == 2


def test_a_settings_file_of_one_team_does_not_stop_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("good", "bad"):
        (tmp_path / name / ".git").mkdir(parents=True)
        (tmp_path / name / "package.json").write_text("{}")
        (tmp_path / name / "app.json").write_text(json.dumps({"Resources": {"Task": TASK}}))
    (tmp_path / "bad" / ".sysdig-instrument.yaml").write_text("Collectr: us2\n")
    found = rows(capsys, tmp_path)
    assert [(Path(row["repository"]).name, row["state"]) for row in found] == [
        ("bad", "unreadable"),
        ("good", "without the line"),
    ]
    assert "Collector" in found[0]["why"]
    assert inventory(capsys, tmp_path, "--set", "Collectr=us2").code == 2


@pytest.mark.parametrize("line", [None, "SysdigInstrument"])
def test_a_service_that_cannot_be_converted_is_one_row(
    line: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has three obstacles."""
    template = {**({"Transform": line} if line else {}), "Resources": {"Web": EXPRESS}}
    (tmp_path / "app.json").write_text(json.dumps(template))
    convert = ("--set", "ExpressServices=convert")
    (row,) = rows(capsys, tmp_path, *convert)
    assert (row["resource"], row["state"], row["codes"]) == ("Web", "cannot be protected", ["SI033"])
    assert row["why"].count("cannot be converted") == 3
    (file,) = run(capsys, "check", tmp_path, *SETTINGS, *convert, "--format", "json").value
    assert [task["name"] for task in file["taskDefinitions"]] == ["Web"]
    assert len([each for each in file["remarks"] if "cannot be converted" in each["message"]]) == 3


def test_a_repository_in_a_repository(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inner = tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    (inner / ".git").write_text("gitdir: ../.git/modules/inner\n")
    (inner.parent / ".git").mkdir()
    for folder in (inner, inner.parent):
        (folder / "app.json").write_text(json.dumps({"Resources": {"Task": TASK}}))
    found = [(Path(row["repository"]).name, row["file"]) for row in rows(capsys, tmp_path)]
    assert found == [("outer", "app.json"), ("inner", "app.json")]


def test_a_name_cannot_be_a_formula_or_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    template = {"Resources": {"=cmd|'/c calc'!A1": TASK, "::error::x": TASK}}
    (tmp_path / "@app.json").write_text(json.dumps(template))
    for form in ("csv", "table", "markdown", "json"):
        out = inventory(capsys, tmp_path, "--format", form).out
        assert not re.search(r"(?m)^\s*::", out)
        assert form != "csv" or not re.search(r"(?m)(^|,)\"?[=@]", out)


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert inventory(capsys).code == 2
    assert inventory(capsys, ".", "--stacks").code == 2
    assert inventory(capsys, ".", "--all-regions").code == 2


@pytest.mark.parametrize("repository", ["json-6", "nested-5"])
def test_check_sees_other_workloads_in_folders(repository: str, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "check", repository, *SETTINGS)
    assert (ran.code, "cannot be protected" in ran.out) == (0, True)
    assert run(capsys, "check", repository, *SETTINGS, "--set", "OtherWorkloads=fail").code == 1

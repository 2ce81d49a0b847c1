"""What ``diff`` shows is what ``transform`` does, with a reason for all of it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import jsonpatch
import pytest

from case_folders import ACCOUNT, CASES, REGION, Case
from cli.running import SETTINGS, run, with_examples
from sysdig_instrument.cli import lookups
from sysdig_instrument.cli.console import Console, display_width
from sysdig_instrument.cli.diff_formats import side_by_side
from sysdig_instrument.cli.diff_formats.hunks import DiffLine, Hunk, Note, NoteSpan, hunks
from sysdig_instrument.cli.diff_formats.unified import render_terminal

INSTRUMENTED_CASES = [case for case in CASES if (case.folder / "expected.json").exists()]
each_case = pytest.mark.parametrize("case", INSTRUMENTED_CASES, ids=lambda case: case.name)
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return with_examples(tmp_path, monkeypatch)


def arguments_of(case: Case, here: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Set up a case in the folder. Return the arguments that follow the command."""
    monkeypatch.setattr(lookups, "make_lookup", lambda *_: case.answers)
    (here / case.input.name).write_bytes(case.input.read_bytes())
    (here / "case.json").write_text(json.dumps(case.settings))
    arguments = [case.input.name, "--settings", "case.json", "--region", REGION, "--account-id", ACCOUNT]
    for option, name in (("--parameters", "parameters.json"), ("--images", "images.json")):
        if (case.folder / name).exists():
            arguments += [option, str(case.folder / name)]
    return arguments


@each_case
def test_git_apply_gives_the_output_of_transform(
    case: Case, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = arguments_of(case, here, monkeypatch)
    shown = run(capsys, "diff", *arguments)
    assert shown.code == 0, shown.err
    assert run(capsys, "transform", *arguments, "-o", "out").code == 0
    if "\n--- a/" in shown.out:
        (here / "it.diff").write_text(shown.out, encoding="utf-8", newline="")
        subprocess.run(["git", "apply", "it.diff"], cwd=here, check=True)
    assert (here / case.input.name).read_bytes() == (here / "out").read_bytes()
    for reason in {each["reason"] for each in run(capsys, "diff", *arguments, "--format", "json").value[0]["changes"]}:
        assert reason in shown.out


@pytest.mark.parametrize("command", [["git", "apply"], ["patch", "-p1", "-i"]], ids=["git", "patch"])
def test_a_diff_of_a_name_with_spaces_can_be_applied(
    command: list[str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    path = here / "of my team" / "my app.yaml"
    path.parent.mkdir()
    path.write_bytes((here / "app.yaml").read_bytes())
    name = str(path.relative_to(here))
    assert run(capsys, "transform", name, *SETTINGS, "-o", "out").code == 0
    (here / "it.diff").write_text(run(capsys, "diff", name, *SETTINGS).out, encoding="utf-8")
    subprocess.run([*command, "it.diff"], cwd=here, check=True, capture_output=True)
    assert path.read_bytes() == (here / "out").read_bytes()


@each_case
def test_the_json_patch_holds_exactly_the_changes(
    case: Case, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    patch = run(capsys, "diff", *arguments_of(case, here, monkeypatch), "--format", "patch").value
    assert all(operation["reason"] for operation in patch)
    made = jsonpatch.apply_patch(case.document.value, patch)
    assert made == json.loads((case.folder / "expected.json").read_text())


@each_case
def test_every_reason_is_shown_with_a_line(
    case: Case, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = arguments_of(case, here, monkeypatch)
    monkeypatch.setenv("COLUMNS", "140")
    changes = run(capsys, "diff", *arguments, "--format", "json").value[0]["changes"]
    shown = run(capsys, "diff", *arguments, "--side-by-side").out
    for change in changes:
        assert f"▾ {change['reason']}" in shown


@pytest.mark.parametrize("width", [50, 60, 80, 100, 140])
def test_side_by_side_fits_the_width(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    shown = run(capsys, "diff", "app.yaml", *SETTINGS, "--side-by-side", "--color", "always")
    assert "\x1b[32m" in shown.out
    assert max(display_width(COLOURS.sub("", line)) for line in shown.out.splitlines()) <= width


def sample() -> list[Hunk]:
    after = "a: 1\nb: [wrapped, run]\nc: 3\nd: 4\n"
    spans = [NoteSpan(2, 2, Note("Api: web", "the wrapper starts it")), NoteSpan(4, 4, Note("Api", "a reason " * 9))]
    return list(hunks("a: 1\nb: [run]\nc: 3\n", after, [], spans))


def test_wide_terminals_show_reasons_beside_lines() -> None:
    lines = "".join(render_terminal(sample(), Console(100, colours=False, is_terminal=True))).splitlines()
    assert lines[0] == "@@ -1,3 +1,4 @@ Api: web, Api"
    assert re.fullmatch(r"\+b: \[wrapped, run\] +◂ the wrapper starts it", lines[3])
    assert re.fullmatch(r"\+d: 4 +◂ a reason.*", lines[5])
    assert max(map(len, lines)) <= 100


def test_only_a_long_line_has_its_reason_above() -> None:
    after = f"a: 1\nb: {'x' * 90}\nc: 3\nd: 4\n"
    spans = [NoteSpan(2, 2, Note("Api", "the first")), NoteSpan(4, 4, Note("Api", "the second"))]
    shown = hunks("a: 1\nb: 2\nc: 3\n", after, [], spans)
    lines = "".join(render_terminal(shown, Console(110, colours=False, is_terminal=True))).splitlines()
    assert lines[3:] == [" ▾ the first", f"+b: {'x' * 90}", " c: 3", "+d: 4  ◂ the second"]


def test_narrow_terminals_show_reasons_above_lines() -> None:
    lines = "".join(render_terminal(sample(), Console(80, colours=False, is_terminal=True))).splitlines()
    assert lines[2:5] == ["-b: [run]", " ▾ the wrapper starts it", "+b: [wrapped, run]"]
    assert max(map(display_width, lines)) <= 80
    assert lines[-2].startswith("   "), "a reason goes on below its first words"


def test_control_characters_do_not_reach_the_terminal() -> None:
    hunk = Hunk((DiffLine("+", "a: \x1b]0;owned\x07\r\n", None, 1),), 0, 0)
    for lines in (render_terminal([hunk], Console(80)), side_by_side.render([hunk], Console(80))):
        assert "\x1b" not in "".join(lines)


def test_a_file_without_a_line_end(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "app.yaml").write_text((here / "app.yaml").read_text().rstrip())
    run(capsys, "transform", "app.yaml", *SETTINGS, "-o", "out")
    (here / "it.diff").write_text(run(capsys, "diff", "app.yaml", *SETTINGS).out)
    subprocess.run(["git", "apply", "it.diff"], cwd=here, check=True)
    assert (here / "app.yaml").read_text() == (here / "out").read_text()


def test_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "diff", "app.yaml", *SETTINGS).code == 0
    assert run(capsys, "diff", "app.yaml", *SETTINGS, "--exit-code").code == 1
    run(capsys, "transform", "app.yaml", *SETTINGS, "-o", "out.yaml")
    again = run(capsys, "diff", "out.yaml", *SETTINGS, "--exit-code")
    assert (again.code, again.out.splitlines()[0]) == (0, "out.yaml: no changes")
    unknown = run(capsys, "diff", "app.yaml", "--offline", "--set", "Collector=us2", "--set", "AccessKeySecret=none")
    assert (unknown.code, unknown.out) == (1, "")
    assert unknown.err.startswith('unknown: Task "Task", container "worker" ')
    assert "\n  --> app.yaml:19:18\n" in unknown.err
    assert run(capsys, "diff", "app.yaml", "none.yaml", *SETTINGS).code == 2


def test_a_patch_is_for_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "diff", "app.yaml", "app.yaml", *SETTINGS, "--format", "patch")
    assert (ran.code, ran.out) == (2, "")


def test_json_has_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    shown = run(capsys, "diff", "app.yaml", *SETTINGS, "--format", "json")
    assert "gunicorn" not in shown.out
    assert "arn:aws:secretsmanager" not in json.dumps(shown.value[0]["changes"])
    assert {each["container"] for each in shown.value[0]["changes"]} == {None, "web", "worker"}


@pytest.mark.parametrize(
    ("variables", "option", "expected"),
    [
        pytest.param({}, "auto", False, id="auto in a pipe"),
        pytest.param({}, "always", True, id="always"),
        pytest.param({"FORCE_COLOR": "1"}, "auto", True, id="FORCE_COLOR"),
        pytest.param({"FORCE_COLOR": "1", "NO_COLOR": "1"}, "auto", False, id="NO_COLOR before FORCE_COLOR"),
        pytest.param({"NO_COLOR": "1"}, "always", True, id="always before NO_COLOR"),
        pytest.param({"FORCE_COLOR": "1"}, "never", False, id="never before FORCE_COLOR"),
    ],
)
def test_colours(
    variables: dict[str, str],
    option: str,
    *,
    expected: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    shown = run(capsys, "explain", "app.yaml", *SETTINGS, "--color", option)
    assert ("\x1b[" in shown.out) is expected

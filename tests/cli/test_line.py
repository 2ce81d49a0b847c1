"""Each command says whether a template lists the macro, and ``check`` and the action fail where one does not and should."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.running import run
from sysdig_instrument.cli.formats import FORMATS
from sysdig_instrument.engine import plan
from sysdig_instrument.engine.expressions.work import WorkLimitError

SET = ["--set", "Collector=us2", "--set", "AccessKeySecret=none", "--offline"]
TASK = """\
Resources:
  Api:
    Type: AWS::ECS::TaskDefinition
    Properties:
      RequiresCompatibilities: [FARGATE]
      NetworkMode: awsvpc
      Cpu: 256
      Memory: 512
      ExecutionRoleArn: arn:aws:iam::111122223333:role/execution
      ContainerDefinitions:
        - Name: web
          Image: nginx
          EntryPoint: [nginx]
"""
LISTED = "lists SysdigInstrument"
NOT_LISTED = "does not list SysdigInstrument"
TEMPLATES = {
    "listed": ("Transform: SysdigInstrument\n", LISTED, "listed"),
    "absent": ("", NOT_LISTED, "absent"),
    "misspelt": ("Transform: SysdigInstrumnet\n", f"{NOT_LISTED}: misspelt", "misspelt"),
    "small": ("transform: SysdigInstrument\n", f"{NOT_LISTED}: in the wrong key", "in the wrong key"),
    "other": ("Transform: [AWS::Serverless-2016-10-31]\n", NOT_LISTED, "absent"),
    "duplicate": (
        "Transform: SysdigInstrument\nTransform: AWS::Serverless-2016-10-31\n",
        f"{NOT_LISTED}: lost to a duplicate key",
        "lost to a duplicate key",
    ),
    "early": (
        "Transform: [SysdigInstrument, AWS::LanguageExtensions]\n",
        f"{LISTED} before AWS::LanguageExtensions",
        "listed before AWS::LanguageExtensions",
    ),
}
"""By name: what is above the resources, the first line of reports, and the status. The last one is listed, like the first."""

each_template = pytest.mark.parametrize("name", TEMPLATES)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, (line, _, _) in TEMPLATES.items():
        (tmp_path / f"{name}.yaml").write_text(line + TASK)
    return tmp_path


def is_listed(name: str) -> bool:
    return name in ("listed", "early")


@pytest.mark.parametrize("command", ["explain", "check"])
def test_a_mistake_in_the_text_is_a_notice_with_its_place(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    text = TEMPLATES["listed"][0] + TASK.replace("Memory: 512", "Memory: 512\n      Memory: !ref Size")
    Path("app.yaml").write_text(text)
    ran = run(capsys, command, "app.yaml", *SET)
    assert (
        'notice: Duplicate key "Memory", first used on line 9; the last one counts. Remove the other. (SI808)\n    --> app.yaml:10:7\n'
        in ran.out
    )
    assert (
        'notice: CloudFormation has no function "!ref". Did you mean "!Ref"? (SI810)\n    --> app.yaml:10:15\n'
        in ran.out
    )
    assert "SI808" not in run(capsys, command, "duplicate.yaml", *SET).out  # the item about the line says it


@each_template
def test_explain_says_it_first(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "explain", f"{name}.yaml", *SET)
    first, second, *_ = ran.out.splitlines()
    assert first == f"{name}.yaml: {TEMPLATES[name][1]}"
    assert second.startswith("  Api" if is_listed(name) else "  not listed: ")  # the rows follow from it
    (row,) = (line for line in ran.out.splitlines() if line.startswith("  Api"))
    assert row.split(maxsplit=1) == ["Api", "instrumented" if is_listed(name) else "would be instrumented"]
    assert ran.code == 0
    assert run(capsys, "explain", f"{name}.yaml", *SET, "--line", "fail").code == (0 if is_listed(name) else 1)


@each_template
def test_check_is_the_gate(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "check", f"{name}.yaml", *SET)
    assert ran.code == (0 if is_listed(name) else 1)
    first, second, *_ = ran.out.splitlines()
    assert first == f"{name}.yaml: {TEMPLATES[name][1]}"
    assert second.startswith("  Api" if is_listed(name) else "  not listed: ")
    (row,) = (line for line in ran.out.splitlines() if line.startswith("  Api"))
    assert row.split(maxsplit=1) == ["Api", "protected" if is_listed(name) else "NOT protected"]


@each_template
def test_diff_warns(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "diff", f"{name}.yaml", *SET)
    assert ran.code == 0
    assert (f"\n  --> {name}.yaml:" in ran.err) is (not is_listed(name) or name == "early")
    assert ran.err.startswith("warning: ") is not is_listed(name)
    assert ("(SI234)" in ran.err) is (name == "early")
    assert ran.out.splitlines()[1] == f"  Api: {'instrumented' if is_listed(name) else 'would be instrumented'}"
    assert run(capsys, "diff", f"{name}.yaml", *SET, "--line", "fail").code == (0 if is_listed(name) else 1)
    assert (
        run(capsys, "diff", f"{name}.yaml", *SET, "--format", "json").value[0]["macro"]["status"] == TEMPLATES[name][2]
    )


@each_template
def test_settings_and_images_say_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "settings", f"{name}.yaml", *SET)
    assert ran.out.splitlines()[0] == f"{name}.yaml: {TEMPLATES[name][1]}"
    (report,) = run(capsys, "settings", f"{name}.yaml", *SET, "--format", "json").value
    assert report["macro"]["status"] == TEMPLATES[name][2]
    ran = run(capsys, "images", f"{name}.yaml", *SET)
    assert (f"\n  --> {name}.yaml:" in ran.err) is (not is_listed(name) or name == "early")


@each_template
def test_transform_has_a_notice(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "transform", f"{name}.yaml", *SET)
    assert ran.code == 0
    assert ("deploy what it prints" in ran.err) is not is_listed(name)
    assert (f"\n  --> {name}.yaml:" in ran.err) is not is_listed(name)


@each_template
def test_no_test_of_junit_passes_without_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("explain", "check"):
        report = run(capsys, command, f"{name}.yaml", *SET, "--format", "junit").out
        passed = [each for each in report.split("<testcase")[1:] if "<skipped" not in each and "<failure" not in each]
        assert bool(passed) is is_listed(name)
        assert ("SI23" in report) is not is_listed(name)


@each_template
def test_json_and_sarif_carry_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("explain", "check"):
        (report,) = run(capsys, command, f"{name}.yaml", *SET, "--format", "json").value
        assert report["macro"]["name"] == "SysdigInstrument"
        assert report["macro"]["status"] == TEMPLATES[name][2]
        assert report["macro"]["listed"] is is_listed(name)
        assert report["macro"]["missing"] is not is_listed(name)
        results = run(capsys, command, f"{name}.yaml", *SET, "--format", "sarif").value["runs"][0]["results"]
        assert ("not-listed" in [each["ruleId"] for each in results]) is not is_listed(name)
        assert all(each["properties"]["macro"] == report["macro"] for each in results)


@each_template
@pytest.mark.parametrize("report_format", FORMATS)
def test_no_report_calls_it_instrumented_without_the_line(
    name: str, report_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = run(capsys, "explain", f"{name}.yaml", *SET, "--format", report_format, "--line", "fail").out
    if report_format == "markdown":
        assert ("✅" in out) is is_listed(name)
    if not is_listed(name):
        assert "TemplatelistsTransform" not in out
        assert any(text in out for text in ("does not list", "is not the macro", "is named at", "more than once"))
        assert '"instrumented"' not in out


def test_a_processed_template_is_judged_as_it_is(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "processed.yaml").write_text(run(capsys, "transform", "absent.yaml", *SET).out)
    ran = run(capsys, "check", "processed.yaml", *SET)
    assert (ran.code, ran.out.splitlines()[0]) == (0, f"processed.yaml: {NOT_LISTED}, and need not")
    text = (here / "processed.yaml").read_text().replace("      PidMode: task\n", "")
    (here / "processed.yaml").write_text(
        f"Transform: SysdigInstrument\n{text}"
    )  # the Result tells that it is no source
    assert "PidMode" not in text
    assert run(capsys, "check", "processed.yaml", *SET).code == 1


def test_check_is_red_where_the_macro_would_refuse(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a.yaml").write_text(
        "Transform: SysdigInstrument\n" + TASK.replace("      Cpu: 256\n", "      PidMode: host\n")
    )
    assert run(capsys, "check", "a.yaml", *SET).code == 1
    for metadata in (
        "Metadata: {SysdigInstrument: {Colector: us2}}\n",
        "Metadata: {SysdigInstrument: {Enabled: maybe}}\n",
    ):
        (here / "a.yaml").write_text("Transform: SysdigInstrument\n" + metadata + TASK)
        assert run(capsys, "check", "a.yaml", *SET).code == 1


def test_an_image_that_is_not_read_is_unknown_and_red(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a.yaml").write_text("Transform: SysdigInstrument\n" + TASK.replace("          EntryPoint: [nginx]\n", ""))
    ran = run(capsys, "check", "a.yaml", *SET)
    assert (ran.code, "unknown" in ran.out) == (1, True)
    (here / "images.json").write_text(json.dumps({"nginx": {"Entrypoint": ["/start"], "Cmd": ["nginx"]}}))
    assert run(capsys, "check", "a.yaml", *SET, "--images", "images.json").code == 0


def test_a_template_without_task_definitions_needs_no_line(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a.yaml").write_text("Resources: {Topic: {Type: AWS::SNS::Topic}}\n")
    ran = run(capsys, "check", "a.yaml", *SET)
    assert (ran.code, ran.out) == (0, "a.yaml: no task definitions\n")


def test_what_is_left_alone_needs_no_line(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a.yaml").write_text(TASK.replace("[FARGATE]", "[EC2]").replace("awsvpc", "bridge"))
    ran = run(capsys, "check", "a.yaml", *SET)
    assert (ran.code, ran.out.splitlines()[0]) == (0, f"a.yaml: {NOT_LISTED}, and need not")


OPT_OUT = "    Metadata: {SysdigInstrument: {Enabled: false}}\n"
EXCLUDED = "    Metadata: {SysdigInstrument: {Containers: {web: {Enabled: false}}}}\n"


@pytest.mark.parametrize("line", ["", "Transform: SysdigInstrument\n"])
@pytest.mark.parametrize(
    ("text", "needs_line"),
    [
        pytest.param(OPT_OUT, True, id="Metadata"),
        pytest.param(EXCLUDED, True, id="Metadata for the container"),
        pytest.param("      Tags: [{Key: sysdig-instrument, Value: 'false'}]\n", False, id="tag"),
        pytest.param("      Tags: [{Key: sysdig-instrument-exclude, Value: web}]\n", False, id="tag for the container"),
    ],
)
def test_the_hook_has_to_see_an_opt_out(
    text: str, line: str, here: Path, capsys: pytest.CaptureFixture[str], *, needs_line: bool
) -> None:
    """Without the line, nothing writes into tags what Metadata leaves alone."""
    (here / "a.yaml").write_text(line + TASK + text)
    ran = run(capsys, "check", "a.yaml", *SET)
    is_hidden = needs_line and not line
    assert (ran.code, "(SI053)" in ran.out) == (int(is_hidden), is_hidden)
    assert run(capsys, "check", "a.yaml", *SET, "--set", "Enabled=false").code == 0


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        pytest.param("[{Key: team, Value: shop}]", 0, id="list"),
        pytest.param("{Ref: Tags}", 1, id="not a list"),
        pytest.param("[" + "{Key: a, Value: b}, " * 50 + "]", 1, id="full"),
    ],
)
@pytest.mark.parametrize("opt_out", [OPT_OUT, EXCLUDED])
def test_a_tag_has_to_say_an_opt_out(
    opt_out: str, tags: str, code: int, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "a.yaml").write_text("Transform: SysdigInstrument\n" + TASK + f"      Tags: {tags}\n" + opt_out)
    ran = run(capsys, "check", "a.yaml", *SET)
    assert (ran.code, "(SI053)" in ran.out) == (code, bool(code))


def test_tags_that_the_macro_wrote_are_not_removed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    side = "        - {Name: side, Image: nginx, EntryPoint: [nginx]}\n"
    (here / "a.yaml").write_text(TASK + side + EXCLUDED)
    text = run(capsys, "transform", "a.yaml", *SET).out
    (here / "processed.yaml").write_text(text)
    assert run(capsys, "check", "processed.yaml", *SET).code == 0
    (here / "processed.yaml").write_text(text.replace("sysdig-instrument-exclude", "other"))
    assert run(capsys, "check", "processed.yaml", *SET).code == 1


def test_the_name_of_the_organisation_counts(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, code in [("Company-Sysdig", 0), ("Company-Sysdig-canary", 0), ("SysdigInstrument", 1)]:
        (here / "a.yaml").write_text(f"Transform: {name}\n{TASK}")
        assert run(capsys, "check", "a.yaml", *SET, "--set", "MacroName=Company-Sysdig").code == code


@pytest.mark.parametrize(
    ("use", "code"),
    [
        pytest.param("{Name: SysdigInstrument}", 0, id="the macro"),
        pytest.param("{Name: SysdigInstrument, Parameters: {Enabled: 'false'}}", 1, id="with settings"),
        pytest.param("{Name: Other}", 1, id="another"),
    ],
)
def test_a_snippet_covers_its_own_task_definition(
    use: str, code: int, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "a.yaml").write_text(TASK.replace("    Properties:\n", f"    Fn::Transform: {use}\n    Properties:\n"))
    assert run(capsys, "check", "a.yaml", *SET).code == code


def test_a_loop_that_nobody_expands_is_unknown(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loop = "  Fn::ForEach::Tasks: {Name: [a, b]}\n"
    (here / "a.yaml").write_text("Transform: [SysdigInstrument, AWS::LanguageExtensions]\n" + TASK + loop)
    assert run(capsys, "check", "a.yaml", *SET).code == 1
    (here / "a.yaml").write_text("Transform: [AWS::LanguageExtensions, SysdigInstrument]\n" + TASK + loop)
    assert run(capsys, "check", "a.yaml", *SET).code == 0


@each_template
def test_check_fails_for_a_template_that_takes_too_many_steps(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no plan then, so no task definition is known, whether or not the template lists the macro."""

    def endless(*_: object) -> None:
        raise WorkLimitError

    monkeypatch.setattr(plan, "_plan_template", endless)
    ran = run(capsys, "check", f"{name}.yaml", *SET)
    assert ran.code == 1
    assert "(SI218)" in ran.out

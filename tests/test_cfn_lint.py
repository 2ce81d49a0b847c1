"""The rules for cfn-lint, run by cfn-lint itself. What a line is, ``tests/engine/test_macro_line.py`` tests."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from case_folders import CASES, REGION, Case
from sysdig_instrument.engine.macro_line import find_line, tasks_without_line
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.settings.layers import Layer, merge_layers
from sysdig_instrument.planning import look_up_nothing, plan_with_lookups

if TYPE_CHECKING:
    from cfnlint.match import Match
    from cfnlint.rules import Rules

ROOT = Path(__file__).parent.parent
MODULE = "sysdig_instrument.cfn_lint"
MISSING, ORDER = "E9701", "W9702"
TASK = """\
Resources:
  Api:
    Type: AWS::ECS::TaskDefinition
    Properties:
      RequiresCompatibilities: [FARGATE]
      NetworkMode: awsvpc
      Cpu: "256"
      Memory: "512"
      ExecutionRoleArn: arn:aws:iam::111122223333:role/execution
      ContainerDefinitions:
        - Name: web
          Image: nginx
"""
WITHOUT = "AWS::Serverless-2016-10-31"
Place = tuple[str, int, int]


@functools.cache
def all_rules() -> Rules:
    """Return cfn-lint's rules and these. Loading them takes longer than linting does."""
    from cfnlint.config import ConfigMixIn  # noqa: PLC0415 - takes three seconds, which other tests need not spend
    from cfnlint.runner import Runner  # noqa: PLC0415 - the same

    return Runner(ConfigMixIn(append_rules=[MODULE])).rules


@functools.cache
def own_rules() -> Rules:
    from cfnlint.rules import Rules  # noqa: PLC0415 - the same

    return Rules.create_from_module(MODULE)


def lint(path: Path, *arguments: str, rules: Rules | None = None) -> list[Match]:
    """Return what cfn-lint reports on a file with these command line arguments."""
    from cfnlint.config import ConfigMixIn  # noqa: PLC0415 - the same
    from cfnlint.runner.template import run_template_by_file_paths  # noqa: PLC0415 - the same

    config = ConfigMixIn(["--regions", REGION, f"--append-rules={MODULE}", *arguments, "--", str(path)])
    return list(run_template_by_file_paths(config, rules or own_rules()))


def places(found: list[Match]) -> list[Place]:
    return [(match.rule.id, match.linenumber, match.columnnumber) for match in found]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "template.yaml"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(TASK + "Transform: SysdigInstrument\n", [], id="listed"),
        pytest.param(TASK + "Transform: [AWS::LanguageExtensions, SysdigInstrument]\n", [], id="last"),
        pytest.param("# no line\n" + TASK, [(MISSING, 2, 1)], id="missing"),
        pytest.param(TASK + f"Transform: {WITHOUT}\n", [(MISSING, 13, 1)], id="another macro"),
        pytest.param(TASK + "Transform: SysdigInstrumnet\n", [(MISSING, 13, 1)], id="misspelt"),
        pytest.param(TASK + "transform: SysdigInstrument\n", [(MISSING, 13, 1)], id="small letter"),
        pytest.param(TASK + "Metadata:\n  Transform: SysdigInstrument\n", [(MISSING, 14, 3)], id="wrong section"),
        pytest.param(TASK + "Transform:\n- SysdigInstrument\n- AWS::LanguageExtensions\n", [(ORDER, 13, 1)], id="early"),
        pytest.param(TASK + "Transform: [SysdigInstrument, SysdigInstrument]\n", [(ORDER, 13, 1)], id="twice"),
        pytest.param(TASK + "Transform: [SysdigInstrument, Strip]\n", [(ORDER, 13, 1)], id="before another macro"),
        pytest.param(TASK + "      Fn::Transform: {Name: SysdigInstrument}\n", [], id="snippet"),
        pytest.param(TASK.replace("FARGATE", "EC2"), [], id="EC2"),
        pytest.param(
            TASK + "    Metadata: {SysdigInstrument: {Enabled: false}}\n", [(MISSING, 1, 1)], id="no tag for an opt-out"
        ),
        pytest.param(TASK + "      Tags: [{Key: sysdig-instrument, Value: 'false'}]\n", [], id="left alone"),
        pytest.param("Resources: {Topic: {Type: AWS::SNS::Topic}}\n", [], id="no task definition"),
    ],
)  # fmt: skip
def test_the_line_and_its_place(file: Path, text: str, expected: list[Place]) -> None:
    file.write_text(text)
    assert places(lint(file)) == expected


def test_the_place_in_json(file: Path) -> None:
    template = yaml.safe_load(TASK)
    file.write_text(json.dumps({**template, "Transform": ["SysdigInstrumnet"]}, indent=2))
    number = file.read_text().splitlines().index('  "Transform": [') + 1
    assert places(lint(file)) == [(MISSING, number, 3)]
    file.write_text(json.dumps(template))
    assert places(lint(file)) == [(MISSING, 1, 1)]


@pytest.mark.parametrize("last", ["SysdigInstrument", WITHOUT])
def test_cfn_lint_itself_refuses_a_duplicate_key(file: Path, last: str) -> None:
    file.write_text(f"Transform: SysdigInstrument\nTransform: {last}\n{TASK}")
    assert [match.rule.id for match in lint(file)] == ["E0000", "E0000"]


LOOP = TASK.replace(
    "  Api:\n    Type", "  Fn::ForEach::Each:\n  - Name\n  - !Ref Names\n  - ${Name}Api:\n     Type"
).replace("\n    Properties", "\n     Properties")
LISTED_LOOPS = "Transform: AWS::LanguageExtensions\nParameters: {Names: {Type: CommaDelimitedList, Default: ''}}\n"


def test_what_cfn_lint_expands_counts_as_it_is_written(file: Path) -> None:
    """cfn-lint expands a loop with the values that parameters have by default, which may be none."""
    file.write_text(LISTED_LOOPS + LOOP)
    assert places(lint(file)) == [(MISSING, 1, 1)]
    mapped = TASK.replace("[FARGATE]", "!FindInMap [Types, !Ref AWS::Region, Default]")
    mappings = f"Mappings: {{Types: {{{REGION}: {{Default: [EC2]}}, us-east-1: {{Default: [EC2]}}, eu-west-3: {{Default: [FARGATE]}}}}}}\n"
    file.write_text(LISTED_LOOPS + mappings + mapped)
    assert places(lint(file)) == [(MISSING, 1, 1)]


def test_the_name_is_a_setting_of_the_rule(file: Path) -> None:
    file.write_text(TASK + "Transform: Agent\n")
    assert [match.rule.id for match in lint(file)] == [MISSING]
    assert not lint(file, "-x", f"{MISSING}:MacroName=Agent")
    assert "Write Agents." in lint(file, "-x", f"{MISSING}:MacroName=Agents")[0].message
    file.write_text(TASK + "Transform: [Agent, AWS::LanguageExtensions]\n")
    assert places(lint(file, "-x", f"{MISSING}:MacroName=Agent")) == [(ORDER, 13, 1)]


def test_an_invalid_setting_is_an_error(file: Path) -> None:
    file.write_text(TASK)
    (match,) = lint(file, "-x", f"{MISSING}:Mode=some", rules=all_rules())
    assert (match.rule.id, "Mode" in match.message) == ("E0002", True)


def test_rules_can_be_ignored(file: Path) -> None:
    file.write_text(TASK)
    assert not lint(file, "-i", MISSING)
    file.write_text(TASK + f"Metadata: {{cfn-lint: {{config: {{ignore_checks: [{MISSING}]}}}}}}\n")
    assert not lint(file)
    file.write_text(TASK + "Transform: [SysdigInstrument, AWS::LanguageExtensions]\n")
    assert not lint(file, "-i", ORDER)
    assert places(lint(file, "-i", MISSING)) == [(ORDER, 13, 1)]


def test_the_other_rules_still_run(file: Path) -> None:
    file.write_text(TASK + "          Essential: perhaps\n")
    found = {match.rule.id for match in lint(file, rules=all_rules())}
    assert found >= {MISSING, "E3012"}
    assert {match.rule.id for match in lint(file, "-i", MISSING, rules=all_rules())} == found - {MISSING}


def test_the_rules_are_in_the_range_for_users_of_cfn_lint() -> None:
    assert set(own_rules()) == {MISSING, ORDER}
    page = (ROOT / "docs/integrations.md").read_text()
    assert all(f"`{name}`" in page and rule.shortdesc and rule.description for name, rule in own_rules().items())


def as_text(value: Any) -> str:
    """Return a setting as cfn-lint passes it."""
    return ",".join(value) if isinstance(value, list) else value if isinstance(value, str) else json.dumps(value)


@pytest.mark.parametrize("case", [case for case in CASES if not case.is_plain][::3], ids=lambda case: case.name)
def test_the_rule_agrees_with_the_tool(case: Case) -> None:
    """With the settings of the deployment, the rule has a match where ``explain`` says that the line is missing."""
    from cfnlint.decode.decode import decode_str  # noqa: PLC0415 - the same
    from cfnlint.template import Template  # noqa: PLC0415 - the same

    rule = own_rules()[MISSING]
    rule.configure({name: as_text(value) for name, value in case.settings.items()})
    settings = merge_layers(Layer("the case", case.settings))
    for path in (case.input, case.folder / "expected.json"):
        template = case.document.value if path == case.input else case.read(path.name)
        if not isinstance(template, dict) or not template:
            continue
        template = {key: value for key, value in template.items() if key != "Transform"}
        plan = plan_with_lookups(template, Context(deployment_settings=settings), look_up_nothing)
        expected = bool(tasks_without_line(find_line(template, settings.values.macro_name), plan.tasks))
        decoded, _ = decode_str(json.dumps(template))
        assert bool(rule.match(Template(None, decoded, [REGION]))) == expected, path.name


def test_the_examples_are_what_cfn_lint_and_pre_commit_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cfnlint.config import ConfigMixIn  # noqa: PLC0415 - the same

    example = ROOT / "examples/cfn-lint"
    (tmp_path / ".cfnlintrc").write_text((example / ".cfnlintrc").read_text())
    monkeypatch.chdir(tmp_path)
    config = ConfigMixIn([])
    assert config.append_rules[1:] == [MODULE]
    assert config.configure_rules == {MISSING: {"MacroName": "SysdigInstrument"}}
    (hook,) = yaml.safe_load((example / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert hook["additional_dependencies"][0].startswith("sysdig-instrument[cfn-lint] @ git+https://")

"""Each case folder through the handler and through the command line tool, against the same expectation.

``make golden`` writes the expectations anew; what it wrote is read before it is committed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from case_folders import ACCOUNT, CASES, REGION, Case
from fixtures_handler import invoke
from sysdig_instrument.cli import lookups, main
from sysdig_instrument.cli.documents import fragment_of as fragment_of_value
from sysdig_instrument.cli.exit_codes import EXIT_OK, EXIT_REFUSED
from sysdig_instrument.documents import kind_of, load
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.patch import Change, json_pointer
from sysdig_instrument.engine.plan import Context, Plan, process
from sysdig_instrument.engine.protection import protection
from sysdig_instrument.engine.settings.layers import Layer, merge_layers
from sysdig_instrument.planning import look_up_nothing, plan_with_lookups

GOLDEN = os.environ.get("GOLDEN") == "1"
FILES = {
    "template.yaml",
    "template.json",
    "task-definition.json",
    "why.txt",
    "parameters.json",
    "images.json",
    "settings.json",
    "ssm.json",
    "exports.json",
    "outputs.json",
    "expected.json",
    "expected-error.txt",
    "plan.txt",
}

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def event_of(case: Case) -> dict[str, Any]:
    template = case.document.value
    assert isinstance(template, dict)
    declared = template.get("Parameters")
    defaults = {
        name: each["Default"]
        for name, each in (declared if isinstance(declared, dict) else {}).items()
        if isinstance(each, dict) and "Default" in each
    }
    return {
        "region": REGION,
        "accountId": ACCOUNT,
        "fragment": template,
        "transformId": f"{ACCOUNT}::SysdigInstrument",
        "params": {},
        "requestId": "00000000-0000-0000-0000-000000000000",
        "templateParameterValues": {**defaults, **case.read("parameters.json")},
    }


def fragment_of(case: Case) -> Json:
    value = case.document.value
    return fragment_of_value(value, kind_of(value, case.name))


def plan_of(case: Case) -> Plan:
    resolved = merge_layers(Layer("the case", case.settings))
    fragment = fragment_of(case)
    parameters = {} if case.is_plain else event_of(case)["templateParameterValues"]
    context = Context(deployment_settings=resolved, parameter_values=parameters, region=REGION, account=ACCOUNT)
    return plan_with_lookups(fragment, context, case.answers)


def described(plan: Plan) -> str:
    lines = [f"{each.operation} {json_pointer(each.pointer)}: {each.reason}" for each in plan.changes]
    lines += [f"notice: {each.text}" for each in plan.notices]
    return "".join(f"{line}\n" for line in lines)


def compare(path: Path, actual: str) -> None:
    if GOLDEN:
        path.write_text(actual)
    assert path.read_text() == actual, f"{path}: see `make golden`"


@each_case
def test_plan(case: Case) -> None:
    plan = plan_of(case)
    assert not plan.lookups
    _, problems = process(fragment_of(case), plan)
    if problems:
        assert not (case.folder / "plan.txt").exists() or GOLDEN
        (case.folder / "plan.txt").unlink(missing_ok=True)
    else:
        compare(case.folder / "plan.txt", described(plan))


@each_case
def test_handler(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    if case.is_plain:
        pytest.skip("a macro is never given a plain task definition")
    event = event_of(case)
    before = json.dumps(event)
    response = invoke(event, case.settings, case.answers, monkeypatch)
    assert json.dumps(event) == before, "the event was changed"
    assert response["requestId"] == event["requestId"]
    if response["status"] == "success":
        assert set(response) == {"requestId", "status", "fragment"}
        compare(case.folder / "expected.json", json.dumps(response["fragment"], indent=2, ensure_ascii=False) + "\n")
        if GOLDEN:
            (case.folder / "expected-error.txt").unlink(missing_ok=True)
    else:
        assert set(response) == {"requestId", "status", "errorMessage"}
        compare(case.folder / "expected-error.txt", response["errorMessage"] + "\n")
        if GOLDEN:
            (case.folder / "expected.json").unlink(missing_ok=True)


@each_case
def test_command_line(
    case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "make_lookup", lambda *_: case.answers)
    settings, output = tmp_path / "settings.json", tmp_path / f"out{case.input.suffix}"
    settings.write_text(json.dumps(case.settings))
    arguments = ["transform", str(case.input), "--settings", str(settings), "-o", str(output)]
    arguments += ["--region", REGION, "--account-id", ACCOUNT]
    for option, name in (("--parameters", "parameters.json"), ("--images", "images.json")):
        if (case.folder / name).exists():
            arguments += [option, str(case.folder / name)]
    code = main.run(arguments)
    printed = capsys.readouterr()
    assert printed.out == ""
    if (case.folder / "expected-error.txt").exists():
        assert code == EXIT_REFUSED
        wanted = (case.folder / "expected-error.txt").read_text()
        lines = [
            line.partition(" Paste into ")[0] for line in wanted.splitlines()
        ]  # the tool shows that in its own form
        facts = [line.partition("): ")[2] or line for line in lines]
        assert [fact for fact in facts if fact not in printed.err] == []
        assert not output.exists()
    else:
        assert code == EXIT_OK, printed.err
        if case.is_plain:
            compare(case.folder / "expected.json", output.read_text())
        assert load(str(output)).value == json.loads((case.folder / "expected.json").read_text())


@each_case
def test_files(case: Case) -> None:
    """Nothing lies in a case's folder that no test reads, and each case says why it is there."""
    names = {path.name for path in case.folder.iterdir()}
    assert names <= FILES
    assert "why.txt" in names
    assert len(names & {"expected.json", "expected-error.txt"}) == 1
    assert ("plan.txt" in names) == ("expected.json" in names)


@each_case
def test_protection(case: Case) -> None:
    """After processing, each task is protected or rightly skipped; before, one that needed changes was not."""
    plan = plan_of(case)
    processed, problems = process(fragment_of(case), plan)
    if problems:
        pytest.skip("refused")
    before = {
        task.task.name: protection(task)
        for task in plan_with_lookups(fragment_of(case), plan.context, look_up_nothing).tasks
    }
    after = plan_with_lookups(processed, plan.context, look_up_nothing)
    for planned, task in zip(plan.tasks, after.tasks, strict=True):
        verdict = protection(task)
        assert protection(planned, applied=True).codes == verdict.codes, task.task.name
        assert verdict.passes is ("not protected" not in planned.outcome.why), task.task.name
    assert any(not each.passes for each in before.values()) or all(not _protects(task.changes) for task in plan.tasks)


def _protects(changes: Sequence[Change]) -> bool:
    keys = {"EntryPoint", "VolumesFrom", "LinuxParameters", "PidMode"}
    wanted = [
        change for change in changes if change.pointer[-1] != "ReadOnly" and change.reason != "as the settings say"
    ]
    return any(not keys.isdisjoint(map(str, change.pointer)) for change in wanted)

"""The function as Lambda runs it: its bundle alone, under AWS's runtime emulator and runtime client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fixtures_embedded_aws import ROOT, Start, on_embedded_aws

pytestmark = on_embedded_aws

OF_OTHER_FUNCTIONS = ("deployment-hook", "hook", "watch")
EVENTS = {
    path.stem: path.read_bytes()
    for path in sorted((ROOT / "events").glob("*.json"))
    if not path.stem.startswith(OF_OTHER_FUNCTIONS)
}
REFUSED = {"refused"}


def expected(name: str) -> dict[str, str]:
    """Return the members of a response besides its content."""
    return {"requestId": json.loads(EVENTS[name])["requestId"], "status": "failure" if name in REFUSED else "success"}


@pytest.fixture
def fragment() -> dict[str, Any]:
    value: dict[str, Any] = json.loads(EVENTS["template"])["fragment"]
    return value


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_is_answered(start: Start, name: str) -> None:
    outcome = start().invoke(EVENTS[name])
    assert not outcome.is_error, outcome.log
    answer = json.loads(outcome.body)
    assert {key: answer.get(key) for key in expected(name)} == expected(name)


def test_a_template_is_instrumented_and_otherwise_unchanged(start: Start, fragment: dict[str, Any]) -> None:
    answer = json.loads(start().invoke(EVENTS["template"]).body)["fragment"]
    task = answer["Resources"]["Task"]
    assert task.pop("Metadata")["SysdigInstrument"]["Result"]["Task"] == "instrumented"
    web, agent = task["Properties"]["ContainerDefinitions"]
    assert agent["Name"] == "SysdigInstrumentation"
    assert task["Properties"].pop("PidMode") == "task"
    del web["VolumesFrom"], web["LinuxParameters"]
    assert web["Environment"].pop() == {"Name": "SYSDIG_SIDECAR", "Value": "auto"}
    web["EntryPoint"] = {"Ref": "WebEntryPoint"}
    task["Properties"]["ContainerDefinitions"].pop()
    assert answer == fragment


def test_a_warm_function_keeps_no_state(start: Start) -> None:
    """Cold or warm, and whatever came before: one event, one answer, to the byte."""
    cold = {name: start().invoke(event).body for name, event in EVENTS.items()}
    runtime = start()
    for name in [*EVENTS, *reversed(EVENTS)]:
        assert runtime.invoke(EVENTS[name]).body == cold[name], name


def test_an_event_of_another_kind_gets_a_message(start: Start) -> None:
    runtime = start()
    hook = (ROOT / "events" / "hook.json").read_bytes()
    for event in (b"{}", b"[]", b"null", b'"text"', b'{"fragment": 1}', hook):
        outcome = runtime.invoke(event)
        assert not outcome.is_error, (event, outcome.log)
        answer = json.loads(outcome.body)
        assert answer["status"] == "failure", event
        assert answer["errorMessage"], event


def test_neither_templates_nor_values_are_logged(start: Start) -> None:
    event = json.loads(EVENTS["template"])
    event["templateParameterValues"]["Tag"] = "not-to-be-seen"
    event["fragment"]["Resources"]["Task"]["Properties"]["ContainerDefinitions"][0]["Command"] = ["not-to-be-seen"]
    outcome = start().invoke(json.dumps(event).encode())
    assert json.loads(outcome.body)["status"] == "success"
    assert "not-to-be-seen" not in outcome.log


def test_the_emulator_enforces_the_timeout(start: Start, tmp_path: Path) -> None:
    """A test of the test tool: it reports a timeout as such, and the next invocation gets a new environment."""
    (tmp_path / "slow.py").write_text(
        "import time\ndef handler(event, context):\n    time.sleep(event)\n    return event\n"
    )
    runtime = start(tmp_path, "slow.handler", timeout=1)
    late = runtime.invoke(b"30")
    assert late.is_error
    assert late.body == b"Task timed out after 1.00 seconds"
    assert runtime.invoke(b"0").body == b"0"


def test_the_emulator_reports_an_exception(start: Start, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("def handler(event, context):\n    raise KeyError(event)\n")
    outcome = start(tmp_path, "bad.handler").invoke(b'"key"')
    assert outcome.is_error
    assert json.loads(outcome.body)["errorType"] == "KeyError"

"""The report of ``apply --json``: each decision, and what became of each service."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from aws_faults import DENIED, Faults
from cli.running import ROOT
from services.conftest import add_service, apply, revisions, used
from sysdig_instrument.services.ecs import Ecs
from sysdig_instrument.services.model import Service

PAGE = (ROOT / "docs" / "fleet.md").read_text()
CLASH = [{"name": "SysdigInstrumentation", "image": "nginx", "memory": 64}]
"""A workload with the name of the agent."""
OFF = [{"key": "sysdig-instrument", "value": "false"}]


def report(folder: Path) -> Any:
    return json.loads((folder / "report.json").read_text())


def test_a_dry_run_has_the_decisions_only(ecs: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    add_service(ecs, "web")
    add_service(ecs, "off", tags=OFF)
    assert apply(capsys, "--json", "report.json").code == 0
    found = report(tmp_path)
    assert (found["schema"], found["cluster"], found["executed"], found["errors"]) == (1, "shop", False, [])
    assert found["services"] == [
        {
            "service": "off",
            "taskDefinition": "off:1",
            "decision": "left alone",
            "why": "its tag sysdig-instrument is false",
            "registered": None,
            "outcome": None,
        },
        {
            "service": "web",
            "taskDefinition": "web:1",
            "decision": "to move",
            "why": None,
            "registered": None,
            "outcome": None,
        },
    ]
    assert found["decisions"] == {"to move": 1, "nothing to change": 0, "left alone": 1, "refused": 0}
    assert set(found["summary"].values()) == {0}
    assert (used(ecs, "web"), revisions(ecs)) == ("web:1", 2)


def test_what_has_moved(ecs: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    add_service(ecs, "web")
    assert apply(capsys, "--execute", "--json", "report.json").code == 0
    found = report(tmp_path)
    (web,) = found["services"]
    assert (found["executed"], web["registered"], web["outcome"]) == (True, "web:2", "moved")
    assert found["summary"]["moved"] == 1
    assert apply(capsys, "--execute", "--json", "report.json").code == 0
    (web,) = report(tmp_path)["services"]
    assert (web["decision"], web["registered"], report(tmp_path)["executed"]) == ("nothing to change", None, False)


def test_a_failure_is_in_the_report(
    ecs: Any, faults: Faults, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in ("api", "web"):
        add_service(ecs, name)
    faults.before["UpdateService"] = [None, DENIED, None]
    assert apply(capsys, "--execute", "--json", "report.json").code == 1
    found = report(tmp_path)
    assert {each["service"]: each["outcome"] for each in found["services"]} == {
        "api": "rolled back",
        "web": "not moved",
    }
    (error,) = found["errors"]
    assert error["code"] == "SI661"
    assert error["message"].startswith("UpdateService for shop/web: Amazon ECS returned AccessDeniedException. Allow ")
    assert "secret" not in json.dumps(found)


def test_a_refusal_is_in_the_report(ecs: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    add_service(ecs, "web")
    add_service(ecs, "clash", {"containerDefinitions": CLASH})
    assert apply(capsys, "--execute", "--json", "report.json").code == 1
    found = report(tmp_path)
    assert (found["executed"], found["errors"][0]["code"], found["decisions"]["refused"]) == (False, "SI660", 1)
    assert revisions(ecs) == 2


def test_a_report_that_cannot_be_written_changes_nothing(
    ecs: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    add_service(ecs, "web")
    (tmp_path / "folder").mkdir()
    assert apply(capsys, "--execute", "--json", "folder").code == 2
    assert (used(ecs, "web"), revisions(ecs)) == ("web:1", 1)


def test_the_page_has_its_members(ecs: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    add_service(ecs, "web")
    assert apply(capsys, "--json", "report.json").code == 0
    (text,) = re.findall(r"`--json FILE`(.*?)\n\n", PAGE, re.DOTALL)
    found = report(tmp_path)
    members = {*found, *found["services"][0]}
    assert members <= set(re.findall(r"`([A-Za-z]+)`", text))


def test_a_run_that_is_killed_leaves_its_report(
    ecs: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("api", "web"):
        add_service(ecs, name)
    real = Ecs.move

    def move(self: Ecs, service: Service, task_definition: str) -> Service:
        if service.name == "web":
            raise SystemExit(137)
        return real(self, service, task_definition)

    monkeypatch.setattr(Ecs, "move", move)
    assert apply(capsys, "--execute", "--json", "report.json").code == 137
    assert {each["service"]: (each["outcome"], each["registered"]) for each in report(tmp_path)["services"]} == {
        "api": ("moved", "api:2"),
        "web": ("not moved", "web:2"),
    }

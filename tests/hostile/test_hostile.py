"""Hostile events, one after the other in one process with limited memory, as in a warm function."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from hostile.templates import ATTACKS

pytestmark = pytest.mark.xdist_group("hostile")  # so that the events are sent once

MEGABYTES: Final = 512
"""Half of what template.yaml gives the function."""
SECONDS: Final = 20
"""Far more processor time than any of them takes, and far less than those took that had no limit."""


@pytest.fixture(scope="module")
def reports() -> list[dict[str, Any]]:
    """Return the report of each event: an ordinary one, one that is too large, all attacks, and the ordinary one again."""
    program = Path(__file__).with_name("run.py")
    run = subprocess.run(
        [sys.executable, str(program), str(MEGABYTES)], capture_output=True, text=True, check=False, timeout=600
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_there_are_many() -> None:
    assert len({attack.attacks for attack in ATTACKS.values()}) == len(ATTACKS) > 50


def test_each_is_answered(reports: list[dict[str, Any]]) -> None:
    assert [report["name"] for report in reports] == ["ordinary", "too large", *ATTACKS, "ordinary"]
    for report in reports:
        assert report["status"] in ("success", "failure", "SUCCESS", "FAILED"), report
        assert report["message"] or report["status"] == "success", report
        assert "Internal error" not in report["message"], report


def test_each_is_answered_soon(reports: list[dict[str, Any]]) -> None:
    slow = {report["name"]: report["seconds"] for report in reports if report["seconds"] > SECONDS}
    assert slow == {}


def test_an_ordinary_template_is_processed_before_and_after(reports: list[dict[str, Any]]) -> None:
    assert (reports[0]["status"], reports[-1]["status"]) == ("success", "success")


def test_none_leaves_memory_behind(reports: list[dict[str, Any]]) -> None:
    assert reports[-1]["resident"] < 1.5 * reports[1]["resident"]

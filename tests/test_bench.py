"""``make bench``: each goal has its case, and the cases are templates that the macro processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HANDLER = "sysdig_instrument.function.handler.handler"
FAST = (
    "growth of tasks in a chain",
    "growth of a chain",
    "growth of Mappings",
    "growth of nested containers",
    "small explain",
)

ROWS = """
import goals
rows = (*goals.HANDLER, *goals.GROWTH_OF_HANDLER, *goals.START_OF_FUNCTION, *goals.TOOL)
assert {row.case for row in rows} == set(goals.cases.CASES)
"""


def test_each_goal_has_its_case() -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("bench", "src"))}
    subprocess.run([sys.executable, "-c", ROWS], check=True, env=environment, timeout=60)


def test_cases_run() -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "BENCH_HANDLER": HANDLER}
    command = [sys.executable, str(ROOT / "bench" / "cases.py")]
    lines = subprocess.run(
        command, check=True, env=environment, input="\n".join(FAST), capture_output=True, text=True, timeout=60
    ).stdout.splitlines()
    answers = [json.loads(line) for line in lines]
    assert [answer for answer in answers if "times" not in answer] == []
    assert len(answers) == len(FAST)

"""A run over many templates takes no more memory than a run over a few."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.running import ROOT

MAX_RATIO = 1.2

MEASURED = """\
import re, sys
from sysdig_instrument.cli.main import run
code = run(sys.argv[1:])
with open("/proc/self/status") as file:
    print(re.search(r"VmHWM:\\s*(\\d+)", file.read())[1], file=sys.stderr)
sys.exit(code)
"""
"""Runs the tool and prints its peak memory, as Linux counts it (getrusage would count the test's own, too)."""


def templates(folder: Path, count: int) -> Path:
    """Write templates with different names, so that no two can share a cached value."""
    folder.mkdir()
    for number in range(count):
        container = {
            "Name": f"web-{number}",
            "Image": f"shop/web-{number}:1",
            "EntryPoint": ["/web"],
            "Environment": [{"Name": f"NAME_{item}", "Value": f"{number} {item}"} for item in range(12)],
        }
        properties = {"RequiresCompatibilities": ["FARGATE"], "ContainerDefinitions": [container]}
        task = {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}
        (folder / f"{number:04}.json").write_text(json.dumps({"Resources": {f"Task{number}": task}}))
    return folder


def peak(command: str, folder: Path, output_format: str) -> int:
    """Return the peak memory of a run over a folder, in KiB."""
    options = [
        "--format",
        output_format,
        "--no-config",
        "--offline",
        "--set",
        "Collector=us2",
        "--set",
        "AccessKeySecret=none",
    ]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, command, str(folder), *options],
        env={"PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == (1 if command == "check" else 0), done.stderr
    assert {path.name for path in folder.iterdir()} <= set(re.findall(r"\d{4}\.json", done.stdout))
    return int(done.stderr.splitlines()[-1])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the peak memory in /proc")
@pytest.mark.parametrize(
    ("command", "output_format", "count"),
    [
        pytest.param("check", "json", 100, id="check"),
        pytest.param("explain", "json", 100, id="explain"),
        pytest.param("explain", "sarif", 100, id="explain as SARIF"),
        pytest.param("diff", "text", 30, id="diff"),
        pytest.param("inventory", "csv", 100, id="inventory"),
    ],
)
def test_memory_is_flat(command: str, output_format: str, count: int, tmp_path: Path) -> None:
    few, many = templates(tmp_path / "few", count), templates(tmp_path / "many", 10 * count)
    small, large = peak(command, few, output_format), peak(command, many, output_format)
    assert large <= MAX_RATIO * small, f"{large / small:.2f} times"

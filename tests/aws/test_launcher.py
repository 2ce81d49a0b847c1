"""The embedded AWS leaves no process behind, even if the program that started it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fixtures_embedded_aws import ROOT, TOOLS, on_embedded_aws, require_tools

pytestmark = on_embedded_aws

LAUNCH = """
import sys, time
from pathlib import Path
from embedded_aws.aws import embedded_aws
with embedded_aws(Path(sys.argv[1])) as aws:
    print(aws.workspace, flush=True)
    time.sleep(600)
"""


def processes_in(folder: str) -> list[str]:
    """Return the command lines of the processes whose working directory is in the folder of the embedded AWS."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if str((entry / "cwd").readlink()).startswith(folder):
                found.append((entry / "cmdline").read_text())
        except OSError:
            continue  # it has ended, or belongs to another user
    return found


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=lambda end: end.name)
def test_a_killed_launcher_leaves_no_process_behind(end: signal.Signals, tmp_path: Path) -> None:
    require_tools()
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCH, str(TOOLS)],
        cwd=ROOT / "demo",
        env=os.environ | {"TMPDIR": str(tmp_path)},  # a killed launcher cannot remove its files
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert launcher.stdout
    workspace = launcher.stdout.readline().decode().strip()
    assert processes_in(workspace)
    launcher.send_signal(end)
    launcher.communicate(timeout=120)
    deadline = time.monotonic() + 20
    while processes_in(workspace) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_in(workspace) == []
    assert Path(workspace).exists() == (end is signal.SIGKILL)

"""A folder with templates like a user's, and the tool on PATH."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from fixtures_embedded_aws import ROOT

USES = ROOT / "examples"
Shell: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Create a folder with a template that can be instrumented, and that does not list the macro."""
    (tmp_path / "templates").mkdir()
    text = (ROOT / "docs/examples/web.yaml").read_text()
    (tmp_path / "templates/web.yaml").write_text(text.replace("Transform: SysdigInstrument\n", ""))
    return tmp_path


@pytest.fixture
def shell(here: Path) -> Shell:
    """Return a function that runs a script in that folder like a CI runner: bash stops at the first command that fails."""

    def run(script: str, *, given: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        path = f"{here / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {"PATH": path, "HOME": str(here), "LANG": "C.UTF-8", **variables}
        return subprocess.run(
            ["bash", "-eo", "pipefail", "-c", script],
            cwd=here, env=environment, input=given, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run

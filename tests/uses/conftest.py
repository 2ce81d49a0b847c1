"""A folder with templates as a user has one, and the tool on PATH."""

from __future__ import annotations

import os
import shutil
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
    """A folder with a template that can be instrumented and the settings for it."""
    (tmp_path / "templates").mkdir()
    shutil.copy(ROOT / "docs/examples/web.yaml", tmp_path / "templates")
    return tmp_path


@pytest.fixture
def shell(here: Path) -> Shell:
    """Runs a script in that folder, as a runner does: with bash, which stops at the first command that fails."""

    def run(script: str, *, given: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        path = f"{here / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {"PATH": path, "HOME": str(here), "LANG": "C.UTF-8", **variables}
        return subprocess.run(
            ["bash", "-eo", "pipefail", "-c", script],
            cwd=here, env=environment, input=given, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run

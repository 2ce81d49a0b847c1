"""What is generated from the table of settings is up to date."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sysdig_instrument import __version__

ROOT = Path(__file__).parent.parent


def test_nothing_is_stale() -> None:
    command = [sys.executable, str(ROOT / "tools" / "generate.py"), "--check"]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_template_yaml_has_the_package_s_version() -> None:
    assert f"\n    SemanticVersion: {__version__}\n" in (ROOT / "template.yaml").read_text()

"""A clone of the repository as a user has it, and a way to run the commands of a page in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from fixtures_documentation import PROGRAM, install_tool
from fixtures_embedded_aws import ROOT, TOOLS

FOLDERS = ("src", "docs/examples", "requirements")
FILES = ("Makefile", "pyproject.toml", "template.yaml", "LICENSE", "README.md")

OFFLINE_PIP = {
    "PYTHONPATH": sysconfig.get_path("purelib"), "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0",
}  # fmt: skip
"""With these variables, `pip install .` uses the packages of the tests ("0" turns this pip option on)."""

SHORT_SLEEPS = """\
import time
sleep = time.sleep
time.sleep = lambda seconds: sleep(min(seconds, 0.2))
"""
"""Makes AWS's tools poll often. `aws cloudformation deploy` would wait half a minute between two polls."""


def create_clone(root: Path) -> Path:
    """Create the part of a clone that the commands need and, in ``bin`` beside it, the installed tool."""
    clone = root / "clone"
    for name in FOLDERS:
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, clone / name)
    install_tool(root, "from sysdig_instrument.__main__ import main\nmain()\n")
    (root / "sitecustomize.py").write_text(SHORT_SLEEPS)
    return clone


def run_script(script: str, folder: Path, environment: dict[str, str], *, typed: str = "", code: int = 0) -> str:
    """Return what a bash script prints in the clone, or in a folder beside it.

    AWS's tools are available, and read their prompts' answers from ``typed``.
    """
    root = next(parent for parent in folder.parents if (parent / "bin" / PROGRAM).exists())
    path = [root / "bin", Path(sys.executable).parent, *(TOOLS / each / "bin" for each in ("sam", "localstack"))]
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, input=typed, capture_output=True, text=True, check=False,
        env={
            "PYTHONPATH": str(root), **environment, "PATH": ":".join([*map(str, path), os.environ["PATH"]]),
            "HOME": str(root),
        },
    )  # fmt: skip
    assert done.returncode == code, done.stderr + done.stdout[-4000:]
    return done.stdout

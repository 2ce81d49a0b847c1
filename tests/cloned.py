"""A clone of the repository, as a user has one, and the commands of a page run in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from documented import PROGRAM, tool_in
from embedding import ROOT, TOOLS

FOLDERS = ("src", "docs/examples", "requirements")
FILES = ("Makefile", "pyproject.toml", "template.yaml", "samconfig.toml", "LICENSE", "README.md")

WITHOUT_PYPI = {
    "PYTHONPATH": sysconfig.get_path("purelib"), "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0",
}  # fmt: skip
"""With these `pip install .` finds what it needs where the tests have it ("0": pip's way to say yes to this one)."""

IMPATIENT = """\
import time
sleep = time.sleep
time.sleep = lambda seconds: sleep(min(seconds, 0.2))
"""
"""Lets AWS's tools look soon again whether a stack is done; `aws cloudformation deploy` would wait for half a minute."""


def clone_in(root: Path) -> Path:
    """What of a clone the commands need; beside it, in ``bin``, the tool as it would be installed."""
    clone = root / "clone"
    for name in FOLDERS:
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, clone / name)
    tool_in(root, "from sysdig_instrument.__main__ import main\nmain()\n")
    (root / "sitecustomize.py").write_text(IMPATIENT)
    return clone


def run(script: str, folder: Path, environment: dict[str, str], *, typed: str = "", code: int = 0) -> str:
    """What a script prints, run by bash in a folder of what ``clone_in`` made, or beside it.

    AWS's tools are there, with what ``typed`` has in answer to their questions.
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

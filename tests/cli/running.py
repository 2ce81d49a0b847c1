"""Run the tool in this process, also on the examples of the documentation."""

from __future__ import annotations

import io
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sysdig_instrument.cli import main

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "docs" / "examples"
SETTINGS = ["--settings", "settings.yaml", "--images", "images.json", "--offline"]


@dataclass(frozen=True)
class Ran:
    """The result of a run."""

    code: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        return json.loads(self.out)


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path, stdin: bytes | None = None) -> Ran:
    """Run the tool in this process."""
    before = sys.stdin
    if stdin is not None:
        sys.stdin = io.TextIOWrapper(io.BytesIO(stdin))
    try:
        code = main.run([str(each) for each in arguments])
    except SystemExit as end:  # argparse
        code = int(end.code or 0)
    finally:
        sys.stdin = before
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    return Ran(code, printed.out, printed.err)


def without_places(text: str) -> str:
    """Return messages without the lines below each: its place (``  --> file:line:column``), and what to paste."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("  "))


def with_examples(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the documentation's examples to a folder and change to it."""
    shutil.copytree(EXAMPLES, folder, dirs_exist_ok=True)
    monkeypatch.chdir(folder)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(folder / "none"))
    return folder

"""The source that is measured: that of this checkout, or of another revision, and the function's bundle made of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
MEASURED: Final = ("src", "bench", "template.yaml")


@dataclass(frozen=True, slots=True)
class Source:
    """A copy of the source, compiled for this Python, as the tool is where it is installed."""

    folder: Path
    bundle: Path
    """The function's code and packages, as AWS SAM would upload them."""

    @property
    def handler(self) -> str:
        """The name of the macro's handler: the first in the template."""
        template = (self.folder / "template.yaml").read_text()
        return str(re.findall(r"^ +Handler: (\S+)$", template, re.MULTILINE)[0])


def copy_of_checkout(folder: Path) -> Source:
    """Copy the files of this checkout, committed or not."""
    folder.mkdir()
    for name in MEASURED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    return _with_bundle(folder)


def copy_of_revision(revision: str, folder: Path) -> Source:
    """Copy the files of another revision."""
    folder.mkdir()
    archive = subprocess.run(["git", "archive", revision, *MEASURED], check=True, capture_output=True, cwd=ROOT).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return _with_bundle(folder)


def _with_bundle(folder: Path) -> Source:
    bundle = folder / "bundle"
    bundle.mkdir()
    options = [f"ARTIFACTS_DIR={bundle}", f"PYTHON={sys.executable}"]
    subprocess.run(
        ["make", "--silent", "build-MacroFunction", *options],
        check=True,
        cwd=folder / "src",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    subprocess.run([sys.executable, "-m", "compileall", "-q", folder / "src"], check=True)
    return Source(folder, bundle)

"""Constants, markers and build steps for tests on the embedded AWS and under the Lambda runtime emulator."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn, TypeAlias

import pytest

from embedded_aws.runtime import Runtime
from repositories import PRIVATE_IMAGE

ROOT: Final = Path(__file__).resolve().parent.parent
TOOLS: Final = ROOT / ".tools"
SECRET: Final = "arn:aws:secretsmanager:us-east-1:000000000000:secret:sysdig"  # noqa: S105 - its name

Start: TypeAlias = Callable[..., Runtime]

IMAGES: Final = {
    "shop/web:1.4": {"Entrypoint": ["/usr/bin/tini", "--"], "Cmd": ["gunicorn", "shop:app"]},
    "shop/worker:1.4": {"Entrypoint": None, "Cmd": ["python", "-m", "shop.worker"]},
    PRIVATE_IMAGE: {"Entrypoint": ["/api"]},
}
"""The image configs with which the macro is deployed. The last one takes the place of Amazon ECR, which LocalStack does not have."""

# One worker runs all of them, so that only one embedded AWS is started.
on_embedded_aws = [pytest.mark.aws, pytest.mark.xdist_group("aws")]


def require_tools() -> None:
    """Skip the test if the embedded AWS cannot run here; in CI, fail."""
    if platform.system() != "Linux":
        skip_or_fail("the Lambda runtime emulator runs on Linux only")
    if not (TOOLS / ".done").exists():
        skip_or_fail("`make dev` has not been run")


def skip_or_fail(reason: str) -> NoReturn:
    """Skip the test for a missing program; in CI, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def build_function(folder: Path) -> Path:
    """Build the function's bundle as `sam build` does, and return its folder."""
    folder.mkdir()
    run_make("build-MacroFunction", f"ARTIFACTS_DIR={folder}")
    return folder


def run_make(*arguments: str) -> str:
    """Run targets of src/Makefile, and return what they print."""
    make = ["make", "--silent", "--directory", str(ROOT / "src"), *arguments]
    return subprocess.run(make, check=True, timeout=120, stdout=subprocess.PIPE, text=True).stdout

"""The wheel has the right files, and works once it is installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fixtures_embedded_aws import ROOT

PACKAGES = Path(next(path for path in sys.path if path.endswith("site-packages")))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_has_only_the_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"sysdig_instrument"}
    assert "sysdig_instrument/py.typed" in names


def test_the_wheel_installs_the_command(wheel: Path, tmp_path: Path) -> None:
    uv = shutil.which("uv", path=str(Path(sys.executable).parent))
    assert uv
    python = tmp_path / "env/bin/python"
    for command in (
        [uv, "venv", "--quiet", "--offline", "--python", sys.executable, str(tmp_path / "env")],
        [uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", str(python), str(wheel)],
    ):
        subprocess.run(command, check=True, capture_output=True)
    (site,) = (tmp_path / "env/lib").glob("python*/site-packages")
    for name in ("yaml", "jsonpatch.py", "jsonpointer.py"):  # pip would install these
        (site / name).symlink_to(PACKAGES / name)
    tool = [str(tmp_path / "env/bin/sysdig-instrument"), "transform", str(ROOT / "docs/examples/web.yaml")]
    done = subprocess.run(
        [*tool, "--set", "Collector=us2", "--set", "AccessKeySecret=none"], cwd=tmp_path, env={"HOME": str(tmp_path)}, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "/opt/draios/bin/instrument" in done.stdout

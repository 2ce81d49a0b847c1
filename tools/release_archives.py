"""The archives of a release: packages for pip, the one-file tool and the function's zip. The same sources give the same bytes.

Each archive has the time of the commit (``SOURCE_DATE_EPOCH``), sorted names and fixed modes, and no path of the machine
that made it.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
SHIV: Final = ROOT / ".tools" / "release" / "bin" / "shiv"
UV: Final = Path(sys.executable).with_name("uv")

AWS_SERVICES: Final = (
    *("ssm", "cloudformation", "ecr", "secretsmanager", "sts", "ec2", "ecs", "logs"),
    *("sso", "sso-oidc", "signin"),  # with which botocore itself gets credentials
)
"""The services whose description the one-file tool has: those that it calls. The others take 95 % of botocore's size."""

PREAMBLE: Final = """\
import sys

if sys.version_info < (3, 11):
    sys.exit("sysdig-instrument needs Python 3.11 or later; this is Python %d.%d." % sys.version_info[:2])
"""
"""Runs before the tool is imported, so in any Python 3."""

FIRST_ZIP_TIME: Final = 315_532_800
"""1980-01-01, the earliest time that a zip can hold."""


def build_packages(folder: Path, environment: dict[str, str]) -> Path:
    """Build wheel and sdist, and return the wheel."""
    run(environment, sys.executable, "-m", "hatchling", "build", "-d", str(folder))
    (wheel,) = folder.glob("*.whl")
    return wheel


def build_zipapp(target: Path, wheel: Path, folder: Path, environment: dict[str, str]) -> None:
    """Build the one-file tool from the wheel and the locked packages, in a folder."""
    site = folder / "site-packages"
    install = (str(UV), "pip", "install", "--quiet", "--no-deps", "--target", str(site))
    run(environment, *install, "--require-hashes", "--only-binary=:all:", "-r", "requirements/cli.txt")
    run(environment, *install, str(wheel))
    for licence in SHIV.parent.parent.glob("lib/*/site-packages/shiv-*.dist-info/LICENSE*"):
        shutil.copy(licence, site / "shiv.LICENSE")  # the file contains shiv's own modules, which unpack it
    remove_what_depends_on_the_machine(site)
    preamble = folder / "preamble.py"
    preamble.write_text(PREAMBLE)
    preamble.chmod(0o755)
    run(
        environment,
        *(str(SHIV), "--site-packages", str(site), "--entry-point", "sysdig_instrument.__main__:main"),
        *("--python", "/usr/bin/env python3", "--reproducible", "--preamble", str(preamble), "-o", str(target)),
    )


def remove_what_depends_on_the_machine(site: Path) -> None:
    """Leave only pure Python, data, licences and the packages' own metadata; make the modes of files equal everywhere."""
    for path in [*site.rglob("*.so"), *site.rglob("*.pyd"), *site.rglob("__pycache__"), site / "bin", site / ".lock"]:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for path in site.glob("*.dist-info/*"):
        if path.is_file() and not path.name.startswith(("METADATA", "LICENSE", "NOTICE")):
            path.unlink()
    for path in (site / "botocore" / "data").iterdir():
        if path.is_dir() and path.name not in AWS_SERVICES:
            shutil.rmtree(path)
    for path in site.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def build_function(target: Path, folder: Path, environment: dict[str, str]) -> None:
    """Build the function's zip from what `sam build` puts into its bundle, in a folder."""
    folder.mkdir(parents=True)
    run(environment, "make", "--silent", "-C", "src", "build-MacroFunction", f"ARTIFACTS_DIR={folder}")
    write_zip(target, folder, int(environment["SOURCE_DATE_EPOCH"]))


def write_zip(target: Path, folder: Path, seconds: int) -> None:
    """Write the files of a folder into a zip, all with one time."""
    at = time.gmtime(max(seconds, FIRST_ZIP_TIME))[:6]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), at)
            info.create_system = 3  # Unix, wherever it is made
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, path.read_bytes(), compresslevel=9)


def source_date() -> str:
    """Return the time of the commit, unless the environment has another one."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return given
    return git("log", "-1", "--format=%ct") or str(FIRST_ZIP_TIME)


def git(*arguments: str) -> str:
    """Return what git prints, or an empty string where there is no repository."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def run(environment: dict[str, str], *command: str) -> None:
    """Run a program, and show what it prints only if it fails."""
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")

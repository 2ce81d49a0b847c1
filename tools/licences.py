"""docs/licences.md: the licences of the packages that this software depends on, from their own metadata."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import PackageMetadata, metadata
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
LOCK_FILES: Final = {
    "the function": ROOT / "src" / "requirements.txt",
    "the command line tool": ROOT / "requirements" / "cli.txt",
}
"""The packages of each part. The function's botocore is that of the Lambda runtime."""

SPDX_IDS: Final = {"Apache License 2.0": "Apache-2.0"}
"""SPDX expressions for licence names in package metadata that are not SPDX."""

REVIEWED: Final = {
    "aws-lambda-powertools": "MIT-0",  # its metadata says MIT
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",  # its metadata says Dual License
}
"""Licences that were read from the licence text, where the metadata is less exact."""

ACCEPTED: Final = {"Apache-2.0", "Apache-2.0 OR BSD-3-Clause", "BSD-3-Clause", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0"}
"""Licences that have been reviewed. Any other stops the generator until it has been reviewed.

MPL-2.0 obliges only those who change its files; shtab is installed unchanged, and is not part of the function.
"""


def page() -> Iterator[str]:
    """Yield the lines of docs/licences.md."""
    yield from (
        "<!-- Written by `make docs` from the packages' metadata. -->",
        "# Licences",
        "",
        "sysdig-instrument is under the Apache License 2.0. These packages are part of the function or of the",
        "tool, at the versions locked with their hashes in `src/requirements.txt` and `requirements/cli.txt`. `make sbom` writes the",
        "same list as software bills of materials (CycloneDX). Sysdig's agent is not part of it.",
        "",
        "| package | version | licence | part of |",
        "|---|---|---|---|",
    )
    parts: dict[tuple[str, str], list[str]] = {}
    for part, path in LOCK_FILES.items():
        for locked in requirements(path):
            parts.setdefault(locked, []).append(part)
    for (name, version), users in sorted(parts.items()):
        yield f"| {name} | {version} | {licence(name, version)} | {', '.join(users)} |"


def requirements(path: Path) -> list[tuple[str, str]]:
    """Yield the names and versions in a file of locked requirements."""
    return re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", path.read_text("utf-8"), re.MULTILINE)


def licence(name: str, version: str) -> str:
    """Return the licence of an installed package as an SPDX expression."""
    package: PackageMetadata = metadata(name)
    if package["Version"] != version:
        raise SystemExit(f"{name} must be at {version}, but {package['Version']} is installed. Run `make .venv/.done`.")
    declared = next((package[key] for key in ("License-Expression", "License") if key in package), "no licence")
    spdx = REVIEWED.get(name) or SPDX_IDS.get(declared, declared)
    if spdx not in ACCEPTED:
        raise SystemExit(f"{name} has an unreviewed licence, {spdx[:60]!r}. Review it and add it to ACCEPTED.")
    return spdx

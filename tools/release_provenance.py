"""What says how a release was made: its provenance (in-toto, SLSA) and the checksums of its files.

The statement is not signed. A release that the workflow makes has, beside it, attestations that GitHub signs.
"""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from release_archives import git
from sysdig_instrument import __version__

ROOT: Final = Path(__file__).resolve().parent.parent
PROVENANCE: Final = "provenance.json"
CHECKSUMS: Final = "SHA256SUMS"
LOCK_FILES: Final = ("src/requirements.txt", "requirements/cli.txt", "requirements/dev.txt", "requirements/release.txt")
NOT_SUBJECTS: Final = {PROVENANCE, CHECKSUMS}


def repository() -> str:
    """Return the address of the repository, whose only place is pyproject.toml."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    address: str = project["urls"]["Repository"]
    return address


def statement(folder: Path, source_date: str, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return the statement about the files of a folder: their digests, and what they were made from."""
    home = repository()
    commit = git("rev-parse", "HEAD")
    source = {"uri": f"git+{home}"} | ({"digest": {"gitCommit": commit}} if commit else {})
    locks = [{"uri": f"file:{name}", "digest": {"sha256": digest(ROOT / name)}} for name in LOCK_FILES]
    in_actions = environment.get("GITHUB_ACTIONS") == "true"
    parameters = {"version": __version__, "SOURCE_DATE_EPOCH": source_date}
    internal = {
        "uncommittedChanges": bool(git("status", "--porcelain")) if commit else None,
        "functionIsCompiled": has_compiled_files(folder / "function.zip"),
        "signed": False,
    }
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": path.name, "digest": {"sha256": digest(path)}}
            for path in sorted(folder.iterdir())
            if path.name not in NOT_SUBJECTS
        ],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": f"{home}/blob/main/docs/releasing.md",
                "externalParameters": parameters,
                "internalParameters": internal,
                "resolvedDependencies": [source, *locks],
            },
            "runDetails": {
                "builder": {"id": f"{home}/blob/main/.github/workflows/release.yml" if in_actions else "local"},
            },
        },
    }


def has_compiled_files(archive: Path) -> bool:
    """Return whether the function's zip has Python's compiled files. Their bytes depend on the version of Python."""
    return archive.exists() and b".pyc" in archive.read_bytes()


def write(folder: Path, source_date: str) -> None:
    """Write the statement, and then the checksums of all files."""
    text = json.dumps(statement(folder, source_date), indent=2)
    (folder / PROVENANCE).write_text(f"{text}\n", "utf-8")
    (folder / CHECKSUMS).write_text(checksums(folder), "utf-8")


def checksums(folder: Path) -> str:
    """Return the checksums in the form of `sha256sum --check`."""
    paths = sorted(path for path in folder.iterdir() if path.name != CHECKSUMS)
    return "".join(f"{digest(path)}  {path.name}\n" for path in paths)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()

"""The settings file that is found in the folder: ``.sysdig-instrument.yaml`` or ``.json``, of the form of ``--settings``.

It is looked for beside the document, upward to the root of its Git repository, and in the current folder. Outside of a
repository nothing is looked for upward, so that nobody who can write to a folder above decides what is done here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

NAMES: Final = (".sysdig-instrument.yaml", ".sysdig-instrument.yml", ".sysdig-instrument.json")


def found(document: str) -> Path | None:
    """The settings file for a document, or for the current folder where the document is ``-``."""
    path = Path("." if document == "-" else document)
    try:
        here = (path if path.is_dir() or document == "-" else path.parent).resolve()
    except OSError:
        return None  # that the document cannot be read is told when it is
    return next(
        (file for folder in (*_folders(here), Path.cwd()) for name in NAMES if (file := folder / name).is_file()), None
    )


def _folders(here: Path) -> Iterator[Path]:
    upward = [here, *here.parents]
    root = next((number for number, folder in enumerate(upward) if (folder / ".git").exists()), 0)
    yield from upward[: root + 1]


def name_of(config: Path) -> str:
    """What messages call it: its path from here, where that is the shorter one."""
    try:
        relative = os.path.relpath(config)
    except ValueError:  # another drive
        return str(config)
    return min(relative, str(config), key=len)

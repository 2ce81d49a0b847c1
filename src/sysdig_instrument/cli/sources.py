"""The files that a command goes through: those that were named, and those in folders that were."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from sysdig_instrument.cli.subject import Subject, subject_of
from sysdig_instrument.documents import load, read
from sysdig_instrument.documents.places import MAX_BYTES
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.errors import UsageError
from sysdig_instrument.values import dataclass

SUFFIXES: Final = (".json", ".yaml", ".yml", ".template")
_NOT_OURS: Final = frozenset({"node_modules", "__pycache__"})
_SIGNS: Final = (b"AWS::ECS::TaskDefinition", b"ontainerDefinitions")
"""Without any of these in it, a file in a folder holds no task definition: most need not be parsed at all."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to go through. One that was found in a folder is passed over where it is no template."""

    path: str
    is_named: bool


def sources(paths: Iterable[str]) -> Iterator[Source]:
    """The files, those of folders in the order of their names. Hidden files and folders are left out."""
    for path in paths:
        if path != "-" and Path(path).is_dir():
            yield from (Source(found, is_named=False) for found in _inside(path))
        else:
            yield Source(path, is_named=True)


def _inside(folder: str) -> Iterator[str]:
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _NOT_OURS)
        for name in sorted(files):
            if name.endswith(SUFFIXES) and not name.startswith("."):
                yield str(Path(here, name))


def opened(source: Source) -> Subject | None:
    """What is in a file; nothing where a file in a folder is no template.

    Raises:
        UsageError: A file that was named cannot be used, or one in a folder is a template that cannot be read.
        RefusedError: It is a template that is too large for CloudFormation.
    """
    if source.is_named:
        return subject_of(load(source.path))
    data = _bytes(source.path)
    text = data.replace(b"\0", b"")  # UTF-16 looks like UTF-8 then, as far as the signs go
    if any(sign in text for sign in _SIGNS):
        document = read(data, source.path)
        return subject_of(document) if _is_ours(document.value) else None
    if text.lstrip()[:1] == b"[" and b'mage"' in text:
        return _containers(data, source.path)
    return None


def _bytes(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}. Make it readable, or leave it out.") from None


def _is_ours(value: Json) -> bool:
    keys = {"Resources", "taskDefinition", "TaskDefinition", "containerDefinitions", "ContainerDefinitions"}
    return isinstance(value, dict) and not keys.isdisjoint(value)


def _containers(data: bytes, path: str) -> Subject | None:
    """An array of container definitions: in a folder many an array of objects with names is something else."""
    try:
        document = read(data, path)
    except UsageError:
        return None
    entries = document.value if isinstance(document.value, list) else []
    is_ours = bool(entries) and all(_has_name_and_image(entry) for entry in entries)
    return subject_of(document) if is_ours else None


def _has_name_and_image(entry: Json) -> bool:
    return isinstance(entry, dict) and ({"name", "image"} <= entry.keys() or {"Name", "Image"} <= entry.keys())

"""The settings file of a document, ``.sysdig-instrument.yaml``: where it is found, and what it has."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from itertools import takewhile
from typing import Final

from sysdig_instrument.cli.file_options import OPTIONS_KEY, FileOptions, existing, file_options
from sysdig_instrument.cli.value_files import (
    load_all,
    load_image_configs,
    load_object,
    load_parameters,
    parse_parameters,
)
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.settings.layers import Layer
from sysdig_instrument.engine.settings.table import BY_NAME
from sysdig_instrument.engine.suggestions import suggest
from sysdig_instrument.errors import UsageError
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.printable import printable_name


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """A settings file: its settings, and the options of the call that it has."""

    layer: Layer
    options: FileOptions


def read_settings_file(path: str, *, is_found: bool = False) -> SettingsFile:
    """Read a settings file. What a found one has in Images counts as its own ImageConfigs.

    Raises:
        UsageError: It cannot be read, or has something else.
    """
    values = load_object(path, "settings")
    for name in values.keys() - {OPTIONS_KEY}:
        if name not in BY_NAME and suggest(name, [OPTIONS_KEY, *BY_NAME]) == OPTIONS_KEY:
            text = f'Unknown setting "{printable_name(name)}" in {printable_name(path)}. Did you mean "{OPTIONS_KEY}"?'
            raise UsageError(text, code=Code.SETTING_UNKNOWN)
    options = file_options(values, path, is_found=is_found)
    settings = {name: value for name, value in values.items() if name != OPTIONS_KEY}
    if is_found and options.image_files:
        own = settings.get("ImageConfigs")
        configs = load_all(load_image_configs, existing(options.image_files, "Images", path))
        settings["ImageConfigs"] = {**configs, **own} if isinstance(own, dict) else own or configs
    return SettingsFile(Layer(printable_name(path), settings, is_found=is_found), options)


def parameters_of(file: SettingsFile) -> dict[str, Json]:
    """Return the values of template parameters that a settings file has, in files or itself."""
    return {
        **load_all(load_parameters, existing(file.options.parameter_files, "Parameters", file.layer.name)),
        **parse_parameters(dict(file.options.parameters), file.layer.name),
    }


SETTINGS_FILE_NAMES: Final = (".sysdig-instrument.yaml", ".sysdig-instrument.yml", ".sysdig-instrument.json")


def find_settings_file(document_path: str) -> str | None:
    """Return the settings file for a document, or for the current folder if the document is ``-``."""
    path = "." if document_path == "-" else document_path
    try:
        start = os.path.realpath(path if os.path.isdir(path) else os.path.dirname(path))
    except OSError:
        return None  # reading the document reports this error
    return next(
        (
            file
            for folder in (*_folders_to_search(start), os.getcwd())
            for name in SETTINGS_FILE_NAMES
            if os.path.isfile(file := os.path.join(folder, name))
        ),
        None,
    )


def _folders_to_search(start: str) -> Iterator[str]:
    owned = takewhile(lambda folder: not _is_for_everyone(folder), _parents(start))
    ancestors = [start, *owned]
    root_index = next((index for index, folder in enumerate(ancestors) if os.path.exists(f"{folder}/.git")), 0)
    yield from ancestors[: root_index + 1]


def _parents(folder: str) -> Iterator[str]:
    while (parent := os.path.dirname(folder)) != folder:
        yield parent
        folder = parent


def _is_for_everyone(folder: str) -> bool:
    """Return whether everyone may create files in a folder, as in ``/tmp``: a repository there may be anyone's."""
    try:
        mode = os.stat(folder).st_mode
    except OSError:
        return False  # reading the document reports this error
    return bool(mode & stat.S_ISVTX and mode & stat.S_IWOTH)


def display_path(path: str) -> str:
    """Return the shorter of the absolute path and the path relative to the current folder, for messages."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        return path
    return min(relative, path, key=len)


def is_same_file(first: str, second: str) -> bool:
    """Return whether both are the same file, also by a link."""
    try:
        return os.path.samefile(first, second)
    except OSError:
        return False

"""``Options`` in a settings file: options of the call that are the same for each run, such as ``Images`` and ``Region``.

Whoever wrote the document may have written a file that was found near it. So such a file has no option that decides whose
credentials count or what is reached, and the files that it names are in its own folder or below, and not hidden: another
file may hold a secret of the caller, which a template could put into the name of an image.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import quote
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.settings.table import BY_NAME
from sysdig_instrument.engine.suggestions import suggest
from sysdig_instrument.errors import UsageError
from sysdig_instrument.lazy_dataclasses import dataclass, field
from sysdig_instrument.printable import printable_name

OPTIONS_KEY: Final = "Options"

FILE_OPTIONS: Final[Mapping[str, str]] = {
    "Region": "AWS region, as --region has it.",
    "AccountId": "AWS account ID of twelve digits, in quotes, as --account-id has it.",
    "Parameters": "Values of template parameters: an object of names and values, or a file or list of files for --parameters.",
    "Images": "A file, or a list of files, for --images.",
    "Ssm": "Values of parameters of AWS Systems Manager by name, as --ssm has them.",
    "Unknown": "fail or warn: what is not known here is an error or a warning, as --unknown has it.",
    "Offline": "true: contact no registry and no AWS service, as --offline does.",
}
"""The options that a settings file may have, and what they are."""

_ONLY_COMMAND_LINE: Final = ("Docker", "FromMacro", "NoConfig", "Profile", "Set", "Settings")


@dataclass(frozen=True, slots=True)
class FileOptions:
    """The options of the call that a settings file has. Paths are relative to the current folder."""

    region: str | None = None
    account_id: str | None = None
    parameters: Mapping[str, Json] = field(default_factory=dict)
    parameter_files: tuple[str, ...] = ()
    image_files: tuple[str, ...] = ()
    ssm: Mapping[str, str] = field(default_factory=dict)
    offline: bool = False
    unknown: str | None = None


def file_options(values: Mapping[str, Json], path: str, *, is_found: bool) -> FileOptions:
    """Return the options in the values of a settings file. ``is_found`` is false if the caller named the file.

    Raises:
        UsageError: An option does not exist, has an invalid value, or is in the wrong place.
    """
    for name in values:
        _refuse_outside(name, path)
    options = values.get(OPTIONS_KEY)
    if options is None:
        return FileOptions()
    if not isinstance(options, dict):
        raise UsageError(
            f"Options in {printable_name(path)} is not an object. Write names and values, such as Region.",
            code=Code.FILE_OPTION,
        )
    for name in options:
        _refuse_unknown(name, path)
    read = _Reader({name: value for name, value in options.items() if value not in (None, "")}, path, is_found=is_found)
    parameters = read.values.get("Parameters")
    return FileOptions(
        region=read.text("Region", r"[a-z0-9-]{1,40}", "the name of a Region, such as eu-west-1"),
        account_id=read.text("AccountId", r"[0-9]{12}", "twelve digits in quotes"),
        parameters=parameters if isinstance(parameters, dict) else {},
        parameter_files=() if isinstance(parameters, dict) else read.files("Parameters"),
        image_files=read.files("Images"),
        ssm=read.texts("Ssm"),
        offline=read.boolean("Offline"),
        unknown=read.text("Unknown", "fail|warn", "fail or warn"),
    )


def _refuse_outside(name: str, path: str) -> None:
    option = _option_of(name, FILE_OPTIONS)
    if option and name not in BY_NAME:
        raise UsageError(
            f"{quote(name)} in {printable_name(path)} is not a setting but an option. Write it under Options, as {option}.",
            code=Code.FILE_OPTION,
        )


def _refuse_unknown(name: str, path: str) -> None:
    if name in FILE_OPTIONS:
        return
    if option := _option_of(name, _ONLY_COMMAND_LINE):
        raise UsageError(
            f"Option {option} in {printable_name(path)} can only be given on the command line. Remove it there.",
            code=Code.FILE_OPTION,
        )
    known = _option_of(name, FILE_OPTIONS) or suggest(name, FILE_OPTIONS)
    if name in BY_NAME:
        advice = "It is a setting: write it beside Options, not in it."
    else:
        advice = f"Did you mean {known}?" if known else f"Use {', '.join(FILE_OPTIONS)}."
    raise UsageError(
        f"Unknown option {quote(name)} in Options of {printable_name(path)}. {advice}", code=Code.FILE_OPTION
    )


def _option_of(name: str, options: Mapping[str, str] | tuple[str, ...]) -> str | None:
    """Return the option that is written in another way: ``account-id``, ``--region``, ``images``."""
    plain = re.sub(r"[^a-z]", "", name.lower())
    return next((option for option in options if option.lower() == plain), None)


class _Reader:
    """Reads the values of options."""

    def __init__(self, values: Mapping[str, Json], path: str, *, is_found: bool) -> None:
        self.values = values
        self._path = path
        self._is_found = is_found

    def text(self, name: str, pattern: str, expected: str) -> str | None:
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise self._invalid(name, expected)
        return value

    def boolean(self, name: str) -> bool:
        value = self.values.get(name, False)
        if not isinstance(value, bool):
            raise self._invalid(name, "true or false")
        return value

    def texts(self, name: str) -> dict[str, str]:
        value = self.values.get(name, {})
        if not isinstance(value, dict):
            raise self._invalid(name, "an object of names and strings")
        texts = {key: each for key, each in value.items() if isinstance(each, str)}
        if len(texts) < len(value):
            raise self._invalid(name, "an object of names and strings")
        return texts

    def files(self, name: str) -> tuple[str, ...]:
        """Return the paths of files, which are relative to the folder of the settings file."""
        value = self.values.get(name, [])
        paths = [value] if isinstance(value, str) else value
        if not isinstance(paths, list):
            raise self._invalid(name, "a path, or a list of paths")
        texts = [each for each in paths if isinstance(each, str) and each]
        if len(texts) < len(paths):
            raise self._invalid(name, "a path, or a list of paths")
        return tuple(self._file(name, each) for each in texts)

    def _file(self, name: str, path: str) -> str:
        folder = os.path.dirname(self._path) or "."
        if self._is_found and not is_visible_below(folder, path):
            raise UsageError(
                f"Option {name} in {printable_name(self._path)} names a hidden file or one outside of its folder, and the tool "
                "found this settings file without your naming it. Move the file there, or name it on the command line.",
                code=Code.FILE_OPTION,
            )
        return os.path.join(folder, path)

    def _invalid(self, name: str, expected: str) -> UsageError:
        return UsageError(
            f"Option {name} in {printable_name(self._path)} has an invalid value. Use {expected}.",
            code=Code.FILE_OPTION,
        )


def existing(paths: Iterable[str], option: str, settings_file: str) -> tuple[str, ...]:
    """Return the paths that an option of a settings file names.

    Raises:
        UsageError: There is nothing at one of them.
    """
    for path in paths:
        if not os.path.exists(path):
            advice = "Give the path from the folder of that file."
            if option == "Parameters" and "=" in path:
                advice = "For values in place of files, write an object: Parameters: {NAME: VALUE}."
            raise UsageError(
                f"Option {option} in {printable_name(settings_file)} names {printable_name(os.path.normpath(path))}, which does not exist. {advice}",
                code=Code.FILE_OPTION,
            )
    return tuple(paths)


def is_visible_below(folder: str, path: str) -> bool:
    """Return whether a path leads to a file in a folder or below, not through a hidden folder such as ``.git``."""
    from pathlib import Path  # noqa: PLC0415 - only for a file that names others

    try:
        below = Path(folder, path).resolve().relative_to(Path(folder).resolve())
    except (OSError, RuntimeError, ValueError):  # it is elsewhere, a loop of links, or has a null character
        return False
    return not any(part.startswith(".") for part in below.parts)

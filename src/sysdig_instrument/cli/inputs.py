"""The inputs of a plan, from the command line options: parameter values, settings, image configs, region and account.

Settings also come from a settings file, ``.sysdig-instrument.yaml`` (or ``.yml``, ``.json``), which has the form of
``--settings``. It is searched beside the document, upward to the root of its Git repository, and in the current folder.
Outside a repository, parent folders are not searched: whoever can write to one must not control this run. A file that was
found is a party of its own: whoever wrote the document may have written it, too. So it may not have the settings that decide
which hosts are reached and what they are sent, and the caller's LockedSettings bind it. With ``--from-macro`` its settings do
not count at all: the deployed macro does not read it.
"""

from __future__ import annotations

import argparse
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Final

from sysdig_instrument.cli.console import write_stderr
from sysdig_instrument.cli.from_macro import read_macro, tell_unknown_values
from sysdig_instrument.documents import load
from sysdig_instrument.documents.errors import EmptyDocumentError
from sysdig_instrument.documents.locate import duplicate_keys
from sysdig_instrument.engine.findings import quote
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.settings.layers import Layer, ResolvedSettings, merge_layers, with_layer
from sysdig_instrument.errors import UsageError
from sysdig_instrument.printable import printable_name

_PARAMETERS_ADVICE: Final = 'Give a JSON object of names and values, or a list as for `aws cloudformation`: [{"ParameterKey": …, "ParameterValue": …}].'


class PlanInputs:
    """The inputs from the options. The context depends on the document: each may have its own settings file."""

    def __init__(self, options: argparse.Namespace, environment: Mapping[str, str]) -> None:
        self._options = options
        configs = {image: each for path in options.images for image, each in _load_image_configs(path).items()}
        image_layers = [Layer(options.images[-1], {"ImageConfigs": configs})] if options.images else []
        parameters = {name: value for path in options.parameters for name, value in _load_parameters(path).items()}
        self._parameters = {**parameters, **parse_pairs(options.parameter, "-p")}
        self._region = options.region or aws_region(environment, options.profile)
        self._settings = _SettingsSources(options, self._region, image_layers)
        self._contexts: dict[Path | None, Context] = {}

    def context_for(self, path: str) -> Context:
        """Return the plan context for a file.

        Raises:
            UsageError: An option or the settings file has an invalid value.
        """
        settings_file = None if self._options.no_config else find_settings_file(path)
        if settings_file not in self._contexts:
            self._contexts[settings_file] = Context(
                deployment_settings=self._settings.merge(settings_file),
                parameter_values=self._parameters,
                region=self._region,
                account=self._options.account_id,
            )
        return self._contexts[settings_file]


def context_for_file(options: argparse.Namespace, environment: Mapping[str, str], path: str) -> Context:
    """Return the plan context for a file.

    Raises:
        UsageError: An option or the settings file has an invalid value.
    """
    return PlanInputs(options, environment).context_for(path)


def settings_from_options(options: argparse.Namespace, environment: Mapping[str, str]) -> ResolvedSettings:
    """Return the settings from the options and from the settings file of the current folder.

    Raises:
        UsageError: A setting does not exist or has an invalid value.
    """
    region = next(iter(options.region), None) or aws_region(environment, options.profile)
    return _SettingsSources(options, region).merge(None if options.no_config else find_settings_file("-"))


class _SettingsSources:
    """The sources of settings that are the same for all files. They are read, and reported, once in a run."""

    def __init__(self, options: argparse.Namespace, region: str | None, image_layers: Sequence[Layer] = ()) -> None:
        self._options = options
        named = [Layer(printable_name(path), _load_object(path, "settings")) for path in options.settings]
        self._caller_layers = [*named, Layer("--set", parse_pairs(options.set, "--set")), *image_layers]
        if options.from_macro and getattr(options, "offline", False):
            raise UsageError("--from-macro reads from AWS, and --offline prevents it. Remove one of them.")
        self._macro = read_macro(options.from_macro, region, options.profile) if options.from_macro else None
        if self._macro:
            tell_unknown_values(self._macro, {name for layer in self._caller_layers for name in layer.values})
            self._caller_layers.insert(0, self._macro.layer)
        self._reported: set[Path] = set()

    def merge(self, settings_file: Path | None) -> ResolvedSettings:
        """Return the settings, with those of the settings file that was found near a document."""
        from_caller = merge_layers(*self._caller_layers)
        if settings_file is None or any(_is_same_file(settings_file, path) for path in self._options.settings):
            return from_caller  # who names the file vouches for it
        path = display_path(settings_file)
        values = _load_object(path, "settings")
        if self._macro:
            self._report_ignored(settings_file, values)
            return from_caller
        found = Layer(printable_name(path), values, is_found=True)
        _, invalid = with_layer(from_caller, found)  # checks it against the caller's LockedSettings
        if invalid:
            raise UsageError("\n".join(each.reason.text for each in invalid))
        return merge_layers(found, *self._caller_layers)

    def _report_ignored(self, settings_file: Path, values: Mapping[str, Json]) -> None:
        if values and settings_file not in self._reported:
            self._reported.add(settings_file)
            write_stderr(
                f"notice: The settings in {printable_name(display_path(settings_file))} do not count with --from-macro, "
                "because the macro does not read this file. Name it with --settings if they should."
            )


def _is_same_file(first: Path, second: str) -> bool:
    try:
        return first.samefile(second)
    except OSError:
        return False


def parse_pairs(assignments: Iterable[str], option: str) -> dict[str, Json]:
    """Parse ``NAME=VALUE`` strings. The value may contain equals signs and may be empty."""
    pairs: dict[str, Json] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"A value of {option} has no name or no equals sign. Write {option} NAME=VALUE.")
        pairs[name.strip()] = value
    return pairs


def _load_object(path: str, description: str) -> dict[str, Json]:
    value = _load_values(path)
    if not isinstance(value, dict):
        raise UsageError(
            f"{printable_name(path)} does not contain an object. Give the {description} as a JSON or YAML object."
        )
    return value


def _load_values(path: str) -> Json:
    """Return the value of a file of options. One that is empty, or has comments only, has no values.

    A key that occurs twice gets a warning: the last one counts, and the caller may not have seen the other.
    """
    try:
        document = load(path)
    except EmptyDocumentError:
        return {}
    for line, first_line, key in duplicate_keys(document) if document.warnings else ():
        _warn_twice(f"{document.name}, line {line}", f"duplicate key {quote(key)}, first used on line {first_line}")
    return document.value


def _warn_twice(place: str, fact: str) -> None:
    write_stderr(f"warning: {place}: {fact}. The last one counts. Remove the other.")


def _load_image_configs(path: str) -> dict[str, Json]:
    configs = _load_object(path, "image configs")
    for image, config in configs.items():
        # With a misspelt key the container would start without the command of its image.
        if isinstance(config, dict) and (unknown := config.keys() - {"Entrypoint", "Cmd"}):
            raise UsageError(
                f"In {printable_name(path)}, image {quote(image)} has the unknown key {quote(min(unknown))}. "
                'Write {"Entrypoint": […], "Cmd": […]}, as in the image\'s config.'
            )
    return configs


def _load_parameters(path: str) -> dict[str, Json]:
    value = _load_values(path)
    match value:  # a template configuration file of CodePipeline, which `aws cloudformation deploy` accepts, too
        case {"Parameters": dict(parameters_only), **rest} if rest.keys() <= {"Tags", "StackPolicy"}:
            value = parameters_only
    if isinstance(value, dict):
        return {
            name: _checked_parameter_value(parameter_value, path)
            for name, parameter_value in value.items()
            if parameter_value is not None
        }
    parameters: dict[str, Json] = {}
    for entry in value if isinstance(value, list) else [None]:
        name = _entry_name(entry)
        if name in parameters:
            _warn_twice(printable_name(path), f"parameter {quote(name)} is given twice")
        match entry:
            case {"ParameterKey": str(), "ParameterValue": given_value}:
                parameters[name] = _checked_parameter_value(given_value, path)
            case {"ParameterKey": str(), "UsePreviousValue": True}:
                parameters[name] = None  # not known here, and not the default
            case str(text) if (
                "=" in text
            ):  # `aws cloudformation deploy --parameter-overrides file://` accepts this, too
                parameters.update(parse_pairs([text], path))
            case _:
                raise UsageError(f"{printable_name(path)} does not contain parameter values. {_PARAMETERS_ADVICE}")
    return parameters


def _entry_name(entry: Json) -> str:
    match entry:
        case {"ParameterKey": str(name)}:
            return name
        case str(text):
            return text.partition("=")[0].strip()
    return ""


def _checked_parameter_value(value: Json, path: str) -> Json:
    if isinstance(value, dict) or (isinstance(value, list) and not all(isinstance(item, str) for item in value)):
        raise UsageError(
            f"{printable_name(path)} has a parameter value that is neither a string nor a list of strings. {_PARAMETERS_ADVICE}"
        )
    return value


# --- the settings file

SETTINGS_FILE_NAMES: Final = (".sysdig-instrument.yaml", ".sysdig-instrument.yml", ".sysdig-instrument.json")


def find_settings_file(document_path: str) -> Path | None:
    """Return the settings file for a document, or for the current folder if the document is ``-``."""
    path = Path("." if document_path == "-" else document_path)
    try:
        start = (path if path.is_dir() or document_path == "-" else path.parent).resolve()
    except OSError:
        return None  # reading the document reports this error
    return next(
        (
            file
            for folder in (*_folders_to_search(start), Path.cwd())
            for name in SETTINGS_FILE_NAMES
            if (file := folder / name).is_file()
        ),
        None,
    )


def _folders_to_search(start: Path) -> Iterator[Path]:
    owned = takewhile(lambda folder: not _is_for_everyone(folder), start.parents)
    ancestors = [start, *owned]
    root_index = next((index for index, folder in enumerate(ancestors) if (folder / ".git").exists()), 0)
    yield from ancestors[: root_index + 1]


def _is_for_everyone(folder: Path) -> bool:
    """Return whether everyone may create files in a folder, as in ``/tmp``: a repository there may be anyone's."""
    try:
        mode = folder.stat().st_mode
    except OSError:
        return False  # reading the document reports this error
    return bool(mode & stat.S_ISVTX and mode & stat.S_IWOTH)


def display_path(path: Path) -> str:
    """Return the shorter of the absolute path and the path relative to the current folder, for messages."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        return str(path)
    return min(relative, str(path), key=len)


# --- the AWS region


def aws_region(environment: Mapping[str, str], profile: str | None = None) -> str | None:
    """Return the region that the AWS CLI would use: from the environment, or from the profile in ``~/.aws``.

    It is read without boto3, whose import takes half a second. Source: "Configuration and credential file settings" in
    the AWS CLI user guide.
    """
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        if environment.get(name):
            return environment[name]
    profile = profile or environment.get("AWS_PROFILE") or environment.get("AWS_DEFAULT_PROFILE") or "default"
    sections = (f"profile {profile}", profile) if profile != "default" else ("default", "profile default")
    files = (  # a value in the first one takes precedence
        environment.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials",
        environment.get("AWS_CONFIG_FILE") or "~/.aws/config",
    )
    return next((region for file in files if (region := _configured_region(file, sections))), None)


def _configured_region(file: str, sections: Iterable[str]) -> str | None:
    """Return the region that the first of these sections gives; None if there is no such file or section."""
    try:
        text = Path(file).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None  # boto3 reports it when a lookup needs AWS
    import configparser  # noqa: PLC0415 - only if there is a file to read

    aws_config = configparser.RawConfigParser()
    try:
        aws_config.read_string(text)
    except configparser.Error:
        return None  # likewise
    regions = (aws_config.get(section, "region", fallback=None) for section in sections)
    return next((value for value in regions if value), None)

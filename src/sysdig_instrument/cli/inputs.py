"""The inputs of a plan, from the command line options: parameter values, settings, image configs, region and account.

Settings also come from a settings file, ``.sysdig-instrument.yaml`` (or ``.yml``, ``.json``), which has the form of
``--settings``. It is searched beside the document, upward to the root of its Git repository, and in the current folder.
Outside a repository, parent folders are not searched: whoever can write to one must not control this run.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from sysdig_instrument.documents import load
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.settings.layers import Layer, ResolvedSettings, merge_layers
from sysdig_instrument.errors import UsageError

_PARAMETERS_ADVICE: Final = 'Give a JSON object of names and values, or a list as for `aws cloudformation`: [{"ParameterKey": …, "ParameterValue": …}].'


class PlanInputs:
    """The inputs from the options. The context depends on the document: each may have its own settings file."""

    def __init__(self, options: argparse.Namespace, environment: Mapping[str, str]) -> None:
        self._options = options
        layers = (
            [Layer(options.images, {"ImageConfigs": _load_image_configs(options.images)})] if options.images else []
        )
        self._image_layers: tuple[Layer, ...] = (*layers,)
        parameters = _load_parameters(options.parameters) if options.parameters else {}
        self._parameters = {**parameters, **parse_pairs(options.parameter, "-p")}
        self._region = options.region or aws_region(environment, options.profile)
        self._contexts: dict[Path | None, Context] = {}

    def context_for(self, path: str) -> Context:
        """Return the plan context for a file.

        Raises:
            UsageError: An option or the settings file has an invalid value.
        """
        config = None if self._options.no_config else find_config_file(path)
        if config not in self._contexts:
            self._contexts[config] = Context(
                deployment_settings=_merge_settings(self._options, config, self._image_layers),
                parameter_values=self._parameters,
                region=self._region,
                account=self._options.account_id,
            )
        return self._contexts[config]


def context_for_file(options: argparse.Namespace, environment: Mapping[str, str], path: str) -> Context:
    """Return the plan context for a file.

    Raises:
        UsageError: An option or the settings file has an invalid value.
    """
    return PlanInputs(options, environment).context_for(path)


def settings_from_options(options: argparse.Namespace) -> ResolvedSettings:
    """Return the settings from the options and from the settings file of the current folder.

    Raises:
        UsageError: A setting does not exist or has an invalid value.
    """
    return _merge_settings(options, None if options.no_config else find_config_file("-"), ())


def _merge_settings(
    options: argparse.Namespace, config: Path | None, extra_layers: Iterable[Layer]
) -> ResolvedSettings:
    paths = [display_path(config)] if config else []
    if options.settings:
        paths.append(options.settings)
    layers = [Layer(path, _load_object(path, "settings")) for path in paths]
    return merge_layers(*layers, Layer("--set", parse_pairs(options.set, "--set")), *extra_layers)


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
    value = load(path).value
    if not isinstance(value, dict):
        raise UsageError(f"{path} does not contain an object. Give the {description} as a JSON or YAML object.")
    return value


def _load_image_configs(path: str) -> Json:
    configs = _load_object(path, "image configs")
    for image, config in configs.items():
        # With a misspelt key the container would start without the command of its image.
        if isinstance(config, dict) and (unknown := config.keys() - {"Entrypoint", "Cmd"}):
            raise UsageError(
                f'In {path}, image "{image}" has the unknown key "{min(unknown)}". '
                'Write {"Entrypoint": […], "Cmd": […]}, as in the image\'s config.'
            )
    return configs


def _load_parameters(path: str) -> dict[str, Json]:
    value = load(path).value
    if isinstance(value, dict):
        return {
            name: _checked_parameter_value(parameter_value, path)
            for name, parameter_value in value.items()
            if parameter_value is not None
        }
    parameters: dict[str, Json] = {}
    for entry in value if isinstance(value, list) else [None]:
        match entry:
            case {"ParameterKey": str(name), "ParameterValue": given_value}:
                parameters[name] = _checked_parameter_value(given_value, path)
            case {"ParameterKey": str(), "UsePreviousValue": True}:
                pass
            case str(text) if (
                "=" in text
            ):  # `aws cloudformation deploy --parameter-overrides file://` accepts this, too
                parameters.update(parse_pairs([text], path))
            case _:
                raise UsageError(f"{path} does not contain parameter values. {_PARAMETERS_ADVICE}")
    return parameters


def _checked_parameter_value(value: Json, path: str) -> Json:
    if isinstance(value, dict) or (isinstance(value, list) and not all(isinstance(item, str) for item in value)):
        raise UsageError(
            f"{path} has a parameter value that is neither a string nor a list of strings. {_PARAMETERS_ADVICE}"
        )
    return value


# --- the settings file

CONFIG_FILE_NAMES: Final = (".sysdig-instrument.yaml", ".sysdig-instrument.yml", ".sysdig-instrument.json")


def find_config_file(document_path: str) -> Path | None:
    """Return the settings file for a document, or for the current folder if the document is ``-``."""
    path = Path("." if document_path == "-" else document_path)
    try:
        start = (path if path.is_dir() or document_path == "-" else path.parent).resolve()
    except OSError:
        return None  # reading the document reports this error
    return next(
        (
            file
            for folder in (*_config_folders(start), Path.cwd())
            for name in CONFIG_FILE_NAMES
            if (file := folder / name).is_file()
        ),
        None,
    )


def _config_folders(start: Path) -> Iterator[Path]:
    ancestors = [start, *start.parents]
    root_index = next((index for index, folder in enumerate(ancestors) if (folder / ".git").exists()), 0)
    yield from ancestors[: root_index + 1]


def display_path(config: Path) -> str:
    """Return the shorter of the absolute path and the path relative to the current folder, for messages."""
    try:
        relative = os.path.relpath(config)
    except ValueError:  # another drive
        return str(config)
    return min(relative, str(config), key=len)


# --- the AWS region


def aws_region(environment: Mapping[str, str], profile: str | None = None) -> str | None:
    """Return the region that the AWS CLI would use: from the environment, or from the profile in ``~/.aws/config``.

    It is read without boto3, whose import takes half a second. Source: "Configuration and credential file settings" in
    the AWS CLI user guide.
    """
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        if environment.get(name):
            return environment[name]
    path = Path(environment.get("AWS_CONFIG_FILE") or "~/.aws/config").expanduser()
    profile = profile or environment.get("AWS_PROFILE") or environment.get("AWS_DEFAULT_PROFILE") or "default"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None  # boto3 reports it when a lookup needs AWS
    import configparser  # noqa: PLC0415 - only if there is a file to read

    config = configparser.RawConfigParser()
    try:
        config.read_string(text)
    except configparser.Error:
        return None  # likewise
    sections = (f"profile {profile}", profile) if profile != "default" else ("default", "profile default")
    regions = (config.get(section, "region", fallback=None) for section in sections)
    return next((value for value in regions if value), None)

"""What the options of the command line say: parameter values, settings, images, and where the template would be deployed."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from sysdig_instrument.cli import aws_profile, config_file
from sysdig_instrument.documents import load
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.settings.layers import Layer, Settled, settle
from sysdig_instrument.errors import UsageError

_PARAMETERS_FORM: Final = 'Give a JSON object of names and values, or the list that `aws cloudformation` takes: [{"ParameterKey": …, "ParameterValue": …}].'


class Surroundings:
    """What the options say, for one file after the other: each may have its own settings file beside it."""

    def __init__(self, options: argparse.Namespace, environment: Mapping[str, str]) -> None:
        self._options = options
        images = [Layer(options.images, {"ImageConfigs": _images(options.images)})] if options.images else []
        self._more: tuple[Layer, ...] = (*images,)
        parameters = _parameters(options.parameters) if options.parameters else {}
        self._parameters = {**parameters, **pairs(options.parameter, "-p")}
        self._region = options.region or aws_profile.region(environment, options.profile)
        self._known: dict[Path | None, Context] = {}

    def beside(self, path: str) -> Context:
        """All that the plan for a file needs beside it.

        Raises:
            UsageError: An option or the settings file has a value that cannot be used.
        """
        config = None if self._options.no_config else config_file.found(path)
        if config not in self._known:
            self._known[config] = Context(
                settled=_settled(self._options, config, self._more),
                parameters=self._parameters,
                region=self._region,
                account=self._options.account_id,
            )
        return self._known[config]


def context(options: argparse.Namespace, environment: Mapping[str, str], path: str) -> Context:
    """All that the plan for a file needs beside it.

    Raises:
        UsageError: An option has a value that cannot be used.
    """
    return Surroundings(options, environment).beside(path)


def settled(options: argparse.Namespace) -> Settled:
    """The settings that the options give, in place of the macro's deployment, and the settings file found here.

    Raises:
        UsageError: A setting does not exist, or has a value that cannot be used.
    """
    return _settled(options, None if options.no_config else config_file.found("-"), ())


def _settled(options: argparse.Namespace, config: Path | None, more: Iterable[Layer]) -> Settled:
    files = [config_file.name_of(config)] if config else []
    if options.settings:
        files.append(options.settings)
    layers = [Layer(path, _object(path, "settings")) for path in files]
    return settle(*layers, Layer("--set", pairs(options.set, "--set")), *more)


def pairs(texts: Iterable[str], option: str) -> dict[str, Json]:
    """``NAME=VALUE`` texts by name; the value may hold further equals signs, and be empty."""
    pairs: dict[str, Json] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UsageError(
                f"{option} takes NAME=VALUE, and one of its values has no name or no equals sign. Write {option} NAME=VALUE."
            )
        pairs[name.strip()] = value
    return pairs


def _object(path: str, what: str) -> dict[str, Json]:
    value = load(path).value
    if not isinstance(value, dict):
        raise UsageError(f"{path} does not hold an object. Give the {what} as a JSON or YAML object.")
    return value


def _images(path: str) -> Json:
    configs = _object(path, "image configs")
    for image, config in configs.items():
        # A misspelt key would leave the container without what its image runs.
        if isinstance(config, dict) and (unknown := config.keys() - {"Entrypoint", "Cmd"}):
            raise UsageError(
                f'In {path}, image "{image}" has the key "{min(unknown)}", which is not known. '
                'Write {"Entrypoint": […], "Cmd": […]}, as in the image\'s config.'
            )
    return configs


def _parameters(path: str) -> dict[str, Json]:
    value = load(path).value
    if isinstance(value, dict):
        return {name: _parameter_value(each, path) for name, each in value.items() if each is not None}
    found: dict[str, Json] = {}
    for entry in value if isinstance(value, list) else [None]:
        match entry:
            case {"ParameterKey": str(name), "ParameterValue": given}:
                found[name] = _parameter_value(given, path)
            case {"ParameterKey": str(), "UsePreviousValue": True}:
                pass
            case str(text) if "=" in text:  # as `aws cloudformation deploy --parameter-overrides file://` takes it, too
                found.update(pairs([text], path))
            case _:
                raise UsageError(f"{path} does not hold parameter values. {_PARAMETERS_FORM}")
    return found


def _parameter_value(value: Json, path: str) -> Json:
    if isinstance(value, dict) or (isinstance(value, list) and not all(isinstance(item, str) for item in value)):
        raise UsageError(f"{path} has a parameter value that is neither a text nor a list of texts. {_PARAMETERS_FORM}")
    return value

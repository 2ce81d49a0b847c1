"""Read what the caller gives for a call: NAME=VALUE, files of settings, of parameter values and of image configs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

from sysdig_instrument.cli.console import write_stderr
from sysdig_instrument.documents import load
from sysdig_instrument.documents.errors import EmptyDocumentError
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.errors import UsageError
from sysdig_instrument.printable import printable_name

T = TypeVar("T")

_EXAMPLES: Final = {
    "settings": '{"Collector": "us2"}',
    "image configs": '{"REPOSITORY:TAG": {"Entrypoint": ["PROGRAM"], "Cmd": ["ARGUMENT"]}}',
}
_PARAMETERS_ADVICE: Final = 'Give a JSON object of names and values, or a list as for `aws cloudformation`: [{"ParameterKey": …, "ParameterValue": …}].'

_CONFIG_ADVICE: Final = 'Write {"Entrypoint": ["PROGRAM"], "Cmd": ["ARGUMENT"]}, as in the image\'s config.'


def merged(mappings: Iterable[Mapping[str, T]]) -> dict[str, T]:
    """Return one mapping of several; later ones win."""
    return {name: value for mapping in mappings for name, value in mapping.items()}


def load_all(load_file: Callable[[str], dict[str, Json]], paths: Iterable[str]) -> dict[str, Json]:
    """Return what several files have; later ones win."""
    return merged(load_file(path) for path in paths)


def parse_pairs(assignments: Iterable[str], option: str) -> dict[str, Json]:
    """Parse ``NAME=VALUE`` strings. The value may contain equals signs and may be empty."""
    pairs: dict[str, Json] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name.strip():
            raise UsageError(
                f"A value of {option} has no name or no equals sign. Write {option} NAME=VALUE.", code=Code.OPTION_VALUE
            )
        pairs[name.strip()] = value
    return pairs


def load_object(path: str, description: str) -> dict[str, Json]:
    """Return the object in a file.

    Raises:
        UsageError: It cannot be read, or has something else.
    """
    value = _load_values(path, description)
    if not isinstance(value, dict):
        raise UsageError(
            f"{printable_name(path)} does not contain an object. Give the {description} as a JSON or YAML object, "
            f"such as {_EXAMPLES[description]}.",
            code=Code.VALUES_FILE,
        )
    return value


def _load_values(path: str, description: str) -> Json:
    """Return the value of a file of options. One that is empty, or has comments only, has no values.

    A key that occurs twice gets a warning: the last one counts, and the caller may not have seen the other.
    """
    try:
        document = load(path, f"Give the path of a JSON or YAML file with the {description}")
    except EmptyDocumentError:
        return {}
    for each in document.warnings:
        if each.reason.code is Code.DUPLICATE_KEY:
            write_stderr(f"warning: {each.text}")
    return document.value


def load_image_configs(path: str) -> dict[str, Json]:
    """Return the image configs in a file of ``--images``.

    Raises:
        UsageError: It cannot be read, or has something else.
    """
    configs = load_object(path, "image configs")
    for image, config in configs.items():
        if why := _why_no_config(config):
            raise UsageError(
                f"In {printable_name(path)}, image {quote(image)} has {why}. {_CONFIG_ADVICE}", code=Code.IMAGES_FILE
            )
    return configs


def _why_no_config(config: Json) -> str:
    """Return what is wrong with an image config; empty if nothing is."""
    if not isinstance(config, dict):
        return "no object"
    # With a misspelt key the container would start without the command of its image.
    if unknown := config.keys() - {"Entrypoint", "Cmd"}:
        return f"the unknown key {quote(min(unknown))}"
    for name, value in config.items():
        if value is not None and not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
            return f"{quote(name)}, which is not a list of strings"
    return ""


def load_parameters(path: str) -> dict[str, Json]:
    """Return the parameter values in a file of ``--parameters``.

    Raises:
        UsageError: It cannot be read, or has something else.
    """
    return parse_parameters(_load_values(path, "parameter values"), path)


def parse_parameters(value: Json, path: str) -> dict[str, Json]:
    """Return the parameter values in a value, which is from the file ``path``.

    Raises:
        UsageError: It is something else.
    """
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
            fact = f"Parameter {quote(name)} is given twice; the last one counts"
            reason = Reason(fact, "Remove the other", code=Code.DUPLICATE_KEY)
            write_stderr(f"warning: {printable_name(path)}: {reason.coded_text}")
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
                raise UsageError(
                    f"{printable_name(path)} does not contain parameter values. {_PARAMETERS_ADVICE}",
                    code=Code.VALUES_FILE,
                )
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
            f"{printable_name(path)} has a parameter value that is neither a string nor a list of strings. {_PARAMETERS_ADVICE}",
            code=Code.VALUES_FILE,
        )
    return value

"""Read templates: JSON, or YAML with CloudFormation's short forms. Independent of the project's own reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from oracle.values import Json

ENDINGS = {".json", ".yaml", ".yml", ".template", ".golden"}
WITHOUT_PREFIX = {"Ref", "Condition"}


class _Loader(yaml.SafeLoader):
    """SafeLoader with CloudFormation's tags. Of two equal keys the last one counts, as in most parsers."""


def _construct_tag(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> object:
    name = suffix if suffix in WITHOUT_PREFIX else f"Fn::{suffix}"
    value: object
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = str(value).split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True) if isinstance(node, yaml.MappingNode) else None
    return {name: value}


def _construct_text(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


_Loader.add_multi_constructor("!", _construct_tag)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _construct_text)  # '2010-09-09' is not a date


def read(path: Path) -> Json:
    """Return the document in a file as JSON values.

    Raises:
        ValueError: The file is neither JSON nor YAML.
    """
    text = path.read_text(encoding="utf-8-sig")
    try:
        return _as_json(json.loads(text))
    except ValueError:
        try:
            return _as_json(yaml.load(text, _Loader))  # noqa: S506 - a SafeLoader with more tags
        except yaml.YAMLError as error:
            raise ValueError(f"{path.name} is neither JSON nor YAML") from error


def _as_json(value: Any) -> Json:
    if isinstance(value, dict):
        return {str(key): _as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_json(item) for item in value]
    return value if value is None or isinstance(value, str | int | float) else str(value)

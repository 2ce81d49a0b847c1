"""Read YAML texts with PyYAML or ruamel.yaml: `read_yaml.py pyyaml|ruamel [FOLDER]`, where FOLDER has an older release.

Standard input is a JSON array of texts. Standard output is a JSON array: for each text `{"value": …}` or `{"error": …}`.
Values are as CloudFormation's short forms mean them, and a timestamp shows its text.
"""

from __future__ import annotations

import collections
import collections.abc
import json
import sys
from typing import Any


def construct_tag(constructor: Any, suffix: Any, node: Any) -> Any:
    # In newer releases of ruamel.yaml a tag is an object, and its prefix is not cut off.
    name = str(suffix).lstrip("!")
    if node.id == "scalar":
        value = constructor.construct_scalar(node)
    elif node.id == "sequence":
        value = constructor.construct_sequence(node, deep=True)
    else:
        value = constructor.construct_mapping(node, deep=True)
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


def construct_timestamp(constructor: Any, node: Any) -> Any:
    return {"timestamp": constructor.construct_scalar(node)}


def with_tags(base: Any) -> Any:
    """Return a subclass of a constructor that knows CloudFormation's tags."""
    subclass: Any = type("WithTags", (base,), {})
    subclass.add_multi_constructor("!", construct_tag)
    subclass.add_constructor("tag:yaml.org,2002:timestamp", construct_timestamp)
    return subclass


def loader(library: str) -> Any:
    if library == "ruamel":
        from ruamel.yaml import YAML  # noqa: PLC0415 - from the folder on the command line
        from ruamel.yaml.constructor import SafeConstructor  # noqa: PLC0415 - the same

        parser = YAML(typ="safe", pure=True)
        parser.Constructor = with_tags(SafeConstructor)
        parser.allow_duplicate_keys = True
        return parser.load
    # PyYAML 3 was written for Python 3.7 at most, in which this name was still here.
    collections.Hashable = collections.abc.Hashable  # type: ignore[attr-defined]
    import yaml  # noqa: PLC0415 - the same

    class_with_tags = with_tags(yaml.SafeLoader)
    return lambda text: yaml.load(text, class_with_tags)  # noqa: S506 - a SafeLoader with more tags


def with_text_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): with_text_keys(item) for key, item in value.items()}
    return [with_text_keys(item) for item in value] if isinstance(value, list) else value


def read(load: Any, text: str) -> dict[str, Any]:
    try:
        return {"value": with_text_keys(load(text))}
    except Exception as error:  # noqa: BLE001 - whatever a parser raises, it cannot read the text
        return {"error": f"{type(error).__name__}: {str(error)[:300]}"}


if __name__ == "__main__":
    library, *folders = sys.argv[1:]
    sys.path[:0] = folders
    load = loader(library)
    json.dump([read(load, text) for text in json.load(sys.stdin)], sys.stdout)

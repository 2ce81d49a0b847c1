"""The size of a template as compact JSON, which limits of CloudFormation and of ECS are about.

It is measured once for each resource, and serves both limits: the sum is the size of the template, and no part of a resource
is larger than the resource. What is measured also tells whether any text contains a character.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from sysdig_instrument.engine.json_types import Json, Pointer
from sysdig_instrument.lazy_dataclasses import dataclass

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)
_BRACES: Final = 2
_RESOURCES: Final = "Resources"


@dataclass(frozen=True, slots=True)
class JsonSize:
    """The bytes of a template as compact JSON, and those of each of its resources, with its name.

    ``has_exclamation_mark`` is true if a text in it, or a key, contains one.
    """

    size: int
    resources: Mapping[str, int]
    has_exclamation_mark: bool

    def at_most(self, pointer: Pointer | None) -> int:
        """Return a size that what is at a pointer, or in it, does not exceed."""
        return self.resources.get(str(pointer[1]), self.size) if pointer and len(pointer) > 1 else self.size


def json_bytes(value: Json) -> int:
    """Return the size of a value as compact JSON, in bytes."""
    return _bytes(_ENCODER.encode(value))


def json_size(template: Json) -> JsonSize:
    """Return the size of a template as compact JSON.

    Raises:
        RecursionError: It is nested too deeply.
    """
    resources = template.get(_RESOURCES) if isinstance(template, dict) else None
    if not isinstance(template, dict) or not isinstance(resources, dict):
        text = _ENCODER.encode(template)
        return JsonSize(_bytes(text), {}, "!" in text)
    text = _ENCODER.encode({**template, _RESOURCES: {}})
    size, has_mark = _bytes(text), "!" in text
    sizes: dict[str, int] = {}
    for name, resource in resources.items():
        text = _ENCODER.encode({name: resource})
        sizes[name] = _bytes(text)
        has_mark = has_mark or "!" in text
    # Each resource was written with braces, and in the template they are separated by commas.
    size += sum(sizes.values()) - _BRACES * len(sizes) + max(len(sizes) - 1, 0)
    return JsonSize(size, sizes, has_mark)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="replace"))

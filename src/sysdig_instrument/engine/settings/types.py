"""The types of settings, and how each parses a value.

A type parses what any layer may hold: JSON values from Metadata, and strings from environment variables, template
parameters and ``--set``. Booleans, numbers, lists and objects may therefore arrive as strings.
"""

from __future__ import annotations

import json
import re
from typing import Final, Literal, Protocol, TypeAlias, TypeGuard, cast

from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import MAX_ARGV_BYTES, argv_bytes
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.printable import derived


class SettingType(Protocol):
    """The type of a setting."""

    @property
    def expected(self) -> str:
        """The form of a valid value; it completes the sentence «Use …»."""
        ...

    def parse(self, value: Json) -> Json:
        """Return the value in its proper type.

        Raises:
            ValueError: The value is not valid; the message is ``expected``.
        """
        ...


@dataclass(frozen=True, slots=True)
class String:
    """A string; ``pattern`` is a regular expression that the whole of it must match.

    With ``allows_intrinsic`` the value may also be an intrinsic function (an object), which goes into the template as it is.
    """

    expected: str = "a string"
    pattern: str | None = None
    allows_intrinsic: bool = False

    def parse(self, value: Json) -> Json:
        """Return the string without leading and trailing white space."""
        if self.allows_intrinsic and isinstance(value, dict):
            return value
        if not isinstance(value, str) or (self.pattern and not re.fullmatch(self.pattern, value.strip())):
            raise ValueError(self.expected)
        return value.strip()


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of several strings."""

    choices: tuple[str, ...]

    @property
    def expected(self) -> str:
        """The strings, listed."""
        return "one of: " + ", ".join(self.choices)

    def parse(self, value: Json) -> Json:
        """Return the string. ``true`` and ``false`` may also be given as booleans."""
        text = json.dumps(value) if isinstance(value, bool) else value
        if not isinstance(text, str) or text.strip() not in self.choices:
            raise ValueError(self.expected)
        return text.strip()


@dataclass(frozen=True, slots=True)
class Boolean:
    """True or false."""

    expected: str = "true or false"

    def parse(self, value: Json) -> Json:
        """Return the boolean; ``"true"`` and ``"false"`` are accepted in any case."""
        if isinstance(value, str):
            value = {"true": True, "false": False}.get(value.strip().lower())
        if not isinstance(value, bool):
            raise ValueError(self.expected)  # noqa: TRY004 - every type raises the same error
        return value


@dataclass(frozen=True, slots=True)
class Integer:
    """An integer between two limits, both included, in ``unit``."""

    minimum: int
    maximum: int
    unit: str = ""

    @property
    def expected(self) -> str:
        """The limits, in words."""
        return f"a whole number from {self.minimum} to {self.maximum}{' ' + self.unit if self.unit else ''}"

    def parse(self, value: Json) -> Json:
        """Return the integer; a string of its decimal digits is accepted."""
        if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,9}\s*", value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not self.minimum <= value <= self.maximum:
            raise ValueError(self.expected)
        return value


@dataclass(frozen=True, slots=True)
class StringList:
    """A list of strings: a JSON list, or one string with commas between the items."""

    expected: str = "a list of names, or one string of names with commas between them"
    pattern: str = r"[^,\s]+"

    def parse(self, value: Json) -> Json:
        """Return the strings without white space around them, and without empty ones."""
        if isinstance(value, str):
            items = _decode_json(value, list) if value.lstrip().startswith("[") else list[Json](value.split(","))
            value = cast("Json", [derived(item, value) for item in items] if _are_strings(items) else None)
        if not _are_strings(value):
            raise ValueError(self.expected)
        names = [derived(item.strip(), item) for item in value if item.strip()]
        if not all(re.fullmatch(self.pattern, name) for name in names):
            raise ValueError(self.expected)
        return cast("Json", names)


def _are_strings(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


@dataclass(frozen=True, slots=True)
class ArgumentList:
    """A list of program arguments: a JSON list of strings, or its JSON text. A string is never split into arguments."""

    expected: str = 'a JSON list of strings, such as ["a", "b"]'

    def parse(self, value: Json) -> Json:
        """Return the arguments."""
        if isinstance(value, str):
            value = _decode_json(value, list)
        if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
            raise ValueError(self.expected)
        return value


ANY_KEY: Final = r"(?s).+"

ValueKind: TypeAlias = Literal["any", "string", "string or intrinsic", "image config"]
"""The kinds of values that an object can have. An intrinsic is an intrinsic function."""


@dataclass(frozen=True, slots=True)
class Object:
    """A JSON object, or its JSON text."""

    expected: str
    value_kind: ValueKind = "any"
    key_pattern: str = ANY_KEY

    def parse(self, value: Json) -> Json:
        """Return the object."""
        if isinstance(value, str):
            value = _decode_json(value, dict)
        if not isinstance(value, dict) or not all(re.fullmatch(self.key_pattern, key) for key in value):
            raise ValueError(self.expected)
        return {key: self._parse_value(item) for key, item in value.items()}

    def _parse_value(self, item: Json) -> Json:
        match self.value_kind:
            case "string or intrinsic" if isinstance(item, dict):
                return item
            case "string" | "string or intrinsic":
                if isinstance(item, bool | int | float):  # in YAML and JSON, 8080 and true are not strings
                    return json.dumps(item)
                if not isinstance(item, str):
                    raise ValueError(self.expected)  # noqa: TRY004 - every type raises the same error
            case "image config":
                if not _is_image_config(item):
                    raise ValueError(self.expected)
        return item


@dataclass(frozen=True, slots=True)
class ImageConfigObject:
    """ENTRYPOINT and CMD of one image. Another key is most likely misspelt: the container would start without it."""

    expected: str = f'{{"Entrypoint": […], "Cmd": […]}}, two lists of strings of {MAX_ARGV_BYTES >> 10} KiB at most, and no other key'

    def parse(self, value: Json) -> Json:
        """Return the object."""
        if isinstance(value, str):
            value = _decode_json(value, dict)
        if not isinstance(value, dict) or not _is_image_config(value) or not value.keys() <= {*IMAGE_CONFIG_KEYS}:
            raise ValueError(self.expected)
        return value


IMAGE_CONFIG_KEYS: Final = ("Entrypoint", "Cmd")


def _is_image_config(value: Json) -> bool:
    """Return whether a value has the members of an image config, which together are no larger than a task definition may be."""
    if not isinstance(value, dict):
        return False
    members = [value.get(key) for key in IMAGE_CONFIG_KEYS]
    if not all(member is None or _are_strings(member) for member in members):
        return False
    return (
        argv_bytes(cast("str", item) for member in members for item in cast("list[Json]", member or []))
        <= MAX_ARGV_BYTES
    )


@dataclass(frozen=True, slots=True)
class LogConfiguration:
    """``inherit``, or a LogConfiguration as in an ECS container definition."""

    expected: str = "inherit, or the JSON of a LogConfiguration with a LogDriver"

    def parse(self, value: Json) -> Json:
        """Return ``inherit`` or the object."""
        if isinstance(value, str):
            if value.strip() == "inherit":
                return "inherit"
            value = _decode_json(value, dict)
        if not isinstance(value, dict) or "LogDriver" not in value:
            raise ValueError(self.expected)
        return value


def _decode_json(text: str, wanted: type) -> Json:
    """Return the JSON value of a string, or None, which no type accepts, if it is not JSON or not of the wanted type."""
    try:
        value: Json = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, wanted) else None

"""The kinds of values that settings have, and how each is read.

A kind reads what any layer may hold: JSON values from Metadata, strings from environment variables, template parameters
and ``--set``. Booleans, numbers, lists and maps may therefore arrive as text.
"""

from __future__ import annotations

import json
import re
from typing import Final, Protocol, cast

from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.lazy_dataclasses import dataclass


class SettingType(Protocol):
    """What a value must be like. ``expected`` completes the sentence «Give …»."""

    @property
    def expected(self) -> str:
        """The form of a good value, in words."""
        ...

    def parse(self, value: Json) -> Json:
        """The value in its proper type.

        Raises:
            ValueError: The value is not of this kind.
        """
        ...


@dataclass(frozen=True, slots=True)
class String:
    """A string, with the regular expression that it must match as a whole.

    With ``allows_intrinsic`` the value may also be an intrinsic function (an object), which is passed through to the template.
    """

    expected: str = "a text"
    pattern: str | None = None
    allows_intrinsic: bool = False

    def parse(self, value: Json) -> Json:
        """The string, without white space around it."""
        if self.allows_intrinsic and isinstance(value, dict):
            return value
        if not isinstance(value, str) or (self.pattern and not re.fullmatch(self.pattern, value.strip())):
            raise ValueError(self.expected)
        return value.strip()


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few words."""

    choices: tuple[str, ...]

    @property
    def expected(self) -> str:
        """The words, listed."""
        return "one of " + ", ".join(self.choices)

    def parse(self, value: Json) -> Json:
        """The word. ``true`` and ``false`` may also be booleans."""
        text = json.dumps(value) if isinstance(value, bool) else value
        if not isinstance(text, str) or text.strip() not in self.choices:
            raise ValueError(self.expected)
        return text.strip()


@dataclass(frozen=True, slots=True)
class Boolean:
    """True or false."""

    expected: str = "true or false"

    def parse(self, value: Json) -> Json:
        """The boolean; ``"true"`` and ``"false"`` in any case count."""
        if isinstance(value, str):
            value = {"true": True, "false": False}.get(value.strip().lower())
        if not isinstance(value, bool):
            raise ValueError(self.expected)  # noqa: TRY004 - every kind raises the same
        return value


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number between two limits, both included. ``unit`` is what it counts."""

    minimum: int
    maximum: int
    unit: str = ""

    @property
    def expected(self) -> str:
        """The limits in words."""
        return f"a whole number from {self.minimum} to {self.maximum}{' ' + self.unit if self.unit else ''}"

    def parse(self, value: Json) -> Json:
        """The number; its decimal digits in a string count too."""
        if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,9}\s*", value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not self.minimum <= value <= self.maximum:
            raise ValueError(self.expected)
        return value


@dataclass(frozen=True, slots=True)
class StringList:
    """A list of texts: a JSON list, or one string with commas between them."""

    expected: str = "a list of names, or one string with commas between them"
    pattern: str = r"[^,\s]+"

    def parse(self, value: Json) -> Json:
        """The texts, without white space around them and without empty ones."""
        if isinstance(value, str):
            value = _decode_json(value, list) if value.lstrip().startswith("[") else list[Json](value.split(","))
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ValueError(self.expected)
        names = [item.strip() for item in cast("list[str]", value) if item.strip()]
        if not all(re.fullmatch(self.pattern, name) for name in names):
            raise ValueError(self.expected)
        return cast("Json", names)


@dataclass(frozen=True, slots=True)
class ArgumentList:
    """A list of program arguments: a JSON list of strings, or its JSON text. Never split by us."""

    expected: str = 'a JSON list of strings, as ["a", "b"]'

    def parse(self, value: Json) -> Json:
        """The arguments."""
        if isinstance(value, str):
            value = _decode_json(value, list)
        if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
            raise ValueError(self.expected)
        return value


ANY_KEY: Final = r"(?s).+"


@dataclass(frozen=True, slots=True)
class Object:
    """A JSON object, or its JSON text. ``value_type`` says what its values must be."""

    expected: str
    value_type: str = "any"
    key_pattern: str = ANY_KEY

    def parse(self, value: Json) -> Json:
        """The object."""
        if isinstance(value, str):
            value = _decode_json(value, dict)
        if not isinstance(value, dict) or not all(re.fullmatch(self.key_pattern, key) for key in value):
            raise ValueError(self.expected)
        return {key: self._parse_value(item) for key, item in value.items()}

    def _parse_value(self, item: Json) -> Json:
        match self.value_type:
            case "text":
                if isinstance(item, bool | int | float):  # YAML and JSON people write 8080 and true
                    return json.dumps(item)
                if not isinstance(item, str):
                    raise ValueError(self.expected)  # noqa: TRY004 - every kind raises the same
            case "text or intrinsic":
                return item if isinstance(item, dict) else Object(self.expected, "text")._parse_value(item)  # noqa: SLF001
            case "image config":
                if not isinstance(item, dict) or not all(map(_is_argument_list, map(item.get, ("Entrypoint", "Cmd")))):
                    raise ValueError(self.expected)
        return item


@dataclass(frozen=True, slots=True)
class LogConfiguration:
    """``inherit``, or a LogConfiguration as ECS has it."""

    expected: str = "inherit, or the JSON of a LogConfiguration with a LogDriver"

    def parse(self, value: Json) -> Json:
        """The word, or the object."""
        if isinstance(value, str):
            if value.strip() == "inherit":
                return "inherit"
            value = _decode_json(value, dict)
        if not isinstance(value, dict) or "LogDriver" not in value:
            raise ValueError(self.expected)
        return value


def _decode_json(text: str, wanted: type) -> Json:
    """The JSON value of a text; any fault in it leaves nothing, which no kind accepts."""
    try:
        value: Json = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, wanted) else None


def _is_argument_list(value: Json) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(item, str) for item in value))

"""The text to paste in order to follow an advice: the members of an object, and the object that they belong into.

A text has names and sizes only. Whatever the reader has to fill in is in capital letters, apart from ``CONTAINER``, which
is replaced by the container's name where that is known and harmless.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import Enum
from typing import Final, cast

from sysdig_instrument.engine.json_types import Json, Pointer
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.printable import Hidden

CONTAINER: Final = "CONTAINER"
_NAME: Final = r"[A-Za-z0-9][\w-]{0,254}"
_DEFINITIONS: Final = "containerdefinitions"
_LOOP: Final = "Fn::ForEach"


class PasteInto(Enum):
    """The object that the members belong into. The last three are outside of the document."""

    TEMPLATE = "the template, at the top level"
    RESOURCE = "the resource of the task definition"
    PROPERTIES = "the Properties of the task definition"
    CONTAINER = "the container"
    PARENT = "the object that the finding is about a member of"
    SETTINGS_FILE = ".sysdig-instrument.yaml"
    DEPLOYMENT = "the settings of the macro's deployment, and a file for --settings"
    POLICY = "Statement in the policy of the role whose credentials you give"


_OUTSIDE: Final = (PasteInto.SETTINGS_FILE, PasteInto.DEPLOYMENT, PasteInto.POLICY)


@dataclass(frozen=True, slots=True)
class Paste:
    """A text to paste: an object in JSON, whose members go into another object.

    ``outside_template`` is what to paste for a task definition that is in no template, if that is something else.
    """

    into: PasteInto
    text: str
    outside_template: Paste | None = None

    @property
    def is_outside(self) -> bool:
        """True if it does not go into the document."""
        return self.into in _OUTSIDE

    def members(self, container: str | None = None) -> dict[str, Json]:
        """Return the members, with the name of the container that the finding is about."""
        is_name = container and not isinstance(container, Hidden) and re.fullmatch(_NAME, container)
        text = self.text.replace(f'"{CONTAINER}"', f'"{container}"') if is_name else self.text
        return cast("dict[str, Json]", json.loads(text))

    def target(self, pointer: Pointer, *, in_template: bool = True) -> Pointer | None:
        """Return the pointer of the object that the members go into, for a finding at ``pointer``. None if it is not known."""
        match self.into:
            case PasteInto.TEMPLATE:
                return () if in_template else None
            case PasteInto.RESOURCE:
                return (_resource(pointer) or None) if in_template else None
            case PasteInto.PROPERTIES:
                return _properties(pointer) if in_template else ()
            case PasteInto.CONTAINER:
                return _container(pointer)
            case PasteInto.PARENT:
                return pointer[:-1] if pointer else None
        return None


def paste(into: PasteInto, members: Mapping[str, Json], outside_template: Paste | None = None) -> tuple[Paste, ...]:
    """Return these members as what a reason has to paste."""
    return (Paste(into, json.dumps(members, ensure_ascii=False), outside_template),)


def option_value(option: str, name: str) -> tuple[Paste, ...]:
    """Return the line of the settings file that gives a value which is not known here: of a parameter, or of an SSM parameter."""
    return paste(PasteInto.SETTINGS_FILE, {"Options": {option: {name: "VALUE"}}})


def _resource(pointer: Pointer) -> Pointer:
    """Return the pointer of the resource; an empty one if the document is a part of a template."""
    if pointer[:1] != ("Resources",) or len(pointer) < 2:  # noqa: PLR2004 - a section and a logical ID
        return ()
    return pointer[: 4 if str(pointer[1]).startswith(_LOOP) else 2]


def _properties(pointer: Pointer) -> Pointer | None:
    if resource := _resource(pointer):
        return (*resource, "Properties")
    return ("Properties",) if pointer[:1] == ("Properties",) else None


def _container(pointer: Pointer) -> Pointer | None:
    """Return the pointer of the container; None if the pointer is not inside one."""
    names = [str(part).lower() for part in pointer]
    if _DEFINITIONS not in names:
        return pointer[:1] if pointer and isinstance(pointer[0], int) else None
    last = len(names) - names[::-1].index(_DEFINITIONS)
    at = _after_branches(names, last)  # the list may be under Fn::If
    if at >= len(names):
        return None
    return pointer[: _after_branches(names, at + 1)]  # and so may its item


def _after_branches(names: list[str], at: int) -> int:
    while names[at : at + 1] == ["fn::if"]:
        at += 2
    return at


# --- what several reasons have to paste

EXCLUDE_CONTAINER: Final = paste(
    PasteInto.RESOURCE,
    {"Metadata": {"SysdigInstrument": {"Containers": {CONTAINER: {"Enabled": False, "Reason": "REASON"}}}}},
    Paste(PasteInto.SETTINGS_FILE, f'{{"ExcludeContainers": ["{CONTAINER}"]}}'),
)
EXCLUDE_TASK: Final = paste(
    PasteInto.PROPERTIES,
    {
        "Tags": [
            {"Key": "sysdig-instrument", "Value": "false"},
            {"Key": "sysdig-instrument-reason", "Value": "REASON"},
        ]
    },
)
IMAGE_CONFIG: Final = paste(
    PasteInto.RESOURCE,
    {
        "Metadata": {
            "SysdigInstrument": {
                "Containers": {CONTAINER: {"ImageConfig": {"Entrypoint": ["PROGRAM"], "Cmd": ["ARGUMENT"]}}}
            }
        }
    },
    Paste(PasteInto.CONTAINER, '{"EntryPoint": ["PROGRAM"], "Command": ["ARGUMENT"]}'),
)
"""What the image runs. In Metadata, as an EntryPoint would have to follow each change of the image."""
ENTRY_POINT: Final = paste(PasteInto.CONTAINER, {"EntryPoint": ["PROGRAM", "ARGUMENT"]})
ON_FARGATE: Final = paste(PasteInto.PROPERTIES, {"RequiresCompatibilities": ["FARGATE"]})


def with_image_config(pastes: tuple[Paste, ...]) -> tuple[Paste, ...]:
    """Return what there is to paste for an image whose config is not known: that, too, unless there is another way out."""
    if any(not each.is_outside for each in pastes):
        return pastes
    values = [each for each in pastes if each.into is PasteInto.SETTINGS_FILE]
    others = [each for each in pastes if each.into is not PasteInto.SETTINGS_FILE]
    return (*values, *IMAGE_CONFIG, *others)

"""The task definitions of a document, and what says there that they were instrumented."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from sysdig_instrument.engine.agent import AGENT_NAME, RECORD_LABEL
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json, Pointer
from sysdig_instrument.engine.removal.entries import value_at
from sysdig_instrument.engine.settings.template_layers import METADATA_KEY, RESULT_KEY, UNDO_KEY
from sysdig_instrument.engine.template import TASK_DEFINITION, fragment_kind, resources_of_types
from sysdig_instrument.lazy_dataclasses import dataclass

LABELS: Final = "DockerLabels"


@dataclass(frozen=True, slots=True)
class Definition:
    """A task definition in a document. ``pointer`` is that of its resource; None if there are only the Properties.

    ``result`` is the Result in the Metadata; None if there is none.
    """

    name: str
    pointer: Pointer | None
    resource: dict[str, Json]
    properties: Json
    result: Mapping[str, Json] | None = None

    @property
    def base(self) -> Pointer:
        """The pointer that a record's paths begin at."""
        return self.pointer or ()

    @property
    def properties_pointer(self) -> Pointer:
        """The pointer to the Properties."""
        return () if self.pointer is None else (*self.pointer, "Properties")

    @property
    def record(self) -> list[str] | None:
        """The texts that say how to undo what was done; None where it was written in its usual form."""
        value: Json | Absent = (self.result or {}).get(UNDO_KEY, ABSENT)
        if self.pointer is None:
            value = _label(self.properties)
        return [str(each) for each in value] if isinstance(value, list) else None

    def containers(self) -> list[tuple[Pointer, dict[str, Json]]]:
        """Return the container definitions that are written out, with their pointers."""
        pointer = (*self.properties_pointer, "ContainerDefinitions")
        items = value_at(self.properties, ("ContainerDefinitions",))
        return [
            ((*pointer, index), each)
            for index, each in enumerate(items if isinstance(items, list) else ())
            if isinstance(each, dict)
        ]

    @property
    def agents(self) -> list[tuple[Pointer, dict[str, Json]]]:
        """The containers of the agent's name."""
        return [each for each in self.containers() if each[1].get("Name") == AGENT_NAME]


def definitions(fragment: Json) -> Iterator[Definition]:
    """Yield the task definitions of a fragment, in document order."""
    match fragment_kind(fragment), fragment:
        case "template", dict():
            for pointer, resource in resources_of_types(fragment, {TASK_DEFINITION}):
                yield Definition(str(pointer[-1]), pointer, resource, resource.get("Properties"), _result(resource))
        case "resource", dict(resource) if resource["Type"] == TASK_DEFINITION:
            yield Definition("", (), resource, resource.get("Properties"), _result(resource))
        case "properties", dict(properties):
            yield Definition(str(properties.get("Family", "")), None, {}, properties)


def _result(resource: dict[str, Json]) -> Mapping[str, Json] | None:
    value = value_at(resource, ("Metadata", METADATA_KEY, RESULT_KEY))
    return value if isinstance(value, dict) else None


def _label(properties: Json) -> Json | Absent:
    containers = value_at(properties, ("ContainerDefinitions",))
    for each in containers if isinstance(containers, list) else ():
        if isinstance(each, dict) and each.get("Name") == AGENT_NAME:
            text = value_at(each, (LABELS, RECORD_LABEL))
            try:
                return json.loads(text) if isinstance(text, str) else ABSENT
            except (ValueError, RecursionError):
                return ABSENT
    return ABSENT

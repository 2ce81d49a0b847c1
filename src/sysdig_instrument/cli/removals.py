"""The removal of the agent from files: where a task definition outside of a template has what undoes its changes."""

from __future__ import annotations

import json

from sysdig_instrument.documents import Document, DocumentKind, to_ecs_changes, to_properties, write
from sysdig_instrument.engine.agent import RECORD_LABEL
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.patch import Change, apply
from sysdig_instrument.engine.removal.definitions import LABELS, definitions
from sysdig_instrument.engine.removal.records import record_of_properties
from sysdig_instrument.engine.removal.uninstrument import Removal, remove_all

_REASON = "says how to undo the changes"


def with_record_label(
    value: Json, kind: DocumentKind, changes: tuple[Change, ...], *, always: bool = False
) -> tuple[Change, ...]:
    """Return the changes to an ECS document with the label of the agent's container that has their record, if there must be one.

    A template has the record in Metadata, which an ECS document has not. ``always`` adds it also where the order of keys
    says enough, because ECS does not keep that order.
    """
    properties = _properties(value, kind)
    changes_here = [
        each for each in changes if kind != "container definitions" or each.pointer[0] == "ContainerDefinitions"
    ]
    if not changes_here or not isinstance(properties, dict):
        return changes
    record = record_of_properties(properties, changes_here, always=always)
    agents = [agent for definition in definitions(apply(properties, changes_here)) for agent in definition.agents]
    if not record or len(agents) != 1:
        return changes
    pointer, agent = agents[0]
    labels = agent.get(LABELS)
    label: dict[str, Json] = {**(labels if isinstance(labels, dict) else {}), RECORD_LABEL: json.dumps(record)}
    return (*changes, Change("add", (*pointer, LABELS), _REASON, label, protects=False))


def _properties(value: Json, kind: DocumentKind) -> Json:
    """Return an ECS document as Properties, without the tags that ``describe-task-definition`` prints beside it."""
    properties = to_properties(value, kind)
    if kind == "described task definition" and isinstance(properties, dict):
        return {key: each for key, each in properties.items() if key != "Tags"}
    return properties


def remove_from(source: Document, kind: DocumentKind, added: dict[str, bool]) -> tuple[Removal, Document]:
    """Return the removal of the agent from a document, and the document after it."""
    if kind == "template":
        removal = remove_all(source.value, added)
        changes, value = removal.changes, removal.document
    else:
        removal = remove_all(_properties(source.value, kind), added)
        converted = to_ecs_changes(source.value, kind, removal.changes)
        changes, value = converted.changes, converted.value
    if removal.problems:
        return removal, source
    return removal, write(source, changes, value, restores=True)

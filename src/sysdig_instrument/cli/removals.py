"""The removal of the agent from files: where a task definition outside of a template has what undoes its changes."""

from __future__ import annotations

from sysdig_instrument.documents import Document, DocumentKind, to_ecs_changes
from sysdig_instrument.documents.editing.writer import write
from sysdig_instrument.engine.removal.uninstrument import Removal, remove_all
from sysdig_instrument.services.definitions import properties_without_tags


def remove_from(source: Document, kind: DocumentKind, added: dict[str, bool]) -> tuple[Removal, Document]:
    """Return the removal of the agent from a document, and the document after it."""
    if kind == "template":
        removal = remove_all(source.value, added)
        changes, value = removal.changes, removal.document
    else:
        removal = remove_all(properties_without_tags(source.value, kind), added)
        converted = to_ecs_changes(source.value, kind, removal.changes)
        changes, value = converted.changes, converted.value
    if removal.problems:
        return removal, source
    return removal, write(source, changes, value, restores=True)

"""Where in a document's text something is that the engine names by its pointer."""

from __future__ import annotations

from sysdig_instrument.cli.subject import Subject
from sysdig_instrument.documents.locating import Locator
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.patch import Pointer


class Places:
    """Lines of one document. Its text is only gone through again when somebody asks."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._locator: Locator | None = None

    def line(self, pointer: Pointer) -> int:
        """The line where a place begins, or what is there of it."""
        if self._locator is None:
            self._locator = Locator(self._subject.document)
        return self._locator.lines(in_document(self._subject, pointer)).first


def in_document(subject: Subject, pointer: Pointer) -> Pointer:
    """The pointer in the spelling of the document, from its top, in either of the spellings that a finding may have."""
    if subject.kind == "template":
        return pointer
    if subject.kind == "container definitions":
        pointer = pointer[1:]
    elif subject.kind == "described task definition":
        pointer = ("taskDefinition", *pointer)
    spelled: list[str | int] = []
    value: Json = subject.document.value
    for part in pointer:
        step = part
        if isinstance(value, dict) and isinstance(part, str):
            step = next((key for key in _spellings(part) if key in value), part)
            value = value.get(step)
        elif isinstance(value, list) and isinstance(part, int):
            value = value[part] if part < len(value) else None
        else:
            value = None
        spelled.append(step)
    return tuple(spelled)


def _spellings(key: str) -> tuple[str, ...]:
    return key, key[:1].lower() + key[1:], key[:1].upper() + key[1:]

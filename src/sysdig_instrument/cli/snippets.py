"""The text to paste for a finding, in the document's own syntax: what the finding's reason has to paste."""

from __future__ import annotations

from collections.abc import Iterator

from sysdig_instrument.cli.documents import InputDocument
from sysdig_instrument.cli.snippet_text import camel_keys, members
from sysdig_instrument.documents import Syntax
from sysdig_instrument.ecs_documents import camel_key
from sysdig_instrument.engine.findings import Finding, paste_place
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.paste import Paste, PasteInto
from sysdig_instrument.lazy_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Snippet:
    """A text to paste, and what it is pasted into."""

    into: str
    text: str

    @property
    def lines(self) -> list[str]:
        """The heading, and the lines of the text, indented below it."""
        return [f"paste into {self.into}:", *(f"  {line}" for line in self.text.splitlines())]

    @property
    def as_json(self) -> Json:
        """The form in reports."""
        return {"into": self.into, "text": self.text}


def snippets(finding: Finding, document: InputDocument) -> tuple[Snippet, ...]:
    """Return what to paste for a finding about a document. There may be nothing to paste."""
    return tuple(dict.fromkeys(_snippets(finding, document)))


def _snippets(finding: Finding, document: InputDocument) -> Iterator[Snippet]:
    in_template = document.kind == "template"
    pointer = finding.location.pointer
    if not in_template:
        pointer = tuple(camel_key(part) if isinstance(part, str) else part for part in pointer)
    for each in finding.reason.paste:
        paste = each if in_template else each.outside_template or each
        if place := paste_place(paste, pointer, in_template=in_template):
            yield Snippet(place, _text(paste, finding.location.container, document))


def _text(paste: Paste, container: str | None, document: InputDocument) -> str:
    value: Json = paste.members(container)
    if paste.into is PasteInto.POLICY:
        import textwrap  # noqa: PLC0415 - most runs paste nothing in JSON

        return "{\n" + textwrap.indent(members(paste.members(), "json"), "  ") + "\n}"
    if not paste.is_outside and document.kind != "template":
        value = camel_keys(value)
    syntax: Syntax = "yaml" if paste.is_outside else document.source.syntax
    return members(value, syntax) if isinstance(value, dict) else ""

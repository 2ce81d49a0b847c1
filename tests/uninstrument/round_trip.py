"""Instrument a document from text to text, and take the agent out of it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sysdig_instrument.cli.documents import input_document, preview_document
from sysdig_instrument.cli.removals import remove_from
from sysdig_instrument.documents import Document, read
from sysdig_instrument.documents.editing.writer import write
from sysdig_instrument.engine.lookups import Answer, Lookup
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.removal.uninstrument import Removal


@dataclass(frozen=True)
class RoundTrip:
    """A document, what ``transform`` makes of it, and what ``uninstrument`` makes of that."""

    before: Document
    instrumented: Document
    removal: Removal
    after: Document

    @property
    def is_exact(self) -> bool:
        return not self.removal.problems and self.after.encode(self.after.text) == self.before.encode(self.before.text)


def round_trip(
    source: Document, context: Context, answers: Callable[[Sequence[Lookup]], Mapping[Lookup, Answer]]
) -> RoundTrip | None:
    """Return the round trip of a document; None if it is refused."""
    document = input_document(source)
    preview = preview_document(document, context, answers)
    if preview.problems:
        return None
    text = write(source, preview.changes, preview.processed).text
    instrumented = read(source.encode(text), source.name)
    removal, after = remove_from(instrumented, document.kind, {})
    return RoundTrip(source, instrumented, removal, after)

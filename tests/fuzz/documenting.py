"""Fuzz targets for documents: a document that can be read is written back byte for byte."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sysdig_instrument.cli.documents import input_document, preview_document
from sysdig_instrument.documents import Document, Syntax, read
from sysdig_instrument.documents.editing.writer import render, write
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import Answer, ImageConfig, ImageLookup, Lookup, Unavailable
from sysdig_instrument.engine.patch import apply
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.settings.layers import Layer, merge_layers
from sysdig_instrument.errors import UserError

_CONTEXT = Context(
    deployment_settings=merge_layers(Layer("fuzz", {"Collector": "us2"})), region="eu-west-1", account="111122223333"
)
_SYNTAXES: tuple[Syntax, ...] = ("json", "yaml")


def documents(data: bytes) -> None:
    """Read JSON or YAML: without changes the same bytes are written, and each rendered syntax has the same value."""
    document = _read(data)
    if document is None:
        return
    assert document.encode(write(document, [], document.value).text) == data
    for syntax in _SYNTAXES:
        text = render(document.value, syntax)
        again = _read(text.encode("utf-8", "surrogatepass"))
        assert again is None or _text(again.value) == _text(document.value), syntax


def transformed(data: bytes) -> None:
    """Process a template or a task definition: the text has the planned value, and a second run changes nothing."""
    document = _read(data)
    if document is None:
        return
    try:
        subject = input_document(document)
        outlook = preview_document(subject, subject.with_transform_parameters(_CONTEXT), answer_lookups)
    except (UserError, RecursionError):
        return
    for finding in (*outlook.notices, *outlook.problems):
        assert len(finding.text.splitlines()) == 1
    if outlook.problems:
        return
    text = write(document, outlook.changes, outlook.processed).text
    written = read(document.encode(text), "t")
    assert _text(written.value) == _text(apply(document.value, outlook.changes))
    again = input_document(written)
    assert not preview_document(again, again.with_transform_parameters(_CONTEXT), answer_lookups).changes, (
        "a second run changes the output"
    )


def answer_lookups(lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
    """Answer lookups: every image has an entry point, and nothing else exists."""
    return {
        lookup: ImageConfig(("start",), ("serve",))
        if isinstance(lookup, ImageLookup)
        else Unavailable(Reason("It does not exist", "Create it", code=Code.NO_ANSWER), missing=True)
        for lookup in lookups
    }


def _read(data: bytes) -> Document | None:
    try:
        return read(data, "t")
    except UserError as error:
        assert len(str(error).splitlines()) <= 1
        return None


def _text(value: Json) -> str:
    """Return a form that is equal for equal values only: it keeps the order of keys, and 1, 1.0 and true differ."""
    return json.dumps(value)

"""The documents that the command line tool reads: what loads is written back as it was, to the byte."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sysdig_instrument.cli.documents import input_document, preview_document
from sysdig_instrument.documents import Document, Syntax, read, render, write
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import Answer, ImageConfig, ImageLookup, Lookup, Unavailable
from sysdig_instrument.engine.patch import apply
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.settings.layers import Layer, merge_layers
from sysdig_instrument.errors import UserError

_CONTEXT = Context(
    resolved=merge_layers(Layer("fuzz", {"Collector": "us2"})), region="eu-west-1", account="111122223333"
)
_SYNTAXES: tuple[Syntax, ...] = ("json", "yaml")


def documents(data: bytes) -> None:
    """JSON or YAML: the same bytes come out, and the value in each syntax reads as the value."""
    document = _read(data)
    if document is None:
        return
    assert document.encode(write(document, [], document.value).text) == data
    for syntax in _SYNTAXES:
        text = render(document.value, syntax)
        again = _read(text.encode("utf-8", "surrogatepass"))
        assert again is None or _text(again.value) == _text(document.value), syntax


def transformed(data: bytes) -> None:
    """A template or a task definition through the engine and back: what is written says what was planned, for good."""
    document = _read(data)
    if document is None:
        return
    try:
        subject = input_document(document)
        outlook = preview_document(subject, subject.with_transform_parameters(_CONTEXT), answering)
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
    assert not preview_document(again, again.with_transform_parameters(_CONTEXT), answering).changes, (
        "a second run changes the output"
    )


def answering(requests: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
    """A world in which every image runs something, and nothing else is there."""
    return {
        request: ImageConfig(("start",), ("serve",))
        if isinstance(request, ImageLookup)
        else Unavailable(Reason("It is not there", "Put it there"), missing=True)
        for request in requests
    }


def _read(data: bytes) -> Document | None:
    try:
        return read(data, "t")
    except UserError as error:
        assert len(str(error).splitlines()) <= 1
        return None


def _text(value: Json) -> str:
    """What makes two values the same: order of keys, 1 and 1.0 and true told apart."""
    return json.dumps(value)

"""Any text, any changes: the new text says what it should, by edits alone, and lines that nobody changed are the same."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from documents import texts
from documents.support import write_changes
from sysdig_instrument.documents import read
from sysdig_instrument.documents.editing import writer
from sysdig_instrument.documents.editing.edit_tree import value_nodes
from sysdig_instrument.documents.editing.source import SourceText, UnsupportedLayoutError, apply_edits
from sysdig_instrument.documents.syntax_tree import Alias, Mapping, Scalar, Sequence, function_of, json_equal, walk
from sysdig_instrument.documents.yaml_syntax import compose_yaml
from sysdig_instrument.engine.patch import Change, apply

if TYPE_CHECKING:
    from random import Random

    from sysdig_instrument.documents import Document
    from sysdig_instrument.documents.editing.source import TextEdit
    from sysdig_instrument.documents.syntax_tree import Node
    from sysdig_instrument.engine.json_types import Json

thorough = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)


@pytest.fixture(autouse=True)
def no_second_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer can write anew what it got wrong; here it must not have to."""

    def refuse(*_: object) -> bool:
        raise AssertionError("an edit went wrong")

    monkeypatch.setattr(writer, "_widen", refuse)
    monkeypatch.setattr(writer, "_widen_all", refuse)


def _written(document: Document, changes: list[Change]) -> str:
    """The text with the changes. What it says is compared here."""
    text = write_changes(document, changes)
    assert json_equal(read(document.encode(text), "t").value, apply(document.value, changes))
    return text


@thorough
@given(texts.documents, st.randoms(use_true_random=False), st.data())
def test_yaml_edits_give_the_changed_value(value: Json, rnd: Random, data: st.DataObject) -> None:
    text = texts.Scribe(rnd).document(value)
    document = read(text.encode(), "t")
    assert json_equal(document.value, value) or not text.endswith("\n"), "the scribe writes what it means"
    assert write_changes(document, []) == text
    _written(document, data.draw(texts.changes(document.value)))


@thorough
@given(st.one_of(texts.documents, texts.repetitive), st.randoms(use_true_random=False), st.data())
def test_yaml_edits_with_aliases_give_the_changed_value(value: Json, rnd: Random, data: st.DataObject) -> None:
    document = read(texts.Scribe(rnd, aliases=True).document(value).encode(), "t")
    _written(document, data.draw(texts.changes(document.value)))


@thorough
@given(texts.documents, st.randoms(use_true_random=False), st.data())
def test_lines_outside_are_the_same(value: Json, rnd: Random, data: st.DataObject) -> None:
    """A change of one object or list leaves all lines before it and after it alone."""
    document = read(texts.Scribe(rnd).document(value).encode(), "t")
    change = data.draw(texts.one_change(document.value))
    written = _written(document, [change])
    tree = compose_yaml(document.text, "t")
    start, end = _span(tree, change.pointer[:-1], SourceText(document.text, document.newline))
    before, after = document.text[:start], document.text[end:]
    assert written.startswith(before)
    assert written.endswith(after) or (written + document.newline).endswith(after)


def _span(node: Node, pointer: tuple[str | int, ...], page: SourceText) -> tuple[int, int]:
    """From the line above a value, where it is introduced, to the end of its last line."""
    for part in pointer:
        if function_of(node) == part or isinstance(node, Alias | Scalar):
            continue
        if isinstance(node, Mapping):
            node = value_nodes(node)[str(part)]
        elif isinstance(node, Sequence):
            node = node.items[int(part)]
    start = page.line_start(page.line_start(node.start) - 1) if page.line_start(node.start) else 0
    above = page.text[start : node.start].strip()
    while start and (not above or above.startswith("#")):  # comments and empty lines above
        start = page.line_start(start - 1)
        above = page.text[start : node.start].strip()
    end = page.line_end(page.end_of(node))
    with suppress(UnsupportedLayoutError):
        end = page.indented_comments_end(end, -1)
    return start, end


spacing = st.sampled_from(
    [(None, ",", ":"), (None, ", ", ": "), (2, ",", ": "), (4, ",", ": "), ("\t", ",", ": "), (1, ",", " : ")]
)


@thorough
@given(texts.documents, spacing, st.booleans(), st.data())
def test_json_stays_as_it_was_formatted(
    value: Json,
    spaces: tuple[int | str | None, str, str],
    crlf: bool,  # noqa: FBT001 - drawn
    data: st.DataObject,
) -> None:
    """A text that some program has formatted comes out as that program would have formatted the new value."""
    indent, comma, colon = spaces

    def formatted(value: Json) -> str:
        text = json.dumps(value, indent=indent, separators=(comma, colon), ensure_ascii=False) + "\n"
        return text.replace("\n", "\r\n") if crlf else text

    if isinstance(value, list):
        value = {"list": value}
    document = read(formatted(value).encode(), "t")
    changes = data.draw(texts.changes(document.value))
    assert _written(document, changes) == formatted(apply(document.value, changes))


@thorough
@given(texts.documents, st.randoms(use_true_random=False), st.data())
def test_broken_edits_fall_back_to_rewriting(value: Json, rnd: Random, data: st.DataObject) -> None:
    """Whatever edits do, the text that comes out says what it should: here they put in nonsense half of the time."""
    document = read(texts.Scribe(rnd).document(value).encode(), "t")
    changes = data.draw(texts.changes(document.value))
    with pytest.MonkeyPatch.context() as patch:
        patch.undo()
        for name, real in REAL.items():
            patch.setattr(writer, name, real)

        def nonsense(text: str, splices: list[TextEdit]) -> str:
            return apply_edits(text, [splice for splice in splices if rnd.random() < 0.5])

        patch.setattr(writer, "apply_edits", nonsense)
        written = write_changes(document, changes)
    assert json_equal(read(written.encode(), "t").value, apply(document.value, changes))


REAL = {"_widen": writer._widen, "_widen_all": writer._widen_all}


def test_generated_texts_cover_every_yaml_feature() -> None:
    """The texts have all that they are there for."""
    seen: set[str] = set()

    @settings(max_examples=200, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(st.one_of(texts.documents, texts.repetitive), st.randoms(use_true_random=False))
    def look(value: Json, rnd: Random) -> None:
        text = texts.Scribe(rnd, aliases=True).document(value)
        for node in walk(compose_yaml(text, "t")):
            seen.add(type(node).__name__ + (":flow" if isinstance(node, Mapping | Sequence) and node.flow else ""))
            seen.add(f"tag {node.tag}")
            if isinstance(node, Scalar):
                seen.add(f"style {node.style}")
        seen.update(word for word in ("<<: *", "\r\n", " # ", "---") if word in text)

    look()
    expected = {
        "Alias",
        "Mapping",
        "Mapping:flow",
        "Sequence",
        "Sequence:flow",
        "tag !Ref",
        "tag !If",
        "style |",
        "style '",
    }
    assert expected | {"<<: *", "\r\n", " # ", "---"} <= seen


def test_an_uneditable_text_is_rewritten_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, real in REAL.items():
        monkeypatch.setattr(writer, name, real)
    monkeypatch.setattr(writer, "apply_edits", lambda text, _: text + ": {")
    warnings: list[str] = []
    written = write_changes(read(b"a: 1 # one\n", "t"), [Change("add", ("b",), "because", [2])], warnings.append)
    assert written == "a: 1\nb:\n  - 2\n"
    assert warnings == ["t could not be edited in place: all of it is written anew, without its comments."]

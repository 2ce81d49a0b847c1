"""Changes: how they are written as JSON Patch, and how they are applied."""

from __future__ import annotations

import copy
from typing import Any, cast

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysdig_instrument.engine.json_types import Json, Pointer
from sysdig_instrument.engine.patch import Change, apply, json_pointer

keys = st.one_of(st.sampled_from(["", "/", "~", "~1", "~0", "a/b", "-", "0", "é", "\ud800", "\n"]), st.text(max_size=3))
documents: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=10,
)


def pointers_in(document: Json, before: Pointer = ()) -> list[Pointer]:
    found = [before]
    for key, value in document.items() if isinstance(document, dict) else ():
        found += pointers_in(value, (*before, key))
    for index, item in enumerate(document if isinstance(document, list) else ()):
        found += pointers_in(item, (*before, index))
    return found


def value_at(document: Json, pointer: Pointer) -> Json:
    for part in pointer:
        document = cast("Any", document)[part]
    return document


@pytest.mark.parametrize(
    ("pointer", "text"),
    [
        pytest.param((), "", id="empty"),
        pytest.param(("a", 0), "/a/0", id="key-and-index"),
        pytest.param(("a/b",), "/a~1b", id="slash"),
        pytest.param(("~",), "/~0", id="tilde"),
        pytest.param(("~1",), "/~01", id="escape-sequence"),
        pytest.param(("",), "/", id="empty-key"),
        pytest.param(("Fn::If", 1, "-"), "/Fn::If/1/-", id="end-of-list"),
    ],
)
def test_a_pointer_is_written_as_in_rfc_6901(pointer: Pointer, text: str) -> None:
    assert json_pointer(pointer) == text


@given(documents, st.data())
def test_a_value_is_replaced_at_its_pointer_and_nowhere_else(document: Json, data: st.DataObject) -> None:
    pointer = data.draw(st.sampled_from([*pointers_in(document)[1:], None] if pointers_in(document)[1:] else [None]))
    if pointer is None:
        return
    before = copy.deepcopy(document)
    result = apply(document, [Change("replace", pointer, "why", "new", was=value_at(document, pointer))])
    assert document == before
    assert value_at(result, pointer) == "new"
    assert apply(result, [Change("replace", pointer, "why", value_at(before, pointer), was="new")]) == before


@given(documents, keys)
def test_a_key_is_added_whatever_its_name(document: Json, key: str) -> None:
    result = apply({"in": document}, [Change("add", (key,), "why", 1)])
    assert result == {"in": document, key: 1}


def test_replace_and_remove_test_first() -> None:
    assert Change("replace", ("a",), "why", 2, was=1).operations() == [
        {"op": "test", "path": "/a", "value": 1},
        {"op": "replace", "path": "/a", "value": 2},
    ]
    assert Change("remove", ("a",), "why", was=1).operations() == [
        {"op": "test", "path": "/a", "value": 1},
        {"op": "remove", "path": "/a"},
    ]


@pytest.mark.parametrize("operation", ["replace", "remove"])
def test_a_patch_for_another_document_changes_nothing(operation: Any) -> None:
    document: Json = {"a": "other"}
    with pytest.raises(jsonpatch.JsonPatchTestFailed):
        apply(document, [Change(operation, ("a",), "why", 2, was=1)])
    assert document == {"a": "other"}


def test_a_failed_patch_leaves_the_document_unchanged() -> None:
    document: Json = {"a": 1}
    with pytest.raises(jsonpatch.JsonPatchException):
        apply(document, [Change("add", ("b",), "why", 2), Change("remove", ("c",), "why")])
    assert document == {"a": 1}


def test_shared_input_values_are_changed_separately() -> None:
    shared: list[Json] = ["x"]
    result = apply({"a": shared, "b": shared}, [Change("add", ("a", "-"), "why", "y")])
    assert result == {"a": ["x", "y"], "b": ["x"]}
    assert shared == ["x"]


def test_a_value_shared_by_two_changes_is_copied() -> None:
    value: Json = ["x"]
    result = apply({}, [Change("add", ("a",), "why", value), Change("add", ("b",), "why", value), Change("add", ("a", "-"), "why", "y")])  # fmt: skip
    assert result == {"a": ["x", "y"], "b": ["x"]}
    assert value == ["x"]


@given(documents, st.lists(st.tuples(st.sampled_from(["add", "replace", "remove"]), documents), max_size=4), st.data())
def test_the_result_equals_that_of_jsonpatch(
    document: Json, drawn: list[tuple[Any, Json]], data: st.DataObject
) -> None:
    changes: list[Change] = []
    result = document
    for operation, value in drawn:
        candidates = pointers_in(result)[1:]
        if not candidates:
            break
        pointer = data.draw(st.sampled_from(candidates))
        changes.append(Change(operation, pointer, "why", value, was=value_at(result, pointer)))
        result = apply(document, changes)
    operations = [each for change in changes for each in change.operations()]
    assert repr(result) == repr(jsonpatch.apply_patch(document, operations))

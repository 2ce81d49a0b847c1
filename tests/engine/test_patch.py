"""Changes as data, and applying them."""

from __future__ import annotations

import copy
from typing import Any, cast

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.patch import Change, Pointer, apply, json_pointer

keys = st.one_of(st.sampled_from(["", "/", "~", "~1", "~0", "a/b", "-", "0", "é", "\ud800", "\n"]), st.text(max_size=3))
documents: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=10,
)


def places(document: Json, before: Pointer = ()) -> list[Pointer]:
    found = [before]
    for key, value in document.items() if isinstance(document, dict) else ():
        found += places(value, (*before, key))
    for index, item in enumerate(document if isinstance(document, list) else ()):
        found += places(item, (*before, index))
    return found


def at(document: Json, pointer: Pointer) -> Json:
    for step in pointer:
        document = cast("Any", document)[step]
    return document


@pytest.mark.parametrize(
    ("pointer", "text"),
    [
        ((), ""), (("a", 0), "/a/0"), (("a/b",), "/a~1b"), (("~",), "/~0"), (("~1",), "/~01"), (("",), "/"),
        (("Fn::If", 1, "-"), "/Fn::If/1/-"),
    ],
)  # fmt: skip
def test_a_pointer_is_written_as_in_rfc_6901(pointer: Pointer, text: str) -> None:
    assert json_pointer(pointer) == text


@given(documents, st.data())
def test_a_value_is_replaced_at_its_place_and_nowhere_else(document: Json, data: st.DataObject) -> None:
    pointer = data.draw(st.sampled_from([*places(document)[1:], None] if places(document)[1:] else [None]))
    if pointer is None:
        return
    before = copy.deepcopy(document)
    made = apply(document, [Change("replace", pointer, "why", "new", was=at(document, pointer))])
    assert document == before
    assert at(made, pointer) == "new"
    assert apply(made, [Change("replace", pointer, "why", at(before, pointer), was="new")]) == before


@given(documents, keys)
def test_a_key_is_added_whatever_its_name(document: Json, key: str) -> None:
    made = apply({"in": document}, [Change("add", (key,), "why", 1)])
    assert made == {"in": document, key: 1}


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
    made = apply({"a": shared, "b": shared}, [Change("add", ("a", "-"), "why", "y")])
    assert made == {"a": ["x", "y"], "b": ["x"]}
    assert shared == ["x"]


def test_a_value_shared_by_two_changes_is_copied() -> None:
    value: Json = ["x"]
    made = apply({}, [Change("add", ("a",), "why", value), Change("add", ("b",), "why", value), Change("add", ("a", "-"), "why", "y")])  # fmt: skip
    assert made == {"a": ["x", "y"], "b": ["x"]}
    assert value == ["x"]


@given(documents, st.lists(st.tuples(st.sampled_from(["add", "replace", "remove"]), documents), max_size=4), st.data())
def test_the_result_equals_that_of_jsonpatch(
    document: Json, drawn: list[tuple[Any, Json]], data: st.DataObject
) -> None:
    changes: list[Change] = []
    made = document
    for operation, value in drawn:
        candidates = places(made)[1:]
        if not candidates:
            break
        pointer = data.draw(st.sampled_from(candidates))
        changes.append(Change(operation, pointer, "why", value, was=at(made, pointer)))
        made = apply(document, changes)
    written = [each for change in changes for each in change.operations()]
    assert repr(made) == repr(jsonpatch.apply_patch(document, written))

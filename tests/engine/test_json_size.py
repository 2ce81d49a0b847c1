"""The size of a template: measured by resource, it is that of the whole text, and no part is larger than its resource."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysdig_instrument.engine.json_size import json_bytes, json_size
from sysdig_instrument.engine.json_types import Json

texts = st.text() | st.text('\x00"\\!\U0001f600\ud800')
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=20,
)
templates = st.fixed_dictionaries({"Resources": st.dictionaries(texts, values)}, optional={"Outputs": values})


@given(values | templates)
def test_the_size_is_that_of_the_whole_text(template: Json) -> None:
    text = json.dumps(template, ensure_ascii=False, separators=(",", ":"))
    measured = json_size(template)
    assert measured.size == len(text.encode(errors="replace"))
    assert measured.has_exclamation_mark == ("!" in text)


@given(templates)
def test_no_resource_is_larger_than_what_is_measured(template: dict[str, Any]) -> None:
    measured = json_size(template)
    for name, resource in template["Resources"].items():
        for pointer in (("Resources", name), ("Resources", name, "Properties")):
            assert json_bytes(resource) <= measured.at_most(pointer) <= measured.size


@pytest.mark.parametrize("pointer", [None, (), ("Resources",), ("Resources", "Other")])
def test_what_has_no_resource_is_at_most_as_large_as_the_whole(pointer: tuple[str, ...] | None) -> None:
    measured = json_size({"Resources": {"Task": {"Type": "AWS::ECS::TaskDefinition"}}})
    assert measured.at_most(pointer) == measured.size

"""The suggestion for an unknown name."""

from __future__ import annotations

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysdig_instrument.engine.settings.table import BY_NAME
from sysdig_instrument.engine.suggestions import did_you_mean, suggest


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("colector", "Collector"),
        ("COLLECTOR", "Collector"),
        ("collector-port", "CollectorPort"),
        ("AgentMemroy", "AgentMemory"),
        ("Enable", "Enabled"),
    ],
)
def test_the_nearest_name_is_suggested(wrong: str, right: str) -> None:
    assert suggest(wrong, BY_NAME) == right
    assert did_you_mean(wrong, BY_NAME) == f'Did you mean "{right}"?'


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param("", id="empty"),
        pytest.param("x", id="one-letter"),
        pytest.param("QQQQQQQQQQ", id="unrelated-word"),
        pytest.param("x" * 100_000, id="100000-letters"),
    ],
)
def test_nothing_is_suggested_if_no_name_is_near(wrong: str) -> None:
    assert suggest(wrong, BY_NAME) is None
    assert did_you_mean(wrong, BY_NAME) == ""


letters = st.text("abcXY", max_size=8)


@given(letters, st.lists(letters, max_size=4), st.sampled_from([0.0, 0.5, 0.6, 0.8, 1.0]))
def test_a_name_is_left_out_beforehand_only_if_difflib_does_not_find_it_near(
    name: str, known: list[str], cutoff: float
) -> None:
    folded = {each.casefold(): each for each in known}
    matches = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=cutoff)
    assert suggest(name, known, cutoff=cutoff) == (folded[matches[0]] if matches else None)

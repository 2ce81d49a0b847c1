"""The blocks of equal lines that the hunks of a diff are made of."""

from __future__ import annotations

from difflib import SequenceMatcher

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysdig_instrument.cli.diff_formats import matching_lines
from sysdig_instrument.cli.diff_formats.matching_lines import MAX_COMPARED_LINES, LineMatcher

LINES = st.lists(st.sampled_from("abcdefgh"), max_size=20)


@given(LINES, LINES)
def test_the_opcodes_turn_one_text_into_the_other(old: list[str], new: list[str]) -> None:
    made: list[str] = []
    position = 0
    for tag, old_start, old_end, new_start, new_end in LineMatcher(old, new).get_opcodes():
        assert old_start == position
        position = old_end
        assert (tag == "equal") == (old[old_start:old_end] == new[new_start:new_end])
        made += new[new_start:new_end]
    assert (position, made) == (len(old), new)


def test_a_line_that_moved_does_not_hide_those_that_stayed() -> None:
    old = ["moved", *map(str, range(9))]
    new = [*map(str, range(9)), "moved"]
    equal = [code for code in LineMatcher(old, new).get_opcodes() if code[0] == "equal"]
    assert equal == [("equal", 1, 10, 0, 9)]


def test_difflib_never_gets_more_lines_than_it_can_compare(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []

    class CountingMatcher(SequenceMatcher[str]):
        def __init__(self, isjunk: None, a: list[str], b: list[str]) -> None:
            compared.append(len(a) + len(b))
            super().__init__(isjunk, a, b)

    monkeypatch.setattr(matching_lines, "SequenceMatcher", CountingMatcher)
    repeated = ["same", "and", "same"] * MAX_COMPARED_LINES
    old = [*repeated, "name", "a", "b", *repeated, "last"]
    new = ["first", *repeated, "between", "name", "b", "a", *repeated, "end"]
    assert [code[0] for code in LineMatcher(old, new).get_opcodes()].count("equal")
    assert max(compared, default=0) <= MAX_COMPARED_LINES

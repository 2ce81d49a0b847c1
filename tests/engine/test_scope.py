"""The scope of an evaluation: its sections, assumptions, and recorded lookups."""

from __future__ import annotations

from factories import scope
from sysdig_instrument.engine.expressions.scope import section
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import ImageConfig, ImageLookup, SsmLookup

NOT_OBJECTS: tuple[Json, ...] = (None, [], "x", 5, True, [{}])


def test_a_section_that_is_missing_or_no_object_is_empty() -> None:
    for value in NOT_OBJECTS:
        assert section({"Parameters": value}, "Parameters") == {}
        assert section(value, "Parameters") == {}
    assert section({}, "Parameters") == {}
    assert section({"Parameters": {"P": 1}}, "Parameters") == {"P": 1}


def test_assumptions_replace_earlier_ones() -> None:
    assert scope().assuming({"A": True}).assuming({"B": False}).assumptions == {"B": False}
    assert scope().assuming({"A": True}).assuming({}).assumptions == {}


def test_assuming_changes_only_the_assumptions() -> None:
    before = scope({"a": 1}, {"P": "x"}, loops={"X": "y"})
    after = before.assuming({"A": True})
    assert (after.template, after.parameter_values, after.loops, after.decides_conditions) == (
        {"a": 1},
        {"P": "x"},
        {"X": "y"},
        True,
    )
    assert (after.region, after.account, after.state) == (before.region, before.account, before.state)


def test_missing_answers_are_recorded_once_in_order() -> None:
    current = scope(answers={SsmLookup("known"): "x"})
    assert current.answer(SsmLookup("known")) == "x"
    for lookup in (SsmLookup("b"), ImageLookup("a"), SsmLookup("b")):
        assert current.assuming({"A": True}).answer(lookup) is None
    assert list(current.state.lookups) == [SsmLookup("b"), ImageLookup("a")]


def test_an_answer_that_is_empty_is_an_answer() -> None:
    current = scope(answers={SsmLookup("empty"): "", ImageLookup("empty"): ImageConfig()})
    assert current.answer(SsmLookup("empty")) == ""
    assert current.answer(ImageLookup("empty")) == ImageConfig()
    assert not current.state.lookups

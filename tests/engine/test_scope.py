"""What expressions may refer to."""

from __future__ import annotations

import pytest

from making import scope
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import ImageConfig, ImageRequest, SsmRequest
from sysdig_instrument.engine.scope import partition, section

ODD: tuple[Json, ...] = (None, [], "x", 5, True, [{}])


def test_a_section_that_is_missing_or_no_object_is_empty() -> None:
    for odd in ODD:
        assert section({"Parameters": odd}, "Parameters") == {}
        assert section(odd, "Parameters") == {}
    assert section({}, "Parameters") == {}
    assert section({"Parameters": {"P": 1}}, "Parameters") == {"P": 1}


def test_assumptions_replace_earlier_ones() -> None:
    assert scope().assuming({"A": True}).assuming({"B": False}).when == {"B": False}
    assert scope().assuming({"A": True}).assuming({}).when == {}


def test_assuming_keeps_all_else() -> None:
    before = scope({"a": 1}, {"P": "x"}, loops={"X": "y"})
    after = before.assuming({"A": True})
    assert (after.template, after.values, after.loops, after.current) == ({"a": 1}, {"P": "x"}, {"X": "y"}, True)
    assert (after.region, after.account, after.run) == (before.region, before.account, before.run)


def test_what_has_no_answer_is_noted_once_in_the_order_of_asking() -> None:
    here = scope(answers={SsmRequest("known"): "x"})
    assert here.answer(SsmRequest("known")) == "x"
    for request in (SsmRequest("b"), ImageRequest("a"), SsmRequest("b")):
        assert here.assuming({"A": True}).answer(request) is None
    assert list(here.run.requests) == [SsmRequest("b"), ImageRequest("a")]


def test_an_answer_that_is_empty_is_an_answer() -> None:
    here = scope(answers={SsmRequest("empty"): "", ImageRequest("empty"): ImageConfig()})
    assert here.answer(SsmRequest("empty")) == ""
    assert here.answer(ImageRequest("empty")) == ImageConfig()
    assert not here.run.requests


@pytest.mark.parametrize("region", ["", "mars-north-1", "cn", "us-gov"])
def test_an_unknown_region_is_in_the_ordinary_partition(region: str) -> None:
    assert partition(region) == ("aws", "amazonaws.com")

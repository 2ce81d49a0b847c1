"""The Result in a resource's Metadata."""

from __future__ import annotations

import pytest

from factories import (
    if_,
    notices_of,
    processed,
    template,
)
from sysdig_instrument.engine.json_types import Json


def test_the_result_stays_where_nothing_else_changes() -> None:
    once = processed(template())
    result = once["Resources"]["Api"]["Metadata"]["SysdigInstrument"]["Result"]
    assert result["Task"] == "instrumented"
    assert result["Containers"] == {"web": "instrumented: entry point from the template"}
    assert processed(once) == once


def test_the_result_goes_into_existing_metadata() -> None:
    value = template()
    value["Resources"]["Api"]["Metadata"] = {"cfn-lint": {"config": {}}}
    made = processed(value)["Resources"]["Api"]["Metadata"]
    assert made["cfn-lint"] == {"config": {}}
    assert made["SysdigInstrument"]["Result"]["Task"] == "instrumented"


def test_an_earlier_result_is_replaced_if_something_changes() -> None:
    value = template()
    value["Resources"]["Api"]["Metadata"] = {"SysdigInstrument": {"Enabled": True, "Result": {"Task": "skipped"}}}
    made = processed(value)["Resources"]["Api"]["Metadata"]["SysdigInstrument"]
    assert made["Enabled"] is True
    assert made["Result"]["Task"] == "instrumented"


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param([], id="list"),
        pytest.param("x", id="string"),
        pytest.param(5, id="number"),
        pytest.param(if_("Active", {"A": "b"}), id="conditional"),
    ],
)
def test_metadata_of_another_type_is_noticed_and_kept(metadata: Json) -> None:
    value = template()
    value["Resources"]["Api"]["Metadata"] = metadata
    assert any("Metadata is not an object" in each for each in notices_of(value))
    assert processed(value)["Resources"]["Api"]["Metadata"] == metadata

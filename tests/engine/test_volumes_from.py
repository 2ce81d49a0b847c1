"""The volume with the wrapper."""

from __future__ import annotations

import pytest

from factories import (
    NOVALUE,
    container,
    containers_of,
    if_,
    plan_of,
    processed,
    processed_container,
    template,
)
from sysdig_instrument.engine.agent import AGENT_NAME
from sysdig_instrument.engine.json_types import Json

VOLUME: Json = {"SourceContainer": AGENT_NAME, "ReadOnly": True}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(NOVALUE, [VOLUME], id="no-value"),
        pytest.param([VOLUME], [VOLUME], id="present"),
        pytest.param([{"SourceContainer": AGENT_NAME}], [VOLUME], id="without-read-only"),
        pytest.param([{"SourceContainer": AGENT_NAME, "ReadOnly": False}], [VOLUME], id="writable"),
        pytest.param(
            [{"SourceContainer": AGENT_NAME, "ReadOnly": "true"}],
            [{"SourceContainer": AGENT_NAME, "ReadOnly": "true"}],
            id="read-only-as-string",
        ),
        pytest.param(
            [if_("Active", VOLUME)],
            [if_("Active", VOLUME), if_("Active", NOVALUE, VOLUME)],
            id="conditional-item",
        ),
    ],
)
def test_the_volume_is_added_once_and_read_only(before: Json, after: Json) -> None:
    assert processed_container(VolumesFrom=before)["VolumesFrom"] == after


def test_a_volume_that_evaluates_to_the_agent_is_not_repeated() -> None:
    entry: dict[str, Json] = {"SourceContainer": {"Fn::Sub": "SysdigInstrumentation"}, "ReadOnly": False}
    value = processed(template(container(VolumesFrom=[entry])))
    assert containers_of(value)[0]["VolumesFrom"] == [{**entry, "ReadOnly": True}]


def test_a_writable_volume_is_made_read_only() -> None:
    volume: Json = {"SourceContainer": AGENT_NAME, "ReadOnly": False}
    value = template(container(VolumesFrom=[volume]))
    (change,) = (each for each in plan_of(value).changes if "VolumesFrom" in each.pointer)
    assert (change.operation, change.value, change.was) == ("replace", True, False)
    assert change.reason == "the workload only needs to read the agent's files"

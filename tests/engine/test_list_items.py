"""Values that no item can be added to."""

from __future__ import annotations

import pytest

from factories import (
    container,
    problems_of,
    template,
)
from sysdig_instrument.engine.json_types import Json


@pytest.mark.parametrize("key", ["Environment", "VolumesFrom", "LinuxParameters"])
@pytest.mark.parametrize(
    "bad",
    [
        pytest.param("x", id="string"),
        pytest.param(5, id="number"),
        pytest.param({"Ref": "X"}, id="ref"),
        pytest.param({"Fn::GetAtt": ["X", "Y"]}, id="getatt"),
    ],
)
def test_unextendable_values_are_refused_with_their_location(key: str, bad: Json) -> None:
    (problem,) = problems_of(template(container(**{key: bad})))
    assert f"(Resources.Api.Properties.ContainerDefinitions[0].{key}): {key} " in problem


def test_a_map_of_variables_as_in_compose_is_named_as_such() -> None:
    (problem,) = problems_of(template(container(Environment={"LEVEL": "info", "MODE": "x"})))
    assert "Environment is an object, and ECS expects a list of objects. Write each variable as an item" in problem

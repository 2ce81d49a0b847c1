"""Lists that no item can be added to, and items that a list has twice."""

from __future__ import annotations

import pytest

from factories import container, plan_of, problems_of, template
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


SIDECAR: Json = {"Name": "SYSDIG_SIDECAR", "Value": "auto"}
SIDECAR_OFF: Json = {"Name": "SYSDIG_SIDECAR", "Value": "off"}
VOLUME: Json = {"SourceContainer": "SysdigInstrumentation", "ReadOnly": True}
WRITABLE: Json = {"SourceContainer": "SysdigInstrumentation"}
CONDITION: dict[str, Json] = {"Conditions": {"C": {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]}}}


@pytest.mark.parametrize(
    ("key", "entries", "is_noticed"),
    [
        pytest.param("Environment", [SIDECAR, SIDECAR_OFF], True, id="variable"),
        pytest.param("Environment", [SIDECAR_OFF, {"Fn::If": ["C", SIDECAR, SIDECAR]}], True, id="conditional"),
        pytest.param("Environment", [{"Fn::If": ["C", SIDECAR, SIDECAR_OFF]}], False, id="either-of-two"),
        pytest.param("Environment", [SIDECAR_OFF], False, id="one"),
        pytest.param("Environment", [SIDECAR, SIDECAR], False, id="equal-in-the-template"),
        pytest.param("VolumesFrom", [VOLUME, WRITABLE], True, id="volume"),
    ],
)
def test_two_entries_that_become_equal_are_noticed(key: str, entries: list[Json], *, is_noticed: bool) -> None:
    plan = plan_of(template(container(**{key: entries}), sections=CONDITION))
    notices = [each.text for each in plan.notices if f"{key} has two entries for" in each.text]
    assert plan.problems == ()
    assert bool(notices) is is_noticed

"""Content that a fragment does not show: a snippet's parameters, and the result of an Fn::Transform."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest

from factories import NOVALUE, container, notices_of, plan_of, problems_of, processed, properties_of, resource, template
from sysdig_instrument.engine.agent import WRAPPER
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.plan import process


def _snippet(values: Mapping[str, Json], **members: Json) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the processed containers of a snippet's Properties, and the problems."""
    plan = plan_of(resource(container(**members))["Properties"], None, values)
    made, problems = process(resource(container(**members))["Properties"], plan)
    return cast("dict[str, Any]", made)["ContainerDefinitions"], [problem.text for problem in problems]


def test_a_snippet_knows_parameters_by_their_values() -> None:
    containers, problems = _snippet({"Image": "shop/web:2"}, Image={"Ref": "Image"}, EntryPoint=NOVALUE)
    assert problems == []
    assert containers[0]["EntryPoint"] == [WRAPPER, "start"]
    assert containers[0]["Image"] == {"Ref": "Image"}


def test_a_snippet_does_not_know_resources() -> None:
    _, problems = _snippet({"Image": "shop/web:2"}, Image={"Ref": "Other"}, EntryPoint=NOVALUE)
    assert 'it refers to "Other", which is known only after deployment' in problems[0]


def test_a_list_parameter_of_a_snippet_stays_dynamic() -> None:
    containers, problems = _snippet({"Start": ["/run", "it"]}, EntryPoint={"Ref": "Start"})
    assert problems == []
    joined: Json = {"Fn::Join": [",", {"Ref": "Start"}]}
    assert containers[0]["EntryPoint"] == {"Fn::Split": [",", {"Fn::Join": [",", [WRAPPER, joined]]}]}


def test_an_empty_parameter_declaration_gives_no_crash() -> None:
    value = template(container(EntryPoint={"Ref": "P"}), sections={"Parameters": {"P": None}})
    assert any("EntryPoint is an expression" in problem for problem in problems_of(value))


def test_a_resource_is_not_taken_for_a_parameter() -> None:
    value = template(container(Image={"Ref": "Repo"}, EntryPoint=NOVALUE))
    value["Resources"]["Repo"] = {"Type": "AWS::SQS::Queue"}
    (problem,) = problems_of(value, None, {"Repo": "shop/web:2"})
    assert 'it refers to "Repo"' in problem


@pytest.mark.parametrize(
    "insert",
    [
        pytest.param(lambda value, include: value.update({"Fn::Transform": include}), id="in-template"),
        pytest.param(lambda value, include: value["Resources"].update({"Fn::Transform": include}), id="in-resources"),
        pytest.param(
            lambda value, include: value["Resources"].update({"Other": {"Fn::Transform": include}}),
            id="in-resource-without-type",
        ),
    ],
)
def test_a_transform_that_may_add_tasks_gets_a_notice(insert: Callable[[Any, Json], None]) -> None:
    include: Json = {"Name": "AWS::Include", "Parameters": {"Location": "s3://a/b"}}
    value = template()
    insert(value, include)
    (notice,) = (each for each in notices_of(value) if "Fn::Transform inserts content that is not known here" in each)
    assert "Fn::Transform)" in notice
    assert properties_of(processed(value))["PidMode"] == "task"


def test_a_transform_in_an_unrelated_resource_is_ignored() -> None:
    value = template()
    value["Resources"]["Bucket"] = {"Type": "AWS::S3::Bucket", "Fn::Transform": {"Name": "AWS::Include"}}
    assert not any("Fn::Transform" in notice for notice in notices_of(value))

"""Content that a fragment does not show: a snippet's parameters, and the result of an Fn::Transform."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest

from factories import NOVALUE, container, notices_of, plan_of, problems_of, processed, properties_of, resource, template
from sysdig_instrument.engine.agent import WRAPPER
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.plan import process


def nested_loops(levels: int) -> list[Any]:
    """Return the value of an Fn::ForEach with further ones in it, around a task definition."""
    body: dict[str, Any] = {"Task": resource(container())}
    for level in range(levels - 1):
        body = {"Fn::ForEach::L": [f"V{level}", ["A"], body]}
    return ["Name", ["A"], body]


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


HIDING: dict[str, tuple[dict[str, Any], str, str]] = {
    "module": (
        {"Web": {"Type": "Example::Ecs::Service::MODULE", "Properties": {}}},
        "Resources.Web",
        "A module inserts resources that are not known here",
    ),
    "module in a loop": (
        {"Fn::ForEach::L": ["Name", ["A"], {"Web${Name}": {"Type": "Example::Ecs::Service::MODULE"}}]},
        "Resources.Fn::ForEach::L[2].Web${Name}",
        "A module inserts resources that are not known here",
    ),
    "transform in a loop": (
        {"Fn::ForEach::L": ["Name", ["A"], {"Fn::Transform": {"Name": "AWS::Include"}}]},
        "Resources.Fn::ForEach::L[2].Fn::Transform",
        "Fn::Transform inserts content",
    ),
    "transform as a resource of a loop": (
        {"Fn::ForEach::L": ["Name", ["A"], {"Web${Name}": {"Fn::Transform": {"Name": "AWS::Include"}}}]},
        "Resources.Fn::ForEach::L[2].Web${Name}.Fn::Transform",
        "Fn::Transform inserts content",
    ),
    "macro that may change the type beside it": (
        {"Bucket": {"Type": "AWS::S3::Bucket", "Fn::Transform": [{"Name": "AWS::Include"}, {"Name": "Other"}]}},
        "Resources.Bucket.Fn::Transform",
        "Fn::Transform inserts content",
    ),
    "stack set": (
        {"Set": {"Type": "AWS::CloudFormation::StackSet", "Properties": {}}},
        "Resources.Set",
        "The macro cannot see a stack set's template",
    ),
    "loop without a visible body": (
        {"Fn::ForEach::L": ["Name", ["A"], {"Fn::Transform": {"Name": "AWS::Include"}}], "Fn::ForEach::M": "text"},
        "Resources.Fn::ForEach::M",
        "The resources of this Fn::ForEach are not visible here",
    ),
    "loop in six loops": (
        {"Fn::ForEach::L": nested_loops(6)},
        "Resources." + "Fn::ForEach::L[2]." * 5 + "Fn::ForEach::L",
        "The resources of this Fn::ForEach are not visible here",
    ),
}


@pytest.mark.parametrize(("resources", "pointer", "fact"), HIDING.values(), ids=HIDING)
def test_what_may_hide_a_task_definition_is_noticed(resources: dict[str, Any], pointer: str, fact: str) -> None:
    notices = notices_of({"Resources": {"Api": resource(container()), **resources}})
    assert [each for each in notices if each.startswith(f"({pointer}): {fact}")], notices


def test_five_loops_hide_nothing() -> None:
    notices = notices_of({"Resources": {"Fn::ForEach::L": nested_loops(5)}})
    assert not [each for each in notices if "not visible here" in each]


@pytest.mark.parametrize("name", ["SysdigInstrument", "SysdigInstrument-canary"])
def test_the_macro_knows_its_own_name(name: str) -> None:
    fragment: Json = {"Resources": {"Api": resource(container())}, "Fn::Transform": {"Name": name}}
    assert not [each for each in notices_of(fragment) if "Fn::Transform inserts" in each]


@pytest.mark.parametrize(
    "uses",
    [
        {"Name": "SysdigInstrumentation"}, {"Name": "SysdigInstrumentX"}, {"Name": "sysdiginstrument"}, {"Name": ""}, {}, [],
        [{"Name": "SysdigInstrument"}, {"Name": "Other"}], {"Name": ["SysdigInstrument"]}, "SysdigInstrument",
    ],
)  # fmt: skip
def test_another_name_that_begins_alike_is_another_macro(uses: Any) -> None:
    fragment = {"Resources": {"Api": resource(container())}, "Fn::Transform": uses}
    assert [each for each in notices_of(fragment) if "Fn::Transform inserts" in each]


@pytest.mark.parametrize("name", ["SysdigInstrument", "SysdigInstrument-canary", "SysdigInstrument-of-somebody"])
def test_a_transform_in_a_container_is_never_this_macro(name: str) -> None:
    """CloudFormation applies this macro beside a resource's Type or in its Properties; whatever is deeper is another one."""
    members: dict[str, Any] = {"Fn::Transform": {"Name": name}}
    (problem,) = problems_of(template(container(**members)))
    assert "The container contains Fn::Transform, whose result is not known here" in problem
    assert problems_of(template(container(), **members)) == []

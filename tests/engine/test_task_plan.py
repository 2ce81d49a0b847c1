"""The plan for a whole task definition: lists of containers, and what is refused."""

from __future__ import annotations

import pytest

from factories import (
    CONDITIONS,
    NOVALUE,
    container,
    if_,
    plan_of,
    problems_of,
    processed,
    template,
)
from sysdig_instrument.engine.json_types import Json


def test_exponentially_many_conditions_are_refused() -> None:
    nested: list[Json] = [
        if_(f"A{number}", if_(f"B{number}", container(Name=f"c{number}"), NOVALUE), NOVALUE) for number in range(30)
    ]
    (problem,) = problems_of(template(ContainerDefinitions=nested))
    assert "too many different conditions" in problem


@pytest.mark.parametrize(
    "first",
    [
        pytest.param([], id="empty"),
        pytest.param(5, id="malformed"),
        pytest.param({"Ref": "AWS::NoValue"}, id="no-value"),
    ],
)
def test_a_list_may_be_missing_or_empty_in_one_branch(first: Json) -> None:
    value = template(sections=CONDITIONS)
    value["Resources"]["Api"]["Properties"]["ContainerDefinitions"] = if_("Inactive", first, [container()])
    (web, *_) = plan_of(value).tasks[0].containers
    assert web.text == "instrumented: entry point from the template"


def test_a_malformed_item_does_not_hide_the_next_problem() -> None:
    malformed, next_problem = problems_of(template(5, container(LinuxParameters=5)))
    assert "The container definition is not written as an object in the template" in malformed
    assert "LinuxParameters is not an object" in next_problem


def test_an_opt_out_in_conditional_tags_applies() -> None:
    value = template(container(), Tags={"Fn::FindInMap": ["M", "a", "tags"]})
    value["Mappings"] = {"M": {"a": {"tags": [{"Key": "sysdig-instrument", "Value": "false"}]}}}
    assert processed(value)["Resources"]["Api"]["Properties"] == value["Resources"]["Api"]["Properties"]


def test_a_snippet_of_another_resource_type_is_refused() -> None:
    (problem,) = problems_of({"Type": "AWS::ECS::Service", "Properties": {}})
    assert "There is no task definition where this macro is used" in problem

"""The process namespace that the containers of a task share."""

from __future__ import annotations

import pytest

from factories import (
    CONDITIONS,
    NOVALUE,
    container,
    if_,
    notices_of,
    problems_of,
    processed,
    properties_of,
    template,
)
from sysdig_instrument.engine.json_types import Json


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(NOVALUE, "task", id="no-value"),
        pytest.param(None, "task", id="null"),
        pytest.param("task", "task", id="task"),
        pytest.param("shareable", "task", id="shareable"),
        pytest.param(if_("Active", "task"), if_("Active", "task", "task"), id="conditional-task"),
        pytest.param({"Fn::Sub": "task"}, {"Fn::Sub": "task"}, id="expression-is-task"),
        pytest.param(if_("Active", "task", "host"), if_("Active", "task", "host"), id="host-in-inactive-branch"),
    ],
)
def test_the_task_shares_its_process_namespace(before: Json, after: Json) -> None:
    assert properties_of(processed(template(sections=CONDITIONS, PidMode=before)))["PidMode"] == after


@pytest.mark.parametrize(
    "host",
    [
        pytest.param("host", id="literal"),
        pytest.param(if_("Active", "host"), id="in-active-branch"),
        pytest.param({"Fn::Sub": "host"}, id="expression"),
    ],
)
def test_pid_mode_host_is_refused(host: Json) -> None:
    (problem,) = problems_of(template(sections=CONDITIONS, PidMode=host))
    assert "PidMode is host, and the agent needs task" in problem


@pytest.mark.parametrize(
    "mode",
    [
        pytest.param({"Fn::GetAtt": ["X", "Mode"]}, id="getatt"),
        pytest.param(if_("Active", {"Ref": "X"}), id="in-active-branch"),
    ],
)
def test_an_unknown_pid_mode_is_refused(mode: Json) -> None:
    (problem,) = problems_of(template(sections=CONDITIONS, PidMode=mode))
    assert "PidMode cannot be resolved (it refers to" in problem


@pytest.mark.parametrize(
    "mode",
    [
        pytest.param("host", id="host"),
        pytest.param({"Ref": "X"}, id="unknown"),
    ],
)
def test_pid_mode_in_an_inactive_branch_stays_with_a_notice(mode: Json) -> None:
    value = template(sections=CONDITIONS, PidMode=if_("Active", "task", mode))
    assert properties_of(processed(value))["PidMode"] == if_("Active", "task", mode)
    assert any("PidMode" in notice and "this branch is not active" in notice for notice in notices_of(value))


@pytest.mark.parametrize(
    "mode",
    [
        pytest.param("host", id="host"),
        pytest.param({"Ref": "X"}, id="unknown"),
    ],
)
def test_pid_mode_host_stays_if_nothing_is_instrumented(mode: Json) -> None:
    """Under the condition that gives this value, the only container is excluded."""
    value = template(
        if_("Active", container()), container(Name="b"), sections=CONDITIONS, PidMode=if_("Active", NOVALUE, mode)
    )
    assert properties_of(processed(value, {"ExcludeContainers": "b"}))["PidMode"] == if_("Active", "task", mode)
    assert not any("PidMode" in notice for notice in notices_of(value, {"ExcludeContainers": "b"}))


def test_pid_mode_host_of_one_item_of_a_loop_is_refused() -> None:
    mode: Json = {"Fn::FindInMap": ["Modes", {"Ref": "Item"}, "Pid"]}
    body = {"Task${Item}": template(PidMode=mode)["Resources"]["Api"]}
    value: dict[str, Json] = {
        "Mappings": {"Modes": {"a": {"Pid": "task"}, "b": {"Pid": "host"}, "c": {"Pid": "task"}}},
        "Resources": {"Fn::ForEach::Tasks": ["Item", ["a", "b"], body]},
    }
    (problem,) = problems_of(value)
    assert "PidMode is host" in problem
    value["Resources"] = {"Fn::ForEach::Tasks": ["Item", ["a", "c"], body]}
    assert problems_of(value) == []


def test_pid_mode_follows_conditional_containers() -> None:
    value = template(if_("Active", container()), container(Name="b"), sections=CONDITIONS)
    result = processed(value, {"ExcludeContainers": "b"})
    assert properties_of(result)["PidMode"] == if_("Active", "task")
    assert properties_of(result)["ContainerDefinitions"][-1]["Fn::If"][0] == "Active"

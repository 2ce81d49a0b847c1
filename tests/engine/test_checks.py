"""The checks of a processed task definition, at each limit and one beyond it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from factories import NOVALUE, ROLE, container, plan_of, problems_of, template
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.plan import process


def containers(count: int) -> list[Json]:
    """Return containers with different names."""
    return [container(Name=f"c{number}") for number in range(count)]


def test_nine_containers_and_the_agent_are_ten() -> None:
    assert problems_of(template(*containers(9))) == []
    (problem,) = problems_of(template(*containers(10)))
    assert "there are 11 containers, and ECS accepts 10 at most" in problem


def test_inactive_containers_are_not_counted() -> None:
    conditional: list[Json] = [{"Fn::If": ["Never", each, NOVALUE]} for each in containers(5)]
    sections: dict[str, Json] = {"Conditions": {"Never": {"Fn::Equals": [1, 2]}}}
    kept: list[Json] = [container(Name=f"k{number}") for number in range(9)]
    assert problems_of(template(*kept, *conditional, sections=sections)) == []


def test_two_containers_of_one_name_are_refused() -> None:
    (problem,) = problems_of(template(container(), container()))
    assert "Another container has the same name" in problem


def test_unknown_names_are_not_duplicates() -> None:
    assert problems_of(template(container(Name=5), container(Name=""), container(Name={"Ref": "X"}))) == []


def test_the_same_name_in_two_branches_is_one_container() -> None:
    sections: dict[str, Json] = {"Conditions": {"C": {"Fn::Equals": [1, 1]}}}
    either: Json = {"Fn::If": ["C", container(Image="a"), container(Image="b")]}
    assert problems_of(template(either, sections=sections)) == []


@pytest.mark.parametrize(
    ("key", "entry"),
    [
        pytest.param("VolumesFrom", {"SourceContainer": "missing"}, id="VolumesFrom"),
        pytest.param("DependsOn", {"ContainerName": "missing", "Condition": "START"}, id="DependsOn"),
    ],
)
def test_a_referenced_container_must_exist(key: str, entry: Json) -> None:
    (problem,) = problems_of(template(container(**{key: [entry]})))
    assert f'{key} names "missing", and there is no container of that name' in problem
    assert f"ContainerDefinitions[0].{key}[0]" in problem


CONDITIONS: dict[str, Json] = {"Conditions": {"Yes": {"Fn::Equals": [1, 1]}, "No": {"Fn::Equals": [1, 2]}}}
MISSING: Json = {"SourceContainer": "missing"}
WEB: Json = {"SourceContainer": "web"}


@pytest.mark.parametrize(
    ("entries", "location"),
    [
        pytest.param({"Fn::If": ["Yes", [MISSING], []]}, "VolumesFrom.Fn::If[1][0]", id="list-in-true-branch"),
        pytest.param({"Fn::If": ["No", [], [WEB, MISSING]]}, "VolumesFrom.Fn::If[2][1]", id="list-in-false-branch"),
        pytest.param([WEB, {"Fn::If": ["Yes", MISSING, WEB]}], "VolumesFrom[1]", id="conditional-item"),
        pytest.param(
            [{"SourceContainer": {"Fn::If": ["Yes", "missing", "web"]}}], "VolumesFrom[0]", id="conditional-name"
        ),
    ],
)
def test_a_conditional_list_is_checked_in_its_active_branch(entries: Json, location: str) -> None:
    others: list[Json] = [container(), container(Name="b", VolumesFrom=entries)]
    (problem,) = problems_of(template(*others, sections=CONDITIONS))
    assert location in problem
    assert 'VolumesFrom names "missing", and there is no container of that name' in problem


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param({"Fn::If": ["No", [MISSING], [WEB]]}, id="list-in-false-condition"),
        pytest.param({"Fn::If": ["Yes", [WEB], [MISSING]]}, id="list-in-other-branch"),
        pytest.param({"Fn::If": ["Unknown", [MISSING], [WEB]]}, id="unknown-condition"),
        pytest.param([{"Fn::If": ["No", MISSING, NOVALUE]}, WEB], id="conditional-item"),
        pytest.param([{"SourceContainer": {"Fn::If": ["No", "missing", "web"]}}], id="conditional-name"),
    ],
)
def test_inactive_list_items_are_not_checked(entries: Json) -> None:
    others: list[Json] = [container(), container(Name="b", VolumesFrom=entries)]
    assert not any("missing" in each for each in problems_of(template(*others, sections=CONDITIONS)))


def test_references_are_accepted_beside_unknown_containers() -> None:
    there: Json = {"Fn::If": ["Unknown", container(Name="b"), NOVALUE]}
    value = template(container(VolumesFrom=[{"SourceContainer": "b"}]), there, sections=CONDITIONS)
    assert problems_of(value) == []


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("web", id="web"),
        pytest.param("SysdigInstrumentation", id="agent"),
        pytest.param({"Ref": "Unknown"}, id="unknown"),
        pytest.param(NOVALUE, id="no-value"),
        pytest.param(5, id="number"),
        pytest.param(None, id="null"),
    ],
)
def test_an_existing_or_possible_container_is_accepted(name: Json) -> None:
    assert (
        problems_of(
            template(container(), container(Name="b", DependsOn=[{"ContainerName": name, "Condition": "START"}]))
        )
        == []
    )


def test_references_are_not_checked_if_a_name_is_unknown() -> None:
    value = template(
        container(Name={"Fn::GetAtt": ["X", "Name"]}), container(Name="b", DependsOn=[{"ContainerName": "x"}])
    )
    assert problems_of(value) == []


def test_a_secret_and_a_variable_must_not_share_a_name() -> None:
    secrets: Json = [{"Name": "B", "ValueFrom": "x"}, {"Name": "A", "ValueFrom": "x"}]
    variables: Json = [{"Name": "A", "Value": "x"}, {"Name": "C", "Value": "x"}]
    (problem,) = problems_of(template(container(Secrets=secrets, Environment=variables)))
    assert '"A" is both a secret and an environment variable' in problem


def test_a_setting_variable_must_not_be_a_workload_secret() -> None:
    value = template(container(Secrets=[{"Name": "A", "ValueFrom": "x"}]))
    assert len(problems_of(value, {"WorkloadEnvironment": {"A": "x"}})) == 1


@pytest.mark.parametrize(
    "role",
    [
        pytest.param(NOVALUE, id="no-value"),
        pytest.param("", id="empty"),
        pytest.param(None, id="null"),
    ],
)
def test_an_agent_with_secrets_needs_an_execution_role(role: Json) -> None:
    value = template(ExecutionRoleArn=role)
    (problem,) = problems_of(value)
    assert "The task has no execution role" in problem
    assert problems_of(value, {"DefaultExecutionRoleArn": ROLE}) == []


@pytest.mark.parametrize(
    "role",
    [
        pytest.param(ROLE, id="arn"),
        pytest.param({"Ref": "Unknown"}, id="unknown"),
        pytest.param({"Fn::If": ["Unknown", ROLE, NOVALUE]}, id="unknown-condition"),
    ],
)
def test_an_existing_or_possible_role_is_accepted(role: Json) -> None:
    assert problems_of(template(ExecutionRoleArn=role)) == []


# --- The size of the task


@pytest.mark.parametrize(
    ("task", "web", "agent", "fits"),
    [
        pytest.param({"Cpu": "512"}, {"Cpu": 256}, {"AgentCpu": 256}, True, id="cpu-fits"),
        pytest.param({"Cpu": "512"}, {"Cpu": 256}, {"AgentCpu": 257}, False, id="cpu-too-small"),
        pytest.param({"Cpu": ".5 vCPU"}, {"Cpu": 256}, {"AgentCpu": 257}, False, id="vcpu-too-small"),
        pytest.param({"Cpu": {"Ref": "X"}}, {"Cpu": 256}, {"AgentCpu": 999}, True, id="cpu-unknown"),
        pytest.param({"Cpu": "256"}, {"Cpu": 300}, {"AgentCpu": 1}, True, id="cpu-too-small-without-agent"),
        pytest.param({"Memory": "1024"}, {"Memory": 512}, {"AgentMemory": 512}, True, id="memory-fits"),
        pytest.param({"Memory": "1024"}, {"Memory": 512}, {"AgentMemory": 513}, False, id="memory-too-small"),
        pytest.param({"Memory": "1 GB"}, {"Memory": 512}, {"AgentMemory": 513}, False, id="gb-too-small"),
        pytest.param(
            {"Memory": "1024"},
            {"Memory": 1024, "MemoryReservation": 256},
            {"AgentMemory": 768},
            True,
            id="reservation-counts",
        ),
        pytest.param(
            {"Memory": "1024"},
            {"Memory": 1024, "MemoryReservation": 256},
            {"AgentMemory": 1024, "AgentMemoryReservation": 769},
            False,
            id="agents-reservation-counts",
        ),
    ],
)
def test_the_agents_reservation_must_fit(
    *, task: dict[str, Any], web: dict[str, Any], agent: dict[str, Any], fits: bool
) -> None:
    assert (problems_of(template(container(**web), **task), agent) == []) is fits


def test_a_small_task_is_refused_with_a_size_that_fits() -> None:
    (problem,) = problems_of(template(container(Memory=512), Cpu="256", Memory="512"), {"AgentMemory": 256})
    assert (
        'With 256 MiB for the agent, the containers reserve 768, and the task has 512. Give the task Cpu "256" and Memory "1024"'
        in problem
    )


def test_no_size_is_suggested_if_none_fits() -> None:
    value = template(container(Memory=122_880), Cpu="16384", Memory="122880")
    (problem,) = problems_of(value, {"AgentMemory": 256})
    assert "no Fargate size is large enough" in problem


def test_a_failed_check_leaves_the_template_unchanged() -> None:
    value = template(*containers(10))
    returned, problems = process(value, plan_of(value))
    assert returned == template(*containers(10))
    assert len(problems) == 1


def test_a_dependency_on_a_healthy_agent_is_refused() -> None:
    waiting = container(DependsOn=[{"ContainerName": "SysdigInstrumentation", "Condition": "HEALTHY"}])
    agent: Json = {
        "Name": "SysdigInstrumentation",
        "Image": "quay.io/sysdig/workload-agent:6",
        "HealthCheck": {"Command": ["x"]},
    }
    (problem,) = problems_of(template(waiting, agent))
    assert "waits for the agent to be HEALTHY" in problem
    waiting["DependsOn"][0]["Condition"] = "START"
    assert problems_of(template(waiting, agent)) == []


def _with_text(length: int) -> Json:
    return template(container(EntryPoint=["/run"], Environment=[{"Name": "TEXT", "Value": "é" * (length // 2)}]))


def test_a_task_definition_must_not_exceed_64_kib() -> None:
    assert problems_of(_with_text(64_000)) == []
    (problem,) = problems_of(_with_text(66_000))
    assert re.search(
        r"ContainerDefinitions\): With the agent's container the task definition has 66,\d{3} bytes", problem
    )


def test_the_size_of_an_expression_is_not_known() -> None:
    long: Json = {"Fn::Sub": "x" * 70_000}
    assert problems_of(template(container(Environment=[{"Name": "TEXT", "Value": long}]))) == []


@pytest.mark.parametrize(
    "name", [pytest.param("web server", id="space"), pytest.param("a.b", id="dot"), pytest.param("a" * 256, id="long")]
)
def test_a_name_that_ecs_does_not_accept_is_noticed(name: str) -> None:
    plan = plan_of(template(container(Name=name)))
    assert plan.problems == ()
    assert any("[0].Name): ECS does not accept the container's name" in each.text for each in plan.notices)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("a" * 255, id="long"),
        pytest.param("Web_1-b", id="all-kinds"),
        pytest.param("{{ must_env `NAME` }}", id="braces"),
        pytest.param("<NAME>", id="angle-brackets"),
        pytest.param("${NAME}", id="dollar"),
        pytest.param("%NAME%", id="percent"),
        pytest.param("@NAME@", id="at"),
    ],
)
def test_a_valid_name_or_a_placeholder_is_accepted(name: str) -> None:
    assert not any("does not accept" in each.text for each in plan_of(template(container(Name=name))).notices)


@pytest.mark.parametrize(
    ("settings", "is_accepted"),
    [
        pytest.param({"AgentMemory": 128, "AgentMemoryReservation": 129}, False, id="more"),
        pytest.param({"AgentMemory": 128, "AgentMemoryReservation": 128}, True, id="equal"),
        pytest.param({"AgentMemoryReservation": 128}, True, id="no-limit"),
    ],
)
def test_the_agent_reserves_at_most_its_limit(settings: dict[str, Json], *, is_accepted: bool) -> None:
    problems = problems_of(template(), settings)
    assert (problems == []) is is_accepted
    assert is_accepted or "The agent's container reserves 129 MiB of memory, and its limit is 128" in problems[0]


ROUTER: Json = container(Name="log", FirelensConfiguration={"Type": "fluentbit"})
TO_ROUTER: dict[str, Json] = {"AgentLogConfiguration": {"LogDriver": "awsfirelens"}}


@pytest.mark.parametrize(
    ("others", "settings", "is_accepted"),
    [
        pytest.param([], TO_ROUTER, False, id="no-router"),
        pytest.param([{"Fn::If": ["No", ROUTER, NOVALUE]}], TO_ROUTER, False, id="router-of-inactive-condition"),
        pytest.param([{"Fn::If": ["Yes", ROUTER, NOVALUE]}], TO_ROUTER, True, id="router-of-active-condition"),
        pytest.param([{"Fn::If": ["Unknown", ROUTER, NOVALUE]}], TO_ROUTER, True, id="unknown-condition"),
        pytest.param([ROUTER], TO_ROUTER, True, id="router"),
        pytest.param([], {"AgentLogConfiguration": {"LogDriver": "splunk"}}, True, id="other-driver"),
    ],
)
def test_the_agents_log_router_must_exist(others: list[Json], settings: dict[str, Json], *, is_accepted: bool) -> None:
    problems = problems_of(template(container(), *others, sections=CONDITIONS), settings)
    assert (problems == []) is is_accepted
    assert is_accepted or "logs to a FireLens log router, and the task has none" in problems[0]

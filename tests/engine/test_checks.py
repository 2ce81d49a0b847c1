"""What is checked of a processed task definition, at each limit and one beyond."""

from __future__ import annotations

from typing import Any

import pytest

from factories import NOVALUE, ROLE, container, problems_of, processed, template
from sysdig_instrument.engine.fargate_sizes import FARGATE_SIZES, Size, cpu_units, mebibytes, next_size
from sysdig_instrument.engine.json_types import Json


def several(count: int) -> list[Json]:
    return [container(Name=f"c{number}") for number in range(count)]


def test_nine_containers_and_the_agent_are_ten() -> None:
    assert problems_of(template(*several(9))) == []
    (problem,) = problems_of(template(*several(10)))
    assert "there are 11 containers, and ECS accepts 10 at most" in problem


def test_inactive_containers_are_not_counted() -> None:
    conditional: list[Json] = [{"Fn::If": ["Never", each, NOVALUE]} for each in several(5)]
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
        pytest.param("VolumesFrom", {"SourceContainer": "nobody"}, id="VolumesFrom"),
        pytest.param("DependsOn", {"ContainerName": "nobody", "Condition": "START"}, id="DependsOn"),
    ],
)
def test_a_referenced_container_must_exist(key: str, entry: Json) -> None:
    (problem,) = problems_of(template(container(**{key: [entry]})))
    assert f'{key} names "nobody", and there is no container of that name' in problem
    assert f"ContainerDefinitions[0].{key}[0]" in problem


NOW: dict[str, Json] = {"Conditions": {"Yes": {"Fn::Equals": [1, 1]}, "No": {"Fn::Equals": [1, 2]}}}
NOBODY: Json = {"SourceContainer": "nobody"}
HERE: Json = {"SourceContainer": "web"}


@pytest.mark.parametrize(
    ("entries", "place"),
    [
        pytest.param({"Fn::If": ["Yes", [NOBODY], []]}, "VolumesFrom.Fn::If[1][0]", id="list-in-true-branch"),
        pytest.param({"Fn::If": ["No", [], [HERE, NOBODY]]}, "VolumesFrom.Fn::If[2][1]", id="list-in-false-branch"),
        pytest.param([HERE, {"Fn::If": ["Yes", NOBODY, HERE]}], "VolumesFrom[1]", id="conditional-item"),
        pytest.param(
            [{"SourceContainer": {"Fn::If": ["Yes", "nobody", "web"]}}], "VolumesFrom[0]", id="conditional-name"
        ),
    ],
)
def test_a_conditional_list_is_checked_in_its_active_branch(entries: Json, place: str) -> None:
    others: list[Json] = [container(), container(Name="b", VolumesFrom=entries)]
    (problem,) = problems_of(template(*others, sections=NOW))
    assert place in problem
    assert 'VolumesFrom names "nobody", and there is no container of that name' in problem


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param({"Fn::If": ["No", [NOBODY], [HERE]]}, id="list-in-false-condition"),
        pytest.param({"Fn::If": ["Yes", [HERE], [NOBODY]]}, id="list-in-other-branch"),
        pytest.param({"Fn::If": ["Unheard", [NOBODY], [HERE]]}, id="unknown-condition"),
        pytest.param([{"Fn::If": ["No", NOBODY, NOVALUE]}, HERE], id="conditional-item"),
        pytest.param([{"SourceContainer": {"Fn::If": ["No", "nobody", "web"]}}], id="conditional-name"),
    ],
)
def test_inactive_list_items_are_not_checked(entries: Json) -> None:
    others: list[Json] = [container(), container(Name="b", VolumesFrom=entries)]
    assert not any("nobody" in each for each in problems_of(template(*others, sections=NOW)))


def test_references_are_accepted_beside_unknown_containers() -> None:
    there: Json = {"Fn::If": ["Unheard", container(Name="b"), NOVALUE]}
    value = template(container(VolumesFrom=[{"SourceContainer": "b"}]), there, sections=NOW)
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
    assert problems_of(template(container(), container(Name="b", DependsOn=[{"ContainerName": name}]))) == []


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


# Sizes


@pytest.mark.parametrize(
    ("value", "units"),
    [
        pytest.param(256, 256, id="256"),
        pytest.param("256", 256, id="string"),
        pytest.param(" 256 ", 256, id="spaces"),
        pytest.param("1 vCPU", 1024, id="1-vCPU"),
        pytest.param("1vcpu", 1024, id="1vcpu"),
        pytest.param(".25 vCPU", 256, id=".25-vCPU"),
        pytest.param("0.25 VCPU", 256, id="0.25-VCPU"),
        pytest.param("2 vCPU", 2048, id="2-vCPU"),
        pytest.param(256.0, 256, id="256.0"),
        pytest.param(0, 0, id="0"),
        pytest.param("x", None, id="letter"),
        pytest.param("", None, id="empty"),
        pytest.param(True, None, id="true"),
        pytest.param(None, None, id="null"),
        pytest.param([], None, id="list"),
        pytest.param("1 GB", None, id="GB"),
        pytest.param("1e3", None, id="exponent"),
        pytest.param("-1", None, id="negative-string"),
        pytest.param(-1, None, id="negative"),
        pytest.param(float("inf"), None, id="infinity"),
        pytest.param(float("nan"), None, id="nan"),
        pytest.param(10**400, None, id="10-to-the-400"),
        pytest.param("9" * 21, None, id="21-digits"),
        pytest.param("1" * 1_000_000 + "x", None, id="million-digits"),
        pytest.param(" " * 1_000_000, None, id="million-spaces"),
        pytest.param("1.", None, id="trailing-dot"),
        pytest.param("1..5", None, id="two-dots"),
    ],
)
def test_cpu_is_parsed_in_every_format(value: Json, units: int | None) -> None:
    assert cpu_units(value) == units


@pytest.mark.parametrize(
    ("value", "mib"),
    [
        pytest.param(512, 512, id="512"),
        pytest.param("512", 512, id="string"),
        pytest.param("0.5 GB", 512, id="0.5-GB"),
        pytest.param("1GB", 1024, id="1GB"),
        pytest.param("2 gb", 2048, id="2-gb"),
        pytest.param("1 vCPU", None, id="vCPU"),
    ],
)
def test_memory_is_parsed_in_every_format(value: Json, mib: int | None) -> None:
    assert mebibytes(value) == mib


@pytest.mark.parametrize(
    ("need", "size"),
    [
        pytest.param((1, 1), (256, 512), id="smallest"),
        pytest.param((256, 512), (256, 512), id="exact-256"),
        pytest.param((256, 513), (256, 1024), id="memory-513"),
        pytest.param((256, 2049), (512, 3072), id="memory-2049"),
        pytest.param((257, 1), (512, 1024), id="cpu-257"),
        pytest.param((1024, 8192), (1024, 8192), id="exact-1024"),
        pytest.param((1024, 8193), (2048, 9216), id="memory-8193"),
        pytest.param((4096, 30721), (8192, 32768), id="memory-30721"),
        pytest.param((16384, 122880), (16384, 122880), id="exact-largest"),
        pytest.param((16385, 1), None, id="too-much-cpu"),
        pytest.param((1, 122881), None, id="too-much-memory"),
    ],
)
def test_the_next_fargate_size_is_the_smallest_that_fits(need: tuple[int, int], size: tuple[int, int] | None) -> None:
    found = next_size(Size(*need))
    assert (found and found.amounts) == size


def test_fargate_sizes_are_in_ascending_order() -> None:
    assert [cpu for cpu, _ in FARGATE_SIZES] == [256 << step for step in range(7)]
    for _, memories in FARGATE_SIZES:
        assert list(memories) == sorted(set(memories))


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
    assert processed(template(*several(9))) != template(*several(9))
    assert len(problems_of(template(*several(10)))) == 1


def test_dependencies_on_a_healthy_agent() -> None:
    waiting = container(DependsOn=[{"ContainerName": "SysdigInstrumentation", "Condition": "HEALTHY"}])
    agent: Json = {
        "Name": "SysdigInstrumentation",
        "Image": "mirror/workload-agent:6",
        "HealthCheck": {"Command": ["x"]},
    }
    (problem,) = problems_of(template(waiting, agent))
    assert "waits for the agent to be HEALTHY" in problem
    waiting["DependsOn"][0]["Condition"] = "START"
    assert problems_of(template(waiting, agent)) == []

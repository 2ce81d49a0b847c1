"""A task is raised to the size that the agent's reservation fits into, or there is a finding that says why not."""

from __future__ import annotations

from typing import Any

import pytest

from factories import NOVALUE, container, notices_of, plan_of, problems_of, processed, properties_of, template
from sysdig_instrument.engine.json_types import Json

RAISE: dict[str, Json] = {"TaskSize": "raise", "AgentMemoryReservation": 256, "AgentCpu": 64}
SECTIONS: dict[str, Json] = {
    "Parameters": {"Units": {"Type": "Number", "Default": 256}},
    "Conditions": {"Now": {"Fn::Equals": [1, 1]}, "Other": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "a"]}},
}


def raised(*containers: Json, **properties: Json) -> list[Any]:
    """Return Cpu and Memory of the processed task."""
    result = properties_of(processed(template(*containers, sections=SECTIONS, **properties), RAISE))
    return [result.get("Cpu"), result.get("Memory")]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(("256", "512"), ["256", "1024"], id="strings"),
        pytest.param((256, 512), [256, 1024], id="numbers"),
        pytest.param((".25 vCPU", "0.5 GB"), [".25 vCPU", "1024"], id="units"),
        pytest.param(("256", 512), ["256", 1024], id="mixed"),
        pytest.param(("512", "1024"), ["512", "1024"], id="large-enough"),
        pytest.param((NOVALUE, "512"), [NOVALUE, "1024"], id="no-cpu"),
        pytest.param((None, "512"), [None, "1024"], id="null-cpu"),
        pytest.param(("x", "512"), ["x", "1024"], id="malformed-cpu"),
    ],
)
def test_a_raised_size_keeps_its_json_type(before: tuple[Json, Json], after: list[Json]) -> None:
    assert raised(container(Memory=512, Cpu=128), Cpu=before[0], Memory=before[1]) == after


def test_cpu_is_raised_where_the_memory_needs_it() -> None:
    assert raised(container(Memory=2048), Cpu="256", Memory="2048") == ["512", "3072"]


def test_an_inactive_container_reserves_nothing() -> None:
    conditional: Json = {"Fn::If": ["Now", container(Name="b"), container(Name="b", Memory=128)]}
    assert raised(container(Memory=256), conditional, Memory="512") == [
        "1024",
        {"Fn::If": ["Now", "512", "2048"]},
    ]


def test_both_branches_of_an_unknown_condition_are_raised() -> None:
    size: Json = {"Fn::If": ["Other", "512", "4096"]}
    assert raised(container(Memory=512), Cpu="512", Memory=size) == [
        "512",
        {"Fn::If": ["Other", "1024", "4096"]},
    ]


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"TaskSize": "raise"}, id="none"),
        pytest.param({"TaskSize": "raise", "AgentCpu": 64}, id="cpu-only"),
    ],
)
def test_sizes_without_an_agent_reservation_are_not_raised(settings: dict[str, Json]) -> None:
    result = properties_of(processed(template(container(Memory=512), Memory="512"), settings))
    assert result["Memory"] == "512"


def test_a_task_too_small_without_the_agent_is_not_raised() -> None:
    assert raised(container(Memory=3000), Memory="2048") == ["1024", "2048"]


def test_an_existing_agent_is_not_counted_twice() -> None:
    once = processed(template(container(Memory=512), Cpu="256", Memory="512"), RAISE)
    more = {**RAISE, "AgentMemoryReservation": 512}
    assert properties_of(processed(once, more))["Memory"] == "1024"
    assert list(plan_of(once, RAISE).changes) == []
    assert list(plan_of(once, {**RAISE, "TaskSize": "keep"}).changes) == []


def test_an_expression_is_not_replaced() -> None:
    value = template(container(Memory=2048), sections=SECTIONS, Cpu={"Ref": "Units"}, Memory="2048")
    (problem,) = problems_of(value, RAISE)
    assert (
        'Properties.Cpu): The agent\'s reservation needs Cpu "512" and Memory "3072", and Cpu is an expression'
        in problem
    )


def test_an_expression_in_an_inactive_branch_may_stay_small() -> None:
    cpu: Json = {"Fn::If": ["Now", "512", {"Ref": "Units"}]}
    value = template(container(Memory=2048), sections=SECTIONS, Cpu=cpu, Memory="2048")
    result = properties_of(processed(value, RAISE))
    assert result["Cpu"] == cpu
    assert result["Memory"] == {"Fn::If": ["Now", "3072", "2048"]}
    assert any(
        "Cpu is an expression" in notice and "this branch is not active" in notice
        for notice in notices_of(value, RAISE)
    )


def test_a_reservation_that_never_fits_is_refused() -> None:
    unknown = container(Name="b", Memory={"Fn::GetAtt": ["Sizes", "B"]})
    (problem,) = problems_of(template(container(Memory=2000), unknown), RAISE)
    assert "The agent's reservation does not fit into the task, and the size that it needs is unknown" in problem


def test_sizes_under_too_many_conditions_are_not_computed() -> None:
    names = [f"C{number}" for number in range(12)]
    sections: dict[str, Json] = {
        "Conditions": {name: {"Fn::Equals": [{"Ref": "AWS::StackName"}, name]} for name in names}
    }
    amounts: list[Json] = [{"Fn::If": [name, 2**number, 0]} for number, name in enumerate(names)]
    containers = [container(Name=f"c{number}", Memory=amount) for number, amount in enumerate(amounts[:9])]
    value = template(*containers, sections=sections, Memory="2048")
    assert any("it depends on too many conditions" in notice for notice in notices_of(value, RAISE))


def test_fully_reserved_memory_gets_a_notice() -> None:
    full = "The containers reserve all of the task's memory, and leave none for the agent"
    soft = container(Memory=4096, MemoryReservation=1024)
    conditional: Json = {"Fn::If": ["Now", container(Name="b", Memory=1024), container(Name="b", Memory=9)]}
    value = template(soft, conditional, sections=SECTIONS, Memory="2 GB")
    assert any(full in notice for notice in notices_of(value))
    assert not any(full in notice for notice in notices_of(value, RAISE))
    assert not any(full in notice for notice in notices_of(template(container(Memory=2047), Memory="2048")))
    assert not any(full in notice for notice in notices_of(template(container(Memory=2048), Memory={"Ref": "X"})))


@pytest.mark.parametrize(
    "branches",
    [
        pytest.param((["FARGATE"], ["EC2"]), id="fargate-first"),
        pytest.param((["EC2"], ["FARGATE"]), id="ec2-first"),
    ],
)
def test_fargate_sizes_are_stepped_and_other_sizes_exact(branches: tuple[Json, Json]) -> None:
    platforms: Json = {"Fn::If": ["Other", *branches]}
    result = processed(
        template(container(Memory=512), sections=SECTIONS, Memory="512", Cpu="256", RequiresCompatibilities=platforms),
        {**RAISE, "LaunchTypes": "ALL"},
    )
    assert properties_of(result)["Memory"] == "1024"
    on_ec2 = template(container(Memory=512), Memory="512", Cpu="256", RequiresCompatibilities=["EC2"])
    assert properties_of(processed(on_ec2, {**RAISE, "LaunchTypes": "ALL"}))["Memory"] == "768"


def test_a_size_unknown_to_fargate_is_valid_on_ec2() -> None:
    settings: dict[str, Json] = {**RAISE, "LaunchTypes": "ALL"}
    value = template(container(Memory=512), RequiresCompatibilities=["EC2"], Cpu=NOVALUE, Memory="512")
    assert properties_of(processed(value, settings))["Memory"] == "768"
    either: Json = {"Fn::If": ["Other", ["EC2"], ["FARGATE"]]}
    value = template(container(Memory=512), sections=SECTIONS, RequiresCompatibilities=either, Cpu="256", Memory="512")
    assert properties_of(processed(value, settings))["Memory"] == "1024"


def test_an_agent_that_is_there_already_counts_where_nothing_is_instrumented() -> None:
    """The agent's container stays, and gets the settings' Cpu, though its workload exists under another condition only."""
    document = template(
        container(Name="SysdigInstrumentation", Image="quay.io/sysdig/workload-agent:latest"),
        {"Fn::If": ["Other", container(), NOVALUE]},
        sections=SECTIONS,
        Cpu="256",
        Memory="8192",
    )
    made = properties_of(processed(document, {"TaskSize": "raise", "AgentCpu": 400}))
    assert [made["Cpu"], made["Memory"]] == ["1024", "8192"]

"""The oracle adds up reservations as ECS does, and expects the right size with TaskSize=raise."""

from __future__ import annotations

import pytest

from oracle.evaluate import StackInputs
from oracle.example import AUTO, IMAGES, PTRACE, SETTINGS, VOLUME, WRAPPER, agent, fargate, instrumented, template
from oracle.task_sizes import reservation
from oracle.values import Json
from oracle.verify import refusal_reasons, verify_output

STACK = StackInputs({"Stage": "live", "Words": ["a", "b"]})
UNKNOWN: Json = {"Fn::GetAtt": ["Other", "Size"]}


def _before(container: dict[str, Json], task: dict[str, Json]) -> dict[str, Json]:
    return template(Api=fargate([{"Name": "web", "Image": "a", "EntryPoint": ["/a"], **container}], **task))


def _after(container: dict[str, Json], task: dict[str, Json], agent_keys: dict[str, Json]) -> dict[str, Json]:
    wrapped: Json = {
        "Name": "web",
        "Image": "a",
        "EntryPoint": [WRAPPER, "/a"],
        **container,
        "Environment": [AUTO],
        "VolumesFrom": [VOLUME],
        "LinuxParameters": PTRACE,
    }
    api = instrumented([wrapped], **task)
    sized_agent = agent()
    assert isinstance(sized_agent, dict)
    properties = api["Properties"]
    assert isinstance(properties, dict)
    properties["ContainerDefinitions"] = [wrapped, sized_agent | agent_keys]
    return template(Api=api)


@pytest.mark.parametrize(
    ("container", "memory"),
    [
        pytest.param({}, 0, id="none"),
        pytest.param({"Memory": 900}, 900, id="limit-only"),
        pytest.param({"Memory": 900, "MemoryReservation": 128}, 128, id="both"),
        pytest.param({"Memory": "⟦x⟧", "MemoryReservation": 128}, 128, id="unknown-limit"),
        pytest.param({"Memory": 900, "MemoryReservation": "⟦x⟧"}, None, id="unknown-reservation"),
        pytest.param({"Memory": "⟦x⟧"}, None, id="unknown-limit-only"),
    ],
)
def test_the_reservation_takes_precedence_over_the_hard_limit(container: dict[str, Json], memory: int | None) -> None:
    assert reservation(container, "Memory") == memory


def _findings(
    container: dict[str, Json], task: dict[str, Json], raised: dict[str, Json], settings: dict[str, Json]
) -> list[str]:
    agent_keys = {name.removeprefix("Agent"): value for name, value in settings.items() if name.startswith("Agent")}
    found = verify_output(
        _before(container, task),
        _after(container, raised, agent_keys),
        stack=STACK,
        settings={**SETTINGS, **settings},
        images=IMAGES,
    )
    return [str(finding) for finding in found]


def test_a_reservation_is_known_despite_an_unknown_hard_limit() -> None:
    container: dict[str, Json] = {"Memory": UNKNOWN, "MemoryReservation": 128}
    small: dict[str, Json] = {"Cpu": ".25 vCPU", "Memory": "8192"}
    raised: dict[str, Json] = {"Cpu": "1024", "Memory": "8192"}
    settings: dict[str, Json] = {"AgentCpu": 400, "TaskSize": "raise"}
    assert _findings(container, small, raised, settings) == []
    assert _findings(container, small, small, settings) != []


def test_a_hard_limit_beside_a_reservation_is_not_added_up() -> None:
    container: dict[str, Json] = {"Memory": 900, "MemoryReservation": 128}
    settings: dict[str, Json] = {"AgentMemory": 300}
    assert _findings(container, {}, {}, settings) == []
    before = _before(container, {})
    assert refusal_reasons(before, stack=STACK, settings={**SETTINGS, **settings}, images=IMAGES) == {}


@pytest.mark.parametrize(
    ("container", "settings"),
    [
        pytest.param({"MemoryReservation": 900}, {"AgentMemoryReservation": 200}, id="reservations"),
        pytest.param({"MemoryReservation": 500}, {"AgentMemory": 600}, id="agents-limit"),
        pytest.param({"Memory": 900}, {"AgentMemory": 300}, id="limits"),
    ],
)
def test_reservations_above_the_task_size_must_be_refused(
    container: dict[str, Json], settings: dict[str, Json]
) -> None:
    before = _before(container, {})
    reasons = refusal_reasons(before, stack=STACK, settings={**SETTINGS, **settings}, images=IMAGES)
    assert reasons == {"memory-too-small": True}

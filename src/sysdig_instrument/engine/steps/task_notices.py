"""What there is to say about a whole task definition. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from sysdig_instrument.engine import conditions
from sysdig_instrument.engine.agent import AGENT_NAME
from sysdig_instrument.engine.container import Container, present
from sysdig_instrument.engine.findings import Notice, Place, Problem, Reason
from sysdig_instrument.engine.intrinsics import worth
from sysdig_instrument.engine.json_types import ABSENT
from sysdig_instrument.engine.settings.table import Settings
from sysdig_instrument.engine.sizes import MEMORY
from sysdig_instrument.engine.steps.step import InstrumentedTask
from sysdig_instrument.engine.template import TaskDefinition


def task_notices(instrumented: InstrumentedTask) -> Iterator[Notice | Problem]:
    """Settings that are missing, and what may not work."""
    task, settings, containers = instrumented.task, instrumented.settings, instrumented.containers
    place = Place(task.name, None, task.properties_pointer)
    if settings.collector is None:
        yield Problem(
            Place(task.name), Reason("Setting Collector has no value, so the agent would have nowhere to report to",
            "Set Collector to a host name or a Sysdig SaaS region, such as us2"),
        )  # fmt: skip
    if settings.access_key_secret is None:
        yield Notice(
            Place(task.name), Reason("Setting AccessKeySecret has no value, so the agent is given no access key",
            "Set AccessKeySecret to the ARN of the secret that holds it"),
        )  # fmt: skip
    if _takes_all_memory(task, settings, containers):
        yield Notice(
            Place(task.name, None, (*place.pointer, "Memory")),
            Reason("The containers reserve all of the task's memory, and leave none for the agent",
            "Give the task more, or set AgentMemoryReservation and TaskSize"),
        )  # fmt: skip
    if _needs_reservation(task, settings):
        yield Problem(
            place, Reason("A task without Memory needs a memory limit for each container, and the agent's has none",
            "Set AgentMemoryReservation or AgentMemory, or give the task Memory"),
        )  # fmt: skip


def _takes_all_memory(task: TaskDefinition, settings: Settings, containers: Iterable[Container]) -> bool:
    """Whether the containers may use up the task's memory, as things are now, where the agent has no share of its own."""
    if settings.agent_memory or settings.agent_memory_reservation:
        return False
    properties = task.properties if isinstance(task.properties, dict) else {}
    limit = MEMORY.read(worth(properties.get("Memory", ABSENT), task.scope))
    return limit is not None and limit == sum(
        MEMORY.of(each.value, partial(worth, scope=task.scope))
        for each in containers
        if each.name != AGENT_NAME and (each.when == task.when or conditions.taken(each.when, task.scope))
    )


def _needs_reservation(task: TaskDefinition, settings: Settings) -> bool:
    """Whether ECS would refuse the agent's container: neither it nor the task says how much memory it may have."""
    if settings.launch_types == "FARGATE" or settings.agent_memory or settings.agent_memory_reservation:
        return False
    properties = task.properties if isinstance(task.properties, dict) else {}
    return not present(properties.get("Memory", ABSENT), task.scope)

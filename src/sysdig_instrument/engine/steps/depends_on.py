"""Containers that wait for the agent to end, or to be healthy: they would never start.

Owns: nothing. This step changes nothing.

Source: the ECS API reference, ContainerDependency. The agent does not end while the task runs, and its container has no
health check.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from sysdig_instrument.engine.agent import AGENT_NAME
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import Container, is_written_out
from sysdig_instrument.engine.expressions.decision_tree import Assumptions
from sysdig_instrument.engine.expressions.values import Evaluated, Known, Unknown
from sysdig_instrument.engine.findings import Notice, Problem, Reason
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.paste import PasteInto, paste
from sysdig_instrument.engine.steps.step import InstrumentedTask

_ADVICE: Final = "Remove the dependency, or make it wait for START"
_START: Final = Known("START")
_WAIT_FOR_START: Final = paste(
    PasteInto.CONTAINER, {"DependsOn": [{"ContainerName": AGENT_NAME, "Condition": "START"}]}
)


def depends_on(instrumented: InstrumentedTask) -> Iterator[Notice | Problem]:
    """Yield a finding for each dependency on the agent whose condition is not START, or may be another one."""
    for container in instrumented.containers:
        if container.name == AGENT_NAME:
            continue
        for entry, assumptions in container.entries("DependsOn"):
            if reason := _reason(container, entry.value, assumptions, instrumented):
                yield container.problem_or_notice(entry.pointer, assumptions, reason)


def _reason(
    container: Container, entry: Json | Absent, assumptions: Assumptions, instrumented: InstrumentedTask
) -> Reason | None:
    """Return why an entry of DependsOn may never be fulfilled; ``None`` if it is about another container, or waits for START."""
    for evaluated in (
        [Known(entry)]
        if isinstance(entry, dict) and is_written_out(entry)
        else container.evaluations(entry, assumptions)
    ):
        match evaluated:
            case Known(dict(members)):
                if reason := _reason_of_members(container, members, assumptions, instrumented):
                    return reason
            case Known() | Unknown():
                unknown = (
                    evaluated
                    if isinstance(evaluated, Unknown)
                    else Unknown(Reason("it is not an object", code=Code.MALFORMED))
                )
                fact = f"DependsOn cannot be resolved ({unknown.reason.fact}), so it may wait for the agent to end"
                return Reason(fact, _ADVICE, code=unknown.code, paste=_WAIT_FOR_START)
    return None


def _reason_of_members(
    container: Container, members: Mapping[str, Json], assumptions: Assumptions, instrumented: InstrumentedTask
) -> Reason | None:
    target = members.get("ContainerName", ABSENT)
    names = container.evaluations(target, assumptions)
    conditions = container.evaluations(members.get("Condition", ABSENT), assumptions)
    is_agent, is_unknown = Known(AGENT_NAME) in names, _has_unknown(names)
    if not is_agent and (not is_unknown or _is_name_of_another(target, instrumented)):
        return None
    if all(condition == _START for condition in conditions):
        return None
    if not is_agent:
        fact = "The container that DependsOn waits for cannot be resolved, so it may be the agent, which does not end"
        return Reason(fact, "Write ContainerName as a literal value", code=Code.VALUE_UNKNOWN)
    if _has_unknown(conditions):
        fact = "What DependsOn waits for cannot be resolved, so it may wait for the agent to end"
        return Reason(fact, _ADVICE, code=Code.VALUE_UNKNOWN, paste=_WAIT_FOR_START)
    fact = "DependsOn waits for the agent with another condition than START, and the agent does not end while the task runs"
    if Known("HEALTHY") in conditions:
        fact = "DependsOn waits for the agent to be HEALTHY, and the agent's container has no HealthCheck"
    return Reason(fact, _ADVICE, code=Code.WAITS_FOR_AGENT, paste=_WAIT_FOR_START)


def _has_unknown(values: list[Evaluated]) -> bool:
    return any(isinstance(value, Unknown) for value in values)


def _is_name_of_another(target: Json | Absent, instrumented: InstrumentedTask) -> bool:
    """Return whether an expression is also the Name of a container of the task, which then is not the agent's."""
    return any(each.name is None and each.value.get("Name") == target for each in instrumented.containers)

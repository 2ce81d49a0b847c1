"""Containers that wait for the agent for longer than until it has started. The agent does not end, so they never start."""

from __future__ import annotations

from oracle.complaints import Complaints, fault, malformed
from oracle.selection import AGENT
from oracle.values import Json, is_unknown, items, mapping, text_of


def agent_waits(containers: list[dict[str, Json]]) -> Complaints:
    """Yield a fault for each container that waits for the agent for longer than until it has started.

    A container that is left alone counts, too: others may wait for it.
    """
    for container in containers:
        name = text_of(container.get("Name"))
        dependencies = container.get("DependsOn")
        if name == AGENT or dependencies is None:
            continue
        if not isinstance(dependencies, list):
            yield malformed(name, "DependsOn", dependencies)
        for entry in items(dependencies):
            if mapping(entry).get("ContainerName") == AGENT and mapping(entry).get("Condition") != "START":
                yield fault(name, "waits-for-the-agent")
            elif not isinstance(mapping(entry).get("ContainerName"), str):
                yield malformed(name, "DependsOn", entry)
            elif is_unknown(mapping(entry)["ContainerName"]) and mapping(entry).get("Condition") != "START":
                yield fault(name, "dependency-unknown")

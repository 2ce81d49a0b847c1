"""What keeps the wrapper of a workload from working, though everything that the macro adds is there.

A container that is left alone does not need the wrapper, so these reasons allow a refusal and require none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from oracle.selection import AGENT
from oracle.values import Json, is_unknown, items, mapping, text_of


def obstacles(containers: list[dict[str, Json]]) -> Iterator[tuple[str, bool]]:
    """Yield each reason for a refusal, as `refusal` expects it."""
    for container in containers:
        capabilities = mapping(mapping(container.get("LinuxParameters")).get("Capabilities"))
        dropped = [text_of(each).upper() for each in items(capabilities.get("Drop"))]
        if is_unknown(capabilities.get("Drop")) or {"SYS_PTRACE", "CAP_SYS_PTRACE"} & set(dropped):
            yield "capability-dropped", False
        for key in ("Environment", "Secrets"):
            if any(
                text_of(mapping(entry).get("Name")) == "__INSTRUMENTATION_WRAPPER"
                for entry in items(container.get(key))
            ):
                yield "wrapper-replaced-by-a-variable", False
        if any(_writes_to_the_agent(mapping(entry)) for entry in items(container.get("VolumesFrom"))):
            yield "volume-is-writable", False


def _writes_to_the_agent(entry: Mapping[str, Json]) -> bool:
    return entry.get("SourceContainer") == AGENT and entry.get("ReadOnly") not in (True, "true")

"""What keeps the wrapper of a workload from working, though everything that the macro adds is there.

A container that is left alone does not need the wrapper, so these reasons allow a refusal and require none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from posixpath import normpath

from oracle.selection import AGENT
from oracle.values import Json, is_unknown, items, mapping, text_of

_FOLDER = "/opt/draios/"


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
        if any(map(_covers, _mounted_paths(container))):
            yield "wrapper-covered", False
        if any(_writes_to_the_agent(mapping(entry)) for entry in items(container.get("VolumesFrom"))):
            yield "volume-is-writable", False
        for entry in items(container.get("DependsOn")):
            if text_of(mapping(entry).get("ContainerName")) == AGENT and mapping(entry).get("Condition") != "START":
                yield "waits-for-the-agent", False


def _writes_to_the_agent(entry: Mapping[str, Json]) -> bool:
    return entry.get("SourceContainer") == AGENT and entry.get("ReadOnly") not in (True, "true")


def _mounted_paths(container: Mapping[str, Json]) -> Iterator[Json]:
    for mounts in (container.get("MountPoints"), mapping(container.get("LinuxParameters")).get("Tmpfs")):
        if is_unknown(mounts):
            yield mounts
        for entry in items(mounts):
            yield entry if is_unknown(entry) else mapping(entry).get("ContainerPath", "/data")


def _covers(path: Json) -> bool:
    if is_unknown(path) or not isinstance(path, str):
        return True
    normal = normpath("/" + path.strip().lower().lstrip("/")).rstrip("/") + "/"
    return normal.startswith(_FOLDER) or _FOLDER.startswith(normal)

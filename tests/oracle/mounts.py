"""Mounts that cover the wrapper: Docker gives an explicit mount precedence over a volume of another container."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from posixpath import normpath

from oracle.complaints import Complaints, doubt, fault
from oracle.values import Json, is_unknown, items, mapping, text_of

WRAPPER_FOLDER = "/opt/draios"


def mount_complaints(container: Mapping[str, Json]) -> Complaints:
    """Yield a fault for a mount that is, or may be, over the folder of the wrapper or a part of it."""
    name = text_of(container.get("Name"))
    for path in _mounted_paths(container):
        if isinstance(path, str):
            if _covers(path):
                yield fault(name, "wrapper-covered-by-a-mount")
            elif _covers(path.lower()):
                yield doubt(name, "mount-in-another-case")
        else:
            yield doubt(name, "mount-malformed")  # ECS refuses it


def covers_the_wrapper(container: Mapping[str, Json]) -> bool:
    """Return whether a mount of this container is over the folder of the wrapper or a part of it."""
    return any(complaint.is_fault for complaint in mount_complaints(container))


def _mounted_paths(container: Mapping[str, Json]) -> Iterator[Json]:
    parameters = mapping(container.get("LinuxParameters"))
    for mounts in (container.get("MountPoints"), parameters.get("Tmpfs")):
        if mounts is not None and not isinstance(mounts, list):
            yield mounts if is_unknown(mounts) else None
        for entry in items(mounts):
            yield entry if is_unknown(entry) else mapping(entry).get("ContainerPath")


def _covers(path: str) -> bool:
    if is_unknown(path):
        return True
    normal = "/" + normpath("/" + path.strip()).lstrip("/")
    left, right = (each.rstrip("/") + "/" for each in (normal, WRAPPER_FOLDER))
    return left.startswith(right) or right.startswith(left)

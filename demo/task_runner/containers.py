"""What a container runs, and as what: its definition, the overrides of RunTask and its image together, as ECS has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from task_runner.images import Image

DEFAULT_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
METADATA_VARIABLE: Final = "ECS_CONTAINER_METADATA_URI_V4"
DEFAULT_CAPABILITIES: Final = frozenset(
    {
        *("CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID"),
        *("SETFCAP", "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE"),
    }
)
"""The capabilities of a container if its definition says nothing, as in Docker and containerd."""


@dataclass(frozen=True, slots=True)
class User:
    """The user and the group that a container runs as."""

    uid: int
    gid: int
    home: str


def argv(definition: Mapping[str, Any], image: Mapping[str, Any], override: Mapping[str, Any]) -> list[str]:
    """Return the command line: an entryPoint drops the image's CMD, and a command alone keeps the image's ENTRYPOINT.

    An empty list counts as absent, and so does an ENTRYPOINT ``[""]`` of an image.
    """
    command: Sequence[str] = override.get("command") or definition.get("command") or ()
    if entry_point := definition.get("entryPoint"):
        return [*entry_point, *command]
    entry_point = image.get("Entrypoint") or ()
    if list(entry_point) == [""]:
        entry_point = ()
    return [*entry_point, *(command or image.get("Cmd") or ())]


def environment(
    definition: Mapping[str, Any],
    image: Mapping[str, Any],
    override: Mapping[str, Any],
    secrets: Mapping[str, str],
    home: str,
) -> dict[str, str]:
    """Return the variables: the runtime's, the image's, the definition's, secrets, and the overrides; later ones win."""
    from_image = dict(variable.split("=", 1) for variable in image.get("Env") or ())
    return {
        "PATH": DEFAULT_PATH,
        "HOME": home,
        **from_image,
        METADATA_VARIABLE: f"http://169.254.170.2/v4/{definition['name']}",
        **_variables(definition),
        **secrets,
        **_variables(override),
    }


def _variables(holder: Mapping[str, Any]) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in holder.get("environment") or ()}


def capabilities(definition: Mapping[str, Any]) -> frozenset[str]:
    """Return the capabilities: those in ``drop`` go first, and then those in ``add`` come, as in Docker."""
    changes = (definition.get("linuxParameters") or {}).get("capabilities") or {}
    drop, add = changes.get("drop") or (), changes.get("add") or ()
    kept = frozenset[str]() if "ALL" in drop else DEFAULT_CAPABILITIES - set(drop)
    return kept | set(add)


def user(definition: Mapping[str, Any], image: Image, root: Path) -> User:
    """Return the user of the definition, or else of the image; names are those of the image's files in ``/etc``."""
    name, _, group = (definition.get("user") or image.config.get("User") or "0").partition(":")
    passwd = list(_entries(root / "etc" / "passwd"))
    entry = next((each for each in passwd if name in (each[0], each[2])), None)
    uid, gid, home = (int(entry[2]), int(entry[3]), entry[5]) if entry else (int(name), 0, "/")
    if group:
        groups = {each[0]: int(each[2]) for each in _entries(root / "etc" / "group")}
        gid = groups[group] if group in groups else int(group)
    return User(uid, gid, home)


def _entries(path: Path) -> Iterator[list[str]]:
    if path.is_file():
        yield from (line.split(":") for line in path.read_text("utf-8").splitlines() if line)


def secret_sources(definition: Mapping[str, Any]) -> dict[str, str]:
    """Return where the value of each secret variable comes from: an ARN, or the name of an SSM parameter."""
    return {secret["name"]: secret["valueFrom"] for secret in definition.get("secrets") or ()}

"""How container runtimes read an image, written from their documents and sources, without this project's code.

- The image for a platform: containerd, `images.Manifest` and `platforms.Normalize`; Fargate runs containerd.
- What the container runs: moby, `daemon.merge` and `mergeAndVerifyConfig`, and `strslice.StrSlice` for the JSON forms; the
  names of members are read as Go's `encoding/json` reads them, without regard to upper and lower case.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lookup.content import Anything, Store

RUN_VARIANTS = {"amd64": ("", "v1"), "arm64": ("", "8", "v8")}
OTHER_NAMES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64"}


def config_for(store: Store, tag: str, architecture: str) -> bytes | None:
    """Return the configuration of a tag's image for linux on an architecture, or None if it has none."""
    manifest = json.loads(store.manifests[tag][1])
    found = manifest if "config" in manifest else next(_in_index(store, manifest, architecture), None)
    return store.blobs[found["config"]["digest"]] if found else None


def _in_index(store: Store, index: Anything, architecture: str) -> Iterator[dict[str, Any]]:
    """Yield the platform's manifests. Entries that name the platform come before those that name none."""
    for named in (True, False):
        for entry in index["manifests"]:
            platform = entry.get("platform")
            if (platform is not None) != named or (named and not _matches(platform, architecture)):
                continue
            value = json.loads(store.manifests[entry["digest"]][1])
            if "manifests" in value:
                yield from _in_index(store, value, architecture)
            elif named or _matches(_json_of(store.blobs[value["config"]["digest"]]), architecture):
                yield value


def _json_of(blob: bytes) -> Anything:
    try:
        return json.loads(blob)
    except ValueError:
        return {}


def _matches(platform: Mapping[str, Any], architecture: str) -> bool:
    """Return whether something runs on linux on an architecture. An operating system that is not named is the host's."""
    named = str(platform.get("architecture", "")).lower()
    return (
        (str(platform.get("os") or "linux").lower() == "linux")
        and OTHER_NAMES.get(named, named) == architecture
        and str(platform.get("variant", "")).lower() in RUN_VARIANTS[architecture]
    )


def argv(image_configuration: bytes, command: list[Anything]) -> tuple[list[str], list[str]]:
    """Return the ENTRYPOINT and the command of a container that has this Command and no EntryPoint."""
    config = _member(json.loads(image_configuration), "config") or {}
    entry_point, cmd = _string_slice(_member(config, "Entrypoint")), _string_slice(_member(config, "Cmd"))
    return [] if entry_point == [""] else entry_point, command or cmd


def _member(value: Anything, name: str) -> Anything:
    """Return the last member of this name."""
    return next((value[key] for key in reversed(value) if key.lower() == name.lower()), None)


def _string_slice(value: Anything) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else value

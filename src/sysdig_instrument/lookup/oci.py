"""Manifests, indexes and image configurations: what they say, and whether they are what was asked for.

Sources: the OCI image spec (manifest.md, image-index.md, config.md) and Docker's image manifest V2, schema 2. Whatever
is read here was sent by a server, and none of it is repeated in an error.
"""

from __future__ import annotations

import hashlib
import json
from typing import Final

from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import ImageConfig
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.lookup.errors import HttpError

MAX_MANIFEST_BYTES: Final = 4 << 20
"""Bytes; the distribution spec asks registries to take manifests of at least that, and most take no more."""

MAX_CONFIG_BYTES: Final = 8 << 20
"""Bytes; a config has some ten thousand."""

_INDEX_MEDIA_TYPES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFEST_MEDIA_TYPES: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
ACCEPTED_MEDIA_TYPES: Final = _INDEX_MEDIA_TYPES + _MANIFEST_MEDIA_TYPES
"""The media types that are understood, for an Accept header."""

_CONFIG_MEDIA_TYPES: Final = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
    "application/octet-stream",  # as Docker 1.10 pushed it
)
_DYNAMIC_REFERENCE: Final = "{{resolve:"
# What a platform without a variant stands for (containerd's platforms package, normalizeArch).
_DEFAULT_VARIANTS: Final = {"amd64": ("", "v1"), "arm64": ("", "v8")}


@dataclass(frozen=True, slots=True)
class RawManifest:
    """A manifest or an index as it was received; ``media_type`` is the Content-Type without parameters, or empty."""

    body: bytes
    media_type: str = ""


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A pointer to content: its digest, its length in bytes, and for a manifest in an index its platform, if it has one.

    ``platform`` is operating system, architecture and variant, each possibly empty.
    """

    media_type: str
    digest: str
    size: int
    platform: tuple[str, str, str] | None = None

    @property
    def is_index(self) -> bool:
        """Whether it points to an index."""
        return self.media_type in _INDEX_MEDIA_TYPES


@dataclass(frozen=True, slots=True)
class Manifest:
    """One platform's image."""

    config: Descriptor


@dataclass(frozen=True, slots=True)
class Index:
    """An image for several platforms."""

    manifests: tuple[Descriptor, ...]


def parse_manifest(raw_manifest: RawManifest) -> Manifest | Index:
    """Read a manifest or an index.

    Raises:
        HttpError: It is neither, or one that is not understood.
    """
    value = _parse_object(raw_manifest.body, "manifest")
    if value.get("schemaVersion") == 1:
        raise HttpError(
            "it has a manifest of schema 1, which registries and ECS gave up", "Push it anew with a current tool"
        )
    manifests, config = value.get("manifests"), value.get("config")
    # A document that can be read in two ways is refused (OCI image spec, CVE-2021-41190).
    if ("manifests" in value) == ("config" in value or "layers" in value):
        raise HttpError("its manifest is neither an image's nor an index")
    media_type = value.get("mediaType") or raw_manifest.media_type
    if media_type in ACCEPTED_MEDIA_TYPES and (media_type in _INDEX_MEDIA_TYPES) != ("manifests" in value):
        raise HttpError("its manifest is not of the kind that it is said to be")
    if isinstance(manifests, list):
        return Index(tuple(_parse_descriptor(entry) for entry in manifests))
    descriptor = _parse_descriptor(config)
    if descriptor.media_type not in _CONFIG_MEDIA_TYPES:
        raise HttpError("it is not a container image but something else that registries keep, such as a Helm chart")
    return Manifest(descriptor)


def manifests_for_platform(index: Index, architecture: str) -> list[Descriptor]:
    """The descriptors to follow for linux on an architecture, the best first; empty if there is none.

    A manifest for just this platform; else indexes that do not say what they are for; else, if the index says of nothing
    what it is for, its one manifest. Attestations (``unknown/unknown``) are thereby passed over.
    """
    matching = [
        entry
        for entry in index.manifests
        if entry.platform is not None
        and entry.platform[:2] == ("linux", architecture)
        and entry.platform[2] in _DEFAULT_VARIANTS.get(architecture, ("",))
    ]
    if matching:
        return matching[:1]
    without_platform = [entry for entry in index.manifests if entry.platform is None]
    nested_indexes = [entry for entry in without_platform if entry.is_index]
    return nested_indexes or (without_platform if len(without_platform) == len(index.manifests) == 1 else [])


def verify_content(body: bytes, digest: str, size: int | None = None) -> None:
    """Check content against its digest, and against its length where that is known.

    Raises:
        HttpError: It is something else, or the digest is of an algorithm that nobody registered.
    """
    algorithm, _, expected = digest.partition(":")
    if algorithm not in ("sha256", "sha512"):
        raise HttpError("its digest is neither sha256 nor sha512")
    if size is not None and len(body) != size:
        raise HttpError("what the registry sent is not of the length that its descriptor says")
    if hashlib.new(algorithm, body, usedforsecurity=True).hexdigest() != expected:
        raise HttpError("what the registry sent does not have the digest that it was asked for")


def parse_image_config(body: bytes) -> ImageConfig:
    """Read ``config.Entrypoint`` and ``config.Cmd`` of an image configuration.

    Raises:
        HttpError: It is not an image configuration.
    """
    config = _parse_object(body, "configuration").get("config")
    if config is None:  # an image that says nothing of how it runs
        return ImageConfig()
    if not isinstance(config, dict):
        raise HttpError("its configuration is not an object")
    return ImageConfig(_parse_argv(config.get("Entrypoint")), _parse_argv(config.get("Cmd")))


def _parse_argv(value: Json) -> tuple[str, ...]:
    """A list of strings; Docker also takes a string for a list of one (its ``strslice``), and null for none."""
    if value is None:
        return ()
    arguments = [value] if isinstance(value, str) else value
    if not isinstance(arguments, list) or not all(isinstance(argument, str) for argument in arguments):
        raise HttpError("its ENTRYPOINT or CMD is not a list of strings")
    argv = tuple(str(argument) for argument in arguments)
    # It will stand in a template. Whoever made the image must not have CloudFormation fill in secrets of the account.
    if any(_DYNAMIC_REFERENCE in argument for argument in argv):
        raise HttpError("its ENTRYPOINT or CMD holds a dynamic reference, which CloudFormation would resolve")
    return argv


def _parse_descriptor(value: Json) -> Descriptor:
    if isinstance(value, dict):
        media_type, digest, size = value.get("mediaType"), value.get("digest"), value.get("size")
        if isinstance(media_type, str) and isinstance(digest, str) and type(size) is int and size >= 0:
            return Descriptor(media_type, digest, size, _parse_platform(value.get("platform")))
    raise HttpError("its manifest has a broken descriptor")


def _parse_platform(value: Json) -> tuple[str, str, str] | None:
    if not isinstance(value, dict):
        return None
    fields = (value.get(key) for key in ("os", "architecture", "variant"))
    os_name, architecture, variant = (field_value if isinstance(field_value, str) else "" for field_value in fields)
    return os_name, architecture, variant


def _parse_object(body: bytes, name: str) -> dict[str, Json]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise HttpError(f"its {name} is not a JSON object")
    return value

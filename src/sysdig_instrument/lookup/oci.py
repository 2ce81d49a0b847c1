"""Parse and verify manifests, indexes and image configurations.

Sources: the OCI image spec (manifest.md, image-index.md, config.md) and Docker's image manifest V2, schema 2. All input
here comes from servers, and error messages repeat none of it.
"""

from __future__ import annotations

import hashlib
import json
from typing import Final

from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import MAX_ARGV_BYTES, ImageConfig, argv_bytes
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.lookup.errors import HttpError

MAX_MANIFEST_BYTES: Final = 4 << 20
"""The distribution spec requires registries to accept manifests of at least this size, and most accept no more."""

MAX_CONFIG_BYTES: Final = 1 << 20
"""A config has some ten thousand bytes."""

_INDEX_MEDIA_TYPES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFEST_MEDIA_TYPES: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
ACCEPTED_MEDIA_TYPES: Final = _INDEX_MEDIA_TYPES + _MANIFEST_MEDIA_TYPES
"""The supported media types, for an Accept header."""

_CONFIG_MEDIA_TYPES: Final = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
    # Old registries and clients pushed images with these, and Docker runs them (moby, distribution: defaultImageTypes).
    "application/octet-stream",
    "application/json",
    "text/html",
    "",
)
_DYNAMIC_REFERENCE: Final = "{{resolve:"
# Variants that are equal to no variant (containerd's platforms package, normalizeArch).
_DEFAULT_VARIANTS: Final = {"amd64": ("", "v1"), "arm64": ("", "v8", "8")}
_ARCHITECTURES: Final = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64"}
"""Other names of architectures, which containerd accepts as well (normalizeArch)."""


class ArtifactError(HttpError):
    """The manifest is not that of an image, but of another kind of artifact."""

    def __init__(self) -> None:
        super().__init__("it is not a container image but another kind of artifact, such as a Helm chart")


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
        """Return whether it points to an index."""
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
    """Parse a manifest or an index.

    Raises:
        ArtifactError: It is the manifest of another kind of artifact.
        HttpError: It is neither, or is not supported.
    """
    value = _parse_object(raw_manifest.body, "manifest")
    if value.get("schemaVersion") == 1:
        raise HttpError(
            "its manifest uses schema 1, which registries and ECS no longer support",
            "Push it again with a current tool",
        )
    manifests, config = value.get("manifests"), value.get("config")
    # Reject an ambiguous document (OCI image spec, CVE-2021-41190).
    if ("manifests" in value) == ("config" in value or "layers" in value):
        raise HttpError("its manifest is neither an image manifest nor an index")
    media_type = value.get("mediaType") or raw_manifest.media_type
    if media_type in ACCEPTED_MEDIA_TYPES and (media_type in _INDEX_MEDIA_TYPES) != ("manifests" in value):
        raise HttpError("its manifest does not match its declared media type")
    if isinstance(manifests, list):
        return Index(tuple(_parse_descriptor(entry) for entry in manifests))
    descriptor = _parse_descriptor(config)
    if descriptor.media_type not in _CONFIG_MEDIA_TYPES:
        raise ArtifactError
    return Manifest(descriptor)


def manifests_for_platform(index: Index, architecture: str) -> list[Descriptor]:
    """Return the descriptors to follow for linux on an architecture, the best first; empty if there is none.

    These are: the manifest for exactly this platform; else what has no platform, which is optional (OCI image spec, «Image
    Index»): nested indexes, then manifests, whose configs say what they are for. Attestations (``unknown/unknown``) are
    therefore skipped, and so is what is neither a manifest nor an index.
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
    without_platform = [
        entry for entry in index.manifests if entry.platform is None and entry.media_type in ACCEPTED_MEDIA_TYPES
    ]
    return sorted(without_platform, key=lambda entry: not entry.is_index)


def is_for_platform(config: bytes, architecture: str) -> bool:
    """Return whether an image configuration is for linux on an architecture.

    Raises:
        HttpError: It is not an image configuration.
    """
    os_name, config_architecture, _ = _parse_platform(_parse_object(config, "configuration")) or ("", "", "")
    return (os_name, config_architecture) == ("linux", architecture)


def verify_content(body: bytes, digest: str, size: int | None = None) -> None:
    """Verify content against its digest, and against its size if that is known.

    Raises:
        HttpError: It does not match, or the digest's algorithm is not a registered one.
    """
    algorithm, _, expected = digest.partition(":")
    if algorithm not in ("sha256", "sha512"):
        raise HttpError("its digest is neither sha256 nor sha512")
    if size is not None and len(body) != size:
        raise HttpError("the content that the registry sent does not have the size given in its descriptor")
    if hashlib.new(algorithm, body, usedforsecurity=True).hexdigest() != expected:
        raise HttpError("the content that the registry sent does not match the requested digest")


def parse_image_config(body: bytes) -> ImageConfig:
    """Read ``config.Entrypoint`` and ``config.Cmd`` of an image configuration.

    Raises:
        HttpError: It is not an image configuration.
    """
    return image_config_of(_member(_parse_object(body, "configuration"), "config"))


def image_config_of(config: Json) -> ImageConfig:
    """Return ENTRYPOINT and CMD of the member ``config`` of an image configuration.

    Raises:
        HttpError: It is not valid.
    """
    if config is None:  # the image configures nothing about how it runs
        return ImageConfig()
    if not isinstance(config, dict):
        raise HttpError("its configuration is not an object")
    entrypoint, cmd = _parse_argv(_member(config, "Entrypoint")), _parse_argv(_member(config, "Cmd"))
    if argv_bytes((*entrypoint, *cmd)) > MAX_ARGV_BYTES:
        raise HttpError(
            f"its ENTRYPOINT and CMD exceed the limit of {MAX_ARGV_BYTES >> 10} KiB, which is more than a task "
            "definition can hold",
            "Use an image with a shorter ENTRYPOINT and CMD",
            is_final=True,
        )
    shell = _parse_shell(_member(config, "Shell"))
    has_triggers = shell is None or _member(config, "OnBuild") not in (None, [])
    # Docker resets an ENTRYPOINT of one empty string to none (moby, daemon: mergeAndVerifyConfig), and runs CMD.
    return ImageConfig(() if entrypoint == ("",) else entrypoint, cmd, shell or (), has_triggers)


def _member(value: dict[str, Json], name: str) -> Json:
    """Return a member of a configuration; upper and lower case are the same in its name, as in Docker (Go's JSON)."""
    names = [key for key in value if key.lower() == name.lower()]
    if len(names) > 1:
        fact = f"its configuration has several members with the name {name}"
        raise HttpError(fact, "Build the image anew", is_final=True)
    return value[names[0]] if names else None


def _parse_argv(value: Json) -> tuple[str, ...]:
    """Parse a list of strings; Docker also accepts a single string (its ``strslice``), and null for an empty list."""
    if value is None:
        return ()
    arguments = [value] if isinstance(value, str) else value
    if not isinstance(arguments, list) or not all(isinstance(argument, str) for argument in arguments):
        raise HttpError("its ENTRYPOINT or CMD is not a list of strings", is_final=True)
    argv = tuple(str(argument) for argument in arguments)
    # It goes into a template. An image's author must not make CloudFormation insert secrets of the account.
    if any(_DYNAMIC_REFERENCE in argument for argument in argv):
        fact = "its ENTRYPOINT or CMD contains a dynamic reference, which CloudFormation would resolve"
        raise HttpError(fact, is_final=True)
    return argv


def _parse_shell(value: Json) -> tuple[str, ...] | None:
    """Return the shell of instructions in shell form; None if it is not valid: only images built on this one need it."""
    try:
        shell = _parse_argv(value)
    except HttpError:
        return None
    return shell if argv_bytes(shell) <= MAX_ARGV_BYTES else None


def _parse_descriptor(value: Json) -> Descriptor:
    if isinstance(value, dict):
        media_type, digest, size = value.get("mediaType"), value.get("digest"), value.get("size")
        if isinstance(media_type, str) and isinstance(digest, str) and type(size) is int and size >= 0:
            return Descriptor(media_type, digest, size, _parse_platform(value.get("platform")))
    raise HttpError("its manifest has an invalid descriptor")


def _parse_platform(value: Json) -> tuple[str, str, str] | None:
    if not isinstance(value, dict):
        return None
    fields = (value.get(key) for key in ("os", "architecture", "variant"))
    os_name, architecture, variant = (each.lower() if isinstance(each, str) else "" for each in fields)
    if value.get("os") in (None, ""):  # then it is the host's (containerd's platforms package, normalizeOS)
        os_name = "linux"
    return os_name, _ARCHITECTURES.get(architecture, architecture), variant


def _parse_object(body: bytes, name: str) -> dict[str, Json]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise HttpError(f"its {name} is not a JSON object")
    return value

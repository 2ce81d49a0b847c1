"""From a reference to an image config: index, manifest, config, each checked against the digest that names it."""

from __future__ import annotations

from typing import Final, Protocol

from sysdig_instrument.engine.lookups import ImageConfig
from sysdig_instrument.registry import manifest
from sysdig_instrument.registry.cache import ImageCache, ImageKey
from sysdig_instrument.registry.errors import HttpError
from sysdig_instrument.registry.manifest import LONGEST_CONFIG, LONGEST_MANIFEST, Descriptor, Document, Manifest

MOST_MANIFESTS: Final = 6
"""How many manifests and indexes are read for one image: an index in an index is legal, and a chain of them is a trap."""


class Repository(Protocol):
    """A repository at some registry."""

    def document(self, selector: str) -> Document:
        """The manifest or index that a tag or digest names, not yet checked.

        Raises:
            HttpError: There is none, or it could not be had.
        """
        ...

    def blob(self, digest: str, limit: int) -> bytes:
        """The blob of that digest, not yet checked, of at most ``limit`` bytes.

        Raises:
            HttpError: There is none, or it could not be had.
        """
        ...


def read(repository: Repository, key: ImageKey, cache: ImageCache) -> ImageConfig:
    """The config of an image for linux on an architecture. ``repository`` is the one of its reference.

    An image that is not in an index is taken whatever its architecture: Docker runs it, too.

    Raises:
        HttpError: It cannot be had, or is not what it should be.
    """
    config = _manifest(repository, key.reference.selector, key.architecture).config
    if known := cache.content(key.content(config.digest)):
        return known
    if config.size > LONGEST_CONFIG:
        raise HttpError(f"its configuration has more than the {LONGEST_CONFIG >> 20} MiB that are read")
    body = repository.blob(config.digest, LONGEST_CONFIG)
    manifest.verify(body, config.digest, config.size)
    found = manifest.parse_config(body)
    cache.keep_content(key.content(config.digest), found)
    return found


def _manifest(repository: Repository, selector: str, architecture: str) -> Manifest:
    """The manifest for the platform, through however many indexes."""
    trail: list[Descriptor | str] = [selector]
    for _ in range(MOST_MANIFESTS):
        if not trail:
            raise HttpError(f"it has no image for linux/{architecture}", "Take an image that is built for it")
        parsed = manifest.parse(_document(repository, trail.pop(0)))
        if isinstance(parsed, Manifest):
            return parsed
        trail[:0] = manifest.for_platform(parsed, architecture)
    raise HttpError(f"its indexes lead from one to the next, more than {MOST_MANIFESTS} times")


def _document(repository: Repository, pointer: Descriptor | str) -> Document:
    """A manifest or an index, checked: what a tag names is whatever the registry says that it names."""
    if isinstance(pointer, str):
        document = repository.document(pointer)
        if ":" in pointer:
            manifest.verify(document.body, pointer)
        return document
    if pointer.size > LONGEST_MANIFEST:
        raise HttpError(f"its manifest has more than the {LONGEST_MANIFEST >> 20} MiB that are read")
    document = repository.document(pointer.digest)
    manifest.verify(document.body, pointer.digest, pointer.size)
    return document

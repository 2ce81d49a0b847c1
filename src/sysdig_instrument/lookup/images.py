"""From a reference to an image config: index, manifest, config, each checked against the digest that names it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from functools import partial
from typing import Final, Generic, Protocol, TypeAlias, TypeVar

from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.lookups import Answer, ImageConfig, ImageLookup
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.lookup import oci, reference
from sysdig_instrument.lookup.auth import ChainedCredentials, CredentialProvider, PullScope, RegistryAuth
from sysdig_instrument.lookup.aws import AwsClients
from sysdig_instrument.lookup.distribution import DistributionRepository
from sysdig_instrument.lookup.ecr import EcrRepository, EcrRepositoryClient
from sysdig_instrument.lookup.egress import EgressPolicy
from sysdig_instrument.lookup.errors import HttpError, UnavailableError, unreadable_image
from sysdig_instrument.lookup.http import HttpClient
from sysdig_instrument.lookup.oci import MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, Descriptor, Manifest, RawManifest
from sysdig_instrument.lookup.reference import InvalidReferenceError, Reference
from sysdig_instrument.lookup.secrets import ContainerSecret, Secrets
from sysdig_instrument.lookup.workers import Clock, MonotonicClock, WorkerPool

MAX_MANIFESTS: Final = 6
"""How many manifests and indexes are read for one image: an index in an index is legal, and a chain of them is a trap."""


class Repository(Protocol):
    """A repository at some registry."""

    def fetch_manifest(self, tag_or_digest: str) -> RawManifest:
        """The manifest or index that a tag or digest names, not yet checked.

        Raises:
            HttpError: There is none, or it could not be had.
        """
        ...

    def fetch_blob(self, digest: str, max_bytes: int) -> bytes:
        """The blob of that digest, not yet checked, of at most ``max_bytes`` bytes.

        Raises:
            HttpError: There is none, or it could not be had.
        """
        ...


def fetch_image_config(repository: Repository, key: ImageKey, cache: ImageCache) -> ImageConfig:
    """The config of an image for linux on an architecture. ``repository`` is the one of its reference.

    An image that is not in an index is taken whatever its architecture: Docker runs it, too.

    Raises:
        HttpError: It cannot be had, or is not what it should be.
    """
    descriptor = _fetch_platform_manifest(repository, key.reference.tag_or_digest, key.architecture).config
    if cached := cache.get_config_blob(key.blob_key(descriptor.digest)):
        return cached
    if descriptor.size > MAX_CONFIG_BYTES:
        raise HttpError(f"its configuration has more than the {MAX_CONFIG_BYTES >> 20} MiB that are read")
    body = repository.fetch_blob(descriptor.digest, MAX_CONFIG_BYTES)
    oci.verify_content(body, descriptor.digest, descriptor.size)
    image_config = oci.parse_image_config(body)
    cache.put_config_blob(key.blob_key(descriptor.digest), image_config)
    return image_config


def _fetch_platform_manifest(repository: Repository, tag_or_digest: str, architecture: str) -> Manifest:
    """The manifest for the platform, through however many indexes."""
    queue: list[Descriptor | str] = [tag_or_digest]
    for _ in range(MAX_MANIFESTS):
        if not queue:
            raise HttpError(f"it has no image for linux/{architecture}", "Take an image that is built for it")
        parsed = oci.parse_manifest(_fetch_verified_manifest(repository, queue.pop(0)))
        if isinstance(parsed, Manifest):
            return parsed
        queue[:0] = oci.manifests_for_platform(parsed, architecture)
    raise HttpError(f"its indexes lead from one to the next, more than {MAX_MANIFESTS} times")


def _fetch_verified_manifest(repository: Repository, target: Descriptor | str) -> RawManifest:
    """A manifest or an index, checked: what a tag names is whatever the registry says that it names."""
    if isinstance(target, str):
        raw_manifest = repository.fetch_manifest(target)
        if ":" in target:
            oci.verify_content(raw_manifest.body, target)
        return raw_manifest
    if target.size > MAX_MANIFEST_BYTES:
        raise HttpError(f"its manifest has more than the {MAX_MANIFEST_BYTES >> 20} MiB that are read")
    raw_manifest = repository.fetch_manifest(target.digest)
    oci.verify_content(raw_manifest.body, target.digest, target.size)
    return raw_manifest


MAX_CACHE_ENTRIES: Final = 1024
TAG_TTL_SECONDS: Final = 300.0

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class ImageKey:
    """An image as somebody reads it: what one may read with one's credentials, another may not."""

    reference: Reference
    architecture: str
    secret_id: str | None

    def blob_key(self, digest: str) -> BlobKey:
        """A configuration blob of the image's repository, for the same reader."""
        return BlobKey(self.reference.registry, self.reference.repository, self.secret_id, digest)


@dataclass(frozen=True, slots=True)
class BlobKey:
    """A blob as somebody reads it. That somebody's manifest names a digest does not prove that the blob is theirs to read."""

    registry: str
    repository: str
    secret_id: str | None
    digest: str


class _LruCache(Generic[K, V]):
    """A dictionary that forgets what has not been used for the longest time when it has too many entries."""

    def __init__(self, max_entries: int) -> None:
        self._max_entries = max_entries
        self._entries: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        self._entries[key] = value
        self._entries.move_to_end(key)
        while len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    def discard(self, key: K) -> None:
        self._entries.pop(key, None)


class ImageCache:
    """What was read of images, from one run to the next. Threads share it; failures are never kept.

    ``tag_seconds`` is how long a tag is taken to name the image that it named; 0 asks anew in every run. What a digest
    names never changes, so that is kept until ``most`` newer entries push it out.
    """

    def __init__(
        self,
        *,
        tag_ttl_seconds: float = TAG_TTL_SECONDS,
        max_entries: int = MAX_CACHE_ENTRIES,
        clock: Clock | None = None,
    ) -> None:
        self._tag_ttl_seconds = tag_ttl_seconds
        self._clock = clock or MonotonicClock()
        self._lock = threading.Lock()
        self._images: _LruCache[ImageKey, tuple[ImageConfig, float | None]] = _LruCache(max_entries)
        self._config_blobs: _LruCache[BlobKey, ImageConfig] = _LruCache(max_entries)

    def get_image(self, key: ImageKey) -> ImageConfig | None:
        """What is known of an image, if it still holds."""
        with self._lock:
            config, expires_at = self._images.get(key) or (None, None)
            if expires_at is not None and self._clock.now() >= expires_at:
                self._images.discard(key)
                return None
            return config

    def put_image(self, key: ImageKey, config: ImageConfig) -> None:
        """Remember an image."""
        expires_at = None if key.reference.digest else self._clock.now() + self._tag_ttl_seconds
        with self._lock:
            self._images.put(key, (config, expires_at))

    def get_config_blob(self, key: BlobKey) -> ImageConfig | None:
        """What a configuration blob says."""
        with self._lock:
            return self._config_blobs.get(key)

    def put_config_blob(self, key: BlobKey, config: ImageConfig) -> None:
        """Remember a configuration blob, whose digest has been checked."""
        with self._lock:
            self._config_blobs.put(key, config)


RecordAnswer: TypeAlias = Callable[[ImageLookup, Answer], None]
"""Takes an answer; may be called from any thread."""

_LookupsByImage: TypeAlias = dict[ImageKey, list[ImageLookup]]
"""The requests for each image: ``nginx`` and ``docker.io/library/nginx:latest`` are one image."""


@dataclass(frozen=True, slots=True)
class ImageReader:
    """What the images of one run are read with. ``default_credentials`` are the credentials that no container has to name."""

    allowed_registries: tuple[str, ...]
    egress_policy: EgressPolicy
    clients: AwsClients
    http: HttpClient
    registry_auth: RegistryAuth
    secrets: Secrets
    default_credentials: CredentialProvider
    cache: ImageCache
    worker_pool: WorkerPool
    record: RecordAnswer

    def start(self, lookups: Iterable[ImageLookup]) -> None:
        """Answer what needs no asking, and have the crew ask for the rest."""
        by_ecr_repository: dict[EcrRepository, _LookupsByImage] = {}
        by_reference: dict[tuple[reference.Reference, str | None], _LookupsByImage] = {}
        for key, image_lookups in self._group_by_image(lookups).items():
            if cached := self.cache.get_image(key):
                self._record_answer(image_lookups, cached)
            elif repository := EcrRepository.from_reference(key.reference):
                by_ecr_repository.setdefault(repository, {})[key] = image_lookups
            else:
                by_reference.setdefault((key.reference, key.secret_id), {})[key] = image_lookups
        for repository, lookups_by_image in by_ecr_repository.items():
            self.worker_pool.submit(
                f"ecr {repository.region}", partial(self._read_from_ecr, repository, lookups_by_image)
            )
        for (image_reference, _), lookups_by_image in by_reference.items():
            self.worker_pool.submit(
                image_reference.registry, partial(self._read_from_registry, image_reference, lookups_by_image)
            )

    def _group_by_image(self, lookups: Iterable[ImageLookup]) -> _LookupsByImage:
        lookups_by_image: _LookupsByImage = {}
        for lookup in lookups:
            try:
                image_reference = reference.parse_reference(lookup.image)
                self._check_allowed(image_reference)
            except InvalidReferenceError as error:
                fact = f"The image {lookup.image} is not an image reference: {error}"
                self.record(lookup, UnavailableError(Reason(fact, "Write it as registry/repository:tag")).unavailable)
            except UnavailableError as error:
                self.record(lookup, error.unavailable)
            else:
                key = ImageKey(image_reference, lookup.architecture, lookup.credentials)
                lookups_by_image.setdefault(key, []).append(lookup)
        return lookups_by_image

    def _check_allowed(self, image_reference: reference.Reference) -> None:
        if not any(fnmatchcase(image_reference.registry, pattern.lower()) for pattern in self.allowed_registries):
            raise unreadable_image(
                str(image_reference), f"AllowedRegistries does not admit {image_reference.registry}", "Admit it there"
            )

    def _read_from_registry(self, image_reference: reference.Reference, lookups_by_image: _LookupsByImage) -> None:
        """One image, for the architectures that it is wanted for."""
        key = next(iter(lookups_by_image))
        container_credentials = (ContainerSecret(self.secrets, key.secret_id),) if key.secret_id else ()
        repository = DistributionRepository(
            self.registry_auth,
            PullScope(image_reference.registry, image_reference.repository, key.secret_id),
            ChainedCredentials((*container_credentials, self.default_credentials)),
            self.egress_policy,
        )
        for image_key, image_lookups in lookups_by_image.items():
            self._read_image(repository, image_key, image_lookups)

    def _read_from_ecr(self, ecr_repository: EcrRepository, lookups_by_image: _LookupsByImage) -> None:
        """All images of one repository: their manifests in as few calls as can be, then their configs side by side."""
        client = EcrRepositoryClient(ecr_repository, self.clients, self.http)
        try:
            client.prefetch_manifests(key.reference.tag_or_digest for key in lookups_by_image)
            client.prefetch_manifests(_platform_digests(client, lookups_by_image))
        except HttpError as error:
            for key, image_lookups in lookups_by_image.items():
                self._record_answer(
                    image_lookups, unreadable_image(str(key.reference), error.fact, error.advice).unavailable
                )
            return
        for key, image_lookups in lookups_by_image.items():
            self.worker_pool.submit(
                f"ecr {ecr_repository.region}", partial(self._read_image, client, key, image_lookups)
            )

    def _read_image(self, repository: Repository, key: ImageKey, image_lookups: list[ImageLookup]) -> None:
        try:
            config = fetch_image_config(repository, key, self.cache)
        except HttpError as error:
            self._record_answer(
                image_lookups, unreadable_image(str(key.reference), error.fact, error.advice).unavailable
            )
        else:
            self.cache.put_image(key, config)
            self._record_answer(image_lookups, config)

    def _record_answer(self, image_lookups: list[ImageLookup], answer: Answer) -> None:
        for lookup in image_lookups:
            self.record(lookup, answer)


def _platform_digests(client: EcrRepositoryClient, lookups_by_image: _LookupsByImage) -> list[str]:
    """The manifests that indexes lead to, as far as that can be told; what is wrong with one is told when it is read."""
    digests = []
    for key in lookups_by_image:
        try:
            parsed = oci.parse_manifest(client.fetch_manifest(key.reference.tag_or_digest))
        except HttpError:
            continue
        if isinstance(parsed, oci.Index):
            digests += [entry.digest for entry in oci.manifests_for_platform(parsed, key.architecture)[:1]]
    return digests


# FOLDED: What a warm Lambda still knows of images: by digest for as long as there is room, by tag for a short time.
# FOLDED: All images of a run: who is asked for which, and in what order it happens.

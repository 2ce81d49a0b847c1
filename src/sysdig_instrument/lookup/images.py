"""Read image configs: group the lookups of a run by image, and fetch each image from its registry or the cache.

An image config is fetched by way of its index and its manifest, each verified against its digest. A warm Lambda caches
image configs: by digest until they are evicted, by tag for a short time.
"""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from functools import partial
from typing import Final, Generic, Protocol, TypeAlias, TypeVar

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.ecr import EcrRepository
from sysdig_instrument.engine.image_reference import InvalidReferenceError, Reference, parse_reference
from sysdig_instrument.engine.lookups import Answer, ImageConfig, ImageLookup, Unavailable
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.lookup import oci
from sysdig_instrument.lookup.auth import ChainedCredentials, CredentialProvider, PullScope, RegistryAuth
from sysdig_instrument.lookup.aws import AwsClients
from sysdig_instrument.lookup.distribution import DistributionRepository
from sysdig_instrument.lookup.ecr import EcrRepositoryClient
from sysdig_instrument.lookup.egress import EgressPolicy
from sysdig_instrument.lookup.errors import HttpError, UnavailableError, invalid_reference, unreadable_image
from sysdig_instrument.lookup.http import HttpClient
from sysdig_instrument.lookup.oci import MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, Descriptor, Manifest, RawManifest
from sysdig_instrument.lookup.secrets import ContainerSecret, Secrets, UnreadContainerSecret
from sysdig_instrument.lookup.workers import Clock, MonotonicClock, WorkerPool

# --- one image

MAX_MANIFESTS: Final = 6
"""Limit of manifests and indexes read for one image: nested indexes are legal, but a long chain may be an attack."""


class Repository(Protocol):
    """A repository in a registry, as :func:`fetch_image_config` reads it."""

    def fetch_manifest(self, tag_or_digest: str) -> RawManifest:
        """Return the manifest or index of a tag or digest, not yet verified.

        Raises:
            HttpError: It does not exist, or could not be fetched.
        """
        ...

    def fetch_blob(self, digest: str, max_bytes: int) -> bytes:
        """Return the blob of a digest, not yet verified, of at most ``max_bytes`` bytes.

        Raises:
            HttpError: It does not exist, or could not be fetched.
        """
        ...


def fetch_image_config(repository: Repository, key: ImageKey, cache: ImageCache) -> ImageConfig:
    """Return the config of an image for linux on an architecture. ``repository`` is that of its reference.

    An image without an index is accepted whatever its architecture, since Docker runs it, too.

    Raises:
        HttpError: It could not be fetched, or is not valid.
    """
    descriptor = _fetch_platform_manifest(repository, key.reference.tag_or_digest, key.architecture).config
    if cached := cache.get_config_blob(key.blob_key(descriptor.digest)):
        return cached
    image_config = oci.parse_image_config(_fetch_verified_config(repository, descriptor))
    cache.put_config_blob(key.blob_key(descriptor.digest), image_config)
    return image_config


def _fetch_platform_manifest(repository: Repository, tag_or_digest: str, architecture: str) -> Manifest:
    """Return the platform's manifest, resolving indexes on the way."""
    queue: list[Descriptor | str] = [tag_or_digest]
    is_only_one = True
    for _ in range(MAX_MANIFESTS):
        if not queue:
            fact = f"it has no image for linux/{architecture}"
            raise HttpError(fact, "Use an image that is built for this platform", is_final=True)
        target = queue.pop(0)
        has_platform = isinstance(target, str) or target.platform is not None or is_only_one
        try:
            parsed = oci.parse_manifest(_fetch_verified_manifest(repository, target))
        except oci.ArtifactError:
            if has_platform:
                raise
            continue  # an attestation, a signature or an index of SOCI beside the images
        if isinstance(parsed, oci.Index):
            is_only_one = is_only_one and len(parsed.manifests) == 1
            queue[:0] = oci.manifests_for_platform(parsed, architecture)
            continue
        if has_platform or oci.is_for_platform(_fetch_verified_config(repository, parsed.config), architecture):
            return parsed
    raise HttpError(f"more than {MAX_MANIFESTS} manifests and indexes would have to be read for it")


def _fetch_verified_manifest(repository: Repository, target: Descriptor | str) -> RawManifest:
    """Return a verified manifest or index. Only a digest can be verified; for a tag, the registry is authoritative."""
    if isinstance(target, str):
        raw_manifest = repository.fetch_manifest(target)
        if ":" in target:
            oci.verify_content(raw_manifest.body, target)
        return raw_manifest
    if target.size > MAX_MANIFEST_BYTES:
        raise HttpError(f"its manifest exceeds the limit of {MAX_MANIFEST_BYTES >> 20} MiB")
    raw_manifest = repository.fetch_manifest(target.digest)
    oci.verify_content(raw_manifest.body, target.digest, target.size)
    return raw_manifest


def _fetch_verified_config(repository: Repository, descriptor: Descriptor) -> bytes:
    if descriptor.size > MAX_CONFIG_BYTES:
        raise HttpError(f"its configuration exceeds the limit of {MAX_CONFIG_BYTES >> 20} MiB")
    body = repository.fetch_blob(descriptor.digest, MAX_CONFIG_BYTES)
    oci.verify_content(body, descriptor.digest, descriptor.size)
    return body


# --- the cache

MAX_CACHE_ENTRIES: Final = 1024
MAX_CACHE_BYTES: Final = 8 << 20
"""Limit of the memory of all cached entries. An ordinary entry has some 2,000 bytes."""

TAG_TTL_SECONDS: Final = 300.0

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class ImageKey:
    """Identifies an image, its platform and the credentials to read it: others may not be allowed to read it."""

    reference: Reference
    architecture: str
    secret_id: str | None

    def blob_key(self, digest: str) -> BlobKey:
        """Return the key of a configuration blob in the image's repository, for the same credentials."""
        return BlobKey(self.reference.registry, self.reference.repository, self.secret_id, digest)


@dataclass(frozen=True, slots=True)
class BlobKey:
    """Identifies a blob and the credentials to read it. A manifest may name a blob that its reader has no access to."""

    registry: str
    repository: str
    secret_id: str | None
    digest: str


class _LruCache(Generic[K, V]):
    """A least-recently-used cache with a limit of entries and of bytes."""

    def __init__(self, max_entries: int, max_bytes: int) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._bytes = 0

    def get(self, key: K) -> V | None:
        value, _ = self._entries.get(key) or (None, 0)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def put(self, key: K, value: V, size: int) -> None:
        """Keep a value; ``size`` is the memory that it and its key take, in bytes."""
        self.discard(key)
        self._entries[key] = value, size
        self._bytes += size
        while len(self._entries) > self._max_entries or self._bytes > self._max_bytes:
            self.discard(next(iter(self._entries)))

    def discard(self, key: K) -> None:
        _, size = self._entries.pop(key, (None, 0))
        self._bytes -= size


_ENTRY_BYTES: Final = 1024
"""The memory of an entry without its strings: the objects of its key and its value, and its place in the cache."""


def _entry_bytes(key: ImageKey | BlobKey, config: ImageConfig) -> int:
    """Return the memory that an entry takes, in bytes. Strings that entries share count in each of them."""
    names: tuple[str | None, ...]
    if isinstance(key, ImageKey):
        reference = key.reference
        names = (reference.registry, reference.repository, reference.tag, reference.digest, key.secret_id)
    else:
        names = (key.registry, key.repository, key.digest, key.secret_id)
    strings = (*names, *config.entrypoint, *config.cmd)
    tuples = sys.getsizeof(config.entrypoint) + sys.getsizeof(config.cmd)
    return _ENTRY_BYTES + tuples + sum(map(sys.getsizeof, strings))


class ImageCache:
    """Caches image configs from one run to the next. It is thread-safe and never caches failures.

    ``tag_ttl_seconds`` is how long a tag's image is cached; 0 looks it up in every run. The content of a digest never
    changes, so it stays until newer entries evict it: there are at most ``max_entries`` and ``max_bytes`` of them, half of
    the bytes for images and half for configuration blobs.
    """

    def __init__(
        self,
        *,
        tag_ttl_seconds: float = TAG_TTL_SECONDS,
        max_entries: int = MAX_CACHE_ENTRIES,
        max_bytes: int = MAX_CACHE_BYTES,
        clock: Clock | None = None,
    ) -> None:
        self._tag_ttl_seconds = tag_ttl_seconds
        self._clock = clock or MonotonicClock()
        self._lock = threading.Lock()
        self._images: _LruCache[ImageKey, tuple[ImageConfig, float | None]] = _LruCache(max_entries, max_bytes // 2)
        self._config_blobs: _LruCache[BlobKey, ImageConfig] = _LruCache(max_entries, max_bytes // 2)

    def get_image(self, key: ImageKey) -> ImageConfig | None:
        """Return an image's config if it is cached and has not expired."""
        with self._lock:
            config, expires_at = self._images.get(key) or (None, None)
            if expires_at is not None and self._clock.now() >= expires_at:
                self._images.discard(key)
                return None
            return config

    def put_image(self, key: ImageKey, config: ImageConfig) -> None:
        """Cache an image's config."""
        expires_at = None if key.reference.digest else self._clock.now() + self._tag_ttl_seconds
        with self._lock:
            self._images.put(key, (config, expires_at), _entry_bytes(key, config))

    def get_config_blob(self, key: BlobKey) -> ImageConfig | None:
        """Return the config of a cached configuration blob."""
        with self._lock:
            return self._config_blobs.get(key)

    def put_config_blob(self, key: BlobKey, config: ImageConfig) -> None:
        """Cache the config of a configuration blob whose digest has been verified."""
        with self._lock:
            self._config_blobs.put(key, config, _entry_bytes(key, config))


# --- all images of a run

RecordAnswer: TypeAlias = Callable[[ImageLookup, Answer], None]
"""Records an answer; may be called from any thread."""

_LookupsByImage: TypeAlias = dict[ImageKey, list[ImageLookup]]
"""The lookups of each image: ``nginx`` and ``docker.io/library/nginx:latest`` are one image."""


@dataclass(frozen=True, slots=True)
class ImageReader:
    """Reads the images of one run. ``default_credentials`` apply to every container, after its own secret if that is read."""

    allowed_registries: tuple[str, ...]
    egress_policy: EgressPolicy
    clients: AwsClients
    http: HttpClient
    registry_auth: RegistryAuth
    secrets: Secrets
    reads_container_secrets: bool
    default_credentials: CredentialProvider
    cache: ImageCache
    worker_pool: WorkerPool
    record: RecordAnswer

    def start(self, lookups: Iterable[ImageLookup]) -> None:
        """Answer from the cache what it holds, and submit jobs for the rest."""
        by_ecr_repository: dict[EcrRepository, _LookupsByImage] = {}
        by_reference: dict[tuple[Reference, str | None], _LookupsByImage] = {}
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
                image_reference = parse_reference(lookup.image)
                self._check_allowed(image_reference)
            except InvalidReferenceError as error:
                self.record(lookup, invalid_reference(lookup.image, error))
            except UnavailableError as error:
                self.record(lookup, error.unavailable)
            else:
                key = ImageKey(image_reference, lookup.architecture, lookup.secret_id)
                lookups_by_image.setdefault(key, []).append(lookup)
        return lookups_by_image

    def _check_allowed(self, image_reference: Reference) -> None:
        if not any(fnmatchcase(image_reference.registry, pattern.lower()) for pattern in self.allowed_registries):
            raise unreadable_image(
                str(image_reference),
                f"AllowedRegistries does not include {image_reference.registry}",
                "Add it there",
                Code.REGISTRY_NOT_ALLOWED,
                is_final=True,
            )

    def _read_from_registry(self, image_reference: Reference, lookups_by_image: _LookupsByImage) -> None:
        """Read one image, for each architecture that a lookup needs."""
        key = next(iter(lookups_by_image))
        repository = DistributionRepository(
            self.registry_auth,
            PullScope(image_reference.registry, image_reference.repository, key.secret_id),
            self._credentials(key.secret_id),
            self.egress_policy,
            self.http.body_limits,
        )
        for image_key, image_lookups in lookups_by_image.items():
            self._read_image(repository, image_key, image_lookups)

    def _credentials(self, secret_id: str | None) -> CredentialProvider:
        if secret_id is None:
            return self.default_credentials
        if self.reads_container_secrets:
            return ChainedCredentials((ContainerSecret(self.secrets, secret_id), self.default_credentials))
        return ChainedCredentials((self.default_credentials, UnreadContainerSecret()))

    def _read_from_ecr(self, ecr_repository: EcrRepository, lookups_by_image: _LookupsByImage) -> None:
        """Read the images of one repository: manifests in as few calls as possible, then configs in parallel."""
        client = EcrRepositoryClient(ecr_repository, self.clients, self.http)
        try:
            client.prefetch_manifests(key.reference.tag_or_digest for key in lookups_by_image)
            client.prefetch_manifests(_platform_digests(client, lookups_by_image))
        except HttpError as error:
            for key, image_lookups in lookups_by_image.items():
                self._record_answer(image_lookups, _unreadable(key, error))
            return
        finally:
            self.http.body_limits.release()
        for key, image_lookups in lookups_by_image.items():
            self.worker_pool.submit(
                f"ecr {ecr_repository.region}", partial(self._read_image, client, key, image_lookups)
            )

    def _read_image(self, repository: Repository, key: ImageKey, image_lookups: list[ImageLookup]) -> None:
        try:
            config = fetch_image_config(repository, key, self.cache)
        except HttpError as error:
            self._record_answer(image_lookups, _unreadable(key, error))
        else:
            self.cache.put_image(key, config)
            self._record_answer(image_lookups, config)
        finally:
            self.http.body_limits.release()

    def _record_answer(self, image_lookups: list[ImageLookup], answer: Answer) -> None:
        for lookup in image_lookups:
            self.record(lookup, answer)


def _unreadable(key: ImageKey, error: HttpError) -> Unavailable:
    return unreadable_image(
        str(key.reference), error.fact, error.advice, is_final=error.is_final, paste=error.paste
    ).unavailable


def _platform_digests(client: EcrRepositoryClient, lookups_by_image: _LookupsByImage) -> list[str]:
    """Return the manifest digests of the platforms. Invalid indexes are skipped here and reported when read."""
    digests = []
    for key in lookups_by_image:
        try:
            parsed = oci.parse_manifest(client.fetch_manifest(key.reference.tag_or_digest))
        except HttpError:
            continue
        if isinstance(parsed, oci.Index):
            digests += [entry.digest for entry in oci.manifests_for_platform(parsed, key.architecture)[:1]]
    return digests

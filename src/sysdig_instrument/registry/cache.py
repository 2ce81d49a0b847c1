"""What a warm Lambda still knows of images: by digest for as long as there is room, by tag for a short time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final, Generic, TypeVar

from sysdig_instrument.engine.lookups import ImageConfig
from sysdig_instrument.registry.deadline import Clock, MonotonicClock
from sysdig_instrument.registry.reference import Reference
from sysdig_instrument.values import dataclass

MOST_ENTRIES: Final = 1024
TAG_SECONDS: Final = 300.0

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class ImageKey:
    """An image as somebody reads it: what one may read with one's credentials, another may not."""

    reference: Reference
    architecture: str
    credentials: str | None

    def content(self, digest: str) -> ContentKey:
        """A configuration blob of the image's repository, for the same reader."""
        return ContentKey(self.reference.registry, self.reference.repository, self.credentials, digest)


@dataclass(frozen=True, slots=True)
class ContentKey:
    """A blob as somebody reads it. That somebody's manifest names a digest does not prove that the blob is theirs to read."""

    registry: str
    repository: str
    credentials: str | None
    digest: str


class _Bounded(Generic[K, V]):
    """A dictionary that forgets what has not been used for the longest time when it has too many entries."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def keep(self, key: K, value: V) -> None:
        self._entries[key] = value
        self._entries.move_to_end(key)
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def forget(self, key: K) -> None:
        self._entries.pop(key, None)


class ImageCache:
    """What was read of images, from one run to the next. Threads share it; failures are never kept.

    ``tag_seconds`` is how long a tag is taken to name the image that it named; 0 asks anew in every run. What a digest
    names never changes, so that is kept until ``most`` newer entries push it out.
    """

    def __init__(
        self, *, tag_seconds: float = TAG_SECONDS, most: int = MOST_ENTRIES, clock: Clock | None = None
    ) -> None:
        self._tag_seconds = tag_seconds
        self._clock = clock or MonotonicClock()
        self._lock = threading.Lock()
        self._images: _Bounded[ImageKey, tuple[ImageConfig, float | None]] = _Bounded(most)
        self._contents: _Bounded[ContentKey, ImageConfig] = _Bounded(most)

    def image(self, key: ImageKey) -> ImageConfig | None:
        """What is known of an image, if it still holds."""
        with self._lock:
            config, until = self._images.get(key) or (None, None)
            if until is not None and self._clock.now() >= until:
                self._images.forget(key)
                return None
            return config

    def keep_image(self, key: ImageKey, config: ImageConfig) -> None:
        """Remember an image."""
        until = None if key.reference.digest else self._clock.now() + self._tag_seconds
        with self._lock:
            self._images.keep(key, (config, until))

    def content(self, key: ContentKey) -> ImageConfig | None:
        """What a configuration blob says."""
        with self._lock:
            return self._contents.get(key)

    def keep_content(self, key: ContentKey, config: ImageConfig) -> None:
        """Remember a configuration blob, whose digest has been checked."""
        with self._lock:
            self._contents.keep(key, config)

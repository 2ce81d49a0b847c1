"""All images of a run: who is asked for which, and in what order it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from functools import partial
from typing import TypeAlias

from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.lookups import Answer, ImageRequest
from sysdig_instrument.registry import image, manifest, reference
from sysdig_instrument.registry.aws import AwsClients
from sysdig_instrument.registry.cache import ImageCache, ImageKey
from sysdig_instrument.registry.crew import Crew
from sysdig_instrument.registry.distribution import DistributionRepository
from sysdig_instrument.registry.ecr import EcrImages, EcrRepository
from sysdig_instrument.registry.errors import HttpError, NoAnswerError, unreadable
from sysdig_instrument.registry.http import Http
from sysdig_instrument.registry.image import Repository
from sysdig_instrument.registry.login import Credentials, FirstOf
from sysdig_instrument.registry.reference import InvalidReferenceError
from sysdig_instrument.registry.secrets import SecretOf, Secrets
from sysdig_instrument.registry.tokens import Doorkeeper, Visit
from sysdig_instrument.registry.urls import Reach
from sysdig_instrument.values import dataclass

Record: TypeAlias = Callable[[ImageRequest, Answer], None]
"""Takes an answer; may be called from any thread."""

_Wanted: TypeAlias = dict[ImageKey, list[ImageRequest]]
"""The requests for each image: ``nginx`` and ``docker.io/library/nginx:latest`` are one image."""


@dataclass(frozen=True, slots=True)
class Images:
    """What the images of one run are read with. ``standing`` are the credentials that no container has to name."""

    allowed: tuple[str, ...]
    internal: Reach
    clients: AwsClients
    http: Http
    doorkeeper: Doorkeeper
    secrets: Secrets
    standing: Credentials
    cache: ImageCache
    crew: Crew
    record: Record

    def start(self, requests: Iterable[ImageRequest]) -> None:
        """Answer what needs no asking, and have the crew ask for the rest."""
        ecr: dict[EcrRepository, _Wanted] = {}
        others: dict[tuple[reference.Reference, str | None], _Wanted] = {}
        for key, wanting in self._distinct(requests).items():
            if known := self.cache.image(key):
                self._tell(wanting, known)
            elif repository := EcrRepository.of(key.reference):
                ecr.setdefault(repository, {})[key] = wanting
            else:
                others.setdefault((key.reference, key.credentials), {})[key] = wanting
        for repository, wanted in ecr.items():
            self.crew.start(f"ecr {repository.region}", partial(self._ask_ecr, repository, wanted))
        for (which, _), wanted in others.items():
            self.crew.start(which.registry, partial(self._ask_registry, which, wanted))

    def _distinct(self, requests: Iterable[ImageRequest]) -> _Wanted:
        wanted: _Wanted = {}
        for request in requests:
            try:
                which = reference.parse(request.image)
                self._check_allowed(which)
            except InvalidReferenceError as error:
                fact = f"The image {request.image} is not an image reference: {error}"
                self.record(request, NoAnswerError(Reason(fact, "Write it as registry/repository:tag")).unavailable)
            except NoAnswerError as error:
                self.record(request, error.unavailable)
            else:
                key = ImageKey(which, request.architecture, request.credentials)
                wanted.setdefault(key, []).append(request)
        return wanted

    def _check_allowed(self, which: reference.Reference) -> None:
        if not any(fnmatchcase(which.registry, pattern.lower()) for pattern in self.allowed):
            raise unreadable(str(which), f"AllowedRegistries does not admit {which.registry}", "Admit it there")

    def _ask_registry(self, which: reference.Reference, wanted: _Wanted) -> None:
        """One image, for the architectures that it is wanted for."""
        key = next(iter(wanted))
        own = (SecretOf(self.secrets, key.credentials),) if key.credentials else ()
        repository = DistributionRepository(
            self.doorkeeper,
            Visit(which.registry, which.repository, key.credentials),
            FirstOf((*own, self.standing)),
            self.internal,
        )
        for each, wanting in wanted.items():
            self._read(repository, each, wanting)

    def _ask_ecr(self, where: EcrRepository, wanted: _Wanted) -> None:
        """All images of one repository: their manifests in as few calls as can be, then their configs side by side."""
        images = EcrImages(where, self.clients, self.http)
        try:
            images.fetch(key.reference.selector for key in wanted)
            images.fetch(_second_step(images, wanted))
        except HttpError as error:
            for key, wanting in wanted.items():
                self._tell(wanting, unreadable(str(key.reference), error.what, error.remedy).unavailable)
            return
        for key, wanting in wanted.items():
            self.crew.start(f"ecr {where.region}", partial(self._read, images, key, wanting))

    def _read(self, repository: Repository, key: ImageKey, wanting: list[ImageRequest]) -> None:
        try:
            config = image.read(repository, key, self.cache)
        except HttpError as error:
            self._tell(wanting, unreadable(str(key.reference), error.what, error.remedy).unavailable)
        else:
            self.cache.keep_image(key, config)
            self._tell(wanting, config)

    def _tell(self, wanting: list[ImageRequest], answer: Answer) -> None:
        for request in wanting:
            self.record(request, answer)


def _second_step(images: EcrImages, wanted: _Wanted) -> list[str]:
    """The manifests that indexes lead to, as far as that can be told; what is wrong with one is told when it is read."""
    digests = []
    for key in wanted:
        try:
            parsed = manifest.parse(images.document(key.reference.selector))
        except HttpError:
            continue
        if isinstance(parsed, manifest.Index):
            digests += [entry.digest for entry in manifest.for_platform(parsed, key.architecture)[:1]]
    return digests

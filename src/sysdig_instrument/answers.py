"""Requests in, answers out: everything that a plan lacks, asked at once and under one deadline.

    world = World(region="eu-central-1")
    ask = lookup(world, seconds=20)
    answers = ask(plan.requests)

What the world is made of comes from outside: nothing here reads the environment, and boto3 is imported only when an AWS
service is really asked.
"""

from __future__ import annotations

import functools
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final

from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.lookups import (
    Answer,
    Answers,
    ExportRequest,
    ImageRequest,
    Request,
    SsmRequest,
    Unavailable,
)
from sysdig_instrument.registry import exports, parameters
from sysdig_instrument.registry.addresses import Names, Resolve, system_resolve
from sysdig_instrument.registry.aws import AwsClients
from sysdig_instrument.registry.cache import ImageCache
from sysdig_instrument.registry.crew import Crew
from sysdig_instrument.registry.deadline import Clock, Deadline, MonotonicClock
from sysdig_instrument.registry.dialling import Dial, Dialler
from sysdig_instrument.registry.errors import unreadable
from sysdig_instrument.registry.http import Http
from sysdig_instrument.registry.images import Images
from sysdig_instrument.registry.login import ANONYMOUS, Credentials, FirstOf
from sysdig_instrument.registry.proxy import Proxy
from sysdig_instrument.registry.secrets import SecretByRegistry, Secrets
from sysdig_instrument.registry.tokens import Doorkeeper
from sysdig_instrument.registry.urls import PUBLIC, Reach
from sysdig_instrument.values import dataclass, field

_MORE_TIME: Final = "Try again, or give look-ups more time"


@functools.cache
def system_tls() -> ssl.SSLContext:
    """TLS as the system trusts it (and ``SSL_CERT_FILE``, which OpenSSL reads): made once, as it reads a large file."""
    return ssl.create_default_context()


@dataclass(frozen=True, slots=True)
class World:
    """What is out there, and how it may be spoken to.

    Attributes:
        region: Where parameters and exports are asked for, and secrets that are given by name.
        clients: AWS clients. A warm Lambda keeps them, and the cache, from one run to the next.
        cache: What earlier runs read of images.
        allowed_registries: Globs of the registry hosts that may be asked (``docker.io``, ``*.dkr.ecr.*.amazonaws.com``).
        internal: Hosts with private addresses, or without TLS: ``Reach.of(["registry.corp", "http://localhost:5000"])``.
        registry_secrets: A secret in Secrets Manager, by its ARN or name, for each registry that takes credentials.
        token_services: For registries whose token service is at a host of another name: that host.
        credentials: Further credentials; the command line tool gives docker's own here.
        proxy: The way out, for the command line tool; internal registries are spoken to without it.
    """

    region: str
    clients: AwsClients = field(default_factory=AwsClients)
    cache: ImageCache = field(default_factory=ImageCache)
    allowed_registries: tuple[str, ...] = ("*",)
    internal: Reach = PUBLIC
    registry_secrets: Mapping[str, str] = field(default_factory=dict)
    token_services: Mapping[str, str] = field(default_factory=dict)
    credentials: Credentials = ANONYMOUS
    proxy: Proxy | None = None
    clock: Clock = field(default_factory=MonotonicClock)
    resolve: Resolve = system_resolve
    dial: Dial = socket.create_connection
    tls: Callable[[], ssl.SSLContext] = system_tls


class _Ledger:
    """The answers so far. It is closed at the deadline: an answer that comes later changes nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[Request, Answer] = {}

    def record(self, request: Request, answer: Answer) -> None:
        with self._lock:
            self._answers[request] = answer

    def record_all(self, read: Callable[[], Answers]) -> None:
        for request, answer in read().items():
            self.record(request, answer)

    def close(self) -> dict[Request, Answer]:
        with self._lock:
            return dict(self._answers)


def lookup(world: World, seconds: float) -> Callable[[Iterable[Request]], dict[Request, Answer]]:
    """A function that answers requests, as often as a plan finds that it needs more: ``seconds`` are for all of it."""
    return partial(_answer, world=world, deadline=Deadline.after(seconds, world.clock))


def answer(requests: Iterable[Request], *, world: World, seconds: float) -> dict[Request, Answer]:
    """Answer every request, within ``seconds``, in the order of the requests.

    A request that has no answer gets :class:`~sysdig_instrument.engine.lookups.Unavailable` with the reason. Nothing is
    asked twice: not an image in two spellings, not a token for two tags, not a host that did not answer.
    """
    return lookup(world, seconds)(requests)


def _answer(requests: Iterable[Request], *, world: World, deadline: Deadline) -> dict[Request, Answer]:
    distinct = list(dict.fromkeys(requests))
    ledger, crew = _Ledger(), Crew()
    http = Http(Names(world.resolve, deadline), Dialler(deadline, world.tls, world.dial), world.proxy)
    if deadline.remaining:
        _start_aws(distinct, world, crew, ledger)
        _images(world, http, deadline, crew, ledger).start(
            request for request in distinct if isinstance(request, ImageRequest)
        )
    try:
        crew.wait(deadline)
    finally:
        http.close()
    found = ledger.close()
    return {request: found[request] if request in found else _late(request, deadline.seconds) for request in distinct}


def _images(world: World, http: Http, deadline: Deadline, crew: Crew, ledger: _Ledger) -> Images:
    secrets = Secrets(world.clients, world.region, deadline)
    return Images(
        allowed=world.allowed_registries,
        internal=world.internal,
        clients=world.clients,
        http=http,
        doorkeeper=Doorkeeper(http, world.token_services, deadline),
        secrets=secrets,
        standing=FirstOf((SecretByRegistry(secrets, world.registry_secrets), world.credentials)),
        cache=world.cache,
        crew=crew,
        record=ledger.record,
    )


def _start_aws(requests: list[Request], world: World, crew: Crew, ledger: _Ledger) -> None:
    """SSM parameters batch by batch; exports all together."""
    wanted = [request for request in requests if isinstance(request, SsmRequest)]
    for region, batch in parameters.batches(wanted, world.region):
        read = partial(parameters.read, batch, world.clients, region)
        crew.start(f"ssm {region}", partial(ledger.record_all, read))
    if imports := [request for request in requests if isinstance(request, ExportRequest)]:
        read_exports = partial(exports.read, imports, world.clients, world.region)
        crew.start("exports", partial(ledger.record_all, read_exports))


def _late(request: Request, seconds: float) -> Unavailable:
    match request:
        case ImageRequest(image):
            return unreadable(image, f"there was no answer within {seconds:g} s", _MORE_TIME).unavailable
        case SsmRequest(name):
            return Unavailable(Reason(f"The SSM parameter {name} was not read within {seconds:g} s", _MORE_TIME))
        case ExportRequest(name):
            return Unavailable(Reason(f"The export {name} was not read within {seconds:g} s", _MORE_TIME))

"""Answer a plan's lookups, all in parallel and under one deadline.

    answers = answer_lookups(plan.lookups, environment=LookupEnvironment(region="eu-central-1"), seconds=20)

Callers pass everything in: nothing here reads environment variables, and botocore is imported only when an AWS service is
called.
"""

from __future__ import annotations

import functools
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.lookups import (
    Answer,
    Answers,
    ExportLookup,
    ImageLookup,
    Lookup,
    SsmLookup,
    StackOutputLookup,
    Unavailable,
)
from sysdig_instrument.lazy_dataclasses import dataclass, field
from sysdig_instrument.lookup import aws_values
from sysdig_instrument.lookup.auth import ANONYMOUS, ChainedCredentials, CredentialProvider, RegistryAuth
from sysdig_instrument.lookup.aws import AwsClients
from sysdig_instrument.lookup.connections import CreateConnection
from sysdig_instrument.lookup.egress import PUBLIC_ONLY, EgressPolicy, Resolve, Resolver, system_resolve
from sysdig_instrument.lookup.errors import unreadable_image
from sysdig_instrument.lookup.http import HttpClient
from sysdig_instrument.lookup.images import ImageCache, ImageReader
from sysdig_instrument.lookup.proxy import Proxy
from sysdig_instrument.lookup.secrets import RegistrySecrets, Secrets
from sysdig_instrument.lookup.workers import Clock, Deadline, MonotonicClock, WorkerPool

_TIMEOUT_ADVICE: Final = "Try again, or increase LookupSeconds"


@functools.cache
def system_ssl_context() -> ssl.SSLContext:
    """Return a TLS context with the system's trust store (or ``SSL_CERT_FILE``, which OpenSSL reads).

    It is cached, because creating it reads a large file.
    """
    return ssl.create_default_context()


@dataclass(frozen=True, slots=True)
class LookupEnvironment:
    """Everything that lookups use, and what they may connect to.

    Attributes:
        region: The region of parameters, exports, and secrets that are given by name.
        clients: AWS clients. A warm Lambda keeps them, and the cache, from one run to the next.
        cache: Image configs from earlier runs.
        allowed_registries: Globs of the registry hosts that may be used (``docker.io``, ``*.dkr.ecr.*.amazonaws.com``).
        egress_policy: Allows hosts with private addresses or without TLS:
            ``EgressPolicy.from_entries(["registry.corp", "http://localhost:5000"])``.
        registry_secrets: The ARN or name of a Secrets Manager secret, for each registry that requires credentials.
        token_services: The token service's host, for registries whose token service has an unrelated host.
        stack_output_roles: The ARNs of the roles with which outputs of stacks may be read.
        credentials: Further credentials; the command line tool passes Docker's here.
        proxy: The HTTP proxy of the command line tool; internal registries bypass it.
        reads_container_secrets: Whether the secret in a container's RepositoryCredentials may be read and sent.
    """

    region: str
    clients: AwsClients = field(default_factory=AwsClients)
    cache: ImageCache = field(default_factory=ImageCache)
    allowed_registries: tuple[str, ...] = ("*",)
    egress_policy: EgressPolicy = PUBLIC_ONLY
    registry_secrets: Mapping[str, str] = field(default_factory=dict)
    token_services: Mapping[str, str] = field(default_factory=dict)
    stack_output_roles: tuple[str, ...] = ()
    credentials: CredentialProvider = ANONYMOUS
    proxy: Proxy | None = None
    reads_container_secrets: bool = True
    clock: Clock = field(default_factory=MonotonicClock)
    resolve: Resolve = system_resolve
    create_connection: CreateConnection = socket.create_connection
    make_ssl_context: Callable[[], ssl.SSLContext] = system_ssl_context


class _AnswerStore:
    """Collects answers from all threads. The snapshot at the deadline ignores answers that come later."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[Lookup, Answer] = {}

    def record(self, lookup: Lookup, answer: Answer) -> None:
        with self._lock:
            self._answers[lookup] = answer

    def record_all(self, read: Callable[[], Answers]) -> None:
        for lookup, answer in read().items():
            self.record(lookup, answer)

    def snapshot(self) -> dict[Lookup, Answer]:
        with self._lock:
            return dict(self._answers)


def answer_lookups(
    lookups: Iterable[Lookup], *, environment: LookupEnvironment, seconds: float
) -> dict[Lookup, Answer]:
    """Answer every lookup within ``seconds``, in the given order.

    A lookup without an answer gets :class:`~sysdig_instrument.engine.lookups.Unavailable` with the reason. Nothing is
    requested twice: an image that is written in two ways, a token for two tags, or a host that did not respond.
    """
    deadline = Deadline.after(seconds, environment.clock)
    distinct = list(dict.fromkeys(lookups))
    answer_store, worker_pool = _AnswerStore(), WorkerPool()
    http = HttpClient(
        Resolver(environment.resolve, deadline),
        deadline,
        make_ssl_context=environment.make_ssl_context,
        create_connection=environment.create_connection,
        proxy=environment.proxy,
    )
    if deadline.remaining:
        _submit_aws_lookups(distinct, environment, worker_pool, answer_store)
        _image_reader(environment, http, deadline, worker_pool, answer_store).start(
            lookup for lookup in distinct if isinstance(lookup, ImageLookup)
        )
    try:
        worker_pool.wait(deadline)
    finally:
        http.close()
    answers = answer_store.snapshot()
    return {
        lookup: answers[lookup] if lookup in answers else _timed_out(lookup, deadline.seconds) for lookup in distinct
    }


def _image_reader(
    environment: LookupEnvironment,
    http: HttpClient,
    deadline: Deadline,
    worker_pool: WorkerPool,
    answer_store: _AnswerStore,
) -> ImageReader:
    secrets = Secrets(environment.clients, environment.region, deadline)
    return ImageReader(
        allowed_registries=environment.allowed_registries,
        egress_policy=environment.egress_policy,
        clients=environment.clients,
        http=http,
        registry_auth=RegistryAuth(http, environment.token_services, deadline),
        secrets=secrets,
        reads_container_secrets=environment.reads_container_secrets,
        default_credentials=ChainedCredentials(
            (RegistrySecrets(secrets, environment.registry_secrets), environment.credentials)
        ),
        cache=environment.cache,
        worker_pool=worker_pool,
        record=answer_store.record,
    )


def _submit_aws_lookups(
    lookups: list[Lookup], environment: LookupEnvironment, worker_pool: WorkerPool, answer_store: _AnswerStore
) -> None:
    """Submit one job per batch of SSM parameters, one for all exports, and one per stack whose outputs are read."""
    ssm_lookups = [lookup for lookup in lookups if isinstance(lookup, SsmLookup)]
    for region, batch in aws_values.batch_ssm_lookups(ssm_lookups, environment.region):
        read_batch = partial(aws_values.read_ssm_parameters, batch, environment.clients, region)
        worker_pool.submit(f"ssm {region}", partial(answer_store.record_all, read_batch))
    if export_lookups := [lookup for lookup in lookups if isinstance(lookup, ExportLookup)]:
        read_all = partial(aws_values.read_exports, export_lookups, environment.clients, environment.region)
        worker_pool.submit("exports", partial(answer_store.record_all, read_all))
    outputs = [lookup for lookup in lookups if isinstance(lookup, StackOutputLookup)]
    for lookup in outputs:
        if lookup.role is not None and lookup.role not in environment.stack_output_roles:
            answer_store.record(lookup, aws_values.role_not_admitted(lookup))
    admitted = [lookup for lookup in outputs if lookup.role in (None, *environment.stack_output_roles)]
    clients = aws_values.ClientsByRole(environment.clients, environment.region)
    for region, stack_lookups in aws_values.outputs_by_stack(admitted, environment.region):
        read_stack = partial(aws_values.read_stack_outputs, stack_lookups, clients, region)
        worker_pool.submit(f"stacks {region}", partial(answer_store.record_all, read_stack))


def _timed_out(lookup: Lookup, seconds: float) -> Unavailable:
    match lookup:
        case ImageLookup(image):
            return unreadable_image(image, f"there was no response within {seconds:g} s", _TIMEOUT_ADVICE).unavailable
        case SsmLookup(name):
            return Unavailable(
                Reason(
                    f"The SSM parameter {name} was not read within {seconds:g} s",
                    _TIMEOUT_ADVICE,
                    code=Code.LOOKUP_TIMED_OUT,
                    paste=aws_values.ssm_value(name),
                )
            )
        case ExportLookup(name):
            return Unavailable(
                Reason(
                    f"The export {name} was not read within {seconds:g} s", _TIMEOUT_ADVICE, code=Code.LOOKUP_TIMED_OUT
                )
            )
        case StackOutputLookup(stack, output):
            fact = f"The output {output} of stack {stack} was not read within {seconds:g} s"
            return Unavailable(Reason(fact, _TIMEOUT_ADVICE, code=Code.LOOKUP_TIMED_OUT))

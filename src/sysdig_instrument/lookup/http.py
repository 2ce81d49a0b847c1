"""An HTTP client for registries, on urllib3.

It adds the rules of a lookup to urllib3's pools of connections:

- A connection goes to an address that the resolver has checked; TLS and the Host header use the name.
- Redirects lead only to https and public addresses (or to hosts that InternalRegistries names), and credentials do not
  follow one to another origin.
- 429 and 5xx are retried, and Retry-After is honored, within the run's deadline.
- A response has a limited size and is not decompressed. Two threads at most have a large one at once.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Final, TypeAlias

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPHeaderDict
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as Urllib3TimeoutError

from sysdig_instrument import __version__
from sysdig_instrument.lazy_dataclasses import dataclass, field, replace
from sysdig_instrument.lookup import connections, egress
from sysdig_instrument.lookup.connections import (
    BrokenConnectionError,
    CreateConnection,
    Pool,
    StaleConnectionError,
    TlsPool,
    UnreachableHostError,
)
from sysdig_instrument.lookup.egress import PUBLIC_ONLY, EgressPolicy, Origin, Resolver, Url, is_ip_literal
from sysdig_instrument.lookup.errors import HttpError
from sysdig_instrument.lookup.proxy import Proxy
from sysdig_instrument.lookup.workers import LARGE_BODY_BYTES, MAX_THREADS, BodyLimits, Deadline

MAX_REDIRECTS: Final = 5
RETRY_DELAYS: Final = (0.2, 0.8)
"""Seconds before the first and the second retry."""

_REDIRECT_STATUSES: Final = frozenset({301, 302, 303, 307, 308})
_RETRYABLE_STATUSES: Final = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A GET, or a POST if there is a ``body``. ``max_bytes`` limits the response's body, in bytes.

    ``authorization`` is separate from the other headers because it does not follow a redirect to another origin.
    """

    url: Url
    max_bytes: int
    egress_policy: EgressPolicy = PUBLIC_ONLY
    headers: Mapping[str, str] = field(default_factory=dict)
    authorization: str | None = None
    body: bytes | None = None
    max_redirects: int = MAX_REDIRECTS

    def all_headers(self) -> dict[str, str]:
        """Return the headers to send.

        Raises:
            HttpError: A value contains characters that HTTP does not allow.
        """
        headers = {
            "Host": self.url.netloc,
            "User-Agent": f"sysdig-instrument/{__version__}",
            "Accept-Encoding": "identity",
            **self.headers,
            **({"Authorization": self.authorization} if self.authorization is not None else {}),
        }
        if not all(value.isascii() and value.isprintable() for value in headers.values()):  # no header injection
            raise HttpError("a request header would contain characters that HTTP does not allow")
        return headers


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response. ``body`` is complete, of the length that the server announced, and within the request's limit."""

    status: int
    headers: HTTPHeaderDict
    body: bytes

    def header(self, name: str) -> str:
        """Return the first value of a header, without surrounding spaces; empty if there is none."""
        return next(iter(self.headers.getlist(name)), "").strip()


_PoolKey: TypeAlias = tuple[Origin, bool]
"""An origin, and whether private addresses are allowed. A connection is only reused for the same key: a public registry
that redirects to an internal one must not get a connection that an internal lookup left open."""


class HttpClient:
    """The HTTP client of one run. It is thread-safe."""

    def __init__(
        self,
        resolver: Resolver,
        deadline: Deadline,
        *,
        make_ssl_context: Callable[[], ssl.SSLContext],
        create_connection: CreateConnection,
        proxy: Proxy | None = None,
    ) -> None:
        self._resolver = resolver
        self._deadline = deadline
        self._make_ssl_context = make_ssl_context
        self._create_connection = create_connection
        self._proxy = proxy
        self.body_limits = BodyLimits(deadline)
        self._lock = threading.Lock()
        self._pools: dict[_PoolKey, HTTPConnectionPool] = {}
        self._unreachable: dict[_PoolKey, UnreachableHostError] = {}

    def send(self, request: HttpRequest) -> tuple[HttpResponse, HttpRequest]:
        """Return the response, whatever its status, and the request that it answers: the last one after redirects.

        Raises:
            HttpError: There was no response, or a redirect that is not followed.
        """
        redirects_left = request.max_redirects
        while (response := self._send_with_retries(request)).status in _REDIRECT_STATUSES:
            location = response.header("Location")
            if request.body is not None or not location or not redirects_left:
                raise HttpError(f"{request.url.host} sent too many redirects, or one that cannot be followed")
            redirects_left -= 1
            request = _redirect(request, location)
        return response, request

    def close(self) -> None:
        """Close idle connections now, and the others once they are released."""
        with self._lock:
            for pool in self._pools.values():
                pool.close()

    def _send_with_retries(self, request: HttpRequest) -> HttpResponse:
        """Send a request without following redirects; retry if that may help and there is time."""
        delays = iter((*RETRY_DELAYS, None))
        while True:
            delay = next(delays)
            try:
                response = self._send_once(request)
            except BrokenConnectionError:
                if delay is None or not self._deadline.pause(delay):
                    raise
                continue
            if response.status not in _RETRYABLE_STATUSES or delay is None:
                return response
            if not self._deadline.pause(_retry_after_seconds(response, delay)):
                return response

    def _send_once(self, request: HttpRequest) -> HttpResponse:
        headers = request.all_headers()
        pool_key = request.url.origin, request.egress_policy.check(request.url)
        pool = self._pool(request.url, pool_key)
        while True:
            try:
                return self._exchange(pool, request, headers)
            except StaleConnectionError:
                continue  # a server may close an idle connection at any time; that is not an error
            except UnreachableHostError as error:
                self._unreachable[pool_key] = error
                raise

    def _exchange(self, pool: HTTPConnectionPool, request: HttpRequest, headers: Mapping[str, str]) -> HttpResponse:
        host = request.url.host
        try:
            response = pool.urlopen(
                "GET" if request.body is None else "POST",
                request.url.target,
                request.body,
                headers,
                retries=False,
                redirect=False,
                timeout=self._deadline.timeout(connections.READ_TIMEOUT_SECONDS),
                preload_content=False,
                decode_content=False,
            )
            with closing(response):
                body = _read_body(response, request.max_bytes, host, self.body_limits)
                return HttpResponse(response.status, response.headers, body)
        except (HTTPError, OSError) as error:
            if any(isinstance(each, TimeoutError | Urllib3TimeoutError) for each in (error, *error.args)):
                raise HttpError(f"{host} did not respond in time") from None
            raise BrokenConnectionError(f"{host} closed the connection early or sent an invalid response") from None

    def _pool(self, url: Url, pool_key: _PoolKey) -> HTTPConnectionPool:
        with self._lock:
            if pool_key not in self._pools:
                self._pools[pool_key] = self._make_pool(url, pool_key)
            return self._pools[pool_key]

    def _make_pool(self, url: Url, pool_key: _PoolKey) -> HTTPConnectionPool:
        _, internal = pool_key
        proxy = None if internal or self._proxy is None or self._proxy.is_bypassed(url.host) else self._proxy
        open_socket = partial(self._open_socket, url, pool_key, proxy)
        if url.scheme == "http":
            return Pool(url.host, url.port, maxsize=MAX_THREADS, open_socket=open_socket, deadline=self._deadline)
        return TlsPool(
            url.host,
            url.port,
            maxsize=MAX_THREADS,
            ssl_context=self._make_ssl_context(),
            open_socket=open_socket,
            deadline=self._deadline,
            http_proxy=proxy,
        )

    def _open_socket(self, url: Url, pool_key: _PoolKey, proxy: Proxy | None) -> socket.socket:
        """Open a TCP connection to the first checked address that accepts one, or to the proxy."""
        if error := self._unreachable.get(pool_key):
            raise error
        if proxy is None:
            name = url.netloc
            addresses = self._resolver.resolve(url.host, url.port, allow_private=pool_key[1])
        else:
            name, addresses = f"the proxy {proxy.host}", [(proxy.host, proxy.port)]
            if is_ip_literal(url.host):
                fact = f"{url.host} is an IP address; a host name is required"
                raise HttpError(fact, "Use the registry's host name")
        fact = f"could not connect to {name}"
        for address in addresses:
            try:
                return self._create_connection(address, self._deadline.timeout(connections.CONNECT_TIMEOUT_SECONDS))
            except ConnectionRefusedError:
                fact = f"{name} refused the connection"
            except TimeoutError:
                fact = f"connecting to {name} timed out"
            except OSError:
                continue
        raise UnreachableHostError(fact, "Check that the registry is reachable from this network")


def _redirect(request: HttpRequest, location: str) -> HttpRequest:
    """Return the request for the redirect's target. One that leaves its origin loses its credentials for good."""
    current = request.url
    url = egress.parse_url(location, f"{current.scheme}://{current.netloc}{current.target}")
    return replace(request, url=url, authorization=request.authorization if url.origin == current.origin else None)


def _read_body(response: BaseHTTPResponse, max_bytes: int, host: str, body_limits: BodyLimits) -> bytes:
    if (response.length_remaining or 0) <= max_bytes:
        body = response.read(min(max_bytes, LARGE_BODY_BYTES) + 1)
        if len(body) > LARGE_BODY_BYTES:
            body_limits.acquire(len(body))
            body += response.read(max_bytes + 1 - len(body))
        if len(body) <= max_bytes:
            if response.length_remaining:
                raise HTTPError  # the body is shorter than announced
            return body
    raise HttpError(f"the response from {host} exceeds the limit of {max_bytes >> 20} MiB")


def _retry_after_seconds(response: HttpResponse, minimum: float) -> float:
    """Return the seconds of a Retry-After header (RFC 9110, section 10.2.3); a date counts from the response's Date."""
    value = response.header("Retry-After")
    if value.isascii() and value.isdigit():
        return max(float(value), minimum)
    try:
        date = parsedate_to_datetime(response.header("Date"))
        return max((parsedate_to_datetime(value) - date).total_seconds(), minimum)
    except (TypeError, ValueError, OverflowError):  # neither a number nor a date, or no Date to compare it with
        return minimum

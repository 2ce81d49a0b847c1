"""Requests with their redirects, their second tries and their bounds; connections are kept for the next request.

Redirects go to https only, to public addresses only (or to hosts that InternalRegistries names), and take no credentials
to another origin. 429 and 5xx are tried again, Retry-After is kept to, all within the run's deadline.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from sysdig_instrument import __version__
from sysdig_instrument.lazy_dataclasses import dataclass, field, replace
from sysdig_instrument.lookup import egress
from sysdig_instrument.lookup.connection import BrokenConnectionError, Connection, HttpResponse, PoolKey
from sysdig_instrument.lookup.egress import PUBLIC_ONLY, EgressPolicy, Url, is_ip_literal
from sysdig_instrument.lookup.errors import HttpError

if TYPE_CHECKING:
    from email.message import Message

    from sysdig_instrument.lookup.dialling import Connector
    from sysdig_instrument.lookup.egress import Resolver
    from sysdig_instrument.lookup.proxy import Proxy

MAX_REDIRECTS: Final = 5
RETRY_DELAYS: Final = (0.2, 0.8)
"""Seconds before the second and the third try."""

_REDIRECT_STATUSES: Final = frozenset({301, 302, 303, 307, 308})
_RETRYABLE_STATUSES: Final = frozenset({429, 500, 502, 503, 504})
_CRLF: Final = "\r\n"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A GET, or a POST where there is a ``body``. ``max_bytes`` bounds the response's body, in bytes.

    ``authorization`` is kept apart from the other headers because it does not follow a redirect to another origin.
    """

    url: Url
    max_bytes: int
    egress_policy: EgressPolicy = PUBLIC_ONLY
    headers: Mapping[str, str] = field(default_factory=dict)
    authorization: str | None = None
    body: bytes | None = None
    max_redirects: int = MAX_REDIRECTS

    def encode(self) -> bytes:
        """The request as it goes over the wire."""
        lines = [
            f"{'GET' if self.body is None else 'POST'} {self.url.target} HTTP/1.1",
            f"Host: {self.url.netloc}",
            f"User-Agent: sysdig-instrument/{__version__}",
            "Accept-Encoding: identity",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        if self.authorization is not None:
            lines.append(f"Authorization: {self.authorization}")
        if self.body is not None:
            lines.append(f"Content-Length: {len(self.body)}")
        if any(not line.isprintable() for line in lines):  # nothing may end a line but we
            raise HttpError("a header would hold characters that HTTP does not allow")
        return (_CRLF.join(lines) + _CRLF * 2).encode() + (self.body or b"")


class HttpClient:
    """The HTTP client of one run. Threads share it."""

    def __init__(self, resolver: Resolver, dialler: Connector, proxy: Proxy | None = None) -> None:
        self._resolver = resolver
        self._dialler = dialler
        self._proxy = proxy
        self._deadline = dialler.deadline
        self._lock = threading.Lock()
        self._idle: dict[PoolKey, list[Connection]] = {}
        self._unreachable: dict[PoolKey, HttpError] = {}
        self._closed = False

    def send(self, request: HttpRequest) -> tuple[HttpResponse, bool]:
        """The response to a request, whatever its status, and whether all of it stayed with the URL's own origin.

        Raises:
            HttpError: There was no response, or a redirect that is not followed.
        """
        origin = request.url.origin
        same_origin = True
        redirects_left = request.max_redirects
        while (response := self._send_with_retries(request)).status in _REDIRECT_STATUSES:
            location = response.headers.get("Location")
            if request.body is not None or not location or not redirects_left:
                raise HttpError(f"{request.url.host} redirects too often, or to nowhere")
            redirects_left -= 1
            request = self._redirect(request, location)
            same_origin = same_origin and request.url.origin == origin
        return response, same_origin

    @staticmethod
    def _redirect(request: HttpRequest, location: str) -> HttpRequest:
        """The same request at another place. What leaves its origin loses its credentials, even if it comes back."""
        current = request.url
        url = egress.parse_url(location, f"{current.scheme}://{current.netloc}{current.target}")
        return replace(request, url=url, authorization=request.authorization if url.origin == current.origin else None)

    def _send_with_retries(self, request: HttpRequest) -> HttpResponse:
        """One request to one place, tried again where that may help and there is time."""
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
            if not self._deadline.pause(_retry_after_seconds(response.headers, delay)):
                return response

    def _send_once(self, request: HttpRequest) -> HttpResponse:
        encoded = request.encode()
        while True:
            connection = self._acquire(request)
            reused = connection.used
            try:
                return connection.exchange(encoded, request.max_bytes)
            except BrokenConnectionError:
                if not reused:  # a server may close a connection that it was kept on, at any time: that is no fault
                    raise
            finally:
                self._release(connection)

    def _acquire(self, request: HttpRequest) -> Connection:
        """A connection that is idle, or a new one; a host that could not be connected to is not tried again."""
        url = request.url
        pool_key = url.origin, request.egress_policy.check(url)
        with self._lock:
            if idle := self._idle.get(pool_key):
                return idle.pop()
            if error := self._unreachable.get(pool_key):
                raise error
        try:
            return self._connect(url, pool_key)
        except BrokenConnectionError:
            raise
        except HttpError as error:
            with self._lock:
                self._unreachable[pool_key] = error
            raise

    def _connect(self, url: Url, pool_key: PoolKey) -> Connection:
        _, internal = pool_key
        if self._proxy and not internal and not self._proxy.is_bypassed(url.host):
            if is_ip_literal(url.host):
                raise HttpError(f"{url.host} is an IP address and not a name", "Use the registry's name")
            return self._dialler.connect_through(self._proxy, url, pool_key)
        return self._dialler.connect(url, pool_key, self._resolver.resolve(url.host, url.port, allow_private=internal))

    def _release(self, connection: Connection) -> None:
        with self._lock:
            if connection.reusable and not self._closed:
                self._idle.setdefault(connection.pool_key, []).append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close the idle connections now, and those in use as soon as they no longer are."""
        with self._lock:
            self._closed = True
            idle = [connection for connections in self._idle.values() for connection in connections]
            self._idle.clear()
        for connection in idle:
            connection.close()


def _retry_after_seconds(headers: Message, minimum: float) -> float:
    """Seconds of a Retry-After header (RFC 9110, section 10.2.3); a date is taken relative to the server's own clock."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return max(float(value), minimum)
    try:
        return max((parsedate_to_datetime(value) - parsedate_to_datetime(headers["Date"])).total_seconds(), minimum)
    except (TypeError, ValueError, OverflowError):  # neither a number nor a date, or no Date to compare it with
        return minimum

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
from sysdig_instrument.registry import urls
from sysdig_instrument.registry.addresses import is_literal
from sysdig_instrument.registry.connection import BrokenConnectionError, Connection, Place, Response
from sysdig_instrument.registry.errors import HttpError
from sysdig_instrument.registry.urls import PUBLIC, Reach, Url
from sysdig_instrument.values import dataclass, field, replace

if TYPE_CHECKING:
    from email.message import Message

    from sysdig_instrument.registry.addresses import Names
    from sysdig_instrument.registry.dialling import Dialler
    from sysdig_instrument.registry.proxy import Proxy

MOST_REDIRECTS: Final = 5
PAUSES: Final = (0.2, 0.8)
"""Seconds before the second and the third try."""

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_BUSY: Final = frozenset({429, 500, 502, 503, 504})
_LINE: Final = "\r\n"


@dataclass(frozen=True, slots=True)
class Request:
    """A GET, or a POST where there is a ``body``. ``limit`` bounds the response's body, in bytes.

    ``authorization`` is kept apart from the other headers because it does not follow a redirect to another origin.
    """

    url: Url
    limit: int
    reach: Reach = PUBLIC
    headers: Mapping[str, str] = field(default_factory=dict)
    authorization: str | None = None
    body: bytes | None = None
    redirects: int = MOST_REDIRECTS

    def text(self) -> bytes:
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
        return (_LINE.join(lines) + _LINE * 2).encode() + (self.body or b"")


class Http:
    """The HTTP client of one run. Threads share it."""

    def __init__(self, names: Names, dialler: Dialler, proxy: Proxy | None = None) -> None:
        self._names = names
        self._dialler = dialler
        self._proxy = proxy
        self._deadline = dialler.deadline
        self._lock = threading.Lock()
        self._idle: dict[Place, list[Connection]] = {}
        self._dead: dict[Place, HttpError] = {}
        self._closed = False

    def send(self, request: Request) -> tuple[Response, bool]:
        """The response to a request, whatever its status, and whether all of it stayed with the URL's own origin.

        Raises:
            HttpError: There was no response, or a redirect that is not followed.
        """
        home = request.url.origin
        stayed = True
        left = request.redirects
        while (response := self._patiently(request)).status in _REDIRECTS:
            location = response.headers.get("Location")
            if request.body is not None or not location or not left:
                raise HttpError(f"{request.url.host} redirects too often, or to nowhere")
            left -= 1
            request = self._follow(request, location)
            stayed = stayed and request.url.origin == home
        return response, stayed

    @staticmethod
    def _follow(request: Request, location: str) -> Request:
        """The same request at another place. What leaves its origin loses its credentials, even if it comes back."""
        here = request.url
        url = urls.parse(location, f"{here.scheme}://{here.netloc}{here.target}")
        return replace(request, url=url, authorization=request.authorization if url.origin == here.origin else None)

    def _patiently(self, request: Request) -> Response:
        """One request to one place, tried again where that may help and there is time."""
        pauses = iter((*PAUSES, None))
        while True:
            pause = next(pauses)
            try:
                response = self._once(request)
            except BrokenConnectionError:
                if pause is None or not self._deadline.pause(pause):
                    raise
                continue
            if response.status not in _BUSY or pause is None:
                return response
            if not self._deadline.pause(_retry_after(response.headers, pause)):
                return response

    def _once(self, request: Request) -> Response:
        text = request.text()
        while True:
            connection = self._take(request)
            kept = connection.used
            try:
                return connection.exchange(text, request.limit)
            except BrokenConnectionError:
                if not kept:  # a server may close a connection that it was kept on, at any time: that is no fault
                    raise
            finally:
                self._keep(connection)

    def _take(self, request: Request) -> Connection:
        """A connection that is idle, or a new one; a host that could not be connected to is not tried again."""
        url = request.url
        place = url.origin, request.reach.check(url)
        with self._lock:
            if idle := self._idle.get(place):
                return idle.pop()
            if error := self._dead.get(place):
                raise error
        try:
            return self._connect(url, place)
        except BrokenConnectionError:
            raise
        except HttpError as error:
            with self._lock:
                self._dead[place] = error
            raise

    def _connect(self, url: Url, place: Place) -> Connection:
        _, internal = place
        if self._proxy and not internal and not self._proxy.bypassed(url.host):
            if is_literal(url.host):
                raise HttpError(f"{url.host} is an IP address and not a name", "Use the registry's name")
            return self._dialler.connect_through(self._proxy, url, place)
        return self._dialler.connect(url, place, self._names.addresses(url.host, url.port, internal=internal))

    def _keep(self, connection: Connection) -> None:
        with self._lock:
            if connection.reusable and not self._closed:
                self._idle.setdefault(connection.place, []).append(connection)
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


def _retry_after(headers: Message, otherwise: float) -> float:
    """Seconds of a Retry-After header (RFC 9110, section 10.2.3); a date is taken relative to the server's own clock."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return max(float(value), otherwise)
    try:
        return max((parsedate_to_datetime(value) - parsedate_to_datetime(headers["Date"])).total_seconds(), otherwise)
    except (TypeError, ValueError, OverflowError):  # neither a number nor a date, or no Date to compare it with
        return otherwise

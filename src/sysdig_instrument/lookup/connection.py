"""One HTTP/1.1 connection to a checked address. Every wait on it ends with the run's deadline.

``http.client`` parses responses; the socket is ours, because its own connections would look the name up again, and
would wait for each byte anew: a server that sends one byte a second would be listened to for as long as it likes.
"""

from __future__ import annotations

import http.client
import io
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final, TypeAlias

from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.lookup.errors import HttpError

if TYPE_CHECKING:
    from email.message import Message

    from sysdig_instrument.lookup.egress import Origin
    from sysdig_instrument.lookup.workers import Deadline

PoolKey: TypeAlias = "tuple[Origin, bool]"
"""What a connection may be used for again: requests to the same origin that are just as much admitted to private
addresses. A public registry that redirects to an internal one must not find an open door."""

READ_TIMEOUT_SECONDS: Final = 10.0
"""How long a host may be silent, whatever the deadline."""


class BrokenConnectionError(HttpError):
    """The connection broke, or what came over it was cut short: it may be tried once more."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """``body`` is complete, of the length that the server announced and within the request's limit."""

    status: int
    headers: Message
    body: bytes


def remaining_timeout(deadline: Deadline, maximum: float) -> float:
    """How long the next wait may be, never 0: that would mean not to wait but to poll."""
    if not deadline.remaining:
        raise TimeoutError
    return min(maximum, deadline.remaining)


class _Bytes(io.RawIOBase):
    """What comes over a socket, each wait bounded by the deadline. Closing it leaves the socket open for the next."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the one buffer that BufferedReader gives
        self._sock.settimeout(remaining_timeout(self._deadline, READ_TIMEOUT_SECONDS))
        return self._sock.recv_into(buffer)


@dataclass(frozen=True, slots=True)
class _Incoming:
    """What ``HTTPResponse`` wants of a socket, and all that it wants: a file to read."""

    source: io.RawIOBase

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self.source)


class Connection:
    """A connection to a place. ``reusable`` is False from the first fault on, and when the server wants it so."""

    def __init__(self, pool_key: PoolKey, sock: socket.socket, deadline: Deadline) -> None:
        self.pool_key = pool_key
        self.reusable = True
        self.used = False
        self._host = pool_key[0][1]
        self.sock = sock
        self._deadline = deadline

    def exchange(self, request: bytes, limit: int) -> HttpResponse:
        """Send a request and read the response, of at most ``limit`` bytes.

        Raises:
            BrokenConnectionError: The connection broke, or the response was cut short.
            HttpError: The response is too long, or did not come in time.
        """
        reusable, self.reusable, self.used = self.reusable, False, True
        with self._response(request) as response:
            body = self._body(response, limit)
            self.reusable = reusable and not response.will_close
            return HttpResponse(response.status, response.headers, body)

    def open_tunnel(self, request: bytes) -> int:
        """Send a CONNECT request to a proxy; gives the status. After success, what follows is the far end's."""
        with self._response(request, "CONNECT") as response:
            return response.status

    @contextmanager
    def _response(self, request: bytes, method: str = "GET") -> Iterator[http.client.HTTPResponse]:
        """The response to a request, its body still to be read; faults become ours until the end of the block."""
        try:
            self.sock.settimeout(remaining_timeout(self._deadline, READ_TIMEOUT_SECONDS))
            self.sock.sendall(request)
            incoming = _Incoming(_Bytes(self.sock, self._deadline))
            response = http.client.HTTPResponse(incoming, method=method)  # type: ignore[arg-type]  # see _Incoming
            with closing(response):
                response.begin()
                yield response
        except TimeoutError:
            raise HttpError(f"{self._host} did not answer in time") from None
        except (OSError, http.client.HTTPException):
            raise BrokenConnectionError(f"{self._host} broke off its response") from None

    def _body(self, response: http.client.HTTPResponse, limit: int) -> bytes:
        length = response.length
        if length is None or length <= limit:
            body = response.read(limit + 1)
            if len(body) <= limit:
                if length is not None and len(body) < length:
                    raise http.client.IncompleteRead(b"")
                return body
        raise HttpError(f"{self._host} sent more than the {limit >> 20} MiB that are read of such a response")

    def close(self) -> None:
        """Give the socket back."""
        self.sock.close()

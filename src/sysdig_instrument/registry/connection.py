"""One HTTP/1.1 connection to a checked address. Every wait on it ends with the run's deadline.

``http.client`` parses responses; the socket is ours, because its own connections would look the name up again, and
would wait for each byte anew: a server that sends one byte a second would be listened to for as long as it likes.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from sysdig_instrument.registry.errors import HttpError

if TYPE_CHECKING:
    from email.message import Message

    from sysdig_instrument.registry.addresses import Address
    from sysdig_instrument.registry.deadline import Deadline
    from sysdig_instrument.registry.urls import Origin, Url

Place: TypeAlias = "tuple[Origin, bool]"
"""What a connection may be used for again: requests to the same origin that are just as much admitted to private
addresses. A public registry that redirects to an internal one must not find an open door."""

Dial: TypeAlias = "Callable[[Address, float], socket.socket]"
"""Opens a TCP connection to an address, waiting that many seconds at most: ``socket.create_connection``."""

CONNECT_SECONDS: Final = 5.0
IDLE_SECONDS: Final = 10.0
"""How long a host may take to take a connection, and how long it may be silent, whatever the deadline."""

_CERTIFICATE_FAULTS: Final = {
    10: "has expired",
    18: "is signed by itself",
    19: "is signed by an authority that is not trusted",
    20: "is signed by an authority that is not trusted",
    62: "is for another name",
    64: "is for another address",
}
"""OpenSSL's verification results (x509_vfy.h) in our words."""


class BrokenConnectionError(HttpError):
    """The connection broke, or what came over it was cut short: it may be tried once more."""


@dataclass(frozen=True, slots=True)
class Response:
    """``body`` is complete, of the length that the server announced and within the request's limit."""

    status: int
    headers: Message
    body: bytes


@dataclass(frozen=True, slots=True)
class Dialler:
    """How connections are opened: TCP by ``dial``, TLS by what ``tls`` trusts, all before the deadline."""

    deadline: Deadline
    tls: Callable[[], ssl.SSLContext]
    dial: Dial

    def connect(self, url: Url, place: Place, addresses: list[Address]) -> Connection:
        """Open a connection to the first address that takes it; the certificate has to be for the URL's host.

        Raises:
            HttpError: No address does, or the TLS handshake fails.
        """
        what = f"{url.host} could not be connected to"
        for address in addresses:
            try:
                sock = self.dial(address, _patience(self.deadline, CONNECT_SECONDS))
            except ConnectionRefusedError:
                what = f"{url.host} refused the connection"
            except TimeoutError:
                what = f"{url.host} did not take the connection in time"
            except OSError:
                continue
            else:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return Connection(place, sock if url.scheme == "http" else self._secure(sock, url), self.deadline)
        raise HttpError(what, "Check that the registry can be reached from here")

    def _secure(self, sock: socket.socket, url: Url) -> socket.socket:
        try:
            sock.settimeout(_patience(self.deadline, CONNECT_SECONDS))  # for the handshake as a whole
            return self.tls().wrap_socket(sock, server_hostname=url.host)
        except ssl.SSLCertVerificationError as error:
            fault = _CERTIFICATE_FAULTS.get(error.verify_code, "is not valid")
            what, remedy = f"the certificate of {url.host} {fault}", "Have the registry's certificate put right"
        except TimeoutError:
            what, remedy = f"{url.host} did not finish the TLS handshake in time", ""
        except OSError:  # ssl.SSLError is one
            what, remedy = f"the TLS handshake with {url.host} failed", ""
        sock.close()
        raise HttpError(what, remedy)


def _patience(deadline: Deadline, most: float) -> float:
    """How long the next wait may be, never 0: that would mean not to wait but to poll."""
    if not deadline.remaining:
        raise TimeoutError
    return min(most, deadline.remaining)


class _Bytes(io.RawIOBase):
    """What comes over a socket, each wait bounded by the deadline. Closing it leaves the socket open for the next."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the one buffer that BufferedReader gives
        self._sock.settimeout(_patience(self._deadline, IDLE_SECONDS))
        return self._sock.recv_into(buffer)


@dataclass(frozen=True, slots=True)
class _Incoming:
    """What ``HTTPResponse`` wants of a socket, and all that it wants: a file to read."""

    source: io.RawIOBase

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self.source)


class Connection:
    """A connection to a place. ``reusable`` is False from the first fault on, and when the server wants it so."""

    def __init__(self, place: Place, sock: socket.socket, deadline: Deadline) -> None:
        self.place = place
        self.reusable = True
        self.used = False
        self._host = place[0][1]
        self._sock = sock
        self._deadline = deadline

    def exchange(self, request: bytes, limit: int) -> Response:
        """Send a request and read the response, of at most ``limit`` bytes.

        Raises:
            BrokenConnectionError: The connection broke, or the response was cut short.
            HttpError: The response is too long, or did not come in time.
        """
        reusable, self.reusable, self.used = self.reusable, False, True
        try:
            self._sock.settimeout(_patience(self._deadline, IDLE_SECONDS))
            self._sock.sendall(request)
            incoming = _Incoming(_Bytes(self._sock, self._deadline))
            response = http.client.HTTPResponse(incoming)  # type: ignore[arg-type]  # see _Incoming
            response.begin()
            body = self._body(response, limit)
        except TimeoutError:
            raise HttpError(f"{self._host} did not answer in time") from None
        except (OSError, http.client.HTTPException):
            raise BrokenConnectionError(f"{self._host} broke off its response") from None
        self.reusable = reusable and not response.will_close
        return Response(response.status, response.headers, body)

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
        self._sock.close()

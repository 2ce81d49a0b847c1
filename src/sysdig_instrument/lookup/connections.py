"""Connections to checked addresses, on urllib3's connections and pools.

urllib3 verifies certificates, opens tunnels through proxies, parses responses, and keeps connections for reuse. These
classes add what it does not have: the socket comes from the caller, which has checked the address; every wait ends with
the run's deadline, so that a server that sends a byte now and then holds nothing up; and no message contains any text
that a server sent.
"""

from __future__ import annotations

import http.client
import io
import logging
import re
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from sysdig_instrument.lookup.egress import SocketAddress
from sysdig_instrument.lookup.errors import HttpError
from sysdig_instrument.lookup.proxy import Proxy
from sysdig_instrument.lookup.workers import Deadline

# urllib3 logs URLs, some of which are signed, and headers that it cannot parse. Neither may get into a log.
logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)

CreateConnection: TypeAlias = Callable[[SocketAddress, float], socket.socket]
"""Opens a TCP connection to an address within that many seconds: ``socket.create_connection``."""

CONNECT_TIMEOUT_SECONDS: Final = 5.0
"""Limit for a TCP connection, and again for a TLS handshake; the deadline may shorten it."""

READ_TIMEOUT_SECONDS: Final = 10.0
"""Longest wait for the next bytes of a response; the deadline may shorten it."""

MAX_HEADER_BYTES: Final = 128 << 10
"""Limit of a response's headers, which have a few thousand bytes. http.client alone would accept 6 MiB."""

_CERTIFICATE_ERRORS: Final = {
    10: "has expired",
    18: "is self-signed",
    19: "is signed by an untrusted certificate authority",
    20: "is signed by an untrusted certificate authority",
    62: "is for a different host name",
    64: "is for a different IP address",
}
"""Messages for OpenSSL's verification results (x509_vfy.h)."""

_TUNNEL_REFUSED: Final = re.compile(r"Tunnel connection failed: ([0-9]{3})\b")  # how http.client reports the status


class BrokenConnectionError(HttpError):
    """The connection was closed, or the response was incomplete. The request may be retried."""


class UnreachableHostError(HttpError):
    """No connection to the host could be opened. It is not tried again in this run."""


class StaleConnectionError(Exception):
    """The server closed an idle connection before it could be reused."""


class _DeadlineReader(io.RawIOBase):
    """Reads from a socket; each wait ends with the deadline. Headers have a limited size."""

    def __init__(self, sock: socket.socket, deadline: Deadline, host: str) -> None:
        self.reads_headers = True
        self._host = host
        self._header_bytes = 0
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]  # BufferedReader passes only this
        if self.reads_headers and self._header_bytes >= MAX_HEADER_BYTES:
            raise HttpError(
                f"the headers of the response from {self._host} exceed the limit of {MAX_HEADER_BYTES >> 10} KiB"
            )
        self._sock.settimeout(self._deadline.timeout(READ_TIMEOUT_SECONDS))
        count = self._raw.readinto(buffer)
        self._header_bytes += count or 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class PinnedConnection(HTTPConnection):
    """A connection to a checked address, which ``open_socket`` opens."""

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - passed on to urllib3
        open_socket: Callable[[], socket.socket],
        deadline: Deadline,
        **options: Any,  # noqa: ANN401 - the same
    ) -> None:
        super().__init__(*args, **options)
        self._open_socket = open_socket
        self._deadline = deadline
        self._was_used = False

    def _new_conn(self) -> socket.socket:
        self._was_used = False
        sock = self._open_socket()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def response_class(  # type: ignore[override]  # http.client calls it: it may be a method as well as a class
        self, sock: socket.socket, method: str | None = None
    ) -> http.client.HTTPResponse:
        """Return the response that is to be read from a socket."""
        response = http.client.HTTPResponse(sock, method=method)
        response.fp.close()
        self._reader = _DeadlineReader(sock, self._deadline, self.host)
        response.fp = io.BufferedReader(self._reader)
        return response

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 does
        """Return the response.

        Raises:
            StaleConnectionError: The connection was used before, and is closed now.
            HttpError: Its headers exceed their limit.
        """
        was_used, self._was_used = self._was_used, True
        try:
            response = super().getresponse()
        except TimeoutError:
            raise
        except (OSError, http.client.HTTPException):
            if was_used:
                raise StaleConnectionError from None
            raise
        self._reader.reads_headers = False
        return response


class PinnedTlsConnection(PinnedConnection, HTTPSConnection):
    """The same with TLS, through a tunnel if there is a proxy (CONNECT; RFC 9110, section 9.3.6)."""

    def __init__(self, *args: Any, http_proxy: Proxy | None, **options: Any) -> None:  # noqa: ANN401 - the same
        super().__init__(*args, **options)
        self._http_proxy = http_proxy

    def connect(self) -> None:
        """Open the connection, and the tunnel if there is a proxy.

        Raises:
            HttpError: It could not be opened.
        """
        if self._http_proxy is not None:
            self.set_tunnel(self.host, self.port, self._http_proxy.headers)
        try:
            super().connect()
        except ssl.SSLCertVerificationError as error:
            problem = _CERTIFICATE_ERRORS.get(error.verify_code, "is not valid")
            fact, advice = f"the certificate of {self.host} {problem}", "Fix the registry's certificate"
            raise UnreachableHostError(fact, advice) from None
        except TimeoutError:
            raise UnreachableHostError(f"the TLS handshake with {self.host} timed out") from None
        except (ssl.SSLEOFError, ConnectionError):
            raise BrokenConnectionError(f"{self.host} closed the connection during the TLS handshake") from None
        except OSError:  # ssl.SSLError is one
            raise UnreachableHostError(f"the TLS handshake with {self.host} failed") from None

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        sock.settimeout(self._deadline.timeout(CONNECT_TIMEOUT_SECONDS))  # for the whole handshake
        return sock

    def _tunnel(self) -> None:
        name = f"the proxy {self._http_proxy.host if self._http_proxy else ''}"
        try:
            super()._tunnel()
        except TimeoutError:
            raise UnreachableHostError(f"{name} did not respond in time") from None
        except (OSError, http.client.HTTPException) as error:
            if refused := _TUNNEL_REFUSED.match(str(error)):
                fact = f"{name} refused the connection to {self.host} (status {refused[1]})"
                raise UnreachableHostError(fact) from None
            raise BrokenConnectionError(f"{name} closed the connection early or sent an invalid response") from None
        self.sock.settimeout(self._deadline.timeout(CONNECT_TIMEOUT_SECONDS))


class Pool(HTTPConnectionPool):
    """A pool of connections without TLS."""

    ConnectionCls = PinnedConnection


class TlsPool(HTTPSConnectionPool):
    """A pool of connections with TLS."""

    ConnectionCls = PinnedTlsConnection

"""Opening connections: TCP to a checked address or through a proxy, TLS with the certificate checked for the name."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeAlias

from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.lookup.connection import BrokenConnectionError, Connection, PoolKey, remaining_timeout
from sysdig_instrument.lookup.errors import HttpError

if TYPE_CHECKING:
    from sysdig_instrument.lookup.egress import SocketAddress, Url
    from sysdig_instrument.lookup.proxy import Proxy
    from sysdig_instrument.lookup.workers import Deadline

CreateConnection: TypeAlias = "Callable[[SocketAddress, float], socket.socket]"
"""Opens a TCP connection to an address, waiting that many seconds at most: ``socket.create_connection``."""

CONNECT_TIMEOUT_SECONDS: Final = 5.0
"""How long a host may take to take a connection, and as long again for the handshake, whatever the deadline."""

_CERTIFICATE_ERRORS: Final = {
    10: "has expired",
    18: "is signed by itself",
    19: "is signed by an authority that is not trusted",
    20: "is signed by an authority that is not trusted",
    62: "is for another name",
    64: "is for another address",
}
"""OpenSSL's verification results (x509_vfy.h) in our words."""


@dataclass(frozen=True, slots=True)
class Connector:
    """How connections are opened: TCP by ``create_connection``, TLS by what ``make_ssl_context`` trusts, all before the deadline."""

    deadline: Deadline
    make_ssl_context: Callable[[], ssl.SSLContext]
    create_connection: CreateConnection

    def connect(self, url: Url, pool_key: PoolKey, addresses: list[SocketAddress]) -> Connection:
        """Open a connection to the first address that takes it; the certificate has to be for the URL's host.

        Raises:
            HttpError: No address does, or the TLS handshake fails.
        """
        sock = self._open(url.netloc, addresses)
        return Connection(pool_key, sock if url.scheme == "http" else self._start_tls(sock, url), self.deadline)

    def connect_through(self, proxy: Proxy, url: Url, pool_key: PoolKey) -> Connection:
        """Open a connection to a host through a proxy: a tunnel by CONNECT (RFC 9110, section 9.3.6), TLS within it.

        Raises:
            HttpError: The proxy cannot be reached or refuses, or the TLS handshake fails.
        """
        tunnel = Connection(pool_key, self._open(f"the proxy {proxy.host}", [(proxy.host, proxy.port)]), self.deadline)
        try:
            status = tunnel.open_tunnel(proxy.connect_request(url))
        except HttpError:
            tunnel.close()
            raise
        if status != HTTPStatus.OK:
            tunnel.close()
            raise HttpError(f"the proxy {proxy.host} gives no way to {url.host} (status {status})")
        return Connection(pool_key, self._start_tls(tunnel.sock, url), self.deadline)

    def _open(self, name: str, addresses: list[SocketAddress]) -> socket.socket:
        fact = f"{name} could not be connected to"
        for address in addresses:
            try:
                sock = self.create_connection(address, remaining_timeout(self.deadline, CONNECT_TIMEOUT_SECONDS))
            except ConnectionRefusedError:
                fact = f"{name} refused the connection"
            except TimeoutError:
                fact = f"{name} did not take the connection in time"
            except OSError:
                continue
            else:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return sock
        raise HttpError(fact, "Check that the registry can be reached from here")

    def _start_tls(self, sock: socket.socket, url: Url) -> socket.socket:
        try:
            sock.settimeout(remaining_timeout(self.deadline, CONNECT_TIMEOUT_SECONDS))  # for the handshake as a whole
            return self.make_ssl_context().wrap_socket(sock, server_hostname=url.host)
        except ssl.SSLCertVerificationError as error:
            problem = _CERTIFICATE_ERRORS.get(error.verify_code, "is not valid")
            fact, advice = f"the certificate of {url.host} {problem}", "Have the registry's certificate put right"
        except TimeoutError:
            fact, advice = f"{url.host} did not finish the TLS handshake in time", ""
        except (ssl.SSLEOFError, ConnectionError):
            sock.close()
            raise BrokenConnectionError(f"{url.host} broke off the TLS handshake") from None
        except OSError:  # ssl.SSLError is one
            fact, advice = f"the TLS handshake with {url.host} failed", ""
        sock.close()
        raise HttpError(fact, advice)

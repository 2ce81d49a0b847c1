"""Opening connections: TCP to a checked address or through a proxy, TLS with the certificate checked for the name."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeAlias

from sysdig_instrument.registry.connection import BrokenConnectionError, Connection, Place, patience
from sysdig_instrument.registry.errors import HttpError
from sysdig_instrument.values import dataclass

if TYPE_CHECKING:
    from sysdig_instrument.registry.addresses import Address
    from sysdig_instrument.registry.deadline import Deadline
    from sysdig_instrument.registry.proxy import Proxy
    from sysdig_instrument.registry.urls import Url

Dial: TypeAlias = "Callable[[Address, float], socket.socket]"
"""Opens a TCP connection to an address, waiting that many seconds at most: ``socket.create_connection``."""

CONNECT_SECONDS: Final = 5.0
"""How long a host may take to take a connection, and as long again for the handshake, whatever the deadline."""

_CERTIFICATE_FAULTS: Final = {
    10: "has expired",
    18: "is signed by itself",
    19: "is signed by an authority that is not trusted",
    20: "is signed by an authority that is not trusted",
    62: "is for another name",
    64: "is for another address",
}
"""OpenSSL's verification results (x509_vfy.h) in our words."""


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
        sock = self._open(url.netloc, addresses)
        return Connection(place, sock if url.scheme == "http" else self._secure(sock, url), self.deadline)

    def connect_through(self, proxy: Proxy, url: Url, place: Place) -> Connection:
        """Open a connection to a host through a proxy: a tunnel by CONNECT (RFC 9110, section 9.3.6), TLS within it.

        Raises:
            HttpError: The proxy cannot be reached or refuses, or the TLS handshake fails.
        """
        tunnel = Connection(place, self._open(f"the proxy {proxy.host}", [(proxy.host, proxy.port)]), self.deadline)
        try:
            status = tunnel.open_tunnel(proxy.request(url))
        except HttpError:
            tunnel.close()
            raise
        if status != HTTPStatus.OK:
            tunnel.close()
            raise HttpError(f"the proxy {proxy.host} gives no way to {url.host} (status {status})")
        return Connection(place, self._secure(tunnel.sock, url), self.deadline)

    def _open(self, name: str, addresses: list[Address]) -> socket.socket:
        what = f"{name} could not be connected to"
        for address in addresses:
            try:
                sock = self.dial(address, patience(self.deadline, CONNECT_SECONDS))
            except ConnectionRefusedError:
                what = f"{name} refused the connection"
            except TimeoutError:
                what = f"{name} did not take the connection in time"
            except OSError:
                continue
            else:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return sock
        raise HttpError(what, "Check that the registry can be reached from here")

    def _secure(self, sock: socket.socket, url: Url) -> socket.socket:
        try:
            sock.settimeout(patience(self.deadline, CONNECT_SECONDS))  # for the handshake as a whole
            return self.tls().wrap_socket(sock, server_hostname=url.host)
        except ssl.SSLCertVerificationError as error:
            fault = _CERTIFICATE_FAULTS.get(error.verify_code, "is not valid")
            what, remedy = f"the certificate of {url.host} {fault}", "Have the registry's certificate put right"
        except TimeoutError:
            what, remedy = f"{url.host} did not finish the TLS handshake in time", ""
        except (ssl.SSLEOFError, ConnectionError):
            sock.close()
            raise BrokenConnectionError(f"{url.host} broke off the TLS handshake") from None
        except OSError:  # ssl.SSLError is one
            what, remedy = f"the TLS handshake with {url.host} failed", ""
        sock.close()
        raise HttpError(what, remedy)

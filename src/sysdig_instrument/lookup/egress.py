"""The egress policy, parsed URLs, and the resolver: which hosts and addresses a request may go to.

A template names registries; registries name token services and redirect to storage. None of them may direct the macro
into the network it runs in, such as its metadata service or a private address (SSRF). So each host name is resolved
once per run, every address is checked, and connections go to a checked address only. A later DNS answer has no effect
(DNS rebinding). The address blocks are those of IANA's special-purpose address registries.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias
from urllib.parse import urljoin, urlsplit

from sysdig_instrument.engine.paste import PasteInto, paste
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.lookup.errors import HttpError
from sysdig_instrument.lookup.workers import Deadline, SingleFlight

Origin: TypeAlias = tuple[str, str, int]
"""Scheme, host and port (RFC 6454). Credentials and connections are bound to an origin."""

_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_MAX_PORT: Final = 65535
_MAX_URL: Final = 8 << 10
"""Limit of a URL's characters. Signed ones have some 2,000. Python keeps the URLs that it parsed last, all 128 of them."""

_NETLOC: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
_REQUEST_TARGET: Final = re.compile(r"/[!-~]*")  # printable ASCII only, so that it cannot end the request line


@dataclass(frozen=True, slots=True)
class Url:
    """An absolute URL. ``host`` is in lower case, without IPv6 brackets; ``target`` includes the query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> Origin:
        """Return the origin that credentials for this URL are bound to."""
        return self.scheme, self.host, self.port

    @property
    def netloc(self) -> str:
        """Return host and port as in a Host header: without the scheme's default port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def parse_url(text: str, base: str = "") -> Url:
    """Parse a URL, relative to ``base`` if it is not absolute.

    Raises:
        HttpError: It is not a URL that a request can go to. The message does not repeat the text.
    """
    if len(text) > _MAX_URL:
        raise HttpError("a server sent an invalid URL")
    try:
        parts = urlsplit(urljoin(base, text))
    except ValueError:
        raise HttpError("a server sent an invalid URL") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise HttpError("a server sent a URL that is not https")
    host_port = _parse_host_port(parts.netloc, parts.scheme)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if host_port is None or not _REQUEST_TARGET.fullmatch(target):
        raise HttpError("a server sent a URL that is invalid or contains a user name")
    return Url(parts.scheme, *host_port, target)


def _parse_host_port(netloc: str, scheme: str) -> tuple[str, int] | None:
    """Return host and port; None if the text is not exactly ``host`` or ``host:port``."""
    match = _NETLOC.fullmatch(netloc)
    if match is None:
        return None
    host, port = match[1].strip("[]").rstrip(".").lower(), int(match[2] or _DEFAULT_PORTS[scheme])
    return (host, port) if host and 0 < port <= _MAX_PORT else None


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """Allows https to public hosts, and the hosts that InternalRegistries names.

    Token services and storage of internal registries are no exception: InternalRegistries must name them, too.
    """

    internal_origins: frozenset[Origin] = frozenset()

    @classmethod
    def from_entries(cls, entries: Iterable[str]) -> EgressPolicy:
        """Parse entries of the form ``host``, ``host:port`` or ``http://host[:port]`` (the last one without TLS).

        Raises:
            ValueError: An entry is none of these; the message names it.
        """
        origins = set()
        for entry in entries:
            scheme, separator, netloc = entry.rpartition("://")
            scheme = scheme or "https"
            host_port = _parse_host_port(netloc, scheme) if scheme in _DEFAULT_PORTS else None
            if host_port is None or entry.startswith(separator or " "):
                raise ValueError(f"'{entry}' is not a host, host:port or http://host:port")
            origins.add((scheme, *host_port))
        return cls(frozenset(origins))

    def is_internal(self, url: Url) -> bool:
        """Return whether an entry names exactly this scheme, host and port."""
        return url.origin in self.internal_origins

    def registry_url(self, registry: str, path: str) -> Url:
        """Return the URL of a path at a registry: https, unless an http:// entry names this host and port."""
        url = parse_url(f"https://{registry}{path}")
        http_url = Url(
            "http", url.host, url.port if registry.endswith(f":{url.port}") else _DEFAULT_PORTS["http"], url.target
        )
        return http_url if self.is_internal(http_url) else url

    def check(self, url: Url) -> bool:
        """Return whether the URL is an internal one.

        Raises:
            HttpError: It is public and not https.
        """
        internal = self.is_internal(url)
        if url.scheme != "https" and not internal:
            raise HttpError(f"the URL for {url.host} uses http; only https is allowed")
        return internal


PUBLIC_ONLY: Final = EgressPolicy()
"""No internal hosts at all."""


SocketAddress: TypeAlias = tuple[str, int]
"""A numeric IPv4 or IPv6 address and a port."""

Resolve: TypeAlias = Callable[[str, int], list[SocketAddress]]
"""Resolves a host name to addresses; raises ``OSError`` if it has none."""

_IpAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")  # RFC 4291, section 2.4
_UNIQUE_LOCAL: Final = ipaddress.IPv6Network("fc00::/7")  # RFC 4193
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: IPv4-embedded IPv6 addresses
_EC2_SERVICES: Final = ipaddress.IPv6Network("fd00:ec2::/32")  # EC2-local services, such as instance metadata
_SHARED_ADDRESS_SPACE: Final = ipaddress.IPv4Network("100.64.0.0/10")  # RFC 6598, carrier-grade NAT
_IPV4_NUMBER: Final = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")


def system_resolve(host: str, port: int) -> list[SocketAddress]:
    """Resolve a host name with the operating system's resolver."""
    address_infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((str(sockaddr[0]), port) for *_, sockaddr in address_infos))


def is_ip_literal(host: str) -> bool:
    """Return whether a host is an IP address in any notation that resolvers accept: ``::1``, ``127.1``, ``0x7f000001``.

    This includes every host whose last label is a number (https://url.spec.whatwg.org/#ends-in-a-number-checker).
    """
    return ":" in host or bool(_IPV4_NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]))


def forbidden_category(address: str, *, allow_private: bool) -> str:
    """Return the category that makes an address forbidden (such as "private"), or an empty string if it is allowed.

    ``allow_private`` allows private and loopback addresses, but never link-local ones: no registry uses those, and the
    metadata service does.
    """
    ip = _unwrap_ipv4(ipaddress.ip_address(address.partition("%")[0]))
    if ip.is_link_local or ip in _EC2_SERVICES:
        return "link-local"
    if ip.is_multicast or ip.is_unspecified:
        return "multicast" if ip.is_multicast else "unspecified"
    if ip.is_loopback:
        return "" if allow_private else "loopback"
    if ip in _UNIQUE_LOCAL or ip in _SHARED_ADDRESS_SPACE or (ip.version == 4 and ip.is_private and not ip.is_reserved):  # noqa: PLR2004 - IPv4
        return "" if allow_private else "private"
    if not ip.is_global or (ip.version == 6 and ip not in _GLOBAL_UNICAST):  # noqa: PLR2004 - IPv6
        return "reserved"
    return ""


def _unwrap_ipv4(ip: _IpAddress) -> _IpAddress:
    """Return the IPv4 address embedded in an IPv6 address, since packets would go there; else the address itself."""
    if not isinstance(ip, ipaddress.IPv6Address):
        return ip
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None) or ip


class Resolver:
    """Resolves host names for one run: each name once, with all of its addresses checked."""

    def __init__(self, resolve: Resolve, deadline: Deadline) -> None:
        self._resolve = resolve
        self._addresses: SingleFlight[SocketAddress, list[SocketAddress]] = SingleFlight(deadline)

    def resolve(self, host: str, port: int, *, allow_private: bool) -> list[SocketAddress]:
        """Return the addresses of a host, all of them allowed.

        Raises:
            HttpError: The host is an IP literal, has no address, or has a forbidden one.
        """
        if is_ip_literal(host) and not allow_private:
            raise HttpError(f"{host} is an IP address; a host name is required", "Use the registry's host name")
        addresses = self._addresses.get((host, port), lambda: self._look_up(host, port))
        for ip, _ in addresses:
            if category := forbidden_category(ip, allow_private=allow_private):
                registry = host if port == _DEFAULT_PORTS["https"] else f"{host}:{port}"
                advice = f"If it is your own registry, have the platform team add {registry} to InternalRegistries"
                raise HttpError(
                    f"{host} resolves to a non-public address ({category}); only public addresses are allowed",
                    "" if allow_private else advice,
                    paste=() if allow_private else paste(PasteInto.DEPLOYMENT, {"InternalRegistries": [registry]}),
                )
        return addresses

    def _look_up(self, host: str, port: int) -> list[SocketAddress]:
        try:
            addresses = self._resolve(host, port)
        except (OSError, UnicodeError):  # UnicodeError: a label that is too long, or empty
            addresses = []
        if not addresses:
            raise HttpError(
                f"the host name {host} could not be resolved", "Check its spelling, and the network and its DNS"
            )
        return addresses

"""Which network addresses may be spoken to, and the one name look-up that decides it.

A template names registries, and registries name token services and redirect to storage: none of them may lead the macro
into the network it runs in (its metadata service, a neighbour on a private address). So a name is looked up once in a
run, every address that it has is checked, and connections go to a checked address: what the name leads to at a second
look-up does not matter (DNS rebinding). The address families are those of IANA's special-purpose address registries.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable
from typing import Final, TypeAlias

from sysdig_instrument.registry.deadline import Deadline
from sysdig_instrument.registry.errors import HttpError
from sysdig_instrument.registry.once import Once

Address: TypeAlias = tuple[str, int]
"""A numeric IPv4 or IPv6 address and a port."""

Resolve: TypeAlias = Callable[[str, int], list[Address]]
"""Looks a host name up; raises ``OSError`` where there is none."""

_IpAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")  # RFC 4291, section 2.4
_UNIQUE_LOCAL: Final = ipaddress.IPv6Network("fc00::/7")  # RFC 4193
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address behind a translator
_EC2_SERVICES: Final = ipaddress.IPv6Network("fd00:ec2::/32")  # where instance metadata and its neighbours answer
_SHARED: Final = ipaddress.IPv4Network("100.64.0.0/10")  # RFC 6598, carrier-grade NAT
_NUMBER: Final = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")


def system_resolve(host: str, port: int) -> list[Address]:
    """Ask the operating system."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((str(sockaddr[0]), port) for *_, sockaddr in found))


def is_literal(host: str) -> bool:
    """Whether a host is an IP address in any spelling that a resolver would take: ``::1``, ``127.1``, ``0x7f000001``.

    A host whose last label is a number is one (https://url.spec.whatwg.org/#ends-in-a-number-checker).
    """
    return ":" in host or bool(_NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]))


def refusal(address: str, *, internal: bool) -> str:
    """Why an address may not be spoken to: the word for its kind; empty if it may.

    ``internal`` admits private and loopback addresses, and never link-local ones: nobody's registry is there, and the
    metadata service is.
    """
    ip = _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
    if ip.is_link_local or ip in _EC2_SERVICES:
        return "link-local"
    if ip.is_multicast or ip.is_unspecified:
        return "multicast" if ip.is_multicast else "unspecified"
    if ip.is_loopback:
        return "" if internal else "loopback"
    if ip in _UNIQUE_LOCAL or ip in _SHARED or (ip.version == 4 and ip.is_private and not ip.is_reserved):  # noqa: PLR2004 - IPv4
        return "" if internal else "private"
    if not ip.is_global or (ip.version == 6 and ip not in _GLOBAL_UNICAST):  # noqa: PLR2004 - IPv6
        return "reserved"
    return ""


def _unwrapped(ip: _IpAddress) -> _IpAddress:
    """The IPv4 address within an IPv6 one that stands for it, since that is where a packet would go."""
    if not isinstance(ip, ipaddress.IPv6Address):
        return ip
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None) or ip


class Names:
    """The name look-ups of one run: each name once, with all of its addresses checked."""

    def __init__(self, resolve: Resolve, deadline: Deadline) -> None:
        self._resolve = resolve
        self._found: Once[Address, list[Address]] = Once(deadline)

    def addresses(self, host: str, port: int, *, internal: bool) -> list[Address]:
        """The addresses of a host, all of them fit to be spoken to.

        Raises:
            HttpError: The host is an IP literal, has no address, or has one that may not be spoken to.
        """
        if is_literal(host) and not internal:
            raise HttpError(f"{host} is an IP address and not a name", "Use the registry's name")
        found = self._found.get((host, port), lambda: self._look_up(host, port))
        for address, _ in found:
            if kind := refusal(address, internal=internal):
                raise HttpError(
                    f"the name {host} leads to a {kind} address, and only public ones are spoken to",
                    "" if internal else f"Name {host} in InternalRegistries, if it is a registry of yours",
                )
        return found

    def _look_up(self, host: str, port: int) -> list[Address]:
        try:
            found = self._resolve(host, port)
        except (OSError, UnicodeError):  # UnicodeError: a label that is too long, or empty
            found = []
        if not found:
            raise HttpError(f"the name {host} is not known", "Check its spelling")
        return found

"""URLs as far as registries need them, and which of them a request may go to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, TypeAlias
from urllib.parse import urljoin, urlsplit

from sysdig_instrument.registry.errors import HttpError
from sysdig_instrument.values import dataclass

Origin: TypeAlias = tuple[str, str, int]
"""Scheme, host and port: what a credential or a connection is bound to."""

_PORTS: Final = {"https": 443, "http": 80}
_LAST_PORT: Final = 65535
_NETLOC: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
_TARGET: Final = re.compile(r"/[!-~]*")  # printable ASCII: nothing that could end a line of the request


@dataclass(frozen=True, slots=True)
class Url:
    """An absolute URL. ``host`` is in small letters and without an IPv6 address's brackets; ``target`` has the query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> Origin:
        """What a credential for this URL is bound to."""
        return self.scheme, self.host, self.port

    @property
    def netloc(self) -> str:
        """Host and port as a Host header has them: without the port that the scheme implies."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def parse(text: str, base: str = "") -> Url:
    """Read a URL, relative to ``base`` if it is not absolute.

    Raises:
        HttpError: It is not one that a request could go to. The text itself is not repeated.
    """
    try:
        parts = urlsplit(urljoin(base, text))
    except ValueError:
        raise HttpError("a server named an address that is not a URL") from None
    if parts.scheme not in _PORTS:
        raise HttpError("a server named an address that is not https")
    place = _place(parts.netloc, parts.scheme)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if place is None or not _TARGET.fullmatch(target):
        raise HttpError("a server named an address that is not a URL, or has a user name in it")
    return Url(parts.scheme, *place, target)


def _place(netloc: str, scheme: str) -> tuple[str, int] | None:
    """Host and port; None if it is neither, or more than that."""
    found = _NETLOC.fullmatch(netloc)
    if found is None:
        return None
    host, port = found[1].strip("[]").rstrip(".").lower(), int(found[2] or _PORTS[scheme])
    return (host, port) if host and 0 < port <= _LAST_PORT else None


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a request may go besides public hosts under https: the hosts that InternalRegistries names.

    Token services and storage of internal registries are hosts like any other: they have to be named, too.
    """

    origins: frozenset[Origin] = frozenset()

    @classmethod
    def of(cls, names: Iterable[str]) -> Reach:
        """Read ``host``, ``host:port`` and ``http://host[:port]`` (the last one is spoken to without TLS).

        Raises:
            ValueError: An entry is none of these; the message names it.
        """
        origins = set()
        for name in names:
            scheme, mark, rest = name.rpartition("://")
            scheme = scheme or "https"
            place = _place(rest, scheme) if scheme in _PORTS else None
            if place is None or name.startswith(mark or " "):
                raise ValueError(f"'{name}' is not a host, host:port or http://host:port")
            origins.add((scheme, *place))
        return cls(frozenset(origins))

    def names(self, url: Url) -> bool:
        """Whether an entry names this very host, port and manner of speaking."""
        return url.origin in self.origins

    def registry(self, registry: str, path: str) -> Url:
        """The URL of a path at a registry: https, unless an entry says otherwise for this host and port."""
        url = parse(f"https://{registry}{path}")
        plain = Url("http", url.host, url.port if registry.endswith(f":{url.port}") else _PORTS["http"], url.target)
        return plain if self.names(plain) else url

    def check(self, url: Url) -> bool:
        """Whether the URL is an internal one; a public one has to be https.

        Raises:
            HttpError: It is public, and not https.
        """
        internal = self.names(url)
        if url.scheme != "https" and not internal:
            raise HttpError(f"{url.host} is named with http, and only https is spoken")
        return internal


PUBLIC: Final = Reach()
"""No internal hosts at all."""

"""A proxy on the way to registries, for the command line tool behind a company's firewall.

The macro never takes one. A proxy looks names up itself, so what a name leads to is not checked here: behind a proxy it
is the proxy that decides who may be spoken to. Certificates are checked as ever, end to end through the tunnel.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from sysdig_instrument.registry.urls import Url
from sysdig_instrument.values import dataclass, field


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy. ``without`` are the hosts and domains that are spoken to without it, ``*`` all of them."""

    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)
    without: tuple[str, ...] = ()

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Proxy | None:
        """The proxy that HTTPS_PROXY and NO_PROXY (or in small letters, which win) name; None if there is none.

        Raises:
            ValueError: HTTPS_PROXY is not an http:// URL.
        """
        text = environ.get("https_proxy") or environ.get("HTTPS_PROXY") or ""
        if not text:
            return None
        parts = urlsplit(text if "://" in text else f"http://{text}")
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError("HTTPS_PROXY is not of the form http://host:port")
        without = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
        return cls(
            parts.hostname,
            parts.port or 80,
            "Basic " + base64.b64encode(user.encode()).decode("ascii") if user else None,
            tuple(
                entry.strip().lower().removeprefix("*").lstrip(".") or "*"
                for entry in without.split(",")
                if entry.strip()
            ),
        )

    def bypassed(self, host: str) -> bool:
        """Whether a host is spoken to without the proxy: it, or a domain that it is in, is in NO_PROXY."""
        return any(entry in ("*", host) or host.endswith(f".{entry}") for entry in self.without)

    def request(self, url: Url) -> bytes:
        """What the proxy is asked for a tunnel to a URL's host."""
        there = f"{url.host}:{url.port}"
        lines = [f"CONNECT {there} HTTP/1.1", f"Host: {there}"]
        if self.authorization:
            lines.append(f"Proxy-Authorization: {self.authorization}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")

"""A proxy on the way to registries, for the command line tool behind a company's firewall.

The macro never takes one. A proxy looks names up itself, so what a name leads to is not checked here: behind a proxy it
is the proxy that decides who may be spoken to. Certificates are checked as ever, end to end through the tunnel.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from sysdig_instrument.lazy_dataclasses import dataclass, field
from sysdig_instrument.lookup.egress import Url


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy. ``no_proxy`` are the hosts and domains that are spoken to without it, ``*`` all of them."""

    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)
    no_proxy: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Proxy | None:
        """The proxy that HTTPS_PROXY and NO_PROXY (or in small letters, which win) name; None if there is none.

        Raises:
            ValueError: HTTPS_PROXY is not an http:// URL.
        """
        https_proxy = environment.get("https_proxy") or environment.get("HTTPS_PROXY") or ""
        if not https_proxy:
            return None
        parts = urlsplit(https_proxy if "://" in https_proxy else f"http://{https_proxy}")
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError("HTTPS_PROXY is not of the form http://host:port")
        no_proxy = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
        return cls(
            parts.hostname,
            parts.port or 80,
            "Basic " + base64.b64encode(credentials.encode()).decode("ascii") if credentials else None,
            tuple(
                entry.strip().lower().removeprefix("*").lstrip(".") or "*"
                for entry in no_proxy.split(",")
                if entry.strip()
            ),
        )

    def is_bypassed(self, host: str) -> bool:
        """Whether a host is spoken to without the proxy: it, or a domain that it is in, is in NO_PROXY."""
        return any(entry in ("*", host) or host.endswith(f".{entry}") for entry in self.no_proxy)

    def connect_request(self, url: Url) -> bytes:
        """What the proxy is asked for a tunnel to a URL's host."""
        authority = f"{url.host}:{url.port}"
        lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
        if self.authorization:
            lines.append(f"Proxy-Authorization: {self.authorization}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")

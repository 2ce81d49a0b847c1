"""An HTTP proxy for the command line tool behind a company's firewall.

The macro never uses one. A proxy resolves host names itself, so their addresses are not checked here: the proxy decides
which hosts are allowed. Certificates are still verified end to end, through the tunnel.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from sysdig_instrument.lazy_dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy. ``no_proxy`` lists the hosts and domains that bypass it; ``*`` means all."""

    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)
    no_proxy: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Proxy | None:
        """Return the proxy of HTTPS_PROXY and NO_PROXY (lower-case names take precedence); None if there is none.

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
        """Return whether a host bypasses the proxy: NO_PROXY lists it or a parent domain."""
        return any(entry in ("*", host) or host.endswith(f".{entry}") for entry in self.no_proxy)

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers of a CONNECT request."""
        return {"Proxy-Authorization": self.authorization} if self.authorization else {}

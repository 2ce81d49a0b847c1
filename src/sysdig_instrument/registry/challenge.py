"""WWW-Authenticate: what a registry wants to see (RFC 9110, section 11.6.1; the distribution project's token spec)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from sysdig_instrument.values import dataclass

_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER: Final = re.compile(rf'\s*({_WORD})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_WORD}))\s*(?:,|$)')
_SCHEME: Final = re.compile(rf"[\s,]*({_WORD})(?:\s+|\s*,|$)")
_ESCAPE: Final = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token of ``realm``'s is wanted. ``service`` and ``scope`` are what the realm is asked for; empty if not said."""

    realm: str
    service: str
    scope: str


@dataclass(frozen=True, slots=True)
class Basic:
    """A user name and a password are wanted."""


def parse(headers: Iterable[str]) -> Bearer | Basic | None:
    """The challenge to take up of those in WWW-Authenticate headers: Bearer before Basic; None if there is neither.

    Docker Hub and others send one; Harbor and Nexus may send both, and what follows an unknown or a broken one is
    still read.
    """
    found = [challenge for header in headers for challenge in _challenges(header)]
    for scheme, parameters in found:
        if scheme == "bearer" and "realm" in parameters:
            return Bearer(parameters["realm"], parameters.get("service", ""), parameters.get("scope", ""))
    return Basic() if any(scheme == "basic" for scheme, _ in found) else None


def _challenges(header: str) -> Iterable[tuple[str, dict[str, str]]]:
    position = 0
    while scheme := _SCHEME.match(header, position):
        parameters = {}
        position = scheme.end()
        while parameter := _PARAMETER.match(header, position):
            name, quoted, bare = parameter.groups()
            parameters[name.lower()] = bare if bare is not None else _ESCAPE.sub(r"\1", quoted)
            position = parameter.end()
        yield scheme[1].lower(), parameters

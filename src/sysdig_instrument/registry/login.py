"""Credentials for registries: what they are, who has them, and whom they may be shown to."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Final, Protocol

from sysdig_instrument.registry.reference import DOCKER_HUB
from sysdig_instrument.values import dataclass, field

KNOWN_TOKEN_SERVICES: Final[Mapping[str, str]] = {DOCKER_HUB: "auth.docker.io"}
"""Registries whose token service has a name that is unlike theirs (docs.docker.com/reference/api/registry/auth)."""


@dataclass(frozen=True, slots=True)
class Login:
    """A user name and a password; or, without a user name, an identity token in the password's place.

    An identity token is OAuth2's refresh token: a token service turns it into a token, and no registry takes it itself.
    """

    username: str
    password: str = field(repr=False)

    @property
    def basic(self) -> str:
        """The Authorization header of the Basic scheme (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode("ascii")


class Credentials(Protocol):
    """Somebody who may have a login for a registry."""

    def login(self, registry: str) -> Login | None:
        """The login for a registry, such as ``docker.io`` or ``registry.example.com:5000``; None if there is none.

        Raises:
            NoAnswerError: There is one, and it cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class FirstOf:
    """Credentials that ask several others in turn. Of nobody, they are those of an anonymous user."""

    members: tuple[Credentials, ...] = ()

    def login(self, registry: str) -> Login | None:
        """See :class:`Credentials`."""
        return next((login for member in self.members if (login := member.login(registry)) is not None), None)


ANONYMOUS: Final = FirstOf()


def trusts(registry: str, realm: str, token_services: Mapping[str, str]) -> bool:
    """Whether a registry's login may be sent to the host of the token service that the registry names.

    Anybody's registry may name anybody's token service; so the name alone proves nothing. A login goes to

    - the registry's own host, on any port (GHCR, Quay, Azure, Google, Artifactory, Harbor, …);
    - a domain that the registry is in, of two labels or more: who owns it owns the registry's name, too
      (registry.gitlab.com → gitlab.com, and self-managed GitLab alike);
    - Docker Hub's, from Docker Hub; and the one that the settings name for this registry.

    Hosts side by side under one domain (a.example.com → b.example.com) are not trusted: under azurecr.io or co.uk they
    have different owners. The others are asked for an anonymous token, as anybody may.
    """
    host = registry.rpartition(":")[0] if registry.rpartition(":")[2].isdigit() else registry
    host = host.strip("[]")
    admitted = {host, KNOWN_TOKEN_SERVICES.get(registry), token_services.get(registry)}
    return realm in admitted or ("." in realm and host.endswith(f".{realm}"))

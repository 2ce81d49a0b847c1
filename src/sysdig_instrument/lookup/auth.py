"""Getting a request admitted at its registry: Basic credentials, or a Bearer token from the token service.

The dance is the distribution project's: a request is refused with a challenge, the challenge names a token service and
what to ask it for, its token goes with the second try (distribution.github.io/distribution/spec/auth/token).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlencode

from sysdig_instrument.lazy_dataclasses import dataclass, field, replace
from sysdig_instrument.lookup import egress
from sysdig_instrument.lookup.errors import CREDENTIALS_ADVICE, HttpError, UnavailableError
from sysdig_instrument.lookup.http import HttpClient, HttpRequest
from sysdig_instrument.lookup.reference import DOCKER_HUB
from sysdig_instrument.lookup.workers import SingleFlight

_TCHARS: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_AUTH_PARAM: Final = re.compile(rf'\s*({_TCHARS})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TCHARS}))\s*(?:,|$)')
_AUTH_SCHEME: Final = re.compile(rf"[\s,]*({_TCHARS})(?:\s+|\s*,|$)")
_QUOTED_PAIR: Final = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class BearerChallenge:
    """A token of ``realm``'s is wanted. ``service`` and ``scope`` are what the realm is asked for; empty if not said."""

    realm: str
    service: str
    scope: str


@dataclass(frozen=True, slots=True)
class BasicChallenge:
    """A user name and a password are wanted."""


def parse_www_authenticate(headers: Iterable[str]) -> BearerChallenge | BasicChallenge | None:
    """The challenge to take up of those in WWW-Authenticate headers: Bearer before Basic; None if there is neither.

    Docker Hub and others send one; Harbor and Nexus may send both, and what follows an unknown or a broken one is
    still read.
    """
    challenges = [challenge for header in headers for challenge in _parse_challenges(header)]
    for scheme, parameters in challenges:
        if scheme == "bearer" and "realm" in parameters:
            return BearerChallenge(parameters["realm"], parameters.get("service", ""), parameters.get("scope", ""))
    return BasicChallenge() if any(scheme == "basic" for scheme, _ in challenges) else None


def _parse_challenges(header: str) -> Iterable[tuple[str, dict[str, str]]]:
    position = 0
    while scheme := _AUTH_SCHEME.match(header, position):
        parameters = {}
        position = scheme.end()
        while parameter := _AUTH_PARAM.match(header, position):
            name, quoted, bare = parameter.groups()
            parameters[name.lower()] = bare if bare is not None else _QUOTED_PAIR.sub(r"\1", quoted)
            position = parameter.end()
        yield scheme[1].lower(), parameters


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
    def basic_authorization(self) -> str:
        """The Authorization header of the Basic scheme (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode("ascii")


class CredentialProvider(Protocol):
    """Somebody who may have a login for a registry."""

    def find_login(self, registry: str) -> Login | None:
        """The login for a registry, such as ``docker.io`` or ``registry.example.com:5000``; None if there is none.

        Raises:
            NoAnswerError: There is one, and it cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class ChainedCredentials:
    """Credentials that ask several others in turn. Of nobody, they are those of an anonymous user."""

    providers: tuple[CredentialProvider, ...] = ()

    def find_login(self, registry: str) -> Login | None:
        """See :class:`CredentialProvider`."""
        return next(
            (login for provider in self.providers if (login := provider.find_login(registry)) is not None), None
        )


ANONYMOUS: Final = ChainedCredentials()


def is_trusted_realm(registry: str, realm_host: str, token_services: Mapping[str, str]) -> bool:
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
    trusted = {host, KNOWN_TOKEN_SERVICES.get(registry), token_services.get(registry)}
    return realm_host in trusted or ("." in realm_host and host.endswith(f".{realm_host}"))


if TYPE_CHECKING:
    from sysdig_instrument.lookup.connection import HttpResponse
    from sysdig_instrument.lookup.workers import Deadline

_MAX_TOKEN_RESPONSE_BYTES: Final = 1 << 20
"""Bytes of a token service's response: tokens have some thousand."""

_UNAUTHORIZED: Final = 401
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class PullScope:
    """A repository at a registry, as somebody: what a token is for. ``secret_id`` tells the credentials apart."""

    registry: str
    repository: str
    secret_id: str | None


@dataclass(frozen=True, slots=True)
class Authorization:
    """An Authorization header, or None where there is none to send; ``note`` says what stood in the way of a better one.

    ``note`` goes into the message if the registry then refuses: the login could not be read, or was not sent.
    """

    header: str | None
    note: str = ""


class RegistryAuth:
    """The admissions of one run: each is obtained once, and kept for all images of the same repository."""

    def __init__(self, http: HttpClient, token_services: Mapping[str, str], deadline: Deadline) -> None:
        self._http = http
        self._token_services = token_services
        self._authorizations: SingleFlight[PullScope, Authorization] = SingleFlight(deadline)
        self._logins: SingleFlight[tuple[str, str | None], Login | None] = SingleFlight(deadline)
        self._challenges: dict[str, BearerChallenge | BasicChallenge] = {}

    def send(
        self, request: HttpRequest, pull_scope: PullScope, credentials: CredentialProvider
    ) -> tuple[HttpResponse, str]:
        """The registry's response to a request, with admission if it wants any; and the admission's note.

        Raises:
            HttpError: The registry or its token service gave no usable response.
        """
        auth_challenge = self._challenges.get(pull_scope.registry)
        if auth_challenge is None:
            response, same_origin = self._http.send(request)
            # Somebody that the registry redirected to has no business with its credentials.
            if response.status != _UNAUTHORIZED or not same_origin:
                return response, ""
            auth_challenge = parse_www_authenticate(response.headers.get_all("WWW-Authenticate", []))
            if auth_challenge is None:
                return response, ""
            self._challenges[pull_scope.registry] = auth_challenge
        authorization = self._authorizations.get(
            pull_scope, lambda: self._authorize(request, pull_scope, auth_challenge, credentials)
        )
        response, _ = self._http.send(replace(request, authorization=authorization.header))
        return response, authorization.note

    def _authorize(
        self,
        request: HttpRequest,
        pull_scope: PullScope,
        auth_challenge: BearerChallenge | BasicChallenge,
        credentials: CredentialProvider,
    ) -> Authorization:
        note = ""
        try:
            login = self._logins.get(
                (pull_scope.registry, pull_scope.secret_id), lambda: credentials.find_login(pull_scope.registry)
            )
        except UnavailableError as error:  # the image may be public all the same
            login, note = None, error.reason.fact
        if isinstance(auth_challenge, BearerChallenge):
            return self._bearer_authorization(request, pull_scope, auth_challenge, login, note)
        return Authorization(login.basic_authorization if login and login.username else None, note)

    def _bearer_authorization(
        self,
        request: HttpRequest,
        pull_scope: PullScope,
        auth_challenge: BearerChallenge,
        login: Login | None,
        note: str,
    ) -> Authorization:
        realm = egress.parse_url(auth_challenge.realm)
        advice = ""
        if login and not is_trusted_realm(pull_scope.registry, realm.host, self._token_services):
            login = None
            note = f"the credentials were not sent there, as its name is unlike {pull_scope.registry}"
            advice = f"If {realm.host} is that registry's own token service, name it in TokenServices"
        # A registry may want a scope that is no repository's ("aws" at public.ecr.aws); never more than pull of this.
        custom_scope = auth_challenge.scope and not auth_challenge.scope.startswith("repository:")
        scope = auth_challenge.scope if custom_scope else f"repository:{pull_scope.repository}:pull"
        parameters = {"scope": scope} | ({"service": auth_challenge.service} if auth_challenge.service else {})
        response, _ = self._http.send(_token_request(request, realm, parameters, login))
        if response.status != _OK:
            refusal = "refused the credentials" if login else "gave no token to an anonymous user"
            details = f"; {note}" if note else ""
            raise HttpError(
                f"the token service {realm.host} {refusal} (status {response.status}){details}",
                advice or ("Put the credentials right" if login else CREDENTIALS_ADVICE),
            )
        return Authorization(f"Bearer {_parse_token(response.body, realm.host)}", note)


def _token_request(
    request: HttpRequest, realm: egress.Url, parameters: dict[str, str], login: Login | None
) -> HttpRequest:
    """What the token service is asked: with GET, or with OAuth2's POST where the login is an identity token.

    It is answered where it is asked: a token service that redirects is not followed.
    """
    base_request = HttpRequest(realm, _MAX_TOKEN_RESPONSE_BYTES, request.egress_policy, max_redirects=0)
    if login and not login.username:
        form = parameters | {
            "grant_type": "refresh_token",
            "client_id": "sysdig-instrument",
            "refresh_token": login.password,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return replace(base_request, headers=headers, body=urlencode(form).encode("ascii"))
    separator = "&" if "?" in realm.target else "?"
    url = replace(realm, target=f"{realm.target}{separator}{urlencode(parameters)}")
    return replace(base_request, url=url, authorization=login.basic_authorization if login else None)


def _parse_token(body: bytes, host: str) -> str:
    try:
        payload = json.loads(body)
        token = payload.get("token") or payload.get("access_token")
    except (ValueError, RecursionError, AttributeError):
        token = None
    if not isinstance(token, str) or not token or not token.isascii():
        raise HttpError(f"the token service {host} sent no token")
    return token


# FOLDED: WWW-Authenticate: what a registry wants to see (RFC 9110, section 11.6.1; the distribution project's token spec).
# FOLDED: Credentials for registries: what they are, who has them, and whom they may be shown to.

"""Authentication at registries: Basic credentials, or a Bearer token from the registry's token service.

The flow is the distribution project's: the registry answers 401 with a challenge, the challenge names a token service
and the scope to request, and the request is repeated with the token
(distribution.github.io/distribution/spec/auth/token).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final, Protocol
from urllib.parse import urlencode

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.image_reference import DOCKER_HUB
from sysdig_instrument.lazy_dataclasses import dataclass, field, replace
from sysdig_instrument.lookup import egress
from sysdig_instrument.lookup.errors import CREDENTIALS_ADVICE, HttpError, UnavailableError
from sysdig_instrument.lookup.http import HttpClient, HttpRequest, HttpResponse
from sysdig_instrument.lookup.workers import Deadline, SingleFlight

# --- challenges: WWW-Authenticate (RFC 9110, section 11.6.1; the token specification above)

_TCHARS: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_AUTH_PARAM: Final = re.compile(rf'\s*({_TCHARS})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TCHARS}))\s*(?:,|$)')
_AUTH_SCHEME: Final = re.compile(rf"[\s,]*({_TCHARS})(?:\s+|\s*,|$)")
_QUOTED_PAIR: Final = re.compile(r"\\(.)")

MAX_CHALLENGE_BYTES: Final = 8 << 10
"""Limit of all WWW-Authenticate headers of a response together, which have some hundred bytes."""

MAX_CHALLENGES: Final = 16
"""Limit of challenges in a response: registries send one or two."""


@dataclass(frozen=True, slots=True)
class BearerChallenge:
    """Requires a token from the token service at ``realm``, for ``service`` and ``scope`` (empty if not given)."""

    realm: str
    service: str
    scope: str


@dataclass(frozen=True, slots=True)
class BasicChallenge:
    """Requires a user name and a password."""


def parse_www_authenticate(headers: Iterable[str]) -> BearerChallenge | BasicChallenge | None:
    """Return the challenge to answer: Bearer if there is one, else Basic; None if there is neither.

    Docker Hub and others send one challenge; Harbor and Nexus may send both. Unknown and malformed challenges are
    skipped, and so is everything beyond the limits of a response.
    """
    challenges = list(islice(_parse_challenges(headers), MAX_CHALLENGES))
    for scheme, parameters in challenges:
        if scheme == "bearer" and "realm" in parameters:
            return BearerChallenge(parameters["realm"], parameters.get("service", ""), parameters.get("scope", ""))
    return BasicChallenge() if any(scheme == "basic" for scheme, _ in challenges) else None


def _parse_challenges(headers: Iterable[str]) -> Iterator[tuple[str, dict[str, str]]]:
    remaining = MAX_CHALLENGE_BYTES
    for header in headers:
        remaining -= len(header)  # urllib3 decodes each byte as one character
        if remaining < 0:
            return
        yield from _parse_challenge_list(header)


def _parse_challenge_list(header: str) -> Iterator[tuple[str, dict[str, str]]]:
    position = 0
    while scheme := _AUTH_SCHEME.match(header, position):
        parameters = {}
        position = scheme.end()
        while parameter := _AUTH_PARAM.match(header, position):
            name, quoted, bare = parameter.groups()
            parameters[name.lower()] = bare if bare is not None else _QUOTED_PAIR.sub(r"\1", quoted)
            position = parameter.end()
        yield scheme[1].lower(), parameters


# --- logins, and which token services may receive them

KNOWN_TOKEN_SERVICES: Final[Mapping[str, str]] = {DOCKER_HUB: "auth.docker.io"}
"""Registries whose token service has an unrelated host (docs.docker.com/reference/api/registry/auth)."""


@dataclass(frozen=True, slots=True)
class Login:
    """A user name and a password; or, if the user name is empty, an identity token in ``password``.

    An identity token is an OAuth2 refresh token: a token service exchanges it; registries do not accept it directly.
    """

    username: str
    password: str = field(repr=False)

    @property
    def basic_authorization(self) -> str:
        """Return the Authorization header of the Basic scheme (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode("ascii")


class CredentialProvider(Protocol):
    """A source of logins for registries."""

    def find_login(self, registry: str) -> Login | None:
        """Return the login for a registry (``docker.io``, ``registry.example.com:5000``); None if there is none.

        Raises:
            UnavailableError: There is one, but it cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class ChainedCredentials:
    """Returns the first login that its providers have. Without providers, requests are anonymous."""

    providers: tuple[CredentialProvider, ...] = ()

    def find_login(self, registry: str) -> Login | None:
        """See :class:`CredentialProvider`."""
        return next(
            (login for provider in self.providers if (login := provider.find_login(registry)) is not None), None
        )


ANONYMOUS: Final = ChainedCredentials()


def is_trusted_realm(registry: str, realm_host: str, token_services: Mapping[str, str]) -> bool:
    """Return whether a registry's login may be sent to the token service that the registry names.

    Any registry can name any token service, so the name alone proves nothing. A login is sent to

    - the registry's own host, on any port (GHCR, Quay, Azure, Google, Artifactory, Harbor, …);
    - a parent domain of the registry with two labels or more: its owner also owns the registry's name
      (registry.gitlab.com → gitlab.com, and self-managed GitLab);
    - Docker Hub's token service, from Docker Hub; and the token service that the settings name for this registry.

    Sibling hosts (a.example.com → b.example.com) are not trusted: under azurecr.io or co.uk they have different owners.
    Any other token service is asked for an anonymous token.
    """
    host = registry.rpartition(":")[0] if registry.rpartition(":")[2].isdigit() else registry
    host = host.strip("[]")
    trusted = {host, KNOWN_TOKEN_SERVICES.get(registry), token_services.get(registry)}
    return realm_host in trusted or ("." in realm_host and host.endswith(f".{realm_host}"))


# --- authorizations

_MAX_TOKEN_RESPONSE_BYTES: Final = 1 << 20
"""Limit for a token service's response; tokens have a few thousand bytes."""

_REGISTRY_PATH: Final = r"/v2/(?P<repository>[a-z0-9][a-z0-9._/-]*)/(manifests|blobs)/[^/?]+"
"""The path of a manifest or blob in the distribution specification."""

_UNAUTHORIZED: Final = 401
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class PullScope:
    """The scope of an authorization: pulling from one repository with one set of credentials.

    ``secret_id`` is the ARN or name of the container's own secret, if it has one.
    """

    registry: str
    repository: str
    secret_id: str | None


NO_NOTE: Final = Reason("", "", code=Code.AUTHORIZATION_SERVICE)


@dataclass(frozen=True, slots=True)
class Authorization:
    """The value of an Authorization header; None for an anonymous request.

    ``note`` says why no credentials were used, and what to do: they could not be read, or were not sent. It becomes part
    of the message if the registry refuses the request.
    """

    header: str | None
    note: Reason = NO_NOTE


class RegistryAuth:
    """Authenticates the requests of one run. Each authorization is obtained once and reused for its repository."""

    def __init__(self, http: HttpClient, token_services: Mapping[str, str], deadline: Deadline) -> None:
        self._http = http
        self._token_services = token_services
        self._authorizations: SingleFlight[PullScope, Authorization] = SingleFlight(deadline)
        self._logins: SingleFlight[tuple[str, str | None], Login | None] = SingleFlight(deadline)
        self._challenges: dict[str, BearerChallenge | BasicChallenge] = {}

    def send(
        self, request: HttpRequest, pull_scope: PullScope, credentials: CredentialProvider
    ) -> tuple[HttpResponse, Reason]:
        """Return the registry's response, authenticated if the registry requires it, and the authorization's note.

        Raises:
            HttpError: The registry or its token service gave no usable response.
        """
        auth_challenge = self._challenges.get(pull_scope.registry)
        if auth_challenge is not None:
            try:
                return self._send_authorized(request, pull_scope, auth_challenge, credentials)
            except HttpError:  # another repository's challenge; this one may be public
                response, _ = self._http.send(request)
                if response.status == _UNAUTHORIZED:
                    raise
                return response, NO_NOTE
        response, answered = self._http.send(request)
        if response.status != _UNAUTHORIZED:
            return response, NO_NOTE
        auth_challenge = parse_www_authenticate(response.headers.getlist("WWW-Authenticate"))
        if auth_challenge is None:
            return response, NO_NOTE
        if answered.url.origin != request.url.origin:
            return self._send_anonymously(answered, response, auth_challenge)
        self._challenges[pull_scope.registry] = auth_challenge
        return self._send_authorized(request, pull_scope, auth_challenge, credentials)

    def _send_authorized(
        self,
        request: HttpRequest,
        pull_scope: PullScope,
        auth_challenge: BearerChallenge | BasicChallenge,
        credentials: CredentialProvider,
    ) -> tuple[HttpResponse, Reason]:
        authorization = self._authorizations.get(
            pull_scope, lambda: self._authorize(request, pull_scope, auth_challenge, credentials)
        )
        response, _ = self._http.send(replace(request, authorization=authorization.header))
        return response, authorization.note

    def _send_anonymously(
        self, request: HttpRequest, response: HttpResponse, auth_challenge: BearerChallenge | BasicChallenge
    ) -> tuple[HttpResponse, Reason]:
        """Return the response of the registry that another one redirected to, with an anonymous token of its own.

        It must not receive the credentials of the registry that redirected to it.
        """
        path = re.fullmatch(_REGISTRY_PATH, request.url.target)
        if path is None or not isinstance(auth_challenge, BearerChallenge):
            return response, NO_NOTE
        pull_scope = PullScope(request.url.netloc, path["repository"], None)
        authorization = self._bearer_authorization(request, pull_scope, auth_challenge, None, NO_NOTE)
        response, _ = self._http.send(replace(request, authorization=authorization.header))
        return response, NO_NOTE

    def _authorize(
        self,
        request: HttpRequest,
        pull_scope: PullScope,
        auth_challenge: BearerChallenge | BasicChallenge,
        credentials: CredentialProvider,
    ) -> Authorization:
        note = NO_NOTE
        try:
            login = self._logins.get(
                (pull_scope.registry, pull_scope.secret_id), lambda: credentials.find_login(pull_scope.registry)
            )
        except UnavailableError as error:  # the image may still be public
            login, note = None, error.reason
        if isinstance(auth_challenge, BearerChallenge):
            return self._bearer_authorization(request, pull_scope, auth_challenge, login, note)
        return Authorization(login.basic_authorization if login and login.username else None, note)

    def _bearer_authorization(
        self,
        request: HttpRequest,
        pull_scope: PullScope,
        auth_challenge: BearerChallenge,
        login: Login | None,
        note: Reason,
    ) -> Authorization:
        realm = egress.parse_url(auth_challenge.realm)
        if login and not is_trusted_realm(pull_scope.registry, realm.host, self._token_services):
            login = None
            note = Reason(
                f"no credentials were sent, because its host does not belong to {pull_scope.registry}",
                f"If {realm.host} is this registry's token service, add it to TokenServices",
                code=Code.AUTHORIZATION_SERVICE,
            )
        # A registry may use a scope of its own ("aws" at public.ecr.aws). Otherwise request pull access and no more.
        custom_scope = auth_challenge.scope and not auth_challenge.scope.startswith("repository:")
        scope = auth_challenge.scope if custom_scope else f"repository:{pull_scope.repository}:pull"
        parameters = {"scope": scope} | ({"service": auth_challenge.service} if auth_challenge.service else {})
        response, _ = self._http.send(_token_request(request, realm, parameters, login))
        if response.status != _OK:
            refusal = "rejected the credentials" if login else "did not issue an anonymous token"
            details = f"; {note.fact}" if note.fact else ""
            raise HttpError(
                f"the token service {realm.host} {refusal} (status {response.status}){details}",
                note.advice or ("Correct the credentials" if login else CREDENTIALS_ADVICE),
            )
        return Authorization(f"Bearer {_parse_token(response.body, realm.host)}", note)


def _token_request(
    request: HttpRequest, realm: egress.Url, parameters: dict[str, str], login: Login | None
) -> HttpRequest:
    """Return the request for a token: a GET, or an OAuth2 POST if the login is an identity token.

    Redirects of a token service are not followed.
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
        raise HttpError(f"the token service {host} returned no valid token")
    return token

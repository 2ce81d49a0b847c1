"""Getting a request admitted at its registry: Basic credentials, or a Bearer token from the token service.

The dance is the distribution project's: a request is refused with a challenge, the challenge names a token service and
what to ask it for, its token goes with the second try (distribution.github.io/distribution/spec/auth/token).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from sysdig_instrument.registry import challenge, urls
from sysdig_instrument.registry.challenge import Basic, Bearer
from sysdig_instrument.registry.errors import CREDENTIALS_REMEDY, HttpError, NoAnswerError
from sysdig_instrument.registry.http import Http, Request
from sysdig_instrument.registry.login import Credentials, Login, trusts
from sysdig_instrument.registry.once import Once
from sysdig_instrument.values import dataclass, replace

if TYPE_CHECKING:
    from sysdig_instrument.registry.connection import Response
    from sysdig_instrument.registry.deadline import Deadline

_LONGEST: Final = 1 << 20
"""Bytes of a token service's response: tokens have some thousand."""

_UNAUTHORIZED: Final = 401
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Visit:
    """A repository at a registry, as somebody: what a token is for. ``who`` tells the credentials apart."""

    registry: str
    repository: str
    who: str | None


@dataclass(frozen=True, slots=True)
class Admission:
    """An Authorization header, or None where there is none to send; ``note`` says what stood in the way of a better one.

    ``note`` goes into the message if the registry then refuses: the login could not be read, or was not sent.
    """

    header: str | None
    note: str = ""


class Doorkeeper:
    """The admissions of one run: each is obtained once, and kept for all images of the same repository."""

    def __init__(self, http: Http, token_services: Mapping[str, str], deadline: Deadline) -> None:
        self._http = http
        self._token_services = token_services
        self._admissions: Once[Visit, Admission] = Once(deadline)
        self._logins: Once[tuple[str, str | None], Login | None] = Once(deadline)
        self._challenges: dict[str, Bearer | Basic] = {}

    def send(self, request: Request, visit: Visit, credentials: Credentials) -> tuple[Response, str]:
        """The registry's response to a request, with admission if it wants any; and the admission's note.

        Raises:
            HttpError: The registry or its token service gave no usable response.
        """
        wanted = self._challenges.get(visit.registry)
        if wanted is None:
            response, stayed = self._http.send(request)
            # Somebody that the registry redirected to has no business with its credentials.
            if response.status != _UNAUTHORIZED or not stayed:
                return response, ""
            wanted = challenge.parse(response.headers.get_all("WWW-Authenticate", []))
            if wanted is None:
                return response, ""
            self._challenges[visit.registry] = wanted
        admission = self._admissions.get(visit, lambda: self._admission(request, visit, wanted, credentials))
        response, _ = self._http.send(replace(request, authorization=admission.header))
        return response, admission.note

    def _admission(self, request: Request, visit: Visit, wanted: Bearer | Basic, credentials: Credentials) -> Admission:
        note = ""
        try:
            login = self._logins.get((visit.registry, visit.who), lambda: credentials.login(visit.registry))
        except NoAnswerError as error:  # the image may be public all the same
            login, note = None, error.reason.fact
        if isinstance(wanted, Bearer):
            return self._token(request, visit, wanted, login, note)
        return Admission(login.basic if login and login.username else None, note)

    def _token(self, request: Request, visit: Visit, wanted: Bearer, login: Login | None, note: str) -> Admission:
        realm = urls.parse(wanted.realm)
        remedy = ""
        if login and not trusts(visit.registry, realm.host, self._token_services):
            login = None
            note = f"the credentials were not sent there, as its name is unlike {visit.registry}"
            remedy = f"If {realm.host} is that registry's own token service, name it in TokenServices"
        # A registry may want a scope that is no repository's ("aws" at public.ecr.aws); never more than pull of this.
        foreign = wanted.scope and not wanted.scope.startswith("repository:")
        scope = wanted.scope if foreign else f"repository:{visit.repository}:pull"
        question = {"scope": scope} | ({"service": wanted.service} if wanted.service else {})
        response, _ = self._http.send(_question(request, realm, question, login))
        if response.status != _OK:
            what = "refused the credentials" if login else "gave no token to an anonymous user"
            because = f"; {note}" if note else ""
            raise HttpError(
                f"the token service {realm.host} {what} (status {response.status}){because}",
                remedy or ("Put the credentials right" if login else CREDENTIALS_REMEDY),
            )
        return Admission(f"Bearer {_token_of(response.body, realm.host)}", note)


def _question(request: Request, realm: urls.Url, question: dict[str, str], login: Login | None) -> Request:
    """What the token service is asked: with GET, or with OAuth2's POST where the login is an identity token.

    It is answered where it is asked: a token service that redirects is not followed.
    """
    plain = Request(realm, _LONGEST, request.reach, redirects=0)
    if login and not login.username:
        form = question | {
            "grant_type": "refresh_token",
            "client_id": "sysdig-instrument",
            "refresh_token": login.password,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return replace(plain, headers=headers, body=urlencode(form).encode("ascii"))
    mark = "&" if "?" in realm.target else "?"
    url = replace(realm, target=f"{realm.target}{mark}{urlencode(question)}")
    return replace(plain, url=url, authorization=login.basic if login else None)


def _token_of(body: bytes, host: str) -> str:
    try:
        answer = json.loads(body)
        token = answer.get("token") or answer.get("access_token")
    except (ValueError, RecursionError, AttributeError):
        token = None
    if not isinstance(token, str) or not token or not token.isascii():
        raise HttpError(f"the token service {host} sent no token")
    return token

"""Fuzz targets for the parsers of data from registries, AWS and Docker. Each parser has more properties than not to crash."""

from __future__ import annotations

import io
import json
import socket
import ssl
from dataclasses import dataclass
from http.client import HTTPException, parse_headers
from math import isnan
from pathlib import Path
from typing import Any, cast

from urllib3 import HTTPHeaderDict

from sysdig_instrument.engine import image_reference as reference
from sysdig_instrument.engine.image_reference import InvalidReferenceError
from sysdig_instrument.engine.lookups import ImageConfig
from sysdig_instrument.lookup import auth, egress, http, oci
from sysdig_instrument.lookup.auth import BearerChallenge, Login, is_trusted_realm
from sysdig_instrument.lookup.docker_config import DockerConfig
from sysdig_instrument.lookup.egress import EgressPolicy, Resolver, Url
from sysdig_instrument.lookup.errors import HttpError, UnavailableError
from sysdig_instrument.lookup.http import HttpClient, HttpRequest, HttpResponse
from sysdig_instrument.lookup.oci import ACCEPTED_MEDIA_TYPES, Index, RawManifest
from sysdig_instrument.lookup.workers import Deadline, MonotonicClock

_HOST = "registry.example.com"


def image_reference(data: bytes) -> None:
    """A reference survives formatting and parsing, and its URL has the host and the path of the reference."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        read = reference.parse_reference(text)
    except InvalidReferenceError as error:
        assert text not in str(error) or len(text) < 30, "the message repeats the reference"
        return
    again = reference.parse_reference(str(read))
    assert str(again) == str(read)
    assert (again.registry, again.repository, again.tag_or_digest) == (
        read.registry,
        read.repository,
        read.tag_or_digest,
    )
    assert str(read).isascii()
    assert str(read).isprintable()
    try:
        url = EgressPolicy().registry_url(read.registry, f"/v2/{read.repository}/manifests/{read.tag_or_digest}")
    except HttpError:  # the port is out of range
        return
    host, _, port = read.registry.rpartition(":")
    assert url.scheme == "https"
    assert url.host == (host if port.isdigit() and host else read.registry).strip("[]").rstrip(".")
    _one_request(HttpRequest(url, 1))


def challenges(data: bytes) -> None:
    """The realm of WWW-Authenticate is a valid URL or is refused; credentials are only sent to trusted realms."""
    lines = data.decode("latin-1").split("\n")
    challenge = auth.parse_www_authenticate(lines)
    if isinstance(challenge, BearerChallenge):
        try:
            realm = egress.parse_url(challenge.realm)
        except HttpError:
            return
        assert egress.parse_url(f"{realm.scheme}://{realm.netloc}{realm.target}") == realm
        if is_trusted_realm(_HOST, realm.host, {}):
            assert realm.host in {_HOST, "example.com"}
        parameters = {"scope": challenge.scope, "service": challenge.service}
        for login in (None, Login("user", "word"), Login("", "token")):
            _one_request(auth._token_request(HttpRequest(realm, 1), realm, parameters, login))


def _one_request(request: HttpRequest) -> None:
    """Check that a request is well-formed: data from a server cannot add lines to it."""
    try:
        headers = request.all_headers()
    except HttpError:
        return
    for text in (request.url.target, *headers, *headers.values()):
        assert text.isascii()
        assert text.isprintable()
    assert " " not in request.url.target


def redirects(data: bytes) -> None:
    """Credentials are only sent to the origin of the registry, wherever it redirects to."""
    before = HttpRequest(Url("https", _HOST, 443, "/v2/a"), 1, authorization="Basic x")
    try:
        after = http._redirect(before, data.decode("latin-1"))
    except HttpError:
        return
    assert (after.authorization is None) == (after.url.origin != before.url.origin)
    _one_request(after)


def manifests(data: bytes) -> None:
    """An index or a manifest is parsed, or refused with a printable message; a platform's manifests are from the index."""
    media_type = ("", *ACCEPTED_MEDIA_TYPES)[data[0] % 5] if data else ""
    document = RawManifest(data[1:], media_type)
    try:
        read = oci.parse_manifest(document)
    except HttpError as error:
        assert error.fact.isprintable()
        return
    if isinstance(read, Index):
        for architecture in ("amd64", "arm64"):
            assert set(oci.manifests_for_platform(read, architecture)) <= set(read.manifests)
    else:
        assert read.config.size >= 0


def configs(data: bytes) -> None:
    """ENTRYPOINT and CMD of an image are strings, and none is a dynamic reference that CloudFormation would resolve."""
    try:
        read = oci.parse_image_config(data)
    except HttpError:
        return
    assert isinstance(read, ImageConfig)
    for argument in (*read.entrypoint, *read.cmd):
        assert isinstance(argument, str)
        assert "{{resolve:" not in argument


def token_answers(data: bytes) -> None:
    """The response of a token service gives a token that is valid in a header, or an error."""
    try:
        token = auth._parse_token(data, _HOST)
    except HttpError:
        return
    assert token
    _one_request(HttpRequest(Url("https", _HOST, 443, "/"), 1, authorization=f"Bearer {token}"))


def retry_after(data: bytes) -> None:
    """The pause is a number, and not shorter than the default, whatever the headers are."""
    try:
        headers = parse_headers(io.BytesIO(data))
    except HTTPException:  # Connection turns it into an HttpError
        return
    response = HttpResponse(429, HTTPHeaderDict(headers.items()), b"")
    pause = http._retry_after_seconds(response, 0.2)
    assert pause >= 0.2
    assert not isnan(pause)


@dataclass
class _Wire:
    """A socket over which the server has sent some bytes before it closed the connection."""

    sent: bytes

    def makefile(self, *_: object, **__: object) -> io.BytesIO:
        return io.BytesIO(self.sent)

    def settimeout(self, _seconds: float) -> None: ...
    def setsockopt(self, *_: object) -> None: ...
    def sendall(self, _request: bytes) -> None: ...
    def close(self) -> None: ...


_MAX_BODY = 2000


def http_responses(data: bytes) -> None:
    """Any bytes give a response within the size limit, or an error; a body with a Content-Length is complete."""
    url = Url("http", _HOST, 80, "/")
    deadline = Deadline.after(60, MonotonicClock())
    client = HttpClient(
        Resolver(lambda _host, port: [("10.0.0.1", port)], deadline),
        deadline,
        make_ssl_context=ssl.create_default_context,
        create_connection=lambda _address, _timeout: cast("socket.socket", _Wire(data)),
    )
    try:
        response = client._send_once(HttpRequest(url, _MAX_BODY, EgressPolicy(frozenset({url.origin}))))
    except HttpError as error:
        assert error.fact.isprintable()
        return
    assert len(response.body) <= _MAX_BODY
    assert 100 <= response.status <= 999
    announced = response.headers.get("Content-Length", "")
    if announced.isdecimal() and "Transfer-Encoding" not in response.headers and response.status not in (204, 304):
        assert response.status < 200 or len(response.body) == int(announced)


@dataclass
class _File:
    """A path to a file with these bytes."""

    data: bytes

    def read_bytes(self) -> bytes:
        return self.data

    def __str__(self) -> str:
        return "config.json"


def docker_configs(data: bytes) -> None:
    """Docker's config.json gives credentials, none, or a printable message."""
    path = cast("Path", _File(data))

    def helper(name: str, _server: str) -> str | None:
        assert "/" not in name
        return data.decode("utf-8", "replace")

    for registry in ("docker.io", "ghcr.io", _HOST):
        try:
            login = DockerConfig(path, helper).find_login(registry)
        except UnavailableError as error:
            assert error.reason.fact.isprintable()
            continue
        if login:
            assert isinstance(login.password, str)
            login.basic_authorization.encode("ascii")


def aws_answers(data: bytes) -> None:
    """A secret gives credentials, or an error that says what it must hold."""
    from sysdig_instrument.lookup.secrets import Secrets  # noqa: PLC0415 - it imports botocore

    class Client:
        def get_secret_value(self, **_: Any) -> dict[str, Any]:
            return {"SecretString": data.decode("utf-8", "replace")}

    class Clients:
        def client(self, *_: object, **__: object) -> Client:
            return Client()

    try:
        login = Secrets(cast("Any", Clients()), "eu-west-1", Deadline.after(60, MonotonicClock())).get_login("name")
    except UnavailableError as error:
        assert "JSON object" in error.reason.fact
        return
    json.dumps([login.username, login.password])
    login.basic_authorization.encode("ascii")

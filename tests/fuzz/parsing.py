"""The parsers of what registries and templates send: each takes any bytes, and has properties beside not to crash."""

from __future__ import annotations

import io
import json
import socket
from dataclasses import dataclass
from http.client import HTTPException, parse_headers
from math import isnan
from pathlib import Path
from typing import Any, cast

from sysdig_instrument.engine.lookups import ImageConfig
from sysdig_instrument.registry import challenge, http, manifest, reference, tokens, urls
from sysdig_instrument.registry.challenge import Bearer
from sysdig_instrument.registry.connection import Connection
from sysdig_instrument.registry.deadline import Deadline, MonotonicClock
from sysdig_instrument.registry.docker_config import DockerConfig
from sysdig_instrument.registry.errors import HttpError, NoAnswerError
from sysdig_instrument.registry.http import Request
from sysdig_instrument.registry.login import Login, trusts
from sysdig_instrument.registry.manifest import ACCEPTED, Document, Index
from sysdig_instrument.registry.reference import InvalidReferenceError
from sysdig_instrument.registry.urls import Reach, Url

_HOST = "registry.example.com"


def image_reference(data: bytes) -> None:
    """A reference that can be read is written as one that reads the same, and never as more than a host and a path."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        read = reference.parse(text)
    except InvalidReferenceError as error:
        assert text not in str(error) or len(text) < 30, "the text is repeated"
        return
    again = reference.parse(str(read))
    assert str(again) == str(read)
    assert (again.registry, again.repository, again.selector) == (read.registry, read.repository, read.selector)
    assert str(read).isascii()
    assert str(read).isprintable()
    try:
        url = Reach().registry(read.registry, f"/v2/{read.repository}/manifests/{read.selector}")
    except HttpError:  # a port beyond the last one
        return
    host, _, port = read.registry.rpartition(":")
    assert url.scheme == "https"
    assert url.host == (host if port.isdigit() and host else read.registry).strip("[]").rstrip(".")
    _one_request(Request(url, 1))


def challenges(data: bytes) -> None:
    """What WWW-Authenticate names is a URL that a request can go to, or none; a login only goes where it may."""
    lines = data.decode("latin-1").split("\n")
    wanted = challenge.parse(lines)
    if isinstance(wanted, Bearer):
        try:
            realm = urls.parse(wanted.realm)
        except HttpError:
            return
        assert urls.parse(f"{realm.scheme}://{realm.netloc}{realm.target}") == realm
        if trusts(_HOST, realm.host, {}):
            assert realm.host in {_HOST, "example.com"}
        question = {"scope": wanted.scope, "service": wanted.service}
        for login in (None, Login("user", "word"), Login("", "token")):
            _one_request(tokens._question(Request(realm, 1), realm, question, login))


def _one_request(request: Request) -> None:
    """The text of a request is one: nothing that a server sent ends its lines."""
    try:
        text = request.text()
    except HttpError:
        return
    head, _, body = text.partition(b"\r\n\r\n")
    assert body == (request.body or b"")
    assert b"\n" not in head.replace(b"\r\n", b"")
    assert b"\r" not in head.replace(b"\r\n", b"")
    assert len(head.split(b"\r\n")[0].split(b" ")) == len(("GET", "target", "HTTP/1.1"))


def redirects(data: bytes) -> None:
    """Wherever a registry redirects to: credentials stay with its origin, and the place is one host's."""
    before = Request(Url("https", _HOST, 443, "/v2/a"), 1, authorization="Basic x")
    try:
        after = http.Http._follow(before, data.decode("latin-1"))
    except HttpError:
        return
    assert (after.authorization is None) == (after.url.origin != before.url.origin)
    _one_request(after)


def manifests(data: bytes) -> None:
    """An index or a manifest, read or refused in our own words; what it leads to is in it."""
    media_type = ("", *ACCEPTED)[data[0] % 5] if data else ""
    document = Document(data[1:], media_type)
    try:
        read = manifest.parse(document)
    except HttpError as error:
        assert error.what.isprintable()
        return
    if isinstance(read, Index):
        for architecture in ("amd64", "arm64"):
            assert set(manifest.for_platform(read, architecture)) <= set(read.manifests)
    else:
        assert read.config.size >= 0


def configs(data: bytes) -> None:
    """An image's configuration: what is read of it is words, none of which CloudFormation would resolve."""
    try:
        read = manifest.parse_config(data)
    except HttpError:
        return
    assert isinstance(read, ImageConfig)
    for word in (*read.entrypoint, *read.cmd):
        assert isinstance(word, str)
        assert "{{resolve:" not in word


def token_answers(data: bytes) -> None:
    """A token service's answer: a token that a header can hold, or a message."""
    try:
        token = tokens._token_of(data, _HOST)
    except HttpError:
        return
    assert token
    _one_request(Request(Url("https", _HOST, 443, "/"), 1, authorization=f"Bearer {token}"))


def retry_after(data: bytes) -> None:
    """Any headers give a pause that is a number, and not less than ours."""
    try:
        headers = parse_headers(io.BytesIO(data))
    except HTTPException:  # as Connection makes of it
        return
    pause = http._retry_after(headers, 0.2)
    assert pause >= 0.2
    assert not isnan(pause)


@dataclass
class _Wire:
    """A socket that somebody has sent some bytes over, and has closed."""

    sent: io.BytesIO

    def recv_into(self, buffer: memoryview) -> int:
        return self.sent.readinto(buffer)

    def settimeout(self, _seconds: float) -> None: ...
    def sendall(self, _request: bytes) -> None: ...
    def close(self) -> None: ...


_MOST = 2000


def http_responses(data: bytes) -> None:
    """Any bytes are a response within the limit, or an error; a body that was announced is whole."""
    wire = cast("socket.socket", _Wire(io.BytesIO(data)))
    deadline = Deadline.after(60, MonotonicClock())
    connection = Connection((("https", _HOST, 443), False), wire, deadline)
    try:
        response = connection.exchange(b"GET / HTTP/1.1\r\n\r\n", _MOST)
    except HttpError:
        assert not connection.reusable
        return
    assert len(response.body) <= _MOST
    assert 100 <= response.status <= 999
    announced = response.headers.get("Content-Length", "")
    if announced.isdecimal() and "Transfer-Encoding" not in response.headers and response.status not in (204, 304):
        assert response.status < 200 or len(response.body) == int(announced)


@dataclass
class _File:
    """What a path leads to."""

    data: bytes

    def read_bytes(self) -> bytes:
        return self.data

    def __str__(self) -> str:
        return "config.json"


def docker_configs(data: bytes) -> None:
    """Docker's config.json: a login or none, or a message that has nothing of it."""
    path = cast("Path", _File(data))

    def helper(name: str, _server: str) -> str | None:
        assert "/" not in name
        return data.decode("utf-8", "replace")

    for registry in ("docker.io", "ghcr.io", _HOST):
        try:
            login = DockerConfig(path, helper).login(registry)
        except NoAnswerError as error:
            assert error.reason.fact.isprintable()
            continue
        if login:
            assert isinstance(login.password, str)
            login.basic.encode("ascii")


def aws_answers(data: bytes) -> None:
    """A secret's text: a login, or none. An error code of AWS's: letters and digits, or nothing of it."""
    from sysdig_instrument.registry.secrets import Secrets  # noqa: PLC0415 - boto3 comes with it

    class Client:
        def get_secret_value(self, **_: Any) -> dict[str, Any]:
            return {"SecretString": data.decode("utf-8", "replace")}

    class Clients:
        def client(self, *_: object, **__: object) -> Client:
            return Client()

    try:
        login = Secrets(cast("Any", Clients()), "eu-west-1", Deadline.after(60, MonotonicClock())).login("name")
    except NoAnswerError as error:
        assert "JSON object" in error.reason.fact
        return
    json.dumps([login.username, login.password])
    login.basic.encode("ascii")

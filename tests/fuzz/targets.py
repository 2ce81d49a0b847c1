"""The fuzz targets: each is a function that takes any bytes, with seeds to begin with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final, cast

from lookup.content import Store

_TESTS: Final = Path(__file__).parents[1]
_NOISE: Final = 8192


def _cases(*patterns: str) -> list[bytes]:
    return [path.read_bytes() for pattern in patterns for path in sorted((_TESTS / "cases").glob(pattern))]


def _references() -> list[bytes]:
    digest = "sha256:" + "0123456789abcdef" * 4
    return [
        text.encode()
        for text in (
            "nginx", "localhost:5000/a/b:1", f"ghcr.io/o/a_b__c-d--e.f:T.a_g-1@{digest}", "[::1]:5000/app", "Host.example.com/a",
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/app:1", "index.docker.io/library/nginx", "sha512:" + "0" * 128,
        )
    ]  # fmt: skip


def _challenges() -> list[bytes]:
    return [
        b'Bearer realm="https://auth.example.com/token?a=b",service="registry.example.com",scope="repository:a:pull"',
        b'Basic realm="x", Bearer realm="https://[::1]:5000/t"',
        b'Negotiate abc==\nbearer Realm="https:\\/\\/example.com/" , Scope=aws',
    ]


def _store() -> Store:
    store = Store()
    store.multi_platform_image("multi")
    store.image("docker", entrypoint=["/a"], cmd=["b"], docker=True)
    return store


def _configs() -> Iterable[bytes]:
    return _store().blobs.values()


def _manifests() -> list[bytes]:
    return [bytes([kind]) + body for kind in range(5) for _, body in _store().manifests.values()]


def _responses() -> list[bytes]:
    return [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDocker-Content-Digest: sha256:0\r\n\r\n{}",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\nA: b\r\n\r\n",
        b"HTTP/1.0 401 Unauthorized\r\nConnection: keep-alive\r\nWWW-Authenticate: Basic\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
    ]


def _headers() -> list[bytes]:
    return [
        b"Retry-After: 120\r\n\r\n",
        b"Retry-After: Wed, 21 Oct 2015 07:28:10 GMT\r\nDate: Wed, 21 Oct 2015 07:28:00 GMT\r\n\r\n",
    ]


def _docker_configs() -> list[bytes]:
    auths = {"ghcr.io": {"auth": "dTpw"}, "https://index.docker.io/v1/": {"identitytoken": "t"}}
    value = {"auths": auths, "credsStore": "desktop", "credHelpers": {"registry.example.com": "ecr-login"}}
    return [json.dumps(value).encode(), b'{"Username": "<token>", "Secret": "s", "credsStore": "x"}']


def _documents() -> list[bytes]:
    return [*_cases("*/template.*", "*/task-definition.json"), b"a: &b [1, {c: !Ref d}]\ne: *b\n<<: {f: |\n  g\n}\n"]


def _events() -> list[bytes]:
    return [path.read_bytes() for path in sorted((_TESTS.parent / "events").glob("*.json"))]


def _noise() -> list[bytes]:
    """Return inputs that are long enough for Hypothesis to build a complete example from."""
    return [hashlib.shake_256(bytes([number])).digest(_NOISE) for number in range(20)]


@dataclass(frozen=True)
class Target:
    """A function by its module and name. It is only imported by the process that measures its coverage."""

    name: str
    seeds: Callable[[], Iterable[bytes]]
    max_length: int = 4096

    def function(self) -> Callable[[bytes], None]:
        """Return the function that takes the bytes."""
        module, name = self.name.split(".")
        return cast("Callable[[bytes], None]", getattr(import_module(f"fuzz.{module}"), name))


TARGETS = {
    target.name.split(".")[1]: target
    for target in (
        Target("parsing.image_reference", _references, 400),
        Target("parsing.challenges", _challenges, 1000),
        Target("parsing.redirects", lambda: [b"/v2/b", b"https://cdn.example.com:444/x?y=z", b"//a/b"], 400),
        Target("parsing.manifests", _manifests),
        Target("parsing.configs", _configs),
        Target("parsing.token_answers", lambda: [b'{"token": "t"}', b'{"access_token": "t"}'], 400),
        Target("parsing.retry_after", _headers, 400),
        Target("parsing.http_responses", _responses),
        Target("parsing.docker_configs", _docker_configs, 1000),
        Target("parsing.aws_answers", lambda: [b'{"username": "u", "password": "p"}'], 400),
        Target("documenting.documents", _documents, 8192),
        Target("documenting.transformed", _documents, 8192),
        Target("handling.json_text", _events, 8192),
        Target("handling.any_json", _noise, 2 * _NOISE),
        Target("handling.broken_templates", _noise, 2 * _NOISE),
        Target("handling.whole_templates", _noise, 2 * _NOISE),
    )
}

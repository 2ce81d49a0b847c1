"""Image configs from the Docker daemon of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lookup.docker_daemon import daemon_with, image
from sysdig_instrument.engine.lookups import ImageConfig, ImageLookup, Unavailable
from sysdig_instrument.lookup import docker_engine
from sysdig_instrument.lookup.docker_engine import DockerEngine

DIGEST = "sha256:" + "a" * 64
IMAGES: dict[str, Any] = {
    "docker.io/library/web:1": image(["/entry"], ["serve"]),
    "docker.io/library/deadbeef:latest": image(["/named"]),
    "ghcr.io/shop/api:2": image(None, None, "arm64"),
    f"ghcr.io/shop/api@{DIGEST}": image("/as-text", []),
    "docker.io/library/windows:1": image(["/x"], Os="windows"),
    "docker.io/library/nothing:1": {"Os": "linux", "Architecture": "amd64"},
    "docker.io/library/long:1": image(["x" * 70_000]),
    "docker.io/library/secret:1": image(["{{resolve:secretsmanager:x}}"]),
    "docker.io/library/number:1": image([1]),
    "docker.io/library/no-json:1": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnope",
    "docker.io/library/list:1": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
    "docker.io/library/short:1": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{",
    "docker.io/library/no-http:1": b"SSH-2.0-x\r\n\r\n",
    "docker.io/library/failure:1": b"HTTP/1.1 500 planted-text\r\nContent-Length: 0\r\n\r\n",
    "docker.io/library/redirect:1": b"HTTP/1.1 302 Found\r\nLocation: http://planted.example/\r\nContent-Length: 0\r\n\r\n",
    "docker.io/library/large:1": b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b" " * 5_000_000,
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    with daemon_with(IMAGES, tmp_path_factory.mktemp("d")) as running:
        yield running


@pytest.fixture
def engine(running: tuple[str, list[tuple[str, Any]]]) -> DockerEngine:
    running[1].clear()
    return DockerEngine.from_environment({"DOCKER_HOST": running[0]})


@pytest.mark.parametrize(
    ("name", "architecture", "expected"),
    [
        pytest.param("web:1", "amd64", ImageConfig(("/entry",), ("serve",)), id="both"),
        pytest.param("docker.io/library/web:1", "amd64", ImageConfig(("/entry",), ("serve",)), id="full-name"),
        pytest.param("web:1", "arm64", None, id="another-platform"),
        pytest.param("ghcr.io/shop/api:2", "arm64", ImageConfig(), id="no-program"),
        pytest.param(f"ghcr.io/shop/api:2@{DIGEST}", "amd64", ImageConfig(("/as-text",), ()), id="digest"),
        pytest.param("windows:1", "amd64", None, id="windows"),
        pytest.param("nothing:1", "amd64", ImageConfig(), id="no-config"),
        pytest.param("web:2", "amd64", None, id="no-such-image"),
        pytest.param("deadbeef", "amd64", ImageConfig(("/named",), ()), id="looks-like-an-id"),
    ],
)
def test_what_the_daemon_has(engine: DockerEngine, name: str, architecture: str, expected: object) -> None:
    assert engine.image(ImageLookup(name, architecture)) == expected


def test_a_name_is_asked_for_once_with_its_platform(
    engine: DockerEngine, running: tuple[str, list[tuple[str, Any]]]
) -> None:
    for name in ("web:1", "docker.io/library/web:1", "library/web:1"):
        engine.image(ImageLookup(name, "amd64", "a-secret"))
    assert running[1] == [("docker.io/library/web:1", {"os": "linux", "architecture": "amd64"})]


@pytest.mark.parametrize("name", ["../containers", "a b", "${X}", "x" * 300, "<IMAGE>", "a" * 64, "x?y=1", "x#y"])
def test_what_is_no_reference_is_not_asked_for(
    engine: DockerEngine, running: tuple[str, list[tuple[str, Any]]], name: str
) -> None:
    assert engine.image(ImageLookup(name)) is None
    assert running[1] == []


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("long", "its ENTRYPOINT and CMD exceed the limit of 64 KiB"),
        ("secret", "its ENTRYPOINT or CMD contains a dynamic reference"),
        ("number", "its ENTRYPOINT or CMD is not a list of strings"),
        ("no-json", "it is not a JSON object"),
        ("list", "it is not a JSON object"),
        ("short", "it is not a"),
        ("no-http", "it is not a valid HTTP response"),
        ("failure", "its status is 500"),
        ("redirect", "its status is 302"),
        ("large", "it exceeds the limit of 4 MiB"),
    ],
)
def test_an_answer_that_is_not_usable(engine: DockerEngine, name: str, fact: str) -> None:
    answer = engine.image(ImageLookup(f"{name}:1"))
    assert isinstance(answer, Unavailable)
    assert fact in answer.reason.text
    assert "planted" not in answer.reason.text


def test_a_daemon_that_sends_nothing_ends_in_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_engine, "_RUN_SECONDS", 0.05)
    with daemon_with({"docker.io/library/web:1": b"HTTP/1.1 200 OK\r\nX: "}, tmp_path) as (host, _):
        engine = DockerEngine.from_environment({"DOCKER_HOST": host})
        answer = engine.image(ImageLookup("web:1"))
    assert isinstance(answer, Unavailable)


@pytest.mark.parametrize(
    "host",
    [
        "tcp://127.0.0.1:2375",
        "ssh://a@b",
        "npipe:////./pipe/docker",
        "unix://docker.sock",
        "/var/run/x",
        "unix:///a\0b",
    ],
)
def test_only_a_unix_socket_is_read(host: str) -> None:
    with pytest.raises(ValueError, match="does not name a Unix socket of this machine"):
        DockerEngine.from_environment({"DOCKER_HOST": host})


def test_no_daemon_is_an_error(tmp_path: Path) -> None:
    engine = DockerEngine.from_environment({"DOCKER_HOST": f"unix://{tmp_path}/none.sock"})
    with pytest.raises(ConnectionError, match="There is no Docker daemon at"):
        engine.image(ImageLookup("web:1"))

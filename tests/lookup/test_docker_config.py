"""Docker's config.json and its credential helpers."""

from __future__ import annotations

import base64
import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from sysdig_instrument.lookup.auth import Login
from sysdig_instrument.lookup.docker_config import DockerConfig, run_helper
from sysdig_instrument.lookup.errors import UnavailableError


def config(folder: Path, value: object, helper: Callable[[str, str], str | None] = lambda _n, _s: None) -> DockerConfig:
    path = folder / "config.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return DockerConfig(path, helper)


def auth_entry(username: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}


@pytest.mark.parametrize("key", ["ghcr.io", "https://ghcr.io", "https://GHCR.io/v2/", "http://ghcr.io/v1/"])
def test_auths_of_docker_config(tmp_path: Path, key: str) -> None:
    made = config(tmp_path, {"auths": {"quay.io": auth_entry("x", "y"), key: auth_entry("joe", "s3:cret")}})
    assert made.find_login("ghcr.io") == Login("joe", "s3:cret")
    assert made.find_login("example.com") is None


@pytest.mark.parametrize("key", ["https://index.docker.io/v1/", "docker.io", "index.docker.io"])
def test_auths_of_docker_hub(tmp_path: Path, key: str) -> None:
    assert config(tmp_path, {"auths": {key: auth_entry("joe", "x")}}).find_login("docker.io") == Login("joe", "x")


@pytest.mark.parametrize(
    ("entry", "login"),
    [
        ({"identitytoken": "t", **auth_entry("00000000-0000", "")}, Login("", "t")),
        ({"username": "joe", "password": "x"}, Login("joe", "x")),
        ({"auth": base64.encodebytes(b"joe:" + b"x" * 99).decode()}, Login("joe", "x" * 99)),
        ({}, None),
        (None, None),
        (7, None),
    ],
)
def test_entries_of_auths(tmp_path: Path, entry: object, login: Login | None) -> None:
    assert config(tmp_path, {"auths": {"ghcr.io": entry}}).find_login("ghcr.io") == login


@pytest.mark.parametrize("auth", ["not base64!", base64.b64encode(b"\xff\xff").decode()], ids=["base64", "utf-8"])
def test_an_entry_that_cannot_be_decoded_is_named(tmp_path: Path, auth: str) -> None:
    with pytest.raises(UnavailableError, match="is not valid base64"):
        config(tmp_path, {"auths": {"ghcr.io": {"auth": auth}}}).find_login("ghcr.io")


def test_helpers_come_first(tmp_path: Path) -> None:
    asked = []

    def helper(name: str, server: str) -> str | None:
        asked.append((name, server))
        return json.dumps({"Username": "<token>" if name == "hub" else "h", "Secret": name}) if name != "none" else None

    value = {
        "auths": {"ghcr.io": auth_entry("a", "b"), "quay.io": {}},
        "credHelpers": {"https://index.docker.io/v1/": "hub", "gcr.io": "gcloud"},
        "credsStore": "none",
    }
    made = config(tmp_path, value, helper)
    assert made.find_login("docker.io") == Login("", "hub")
    assert made.find_login("gcr.io") == Login("h", "gcloud")
    assert made.find_login("ghcr.io") == Login("a", "b")
    assert asked == [("hub", "https://index.docker.io/v1/"), ("gcloud", "gcr.io"), ("none", "ghcr.io")]


@pytest.mark.parametrize(
    "printed",
    ["", "[]", "{}", '{"Username": "x"}', "SECRET"],
    ids=["nothing", "array", "empty-object", "no-secret", "plain-text"],
)
def test_helpers_with_invalid_output(tmp_path: Path, printed: str) -> None:
    made = config(tmp_path, {"credsStore": "x"}, lambda _name, _server: printed)
    with pytest.raises(UnavailableError, match="docker-credential-x returned no valid credentials") as error:
        made.find_login("ghcr.io")
    assert "SECRET" not in error.value.reason.fact


def test_a_helper_is_a_name_and_no_path(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="invalid credential helper name"):
        config(tmp_path, {"credsStore": "../evil"}).find_login("ghcr.io")


@pytest.mark.parametrize("text", ["{", "[" * 100_000], ids=["unclosed-brace", "deep-nesting"])
def test_a_broken_config(tmp_path: Path, text: str) -> None:
    with pytest.raises(UnavailableError, match="could not be read as JSON"):
        config(tmp_path, text).find_login("ghcr.io")


def test_no_config_at_all(tmp_path: Path) -> None:
    assert DockerConfig.from_environment({"DOCKER_CONFIG": str(tmp_path)}).find_login("ghcr.io") is None


def test_the_path_of_the_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert DockerConfig.from_environment({}).path == tmp_path / ".docker" / "config.json"
    assert DockerConfig.from_environment({"DOCKER_CONFIG": "/x"}).path == Path("/x/config.json")


def helper_program(folder: Path, script: str) -> None:
    path = folder / "docker-credential-tests"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_a_helper_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    helper_program(tmp_path, 'read server; printf \'{"Username": "%s", "Secret": "%s"}\' "$1" "$server"')
    assert json.loads(run_helper("tests", "ghcr.io\n") or "") == {"Username": "get", "Secret": "ghcr.io"}


def test_a_helper_that_has_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    helper_program(tmp_path, "echo credentials not found in native keychain; exit 1")
    assert run_helper("tests", "ghcr.io") is None


def test_a_missing_helper() -> None:
    with pytest.raises(UnavailableError, match="docker-credential-no-such-thing could not be run"):
        run_helper("no-such-thing", "ghcr.io")


def test_a_helper_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr("sysdig_instrument.lookup.docker_config.HELPER_TIMEOUT_SECONDS", 0.2)
    helper_program(tmp_path, "exec sleep 60")
    with pytest.raises(UnavailableError, match="took more than"):
        run_helper("tests", "ghcr.io")

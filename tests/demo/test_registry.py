"""The demo's registry, as the macro reads it and as another program does."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from embedded_aws.registry import Registry, registry
from registry.processes import program
from sysdig_instrument.answers import World, answer
from sysdig_instrument.engine.lookups import Answer, ImageConfig, ImageRequest, Unavailable
from sysdig_instrument.registry.urls import Reach

IMAGES = {"shop/worker:1.4": {"Entrypoint": ["python"], "Cmd": ["-m", "shop.worker"]}, "tool:1": {"Cmd": ["sh"]}}
WORKER = ImageConfig(("python",), ("-m", "shop.worker"))


@pytest.fixture
def running() -> Iterator[Registry]:
    with registry(IMAGES) as started:
        yield started


def ask(running: Registry, image: str, architecture: str = "amd64") -> Answer:
    request = ImageRequest(f"{running.host}/{image}", architecture)
    world = World(region="us-east-1", internal=Reach.of([f"http://{running.host}"]))
    return answer([request], world=world, seconds=30)[request]


def test_by_tag_and_by_digest_on_both_platforms(running: Registry) -> None:
    index = running.documents["/v2/shop/worker/manifests/1.4"].digest
    for architecture in ("amd64", "arm64"):
        assert ask(running, "shop/worker:1.4", architecture) == WORKER
        assert ask(running, f"shop/worker@{index}", architecture) == WORKER
    assert ask(running, "tool:1") == ImageConfig((), ("sh",))
    assert running.asked == ["shop/worker:1.4", "shop/worker:1.4", "tool:1"]


def test_what_it_does_not_have(running: Registry) -> None:
    for image in ("shop/worker:gone", "gone:1"):
        refused = ask(running, image)
        assert isinstance(refused, Unavailable)
        assert "status 404, MANIFEST_UNKNOWN" in refused.reason.fact


def test_a_head_request_has_no_body(running: Registry) -> None:
    host, _, port = running.host.partition(":")
    connection = HTTPConnection(host, int(port), timeout=10)
    for path, length in (("/v2/", 2), ("/v2/tool/manifests/1", len(running.documents["/v2/tool/manifests/1"].body))):
        connection.request("HEAD", path)
        response = connection.getresponse()
        assert (response.status, response.headers["Content-Length"], response.read()) == (200, str(length), b"")
    connection.close()


def test_it_has_stopped_in_the_end() -> None:
    with registry(IMAGES) as stopped:
        pass
    assert isinstance(ask(stopped, "tool:1"), Unavailable)


@pytest.mark.registry
def test_skopeo_reads_it_too(running: Registry) -> None:
    command = [program("skopeo"), "--override-arch", "arm64", "inspect", "--config", "--tls-verify=false"]
    done = subprocess.run([*command, f"docker://{running.host}/shop/worker:1.4"], check=True, capture_output=True)
    config = json.loads(done.stdout)
    assert (config["architecture"], config["config"]) == ("arm64", IMAGES["shop/worker:1.4"])

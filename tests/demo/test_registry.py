"""The demo's registry, as the macro reads it and as another program does."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from embedded_aws.registry import Registry, registry
from lookup.processes import program
from sysdig_instrument.engine.lookups import Answer, ImageConfig, ImageLookup, Unavailable
from sysdig_instrument.lookup.answers import LookupEnvironment, answer_lookups
from sysdig_instrument.lookup.egress import EgressPolicy

IMAGES = {"shop/worker:1.4": {"Entrypoint": ["python"], "Cmd": ["-m", "shop.worker"]}, "tool:1": {"Cmd": ["sh"]}}
WORKER = ImageConfig(("python",), ("-m", "shop.worker"))


@pytest.fixture
def running() -> Iterator[Registry]:
    with registry(IMAGES) as started:
        yield started


def ask(running: Registry, image: str, architecture: str = "amd64") -> Answer:
    request = ImageLookup(f"{running.host}/{image}", architecture)
    environment = LookupEnvironment(
        region="us-east-1", egress_policy=EgressPolicy.from_entries([f"http://{running.host}"])
    )
    return answer_lookups([request], environment=environment, seconds=30)[request]


def test_by_tag_and_by_digest_on_both_platforms(running: Registry) -> None:
    index = running.contents["/v2/shop/worker/manifests/1.4"].digest
    for architecture in ("amd64", "arm64"):
        assert ask(running, "shop/worker:1.4", architecture) == WORKER
        assert ask(running, f"shop/worker@{index}", architecture) == WORKER
    assert ask(running, "tool:1") == ImageConfig((), ("sh",))
    assert running.requested_images == ["shop/worker:1.4", "shop/worker:1.4", "tool:1"]


def test_missing_manifests_and_blobs(running: Registry) -> None:
    for image in ("shop/worker:gone", "gone:1"):
        refused = ask(running, image)
        assert isinstance(refused, Unavailable)
        assert "status 404, MANIFEST_UNKNOWN" in refused.reason.fact


def test_a_head_request_has_no_body(running: Registry) -> None:
    host, _, port = running.host.partition(":")
    connection = HTTPConnection(host, int(port), timeout=10)
    for path, length in (("/v2/", 2), ("/v2/tool/manifests/1", len(running.contents["/v2/tool/manifests/1"].body))):
        connection.request("HEAD", path)
        response = connection.getresponse()
        assert (response.status, response.headers["Content-Length"], response.read()) == (200, str(length), b"")
    connection.close()


def test_the_registry_stops_when_the_context_ends() -> None:
    with registry(IMAGES) as stopped:
        pass
    assert isinstance(ask(stopped, "tool:1"), Unavailable)


@pytest.mark.registry
def test_skopeo_reads_the_registry(running: Registry) -> None:
    command = [program("skopeo"), "--override-arch", "arm64", "inspect", "--config", "--tls-verify=false"]
    done = subprocess.run([*command, f"docker://{running.host}/shop/worker:1.4"], check=True, capture_output=True)
    config = json.loads(done.stdout)
    assert (config["architecture"], config["config"]) == ("arm64", IMAGES["shop/worker:1.4"])

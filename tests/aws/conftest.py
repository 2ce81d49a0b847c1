"""An embedded AWS to which AWS SAM has deployed the macro, once for all tests."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from embedded_aws import sam
from embedded_aws.aws import EmbeddedAws, embedded_aws
from embedded_aws.processes import LOOPBACK, free_port
from fixtures_deployment import Application, Registries
from fixtures_embedded_aws import IMAGES, ROOT, SECRET, TOOLS, require_tools


@pytest.fixture(scope="session")
def registries() -> Iterator[Registries]:
    with socket.socket() as unused:
        unused.bind((LOOPBACK, 0))  # it does not listen, so that connections are refused
        ports = free_port(), free_port(), unused.getsockname()[1]
        yield Registries(*(f"localhost:{port}" for port in ports))


@pytest.fixture(scope="session")
def aws(registries: Registries) -> Iterator[EmbeddedAws]:
    require_tools()
    internal = [f"http://{host}" for host in (registries.open, registries.guarded, registries.down)]
    with embedded_aws(TOOLS) as running:
        built = sam.build(running, ROOT / "template.yaml")
        deployment = {
            "Collector": "us2",
            "AccessKeySecret": SECRET,
            "ImageConfigs": json.dumps(IMAGES),
            "InternalRegistries": ",".join(internal),
        }
        sam.deploy(running, built, "sysdig-instrument", deployment)
        yield running


@pytest.fixture
def application(aws: EmbeddedAws) -> Application:
    return Application(aws)

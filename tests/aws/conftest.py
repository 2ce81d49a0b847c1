"""An embedded AWS with the macro deployed by AWS SAM, once for all tests."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from embedded_aws import sam
from embedded_aws.aws import EmbeddedAws, embedded_aws
from embedding import IMAGES, ROOT, SECRET, TOOLS, require_tools


@pytest.fixture(scope="session")
def aws() -> Iterator[EmbeddedAws]:
    require_tools()
    with embedded_aws(TOOLS) as running:
        built = sam.build(running, ROOT / "template.yaml")
        deployment = {"Collector": "us2", "AccessKeySecret": SECRET, "ImageConfigs": json.dumps(IMAGES)}
        sam.deploy(running, built, "sysdig-instrument", deployment)
        yield running

"""Which images of the agent have a fixed version."""

from __future__ import annotations

import pytest

from sysdig_instrument.engine.settings.agent_images import is_pinned

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("quay.io/sysdig/workload-agent:latest", False),
        ("quay.io/sysdig/workload-agent", False),
        ("registry.example.com:5000/workload-agent", False),
        ("quay.io/sysdig/workload-agent:6.3.0", True),
        (f"quay.io/sysdig/workload-agent@{DIGEST}", True),
        (f"quay.io/sysdig/workload-agent:latest@{DIGEST}", True),
        ("not an image", True),
    ],
)
def test_a_tag_or_a_digest_pins_an_image(image: str, *, expected: bool) -> None:
    assert is_pinned(image) is expected

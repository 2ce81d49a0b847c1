"""``stacks`` on the embedded AWS: the stacks that are behind are found and really updated, with a failure between."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedded_aws.aws import EmbeddedAws
from fixtures_embedded_aws import on_embedded_aws
from fleet.running import Fleet

pytestmark = on_embedded_aws


def test_a_fleet_is_updated_in_waves(aws: EmbeddedAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`make fleet` is the same with two hundred stacks."""
    for name in ("CREATION_POLL_SECONDS", "EXECUTION_POLL_SECONDS"):
        monkeypatch.setattr(f"sysdig_instrument.stacks.rollout.{name}", 0.1)
    checks = list(Fleet(aws, tmp_path, 10).checks())
    assert [check for check in checks if not check.is_right] == []
    assert len(checks) == 27

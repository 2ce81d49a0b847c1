"""docs/coverage.md says what the command does."""

from __future__ import annotations

import json
import re
from pathlib import Path

from coverage_report.api import Ecs, RegionOfEcs
from coverage_report.tasks import REGION, instrumented
from sysdig_instrument.coverage.judging import Verdict
from sysdig_instrument.coverage.reading import read

PAGE = (Path(__file__).parents[2] / "docs/coverage.md").read_text()


def test_the_policy_is_what_is_called_and_no_more() -> None:
    region = RegionOfEcs()
    region.run("shop", instrumented(family="web"), group="service:web")
    read(Ecs(region).session, [REGION], [], lambda _: True)
    (policy,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    ecs, regions = json.loads(policy)["Statement"]
    assert sorted(ecs["Action"]) == sorted({f"ecs:{operation}" for operation, _ in region.calls})
    assert regions["Action"] == "ec2:DescribeRegions"


def test_every_verdict_is_explained() -> None:
    assert set(re.findall(r"^\| ([a-z ]+) \|", PAGE, re.MULTILINE)) - {"verdict", "exit code"} == {
        verdict.value for verdict in Verdict
    }

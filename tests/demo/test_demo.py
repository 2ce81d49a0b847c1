"""How the demo shows two task definitions."""

from __future__ import annotations

from typing import Any

import pytest

from demo import HERE, IMAGES, diff_tasks, displayed_reason
from sysdig_instrument.cli.console import Console
from sysdig_instrument.documents import load

WEB = {"name": "web", "image": "shop", "entryPoint": ["run", ":80"], "cpu": 0}
BEFORE = {"family": "shop", "cpu": "512", "containerDefinitions": [WEB]}
AFTER = {
    "family": "shop",
    "cpu": "512",
    "pidMode": "task",
    "containerDefinitions": [{**WEB, "entryPoint": ["wrap", "run", ":80"]}, {"name": "agent"}],
}


def test_task_definitions_are_shown_side_by_side() -> None:
    lines = "".join(diff_tasks(BEFORE, AFTER, Console(80))).splitlines()
    assert [" ".join(line.split()) for line in lines[1:]] == [
        "1 family: shop │ 1 family: shop",
        "2 cpu: '512' │ 2 cpu: '512'",
        "> 3 pidMode: task",
        "3 containerDefinitions: │ 4 containerDefinitions:",
        "4 - name: web │ 5 - name: web",
        "5 image: shop │ 6 image: shop",
        "6 entryPoint: [run, ':80'] | 7 entryPoint: [wrap, run, ':80']",
        "> 8 - {name: agent}",
    ]


@pytest.mark.parametrize("message", ["Push the image.", "Push the image"])
def test_the_reason_of_a_failed_stack_has_one_full_stop(message: str) -> None:
    reason = f"Transform SysdigInstrument failed with: {message}. Rollback requested by user."
    assert displayed_reason(reason).endswith(": Push the image. Rollback requested by user.")


def test_the_refused_template_names_an_image_that_is_not_in_the_registry() -> None:
    template: Any = load(str(HERE / "refused.yaml")).value
    containers = template["Resources"]["Task"]["Properties"]["ContainerDefinitions"]
    images = {each["Image"]["Fn::Sub"].removeprefix("${Registry}/"): each for each in containers}
    (missing,) = images.keys() - IMAGES.keys()
    assert "EntryPoint" not in images[missing]

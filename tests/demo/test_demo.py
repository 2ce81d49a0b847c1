"""How the demo shows two task definitions."""

from __future__ import annotations

from demo import diff_tasks
from sysdig_instrument.cli.console import Console

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

"""What Kilt and Sysdig's Terraform data source write goes byte for byte, once the caller says what only they can know.

Kilt sorts the keys of what it writes. It moves the whole argv into Command, so what had both an EntryPoint and a Command cannot be told
from what had one list; and an empty list that it fills cannot be told from one that it makes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysdig_instrument.cli.removals import remove_from
from sysdig_instrument.documents import read

FOLDER = Path(__file__).parents[3] / "shared" / "corpus" / "task-definitions"
WRAPPER = "/opt/draios/bin/instrument"
AGENT = "SysdigInstrumentation"
VARIABLES = {"SYSDIG_ACCESS_KEY": "made-up", "SYSDIG_COLLECTOR": "collector.example.com", "SYSDIG_LOGGING": ""}
EMPTY: tuple[Any, ...] = ([], {}, None)


def copied(task: dict[str, Any]) -> dict[str, Any]:
    """Return a copy in which no two parts are the same object."""
    value: dict[str, Any] = json.loads(json.dumps(task))
    return value


def plain(task: dict[str, Any]) -> dict[str, Any]:
    """Return a task definition without what Kilt's form does not keep apart."""
    task = copied(task)
    if not task.get("pidMode"):
        task.pop("pidMode", None)
    for container in task["containerDefinitions"]:
        for key in ("entryPoint", "command", "environment", "volumesFrom", "linuxParameters"):
            if container.get(key) in EMPTY:
                container.pop(key, None)
        if "entryPoint" in container:
            container.pop("command", None)
        linux = container.get("linuxParameters", {})
        if "capabilities" in linux and linux["capabilities"].get("add") in EMPTY:
            linux["capabilities"].pop("add", None)
            if not linux["capabilities"]:
                container.pop("linuxParameters")
    return task


def kilts_form(task: dict[str, Any]) -> tuple[dict[str, Any], dict[str, bool]]:
    """Return what Kilt makes of a task definition, and what the caller knows of it: what came with the agent."""
    made, added = copied(task), {"PidMode": "pidMode" not in task}
    for container in made["containerDefinitions"]:
        name = container["name"]
        added |= {f"{name}/EntryPoint": "entryPoint" not in container, f"{name}/Command": "command" not in container}
        argv = container.get("entryPoint") or container.get("command") or ["/of-the-image", "serve"]
        container |= {"entryPoint": [WRAPPER], "command": argv}
        variables = [{"name": key, "value": value} for key, value in VARIABLES.items()]
        container["environment"] = [*container.get("environment", []), *variables]
        volume = {"sourceContainer": AGENT, "readOnly": True}
        container["volumesFrom"] = [*container.get("volumesFrom", []), volume]
        capabilities = container.setdefault("linuxParameters", {}).setdefault("capabilities", {})
        capabilities["add"] = [*capabilities.get("add", []), "SYS_PTRACE"]
    made["containerDefinitions"].append({"name": AGENT, "image": "quay.io/sysdig/workload-agent:5.3.0"})
    made["pidMode"] = "task"
    return made, added


def text_of(value: object, indent: int | str | None) -> str:
    return json.dumps(value, indent=indent, sort_keys=True) + "\n"


def require_exact(task: dict[str, Any], indent: int | str | None) -> None:
    """Require that a task definition, and its containers as the data source has them, come back."""
    before = plain(task)
    made, added = kilts_form(before)
    for kind, original, instrumented in (
        ("task definition", before, made),
        ("container definitions", before["containerDefinitions"], made["containerDefinitions"]),
    ):
        source = read(text_of(instrumented, indent).encode(), "task.json")
        removal, after = remove_from(source, kind, added)  # type: ignore[arg-type]
        assert not removal.problems
        assert after.text == text_of(original, indent)


CONTAINERS = st.fixed_dictionaries(
    {"name": st.just("web"), "image": st.just("nginx")},
    optional={
        "entryPoint": st.lists(st.sampled_from(["/entry", "-c", WRAPPER + "er"]), min_size=1, max_size=3),
        "command": st.lists(st.sampled_from(["serve", "--port"]), min_size=1, max_size=3),
        "environment": st.just([{"name": "MODE", "value": "live"}]),
        "volumesFrom": st.just([{"sourceContainer": "files"}]),
        "linuxParameters": st.sampled_from(
            [
                {"initProcessEnabled": True},
                {"capabilities": {"add": ["SYS_PTRACE"]}},
                {"capabilities": {"drop": ["ALL"]}},
                {"capabilities": {"add": ["NET_RAW"], "drop": ["ALL"]}},
            ]
        ),
        "user": st.just("1000"),
    },
)


@given(
    containers=st.lists(CONTAINERS, min_size=1, max_size=3),
    indent=st.sampled_from([2, 4, "\t", None]),
    pid_mode=st.sampled_from([{}, {"pidMode": "task"}]),
)
def test_a_definition_comes_back(
    containers: list[dict[str, Any]], indent: int | str | None, pid_mode: dict[str, str]
) -> None:
    named = [{**each, "name": f"web-{number}"} for number, each in enumerate(containers)]
    task = {"family": "shop", "requiresCompatibilities": ["FARGATE"], "containerDefinitions": named}
    require_exact({**task, **pid_mode}, indent)


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"there are no task definitions in {FOLDER}")
def test_each_public_definition_comes_back() -> None:
    done = 0
    for path in sorted(FOLDER.iterdir()):
        value = read(path.read_bytes(), path.name).value
        containers = value.get("containerDefinitions") if isinstance(value, dict) else None
        if isinstance(value, dict) and isinstance(containers, list) and AGENT not in path.read_text():
            require_exact(value, 2)
            done += 1
    assert done >= 40

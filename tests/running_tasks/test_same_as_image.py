"""What runs from an instrumented definition is what runs from the original one, except for our variable.

More than 300 ways to say what a container runs are started twice in real processes: from the task definition as its team wrote
it, and from the macro's output, with the stand-in for the agent's image.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from factories import properties_of, template
from fixtures_embedded_aws import ROOT
from running_tasks.argv_forms import TERMINATED, Form, all_forms
from running_tasks.local_images import as_ecs_holds_it, images, instrumented, require_runner
from sysdig_instrument.engine.agent import AGENT_NAME, SIDECAR_VARIABLE
from sysdig_instrument.engine.json_types import Json
from task_runner.tasks import Task, run_task

MAX_WORKLOADS = 9
"""A task definition has at most ten containers, and one is the agent's."""

Batch = tuple[Form, ...]


def batches() -> Iterator[Batch]:
    """Yield the forms in groups that run as one task."""
    for shares in (True, False):
        forms = (form for form in all_forms() if form.shares_processes == shares)
        while batch := tuple(itertools.islice(forms, MAX_WORKLOADS)):
            yield batch


@dataclass(frozen=True)
class Ended:
    """What a container has left: its exit code, its output, and the environment of its process."""

    exit_code: int | None
    output: str
    environment: Mapping[str, str]


def ended(task: Task, name: str) -> Ended:
    container = task.containers[name]
    output, _, environment = container.output.partition("environment\0")
    variables = dict(line.split("=", 1) for line in environment.split("\0") if line)
    variables.pop(SIDECAR_VARIABLE, None)
    return Ended(container.exit_code, output, variables)


def run_both(
    value: dict[str, Any],
    configs: Mapping[str, Mapping[str, Any]],
    overrides: Mapping[str, Any],
    until_ended: Callable[[Task], None],
) -> dict[str, Ended]:
    """Run a task definition as it is, and as the macro changes it; both must leave the same, which is returned."""
    results: list[dict[str, Ended]] = []
    for each in (value, instrumented(value, configs)):
        with run_task(as_ecs_holds_it(properties_of(each)), images(configs), overrides=overrides) as task:
            until_ended(task)
            results.append({name: ended(task, name) for name in task.containers if name != AGENT_NAME})
            if AGENT_NAME in task.containers:
                assert results[0] == results[1]
                wait_for_reports(task, results[1])
    return results[0]


def wait_for_reports(task: Task, names: Iterable[str]) -> None:
    """Wait until the agent has reported the program of each container."""
    agent = task.containers[AGENT_NAME]
    task.wait_until(lambda: all(f"container {name} runs: " in agent.output for name in names), "the agent's reports")


def wait_for_workloads(task: Task) -> None:
    workloads = [container for name, container in task.containers.items() if name != AGENT_NAME]
    task.wait_until(lambda: not any(each.is_running for each in workloads), "all workloads have ended")


@pytest.mark.parametrize("batch", list(batches()), ids=lambda batch: f"{batch[0].name}-and-{len(batch) - 1}-more")
def test_arguments_environment_output_and_exit_code(batch: Batch) -> None:
    require_runner()
    configs = {form.name: form.image for form in batch}
    containers: list[Json] = [
        {"Name": form.name, "Image": form.name, "Essential": False, **form.container} for form in batch
    ]
    properties: dict[str, Any] = {"PidMode": "task"} if batch[0].shares_processes else {}
    overrides = {form.name: form.override for form in batch}
    left = run_both(template(*containers, **properties), configs, overrides, wait_for_workloads)
    assert {form.name: (form.exit_code, "show\0") for form in batch} == {
        name: (each.exit_code, each.output[:5]) for name, each in left.items()
    }


def test_docs_testing_counts_the_forms() -> None:
    assert len({form.name for form in all_forms()}) == 325
    assert "All 325 leave the same." in (ROOT / "docs" / "testing.md").read_text("utf-8")


def test_reaction_to_stopping() -> None:
    """In a task that shares its processes already: as process 1, a program without a handler would not get SIGTERM."""
    require_runner()
    configs = {name: {"Cmd": ["/bin/sh", "-c", script], **more} for name, (more, script) in TERMINATED.items()}
    containers: list[Json] = [
        {"Name": name, "Image": name, "StopTimeout": 1 if name == "ignored" else 30} for name in TERMINATED
    ]

    def stop(task: Task) -> None:
        workloads = [container for name, container in task.containers.items() if name != AGENT_NAME]
        task.wait_until(lambda: all("ready" in each.output for each in workloads), "all are ready")
        task.stop()

    left = run_both(template(*containers, PidMode="task"), configs, {}, stop)
    assert {name: each.exit_code for name, each in left.items()} == {
        "default": 143,
        "shell": 143,
        "exit-code": 7,
        "slow": 0,
        "child": 0,
        "ignored": 137,
        "int": 3,
        "quit": 4,
    }

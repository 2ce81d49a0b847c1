"""The stand-in for Sysdig's agent needs each piece that the macro adds, and says which one is missing."""

from __future__ import annotations

import copy
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from factories import properties_of, template
from fixtures_embedded_aws import ROOT, skip_or_fail
from running_tasks.local_images import as_ecs_holds_it, images, instrumented, require_runner
from sysdig_instrument.engine.agent import AGENT_NAME, WRAPPER
from sysdig_instrument.engine.json_types import Json
from task_runner.tasks import run_task

CONFIGS = {
    "web": {"Entrypoint": ["/bin/sh", "-c", "exec 3</etc/shadow; echo served"], "Env": ["PATH=/bin"]},
    "command": {"Cmd": ["true"], "Env": ["PATH=/bin"]},
}
WEB: Json = {"Name": "web", "Image": "web"}
Definition = dict[str, Any]


def definition() -> Definition:
    return as_ecs_holds_it(properties_of(instrumented(template(WEB), CONFIGS)))


def output_of(name: str, task_definition: Definition, awaited: str, *command: str) -> str:
    """Run a task until a container has written something or the task has ended; return all that it has written.

    ``command`` is the command of RunTask's override for the application.
    """
    overrides = {"web": {"command": list(command)}}
    with run_task(task_definition, images(CONFIGS), secret_value=lambda _: "key", overrides=overrides) as task:
        agent = task.containers[AGENT_NAME]
        container = task.containers[name]
        task.wait_until(lambda: awaited in container.output or not agent.is_running, awaited)
        return container.output


def without_variable(container: int, name: str) -> Callable[[Definition], None]:
    def remove(task: Definition) -> None:
        variables = task["containerDefinitions"][container]["environment"]
        variables[:] = [variable for variable in variables if variable["name"] != name]

    return remove


@pytest.mark.parametrize(
    ("remove", "message"),
    [
        (lambda task: task.pop("pidMode"), "instrument (stand-in): the agent's process is not visible"),
        (
            lambda task: task["containerDefinitions"][0].pop("linuxParameters"),
            "instrument (stand-in): the container does not have the capability SYS_PTRACE.",
        ),
        (lambda task: task["containerDefinitions"][0].pop("volumesFrom"), f"can't execute '{WRAPPER}'"),
        (without_variable(0, "SYSDIG_SIDECAR"), "instrument (stand-in): the variable SYSDIG_SIDECAR is neither"),
    ],
    ids=["process-namespace", "capability", "volume", "variable"],
)
def test_the_wrapper_complains(remove: Callable[[Definition], object], message: str) -> None:
    require_runner()
    broken = copy.deepcopy(definition())
    remove(broken)
    output = output_of("web", broken, message)
    assert message in output
    assert "served" not in output


@pytest.mark.parametrize(
    ("remove", "variable"),
    [
        (lambda task: task["containerDefinitions"][1].pop("secrets"), "SYSDIG_ACCESS_KEY"),
        (without_variable(1, "SYSDIG_COLLECTOR"), "SYSDIG_COLLECTOR"),
        (without_variable(1, "SYSDIG_COLLECTOR_PORT"), "SYSDIG_COLLECTOR_PORT"),
        (without_variable(1, "SYSDIG_SIDECAR"), "SYSDIG_SIDECAR"),
    ],
    ids=["key", "collector", "port", "sidecar"],
)
def test_the_agent_complains(remove: Callable[[Definition], object], variable: str) -> None:
    require_runner()
    broken = copy.deepcopy(definition())
    remove(broken)
    broken["containerDefinitions"] = broken["containerDefinitions"][1:]
    assert output_of(AGENT_NAME, broken, "missing") == f"agent (stand-in): the variable {variable} is missing.\n"


@pytest.mark.parametrize("script", ["agent", "instrument"])
def test_shellcheck_reports_nothing(script: str) -> None:
    if not shutil.which("shellcheck"):
        skip_or_fail("shellcheck is not installed")
    path = ROOT / "demo" / "task_runner" / "stand_in" / script
    done = subprocess.run(["shellcheck", "--shell=dash", path], check=False, capture_output=True, text=True)
    assert done.stdout == ""


def test_a_rule_matches_a_file_that_the_shell_opens() -> None:
    require_runner()
    assert output_of(AGENT_NAME, definition(), "DETECTED").splitlines()[-1] == (
        "agent (stand-in): DETECTED Read sensitive file untrusted: container=web, "
        'command="/bin/sh -c exec 3</etc/shadow; echo served", file=/etc/shadow'
    )


def test_the_command_of_an_override_is_watched() -> None:
    require_runner()
    task = as_ecs_holds_it(properties_of(instrumented(template({"Name": "web", "Image": "command"}), CONFIGS)))
    output = output_of(AGENT_NAME, task, "DETECTED", "cat", "/etc/shadow")
    assert output.splitlines()[-1].endswith('container=web, command="cat /etc/shadow", file=/etc/shadow')


def test_the_agent_alone_sees_nothing() -> None:
    """Without the wrapper, the process namespace, the capability and the volume are not enough."""
    require_runner()
    unwrapped = copy.deepcopy(definition())
    unwrapped["containerDefinitions"][0].pop("entryPoint")
    unwrapped["containerDefinitions"][0]["essential"] = False
    with run_task(unwrapped, images(CONFIGS), secret_value=lambda _: "key") as task:
        web, agent = task.containers["web"], task.containers[AGENT_NAME]
        task.wait_until(lambda: "served" in web.output and "ready" in agent.output, "both have run")
        assert agent.output == "agent (stand-in): ready.\n"

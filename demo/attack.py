"""The last part of the demo: an attack on an application that runs, without and with the line."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.error import URLError
from urllib.request import urlopen

from embedded_aws.aws import EmbeddedAws
from embedded_aws.processes import free_port
from embedded_aws.registry import Registry
from task_runner.images import pull
from task_runner.secrets import SecretReader
from task_runner.small_images import STAND_IN, add_application, add_stand_in
from task_runner.tasks import PullFunction, Task, run_task

TEMPLATE: Final = Path(__file__).parent / "attacked.yaml"
WEB: Final = "web"
AGENT: Final = "SysdigInstrumentation"
AGENT_IMAGE: Final = "quay.io/sysdig/workload-agent:latest"
DETECTED: Final = "DETECTED "

COMMANDS: Final = ("cat /etc/shadow", "touch /dev/bbb")
"""What the attacker sends. The second one leaves no trace in its answer."""

TaskDefinition: TypeAlias = Mapping[str, Any]

_IMAGE: Final = "shop/attacked:1.0"
_CONFIG: Final = {"Entrypoint": ["/bin/serve"], "Env": ["PATH=/bin", "PORT=8080"], "ExposedPorts": {"8080/tcp": {}}}
_SCRIPTS: Final = {
    "bin/serve": '#!/bin/sh\nexec httpd -f -p "127.0.0.1:$PORT" -h /var/www\n',
    "var/www/cgi-bin/exec": "#!/bin/sh\necho 'Content-Type: text/plain'\necho\nsh -c \"$(cat)\" 2>&1\n",
}


def add_images(registry: Registry) -> None:
    """Add the image of the application, and the stand-in for the agent's, to a registry."""
    add_application(registry, _IMAGE, _CONFIG, _SCRIPTS)
    add_stand_in(registry)


@dataclass(frozen=True, slots=True)
class AttackedTask:
    """A running task with the application."""

    task: Task
    port: int

    def execute(self, command: str) -> str:
        """Have the application execute a command, and return its output."""
        answers: list[str] = []
        self.task.wait_until(lambda: _post(self.url, command, answers), "the application listens")
        return answers[0]

    @property
    def url(self) -> str:
        """Where the application takes commands."""
        return f"http://127.0.0.1:{self.port}/cgi-bin/exec"

    def detections(self, expected: int = 0) -> list[str]:
        """Wait until the agent has detected as much as is expected, and return all that it has detected."""
        if AGENT not in self.task.containers:
            return []
        agent = self.task.containers[AGENT]
        self.task.wait_until(lambda: agent.output.count(DETECTED) >= expected, f"{expected} detections")
        return [line.partition(DETECTED)[2] for line in agent.output.splitlines() if DETECTED in line]


def _post(url: str, command: str, answers: list[str]) -> bool:
    """Send a command, keep the answer, and return True; return False if nothing listens yet."""
    try:
        with urlopen(url, command.encode(), timeout=30) as response:  # noqa: S310 - http, on the loopback
            answers.append(response.read().decode())
    except URLError as error:
        if isinstance(error.reason, ConnectionRefusedError):
            return False
        raise
    return True


@contextmanager
def running(definition: TaskDefinition, registry: Registry, aws: EmbeddedAws) -> Iterator[AttackedTask]:
    """Run a task definition of the application on a free port, with the stand-in in place of the agent's image."""
    port = free_port()
    overrides = {WEB: {"environment": [{"name": "PORT", "value": str(port)}]}}
    with run_task(definition, pull_from(registry), secret_value=SecretReader(aws.client), overrides=overrides) as task:
        yield AttackedTask(task, port)


def pull_from(registry: Registry) -> PullFunction:
    """Return a function that pulls images, and the stand-in where the agent's image is asked for."""
    return functools.cache(lambda image: pull(f"{registry.host}/{STAND_IN}" if image == AGENT_IMAGE else image))

"""Run a task: start its containers in order, watch them, and stop them."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeAlias

from task_runner import containers
from task_runner.images import Image
from task_runner.programs import copy_program
from task_runner.sandbox import INIT_PROGRAMS, Mount, Process, ProcessNamespace, Sandbox

STOP_SECONDS: Final = 30
"""How long a container without a stopTimeout has between SIGTERM and SIGKILL."""

WAIT_SECONDS: Final = 60
_POLL_SECONDS: Final = 0.005

PullFunction: TypeAlias = Callable[[str], Image]
SecretFunction: TypeAlias = Callable[[str], str]
"""Returns the value of a secret or of a parameter by what ``valueFrom`` says."""


class TaskError(Exception):
    """A task cannot be run, or does not do what was waited for."""


@dataclass(slots=True)
class Container:
    """A container of a task."""

    definition: Mapping[str, Any]
    image: Image
    root: Path
    mounts: list[Mount] = field(default_factory=list)
    process: Process | None = None

    @property
    def name(self) -> str:
        """The name in the definition."""
        return str(self.definition["name"])

    @property
    def exit_code(self) -> int | None:
        """The exit code; None before the container has started and while it runs."""
        return self.process.exit_code if self.process else None

    @property
    def is_running(self) -> bool:
        """Return whether it has started and not ended."""
        return self.process is not None and self.process.exit_code is None

    @property
    def output(self) -> str:
        """What it has written to standard output and standard error."""
        return self.output_file.read_text("utf-8", "surrogateescape") if self.process else ""

    @property
    def output_file(self) -> Path:
        """Where its output goes."""
        return self.root.with_name(f"{self.root.name}.log")

    @property
    def dependencies(self) -> list[Mapping[str, str]]:
        """The entries of ``dependsOn``."""
        return self.definition.get("dependsOn") or []


class Task:
    """A task on this machine. Use :func:`run_task`."""

    def __init__(self, definition: Mapping[str, Any], folder: Path, pull: PullFunction) -> None:
        self._folder = folder
        self.containers: dict[str, Container] = {}
        """By name, in the order of the definition."""
        (folder / "roots").mkdir()
        for each in definition["containerDefinitions"]:
            container = Container(each, pull(each["image"]), folder / "roots" / each["name"])
            container.image.unpack(container.root)
            self.containers[container.name] = container
        for name in self.containers:
            self._mount(name, definition.get("volumes") or ())
        (folder / "init").mkdir()
        for program in INIT_PROGRAMS:
            copy_program(program, folder / "init")
        self._namespace = ProcessNamespace() if definition.get("pidMode") == "task" else None

    def _mount(self, name: str, volumes: Any) -> list[Mount]:  # noqa: ANN401 - JSON
        """Find the mounts of a container once: the volumes of the task and of its image, and those of other containers."""
        container = self.containers[name]
        if container.mounts:
            return container.mounts
        folders = {volume["name"]: self._folder / "volumes" / volume["name"] for volume in volumes}
        for mount in container.definition.get("mountPoints") or ():
            folder = folders[mount["sourceVolume"]]
            folder.mkdir(parents=True, exist_ok=True)
            container.mounts.append(Mount(folder, mount["containerPath"], bool(mount.get("readOnly"))))
        for target in container.image.config.get("Volumes") or ():
            # A volume of an image begins with what the image has there, and no other container has the image's root.
            container.mounts.append(Mount(container.root / target.lstrip("/"), target, read_only=False))
        for other in container.definition.get("volumesFrom") or ():
            for mount in self._mount(other["sourceContainer"], volumes):
                read_only = mount.read_only or bool(other.get("readOnly"))
                container.mounts.append(Mount(mount.folder, mount.target, read_only))
        return container.mounts

    def start(self, overrides: Mapping[str, Mapping[str, Any]], secret_value: SecretFunction) -> None:
        """Start each container once its ``dependsOn`` is fulfilled."""
        deadline = time.monotonic() + WAIT_SECONDS
        waiting = list(self.containers.values())
        while waiting and not self._has_ended_essential:
            ready = [container for container in waiting if self._may_start(container)]
            for container in ready:
                self._start(container, overrides.get(container.name, {}), secret_value)
                waiting.remove(container)
            if not ready:
                _sleep_until(deadline, f"dependsOn of {waiting[0].name} is not fulfilled")

    def _may_start(self, container: Container) -> bool:
        for dependency in container.dependencies:
            other = self.containers[dependency["containerName"]]
            match dependency["condition"]:
                case "START":
                    fulfilled = other.process is not None
                case "COMPLETE":
                    fulfilled = other.exit_code is not None
                case "SUCCESS":
                    if other.exit_code:
                        raise TaskError(f"{container.name} needs the success of {other.name}: {other.exit_code}")
                    fulfilled = other.exit_code == 0
                case condition:
                    raise TaskError(f"The condition {condition} is not supported: health checks are not run.")
            if not fulfilled:
                return False
        return True

    def _start(self, container: Container, override: Mapping[str, Any], secret_value: SecretFunction) -> None:
        definition, config = container.definition, container.image.config
        user = containers.user(definition, container.image, container.root)
        secrets = {name: secret_value(source) for name, source in containers.secret_sources(definition).items()}
        argv = containers.argv(definition, config, override)
        if not argv:
            raise TaskError(f"{container.name} has nothing to run.")
        if "=" in argv[0]:
            raise TaskError(f"{container.name} runs a program whose name is taken for a variable here: {argv[0]}")
        sandbox = Sandbox(
            root=container.root,
            argv=argv,
            environment=containers.environment(definition, config, override, secrets, user.home),
            user=user,
            capabilities=containers.capabilities(definition),
            directory=definition.get("workingDirectory") or config.get("WorkingDir") or "/",
            mounts=container.mounts,
            read_only=bool(definition.get("readonlyRootFilesystem")),
        )
        container.process = Process(sandbox, self._folder / "init", container.output_file, self._namespace)

    @property
    def _has_ended_essential(self) -> bool:
        return any(
            container.exit_code is not None and container.definition.get("essential", True)
            for container in self.containers.values()
        )

    def wait_until(self, condition: Callable[[], bool], waiting_for: str) -> None:
        """Wait for a condition; stop the task as soon as an essential container has ended."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            if self._has_ended_essential:
                self.stop()
                if not condition():
                    raise TaskError(f"The task has stopped, but not: {waiting_for}. {self._left}")
                return
            _sleep_until(deadline, waiting_for)

    @property
    def _left(self) -> str:
        """What each container has left, for an error: its exit code and its output."""
        return " ".join(f"{each.name}: {each.exit_code}, {each.output!r}." for each in self.containers.values())

    def wait(self) -> None:
        """Wait until the task stops by itself, which it does when an essential container ends."""
        self.wait_until(lambda: self._has_ended_essential, "an essential container has ended")
        self.stop()

    def stop(self) -> None:
        """Stop all containers as StopTask does; those that others depend on come last."""
        running = [container for container in self.containers.values() if container.is_running]
        deadlines: dict[str, float] = {}
        while running := [container for container in running if container.is_running]:
            needed = {dependency["containerName"] for container in running for dependency in container.dependencies}
            for container in running:
                if container.name in needed:
                    continue
                assert container.process  # noqa: S101 - it is running
                if container.name not in deadlines:
                    seconds = container.definition.get("stopTimeout") or STOP_SECONDS
                    deadlines[container.name] = time.monotonic() + seconds
                    container.process.send(signal.Signals[container.image.config.get("StopSignal", "SIGTERM")])
                elif time.monotonic() > deadlines[container.name]:
                    container.process.send(signal.SIGKILL)
            time.sleep(_POLL_SECONDS)

    def close(self) -> None:
        """End all processes at once."""
        for container in self.containers.values():
            if container.process:
                container.process.close()
        if self._namespace:
            self._namespace.close()


def _sleep_until(deadline: float, waiting_for: str) -> None:
    if time.monotonic() > deadline:
        raise TaskError(f"After {WAIT_SECONDS} seconds, not yet: {waiting_for}")
    time.sleep(_POLL_SECONDS)


@contextmanager
def run_task(
    definition: Mapping[str, Any],
    pull: PullFunction,
    *,
    secret_value: SecretFunction = str,
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
) -> Iterator[Task]:
    """Run a task definition for the time of the block, in which all containers have been started.

    Args:
        definition: The task definition as DescribeTaskDefinition returns it.
        pull: Returns an image by its reference.
        secret_value: Returns what the ``valueFrom`` of a secret refers to.
        overrides: The ``containerOverrides`` of RunTask, by the container's name.
    """
    with TemporaryDirectory(prefix="task-", ignore_cleanup_errors=True) as folder:
        task = Task(definition, Path(folder), pull)
        try:
            task.start(overrides or {}, secret_value)
            yield task
        finally:
            task.close()

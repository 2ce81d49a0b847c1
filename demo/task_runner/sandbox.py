"""One container's process in a sandbox of bubblewrap, and the process namespace of a task."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen
from typing import Final

from task_runner.containers import User
from task_runner.programs import as_root, is_root, launch

INIT_PROGRAMS: Final = ("setpriv", "busybox")
_INIT: Final = "/.init"
"""Where a sandbox has the programs that set user, capabilities and environment, before the container's program replaces them.

bubblewrap can do neither of the first two for another user without a user namespace, in which all files of the image belong to
one user. The environment comes last, because variables such as LD_PRELOAD are for the container's program alone.
"""

_OWN_NAMESPACE: Final = ("--unshare-pid", "--as-pid-1", "--die-with-parent")


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder of this machine in a container."""

    folder: Path
    target: str
    read_only: bool


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What a container's process gets."""

    root: Path
    argv: Sequence[str]
    environment: Mapping[str, str]
    user: User
    capabilities: frozenset[str]
    directory: str
    mounts: Sequence[Mount]
    read_only: bool


class Process:
    """A running sandbox. All of its processes end with the thread that started it."""

    def __init__(self, sandbox: Sandbox, init: Path, output: Path, namespace: ProcessNamespace | None) -> None:
        """Start it: in the process namespace of the task, or else in one of its own, where its program is process 1."""
        for folder in (sandbox.directory, *(mount.target for mount in sandbox.mounts)):  # as Docker does
            (sandbox.root / folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
        # For --pidns, bubblewrap starts the program by a process in between, which ends: with --die-with-parent, that ends the
        # program, too, if it was quick. Process 1 of the namespace has the option, and all others end with it.
        share = ["--pidns", str(namespace.descriptor)] if namespace else [*_OWN_NAMESPACE]
        with output.open("wb") as file:
            self._popen, self._pid = _start(
                [*share, *_bwrap_options(sandbox, init), "--", *_set_user(sandbox), *_run(sandbox)],
                pass_fds=[namespace.descriptor] if namespace else [],
                stdout=file.fileno(),
            )

    @property
    def exit_code(self) -> int | None:
        """The exit code, 128 and the signal's number after a signal, or None while it runs."""
        return self._popen.poll()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the container's main process."""
        if self.exit_code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, number)

    def close(self) -> None:
        """End the container's main process."""
        self.send(signal.SIGKILL)
        self._popen.wait()


class ProcessNamespace:
    """The process namespace that the containers of a task share. As in ECS, its process 1 does nothing but wait.

    When process 1 ends, the kernel ends all processes of the namespace.
    """

    def __init__(self) -> None:
        pause = [*_OWN_NAMESPACE, "--ro-bind", "/", "/", "--", "sleep", "infinity"]
        self._popen, pid = _start(pause, pass_fds=[], stdout=DEVNULL)
        self.descriptor = os.open(f"/proc/{pid}/ns/pid", os.O_RDONLY)

    def close(self) -> None:
        """End all of its processes."""
        os.close(self.descriptor)
        self._popen.kill()
        self._popen.wait()


def _start(arguments: Sequence[str], *, pass_fds: Sequence[int], stdout: int) -> tuple[Popen[bytes], int]:
    """Start bubblewrap; return its process, and the ID of the process in the sandbox as this machine counts."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as info:
        try:
            popen = Popen(
                [*as_root(), "bwrap", "--info-fd", str(writer), *arguments],
                stdin=DEVNULL,
                stdout=stdout,
                stderr=STDOUT,
                pass_fds=[writer, *pass_fds],
                start_new_session=True,  # Ctrl-C in the terminal is not for the containers
            )
        finally:
            os.close(writer)
        text = info.read()
    if not text:
        raise subprocess.SubprocessError(f"bubblewrap ended with {popen.wait()}.")
    return popen, json.loads(text)["child-pid"]


def _bwrap_options(sandbox: Sandbox, init: Path) -> list[str]:
    options = ["--unshare-ipc", "--bind", str(sandbox.root), "/", "--proc", "/proc", "--dev", "/dev"]
    for mount in sandbox.mounts:
        options += ["--ro-bind" if mount.read_only else "--bind", str(mount.folder), mount.target]
    options += ["--ro-bind", str(init), _INIT]
    if sandbox.read_only:
        options += ["--remount-ro", "/"]
    return [*options, "--chdir", sandbox.directory, "--clearenv"]


def _set_user(sandbox: Sandbox) -> list[str]:
    """Return the command that sets user and capabilities. A user other than root has no capabilities in effect."""
    groups = "--clear-groups" if is_root() else "--keep-groups"  # only root may change them
    bounds = ",".join(["-all", *(f"+{name.lower()}" for name in sorted(sandbox.capabilities))])
    return [
        *launch("setpriv", _INIT),
        *(f"--reuid={sandbox.user.uid}", f"--regid={sandbox.user.gid}", groups),
        *(f"--bounding-set={bounds}", "--inh-caps=-all", "--"),
    ]


def _run(sandbox: Sandbox) -> list[str]:
    """Return the command that runs the container's program with exactly its environment."""
    variables = [f"{name}={value}" for name, value in sandbox.environment.items()]
    return [f"{_INIT}/busybox", "env", "-i", *variables, *sandbox.argv]

"""Programs of this machine: which the runner needs, and how to copy one so that it runs in any root file system."""

from __future__ import annotations

import atexit
import functools
import os
import re
import shutil
import subprocess
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import Final

NEEDED: Final = {"bwrap": "bubblewrap", "strace": "strace", "busybox": "busybox-static", "setpriv": "util-linux"}
"""The programs that the runner and its images need, and the packages of Debian that have them."""

_TRIAL: Final = ("bwrap", "--unshare-pid", "--as-pid-1", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev")


@functools.cache
def missing_reason() -> str | None:
    """Return why tasks cannot run on this machine, or None if they can."""
    missing = sorted(package for name, package in NEEDED.items() if not shutil.which(name))
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        return f"{' and '.join(missing)} {verb} missing here (apt-get install {' '.join(missing)})"
    if _loader_and_libraries(_path("busybox")):
        return "busybox needs shared libraries here (apt-get install busybox-static)"
    try:
        command = [*as_root(), *_TRIAL, "setpriv", "--bounding-set=-all", "true"]
    except PermissionError as error:
        return str(error)
    trial = subprocess.run(command, check=False, capture_output=True, text=True)
    return f"bubblewrap does not work here: {trial.stderr.strip()}" if trial.returncode else None


def is_root() -> bool:
    """Return whether this program runs as root."""
    return os.geteuid() == 0


@functools.cache
def as_root() -> tuple[str, ...]:
    """Return the beginning of a command that runs as root: nothing, or else one that enters a user namespace.

    There, this program's user is root, and no other user exists. So containers can run as root only.

    Raises:
        PermissionError: This machine does not let its users have namespaces.
    """
    if is_root():
        return ()
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", "echo ready; exec sleep infinity"]
    holder = Popen(command, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, start_new_session=True)
    atexit.register(_stop, holder)
    assert holder.stdout  # noqa: S101 - it is a pipe
    if not holder.stdout.readline():
        holder.wait()
        raise PermissionError("only root can do it here, because this machine does not let its users have namespaces")
    return ("nsenter", f"--user=/proc/{holder.pid}/ns/user", "--preserve-credentials")


def _stop(process: Popen[bytes]) -> None:
    with process:
        process.kill()


def copy_program(name: str, folder: Path) -> None:
    """Copy a program with its shared libraries into a folder; ``launch`` has the command that starts the copy."""
    path = _path(name)
    shutil.copy(path, folder / name)
    for library in _loader_and_libraries(path):
        target = "loader" if library.name.startswith("ld-") else library.name
        shutil.copy(library, folder / target)


def launch(name: str, folder: str) -> list[str]:
    """Return the command for the copy of a program that has been copied to a folder.

    It needs no file outside of the folder, since the loader is called by its path and with the folder of the libraries.
    """
    return [f"{folder}/loader", "--library-path", folder, f"{folder}/{name}"]


def _path(name: str) -> Path:
    found = shutil.which(name)
    assert found, f"{name} is not installed"  # noqa: S101 - missing_reason() said otherwise
    return Path(found).resolve()


@functools.cache
def _loader_and_libraries(program: Path) -> list[Path]:
    """Return the paths of the dynamic loader and the shared libraries of a program; none if it is linked statically."""
    listed = subprocess.run(["ldd", str(program)], check=False, capture_output=True, text=True).stdout
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", listed)]

"""Start programs, and stop them with all their descendants."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from typing import Final

LOOPBACK: Final = "127.0.0.1"
_PEAK_MEMORY: Final = re.compile(r"^VmHWM:\s+(\d+)", re.MULTILINE)
_RESIDENT_MEMORY: Final = re.compile(r"^VmRSS:\s+(\d+)", re.MULTILINE)


def free_port() -> int:
    """Return a port of the loopback interface that nothing listens on."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        port: int = listener.getsockname()[1]
        return port


def is_listening(port: int) -> bool:
    """Return whether something on this machine accepts connections on the port."""
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex((LOOPBACK, port)) == 0


def wait_until_listening(process: Popen[bytes], port: int, timeout: float) -> bool:
    """Wait until the process listens on the port; return False if the time is up or the process has ended."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline and process.poll() is None:
        if is_listening(port):
            return True
        time.sleep(0.01)
    return False


def stop_tree(process: Popen[bytes], timeout: float = 5) -> None:
    """Stop a process and its descendants: terminate it first, then kill what is left."""
    _stop(process, _descendants(process.pid), timeout)


def peak_memory(process: Popen[bytes]) -> int:
    """Return the peak memory of the largest of the process's descendants in bytes."""
    return _largest(process, _PEAK_MEMORY)


def resident_memory(process: Popen[bytes]) -> int:
    """Return the memory that the largest of the process's descendants has now, in bytes."""
    return _largest(process, _RESIDENT_MEMORY)


def processor_seconds(process: Popen[bytes]) -> float:
    """Return the processor time that the process's descendants have taken so far."""
    tasks = (task for pid in _descendants(process.pid) for task in Path(f"/proc/{pid}/task").glob("*/schedstat"))
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def _largest(process: Popen[bytes], field: re.Pattern[str]) -> int:
    """Return the largest value of a field in Linux's /proc, which is in KiB, in bytes."""
    statuses = (Path(f"/proc/{pid}/status").read_text("utf-8", "replace") for pid in _descendants(process.pid))
    return max((int(found[1]) * 1024 for status in statuses if (found := field.search(status))), default=0)


def stop_session(process: Popen[bytes], timeout: float = 15) -> None:
    """Stop a session leader, then kill what is left of its session."""
    _stop(process, [], timeout)
    _kill(other.pid for other in _all_processes() if other.session == process.pid)


def _stop(process: Popen[bytes], descendants: Iterable[int], timeout: float) -> None:
    process.terminate()
    with suppress(TimeoutExpired):
        process.wait(timeout)
    _kill(descendants)
    process.kill()
    process.wait()


def _kill(pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class _Process:
    pid: int
    parent: int
    session: int


def _all_processes() -> Iterator[_Process]:
    """Yield the processes of this machine, from Linux's /proc."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            # "pid (name) state parent group session …". A name may contain any characters, even parentheses.
            fields = (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            yield _Process(int(entry.name), parent=int(fields[1]), session=int(fields[3]))


def _descendants(pid: int) -> list[int]:
    pids = {pid}
    processes = list(_all_processes())
    while children := {other.pid for other in processes if other.parent in pids} - pids:
        pids |= children
    return sorted(pids - {pid})

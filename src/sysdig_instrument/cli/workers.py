"""Worker processes: each runs this tool's code, answers one request at a time, and writes nothing itself.

They are started as programs, not with :mod:`multiprocessing`. It would import the program that calls this package once more,
search the current folder for modules, which may be anyone's repository, and need semaphores, which some sandboxes lack.
"""

from __future__ import annotations

import pickle
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from subprocess import DEVNULL, PIPE, Popen
from typing import Any, Final

_START: Final = """\
import gc, pickle, sys
gc.disable()
sys.path[:] = pickle.load(sys.stdin.buffer)
from sysdig_instrument.cli.worker import serve
gc.freeze()
gc.enable()
serve()
"""


def _command() -> list[str]:
    """Return the command of a worker. It finds modules where this process does, and nowhere else: not in the current folder."""
    utf8 = f"utf8={sys.flags.utf8_mode}"  # names of files are decoded in the same way
    return [sys.executable, "-I", "-S", "-B", "-X", utf8, "-c", _START]


class Worker:
    """A worker process. One that ends, or cannot be started, answers None from then on."""

    def __init__(self, work: bytes) -> None:
        self.is_alive = True
        try:
            self._process = Popen(_command(), stdin=PIPE, stdout=PIPE, stderr=DEVNULL)  # noqa: S603 - Python itself
        except (OSError, ValueError):
            self.is_alive = False
            return
        self._first = pickle.dumps(sys.path) + work

    def start(self) -> None:
        """Wait until it is ready."""
        self.ask(self._first)

    def ask(self, request: bytes) -> Any:  # noqa: ANN401 - what the worker answers
        """Return the answer to a request."""
        if not self.is_alive:
            return None
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None  # noqa: S101 - a pipe
        assert stdout is not None  # noqa: S101 - a pipe
        try:
            stdin.write(request)
            stdin.flush()
            return pickle.load(stdout)  # noqa: S301 - from a process of our own
        except Exception:  # noqa: BLE001 - whatever it sent before it ended: the caller does without
            self.is_alive = False
            return None

    def end(self) -> None:
        """End the process at once."""
        if hasattr(self, "_process"):
            self._process.kill()
            self._process.wait()


class Workers:
    """Some workers. Each request goes to one that is idle."""

    def __init__(self, count: int, work: bytes) -> None:
        self._workers = [Worker(work) for _ in range(count)]
        self._idle: SimpleQueue[Worker] = SimpleQueue()
        self._threads = ThreadPoolExecutor(count)
        for worker in self._workers:
            self._threads.submit(self._start, worker)

    @property
    def are_ready(self) -> bool:
        """True if one has started, and waits for work."""
        return not self._idle.empty()

    @property
    def are_alive(self) -> bool:
        """True unless all have ended."""
        return any(worker.is_alive for worker in self._workers)

    def ask(self, request: object) -> Future[Any]:
        """Send a request to a worker. The answer is None if that ends first."""
        return self._threads.submit(self._ask, pickle.dumps(request))

    def _start(self, worker: Worker) -> None:
        worker.start()
        self._return(worker)

    def _ask(self, request: bytes) -> Any:  # noqa: ANN401 - what the worker answers
        worker = self._idle.get()
        answer = worker.ask(request)
        self._return(worker)
        return answer

    def _return(self, worker: Worker) -> None:
        if worker.is_alive or not self.are_alive:  # the last one stays, so that no request waits for ever
            self._idle.put(worker)

    def end(self) -> None:
        """End all workers at once."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.end()
        self._threads.shutdown()

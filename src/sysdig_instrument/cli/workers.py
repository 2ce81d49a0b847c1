"""Worker processes: each runs this tool's code, answers one request at a time, and writes nothing itself.

They are started as programs, not with :mod:`multiprocessing`. It would import the program that calls this package once more,
search the current folder for modules, which may be anyone's repository, and need semaphores, which some sandboxes lack.
"""

from __future__ import annotations

import pickle
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from subprocess import DEVNULL, PIPE, Popen
from threading import Thread
from typing import IO, Any, Final, TypeAlias

_REQUESTS: Final = 2
"""Requests that a worker has at the same time: it need not wait for the next one."""

Answer: TypeAlias = SimpleQueue[Any]
"""A queue that the answer to a request is put into: one value."""

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
    """Return the command of a worker. It finds modules where this process does, and nowhere else: not in the current folder.

    The options decide how names of files are decoded, how many digits a number may have, and where compiled files are.
    """
    options = [f"utf8={sys.flags.utf8_mode}", f"int_max_str_digits={sys.get_int_max_str_digits()}"]
    if sys.pycache_prefix:
        options.append(f"pycache_prefix={sys.pycache_prefix}")
    given = [part for option in options for part in ("-X", option)]
    return [sys.executable, "-I", "-S", "-B", *given, "-c", _START]


class Workers:
    """Worker processes, each with a thread that sends it requests. One that ends, or cannot be started, is done without."""

    def __init__(self, count: int, work: bytes) -> None:
        self.are_ready = False
        """True if one has started, and waits for requests."""
        self._work = pickle.dumps(sys.path) + work
        self._requests: SimpleQueue[tuple[Answer, bytes] | None] = SimpleQueue()
        self._processes = list(_started(count))
        self._alive = set(self._processes)
        self._threads = list(self._started_threads())

    @property
    def are_alive(self) -> bool:
        """True unless all have ended."""
        return bool(self._alive)

    def _started_threads(self) -> Iterator[Thread]:
        for process in self._processes:
            thread = Thread(target=self._serve, args=[process], daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system lets no more be started
                self._alive.discard(process)
            else:
                yield thread

    def ask(self, request: object) -> Answer:
        """Send a request to a worker. The answer is None if that ends first."""
        answer: Answer = SimpleQueue()
        self._requests.put((answer, pickle.dumps(request)))
        return answer

    def _serve(self, process: Popen[bytes]) -> None:
        """Send requests to a worker, and receive its answers. It has the next request while it works on one."""
        asked: deque[Answer] = deque()
        try:
            assert process.stdin is not None  # noqa: S101 - a pipe
            assert process.stdout is not None  # noqa: S101 - a pipe
            process.stdin.write(self._work)
            process.stdin.flush()
            pickle.load(process.stdout)  # noqa: S301 - from a process of our own
            self.are_ready = True
            while self._send_next(process.stdin, asked):
                asked[0].put(pickle.load(process.stdout))  # noqa: S301 - the same
                asked.popleft()
        except Exception:  # noqa: BLE001 - it has ended, whatever it sent last
            self._alive.discard(process)
        for answer in asked:
            answer.put(None)
        if not self._alive:
            self._answer_none()

    def _answer_none(self) -> None:
        """Answer requests when all workers have ended."""
        while request := self._requests.get():
            request[0].put(None)
        self._requests.put(None)  # for the other threads

    def _send_next(self, stdin: IO[bytes], asked: deque[Answer]) -> bool:
        """Send requests, so that the worker has two if there are as many. Return False after the last one."""
        while len(asked) < _REQUESTS:
            try:
                request = self._requests.get(block=not asked)
            except Empty:
                break
            if request is None:
                self._requests.put(None)  # for the other threads
                break
            asked.append(request[0])
            stdin.write(request[1])
            stdin.flush()
        return bool(asked)

    def end(self) -> None:
        """End all workers at once."""
        self._requests.put(None)
        for process in self._processes:
            process.kill()
            process.wait()
        for thread in self._threads:
            thread.join()
        for process in self._processes:
            for pipe in filter(None, (process.stdin, process.stdout)):
                with suppress(OSError):  # what was not sent
                    pipe.close()


def _started(count: int) -> Iterator[Popen[bytes]]:
    """Yield workers that have been started: a system may not let any be started."""
    for _ in range(count if sys.executable else 0):  # a program that embeds Python may have none
        with suppress(OSError, ValueError):
            yield Popen(_command(), stdin=PIPE, stdout=PIPE, stderr=DEVNULL)  # noqa: S603 - Python itself

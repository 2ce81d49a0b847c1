"""Process many files in other processes, before their turn, so that all cores are used.

The results come in the order of the files, and only a few are kept: memory stays flat. What only the process of the call may
do, it does when the file's turn comes: lookups, standard input, and the reading of settings files, which may print warnings.
"""

from __future__ import annotations

import os
import pickle
import stat
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from sysdig_instrument.cli.calls import Call
from sysdig_instrument.cli.documents import InputDocument
from sysdig_instrument.cli.folders import InputFile
from sysdig_instrument.cli.inputs import DocumentContext, PlanInputs
from sysdig_instrument.cli.one_file import ProcessedFile
from sysdig_instrument.cli.run_notices import Recorded
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.lazy_dataclasses import dataclass

if TYPE_CHECKING:
    from sysdig_instrument.cli.workers import Answer, Workers

T = TypeVar("T")

_GROUP: Final = 8
"""Files that a worker gets at once, at most."""
_GROUP_BYTES: Final = 64 * 1024
"""The size after which a group has no more files: neither memory nor the first result is to wait for several large ones."""
_WINDOW: Final = 4
"""Groups ahead of their turn, for each worker: one large file does not make the other workers wait."""
_MAX_JOBS: Final = 8
"""More workers than this would wait for the process that prints."""
_SECONDS_ALONE: Final = 0.2
"""Processor time that this process works alone before workers are started, if what is left takes twice as long: a start takes 0.1 to 0.2 s."""

_CPU_LIMIT: Final = Path("/sys/fs/cgroup/cpu.max")
"""The processor time that a container has, in Linux's control groups (version 2): a quota, or ``max``, and a period."""


@dataclass(slots=True)
class _Group:
    """Files that a worker has, from a number on, and its answer: None for each file that it leaves to this process."""

    start: int
    size: int
    answer: Answer
    results: Sequence[tuple[ProcessedFile[Any], Recorded] | None] | None = None

    def result(self, number: int) -> tuple[ProcessedFile[Any], Recorded] | None:
        if number == self.start:
            self.results = self.answer.get()
        return self.results[number - self.start] if self.results else None


class WorkAhead(Generic[T]):
    """Has the results of files that workers have processed. It starts workers once it is clear that they pay."""

    def __init__(self, call: Call, process_document: Callable[[InputDocument, Context, Call], T]) -> None:
        self._call, self._process_document = call, process_document
        self._jobs = 1 if call.options.docker else call.options.jobs or min(available_cores(), _MAX_JOBS)
        self._workers: Workers | None = None
        self._groups: deque[_Group] = deque()
        self._next = 0
        self._sent_back = self._processed = 0
        self._started = 0.0

    def __enter__(self) -> WorkAhead[T]:
        return self

    def __exit__(self, *_: object) -> None:
        if self._workers:
            self._workers.end()

    def take(self, files: Sequence[InputFile], number: int, inputs: PlanInputs) -> ProcessedFile[T] | None:
        """Return the result for the file with this number; None if this process has to process it. Each has its turn once."""
        if number == 0:
            self._started = time.process_time()
        if self._uses_workers(number, len(files)):
            self._send_groups(files, number, inputs)
        if not self._groups or self._groups[0].start > number:
            return None
        group = self._groups[0]
        answer = group.result(number)
        if number == group.start + group.size - 1:
            self._groups.popleft()
        if answer is None:
            self._sent_back += 1
            return None
        self._processed += 1
        processed, recorded = answer
        self._call.notices.recorded.add(recorded)
        return processed

    def _uses_workers(self, number: int, total: int) -> bool:
        """Return whether workers get more files. They are started here."""
        if self._jobs == 1 or self._sent_back > self._processed + _GROUP:
            return False
        if self._workers is None:
            if not self._call.options.jobs and not self._pays(number, total):
                return False
            self._workers = self._start()
        is_asked_for = self._call.options.jobs is not None
        return self._workers.are_alive and (is_asked_for or bool(self._groups) or self._workers.are_ready)

    def _pays(self, number: int, total: int) -> bool:
        used = time.process_time() - self._started
        return used > _SECONDS_ALONE and total - number >= 2 * number

    def _start(self) -> Workers:
        from sysdig_instrument.cli.workers import Workers  # noqa: PLC0415 - only for many files

        return Workers(self._jobs, pickle.dumps((self._call.elsewhere(), self._process_document)))

    def _send_groups(self, files: Sequence[InputFile], number: int, inputs: PlanInputs) -> None:
        assert self._workers is not None  # noqa: S101 - the caller looked
        self._next = max(self._next, number)
        while len(self._groups) < _WINDOW * self._jobs:
            group = self._next_group(files, inputs)
            if not group:
                return
            self._groups.append(_Group(self._next, len(group), self._workers.ask(group)))
            self._next += len(group)

    def _next_group(self, files: Sequence[InputFile], inputs: PlanInputs) -> list[tuple[InputFile, DocumentContext]]:
        """Return the next files, up to one that has to wait for its turn in this process."""
        group, group_size = [], 0
        for file in files[self._next : self._next + _GROUP]:
            size = _size_elsewhere(file.path)
            context = None if size is None else inputs.known_context(file.path)
            if size is None or context is None:
                break
            group.append((file, context))
            group_size += size
            if group_size > _GROUP_BYTES:
                break
        return group


def _size_elsewhere(path: str) -> int | None:
    """Return the size of a file, or None if another process may not read the same: ``/dev/stdin`` and ``/dev/fd/3`` are links."""
    try:
        status = os.lstat(path)
    except (OSError, ValueError):
        return None
    return status.st_size if path != "-" and stat.S_ISREG(status.st_mode) else None


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    if not sys.executable or getattr(sys, "frozen", False):
        return 1  # there is no Python to start
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _container_limit() or cores)


def _container_limit() -> int | None:
    """Return the number of cores that a container has the time of."""
    try:
        quota, period = _CPU_LIMIT.read_text(encoding="ascii").split()
        return max(1, int(quota) // int(period))
    except (OSError, ValueError):  # there is no file, or the quota is "max"
        return None

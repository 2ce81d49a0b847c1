"""Threads that do jobs, a few from each lane at a time, until all are done or the deadline comes."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from sysdig_instrument.registry.deadline import Deadline

Job: TypeAlias = Callable[[], None]

LANE: Final = 20
"""Jobs of one lane at a time. A lane is a registry: one that hangs does not hold up the others."""

CREW: Final = 128
"""Threads in all; there are never more than there are jobs."""


class Crew:
    """A crew of daemon threads: one that hangs in a name look-up is left behind and ends with the process."""

    def __init__(self) -> None:
        lock = threading.Lock()
        self._work_there = threading.Condition(lock)
        self._all_done = threading.Condition(lock)
        self._lanes: dict[str, deque[Job]] = {}
        self._busy: Counter[str] = Counter()
        self._threads = 0
        self._open = 0
        self._bug: BaseException | None = None
        self._closed = False

    def start(self, lane: str, job: Job) -> None:
        """Have a job done. Jobs may start further ones."""
        with self._work_there:
            if self._closed:
                return
            self._lanes.setdefault(lane, deque()).append(job)
            self._open += 1
            wanted = sum(min(LANE, len(jobs) + self._busy[name]) for name, jobs in self._lanes.items())
            if self._threads < min(CREW, wanted):
                self._threads += 1
                threading.Thread(target=self._work, name="look-up", daemon=True).start()
            self._work_there.notify()

    def wait(self, deadline: Deadline) -> None:
        """Return when all jobs are done, or at the deadline; jobs that have not begun by then never will.

        Raises:
            BaseException: What a job raised. Jobs handle what they expect; this is a bug.
        """
        with self._all_done:
            while self._open and self._bug is None and deadline.remaining:
                self._all_done.wait(deadline.remaining)
            self._closed = True
            self._work_there.notify_all()
            if self._bug is not None:
                raise self._bug

    def _work(self) -> None:
        while (taken := self._next()) is not None:
            lane, job = taken
            bug = _bug_in(job)
            with self._all_done:
                self._busy[lane] -= 1
                self._open -= 1
                self._bug = self._bug or bug
                self._all_done.notify()

    def _next(self) -> tuple[str, Job] | None:
        """A job of the lane that is least busy, as soon as there is one; None when the crew is no longer wanted."""
        with self._work_there:
            while not self._closed:
                waiting = [lane for lane, jobs in self._lanes.items() if jobs and self._busy[lane] < LANE]
                if waiting:
                    lane = min(waiting, key=lambda lane: self._busy[lane])
                    self._busy[lane] += 1
                    return lane, self._lanes[lane].popleft()
                self._work_there.wait()
        return None


def _bug_in(job: Job) -> BaseException | None:
    try:
        job()
    except BaseException as bug:  # noqa: BLE001 - it is raised again, in the thread that waits
        return bug
    return None

"""The state that the lookups of a run share: one deadline, single-flight calls, and a pool of threads.

The deadline runs on a clock that tests can control. Threads that need the same value share one computation of it. The
pool runs jobs from several queues until all are done or the deadline passes.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeAlias, TypeVar

from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.lookup.errors import HttpError, UnavailableError

# --- the deadline


class Clock(Protocol):
    """Monotonic seconds, and a way to let some pass."""

    def now(self) -> float:
        """Return the seconds since an arbitrary moment; they never decrease."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        ...


class MonotonicClock:
    """The system's monotonic clock."""

    def now(self) -> float:
        """See :class:`Clock`."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """See :class:`Clock`."""
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Deadline:
    """The time ``at`` on a clock after which answers are too late; ``seconds`` is the timeout it was made with."""

    clock: Clock
    at: float
    seconds: float

    @classmethod
    def after(cls, seconds: float, clock: Clock) -> Deadline:
        """Return the deadline that many seconds from now."""
        return cls(clock, clock.now() + seconds, seconds)

    @property
    def remaining(self) -> float:
        """Return the seconds left, or 0 if it has passed."""
        return max(0.0, self.at - self.clock.now())

    def timeout(self, maximum: float) -> float:
        """Return the timeout for the next wait: never 0, which would make a socket non-blocking.

        Raises:
            TimeoutError: The deadline has passed.
        """
        remaining = self.remaining
        if not remaining:
            raise TimeoutError
        return min(maximum, remaining)

    def pause(self, seconds: float) -> bool:
        """Sleep and return True; if the deadline would pass first, return False at once."""
        if seconds >= self.remaining:
            return False
        self.clock.sleep(seconds)
        return True


# --- single-flight calls

K = TypeVar("K")
V = TypeVar("V")


class _Call(Generic[V]):
    """One computation: its result is set once, then read by all."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.value: V | None = None
        self.error: Exception | None = None


class SingleFlight(Generic[K, V]):
    """Computes a value once per key and keeps it, or its error, for the run: a host that hangs times out once."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._lock = threading.Lock()
        self._calls: dict[K, _Call[V]] = {}

    def get(self, key: K, compute: Callable[[], V]) -> V:
        """Return the value for a key; the first caller computes it, the others wait.

        Raises:
            HttpError: ``compute`` raised it, in this or an earlier call, or the deadline passed while waiting.
            UnavailableError: ``compute`` raised it, in this or an earlier call.
        """
        with self._lock:
            call = self._calls.get(key)
            is_first = call is None
            if call is None:
                call = self._calls[key] = _Call()
        if is_first:
            self._run(call, compute)
        elif not call.done.wait(self._deadline.remaining):
            raise HttpError(f"there was no response within {self._deadline.seconds:g} s")
        if call.error is not None:
            raise call.error
        return call.value  # type: ignore[return-value]  # without an error it is set, perhaps to V's own None

    @staticmethod
    def _run(call: _Call[V], compute: Callable[[], V]) -> None:
        try:
            call.value = compute()
        except (HttpError, UnavailableError) as error:
            call.error = error
        except BaseException:
            # A bug: it is raised here, and the other callers must not wait for a result that never comes.
            call.error = HttpError("the lookup failed because of an internal error")
            raise
        finally:
            call.done.set()


# --- memory

LARGE_BODY_BYTES: Final = 256 << 10
"""A larger body is rare: indexes, manifests and configs have some ten thousand bytes."""

MAX_LARGE_BODIES: Final = 2
"""Threads that have a large body at once. Parsed, it can take thirty times its size."""

MAX_MANIFEST_BYTES_PER_RUN: Final = 16 << 20
"""Limit of all manifests of a run together, which are kept until its end: 4 MiB each are legal, but not for each image."""


class BodyLimits:
    """Limits the memory that response bodies take in a run. It is thread-safe."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._slots = threading.BoundedSemaphore(MAX_LARGE_BODIES)
        self._thread = threading.local()
        self._lock = threading.Lock()
        self._manifest_bytes = 0

    def acquire(self, size: int) -> None:
        """Wait, if a body is large, until this thread may have it. It may until ``release``, since it parses the body.

        Raises:
            HttpError: The deadline passed while waiting.
        """
        if size <= LARGE_BODY_BYTES or getattr(self._thread, "has_slot", False):
            return
        if not self._slots.acquire(timeout=self._deadline.remaining):
            raise HttpError(f"there was no response within {self._deadline.seconds:g} s")
        self._thread.has_slot = True

    def release(self) -> None:
        """Let another thread have a large body, if this one had any."""
        if getattr(self._thread, "has_slot", False):
            self._thread.has_slot = False
            self._slots.release()

    def count_manifest(self, body: bytes) -> None:
        """Count a manifest that will be kept until the end of the run.

        Raises:
            HttpError: The manifests of the run would take too much memory.
        """
        with self._lock:
            if self._manifest_bytes + len(body) > MAX_MANIFEST_BYTES_PER_RUN:
                raise HttpError(
                    f"the manifests of all images together exceed the limit of {MAX_MANIFEST_BYTES_PER_RUN >> 20} MiB",
                    "Check what the registries send",
                )
            self._manifest_bytes += len(body)


# --- the pool

Job: TypeAlias = Callable[[], None]

MAX_RUNNING_PER_QUEUE: Final = 20
"""Jobs of one queue that run at once. Each registry has its own queue, so one that hangs does not block the others."""

MAX_THREADS: Final = 128
"""Threads in total; there are never more than jobs."""


class WorkerPool:
    """A pool of daemon threads: one that hangs in name resolution is abandoned and ends with the process."""

    def __init__(self) -> None:
        lock = threading.Lock()
        self._job_available = threading.Condition(lock)
        self._all_done = threading.Condition(lock)
        self._queues: dict[str, deque[Job]] = {}
        self._running: Counter[str] = Counter()
        self._thread_count = 0
        self._unfinished = 0
        self._error: BaseException | None = None
        self._closed = False

    def submit(self, queue: str, job: Job) -> None:
        """Add a job to a queue. Jobs may submit further jobs."""
        with self._job_available:
            if self._closed:
                return
            self._queues.setdefault(queue, deque()).append(job)
            self._unfinished += 1
            threads_needed = sum(
                min(MAX_RUNNING_PER_QUEUE, len(jobs) + self._running[name]) for name, jobs in self._queues.items()
            )
            if self._thread_count < min(MAX_THREADS, threads_needed):
                self._thread_count += 1
                threading.Thread(target=self._run_worker, name="lookup", daemon=True).start()
            self._job_available.notify()

    def wait(self, deadline: Deadline) -> None:
        """Wait until all jobs are done or the deadline passes. Jobs that have not started by then never run.

        Raises:
            BaseException: A job raised it. Jobs handle the errors they expect, so this is a bug.
        """
        with self._all_done:
            while self._unfinished and self._error is None and deadline.remaining:
                self._all_done.wait(deadline.remaining)
            self._closed = True
            self._job_available.notify_all()
            if self._error is not None:
                raise self._error

    def _run_worker(self) -> None:
        while (queued := self._next_job()) is not None:
            queue, job = queued
            error = _run_job(job)
            with self._all_done:
                self._running[queue] -= 1
                self._unfinished -= 1
                self._error = self._error or error
                self._all_done.notify()

    def _next_job(self) -> tuple[str, Job] | None:
        """Wait for a job and return one from the queue with the fewest running; None once the pool is closed."""
        with self._job_available:
            while not self._closed:
                ready = [
                    queue
                    for queue, jobs in self._queues.items()
                    if jobs and self._running[queue] < MAX_RUNNING_PER_QUEUE
                ]
                if ready:
                    queue = min(ready, key=lambda name: self._running[name])
                    self._running[queue] += 1
                    return queue, self._queues[queue].popleft()
                self._job_available.wait()
        return None


def _run_job(job: Job) -> BaseException | None:
    try:
        job()
    except BaseException as error:  # noqa: BLE001 - re-raised in the thread that waits
        return error
    return None

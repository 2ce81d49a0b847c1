"""Limits for the memory of the function's process. When Lambda ends the function for its memory, the user gets no explanation.

Lambda ends a process that takes more than the function's memory. Below that, ``RLIMIT_DATA`` makes Linux refuse memory,
and Python raises MemoryError, which the handlers answer. ``RLIMIT_DATA`` counts what a process may write to (heap,
anonymous mappings, stacks of threads), but neither files nor what glibc only reserves for threads, as ``RLIMIT_AS`` would.
"""

from __future__ import annotations

import gc
import os
import threading
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

_MIB: Final = 1024 * 1024

RESERVED_MIB: Final = 64
"""The part of the function's memory that is left for what does not count: files, such as the interpreter's libraries, the
main thread's stack, and Lambda's own runtime."""

THREAD_STACK_MIB: Final = 3
"""The stack of a lookup's thread. 128 threads with glibc's 8 MiB would exceed the limit; a deeply nested JSON needs 1.2."""


def limit_memory(environment: Mapping[str, str]) -> None:
    """Limit the memory of this process to a little less than the function has. Outside of Lambda do nothing."""
    size = environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    if not size.isdecimal():
        return
    import resource  # noqa: PLC0415 - on Unix only, and not needed elsewhere

    _, hard_limit = resource.getrlimit(resource.RLIMIT_DATA)
    limit = max(int(size) - RESERVED_MIB, RESERVED_MIB) * _MIB
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard_limit))
    threading.stack_size(THREAD_STACK_MIB * _MIB)


class GrowthLimit:
    """Tells whether this process has grown beyond what it may keep between two events.

    Python returns memory to the system in blocks of a mebibyte, each only when nothing in it is in use. What is kept for
    later events, such as the configs of images, may be anywhere in memory that a large event took and no longer needs.

    ``kept_mib`` is what it may keep, above its size after the imports.
    """

    def __init__(self, kept_mib: int) -> None:
        self._limit = resident_memory() + kept_mib * _MIB

    def is_exceeded(self) -> bool:
        """Return whether the process is larger than it may be between two events."""
        return resident_memory() > self._limit


def resident_memory() -> int:
    """Return the bytes of memory that this process takes, or 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def release(error: BaseException) -> None:
    """Free what the frames of an exception hold: for the message, or for the next run in this process.

    A large template leaves cycles, which Python would free only some runs later. Freeing them takes some 20 ms, so a run
    without an exception does not wait for it.
    """
    for each in _chain(error):
        traceback.clear_frames(each.__traceback__)
        each.__traceback__ = None
    return_free_memory()


def return_free_memory() -> None:
    """Free cycles of objects, and return free memory to the system."""
    gc.collect()
    _trim()


def _trim() -> None:
    """Have glibc return free memory to the system, also between what is in use; other C libraries lack the function."""
    try:
        import ctypes  # noqa: PLC0415 - takes milliseconds, and only runs with an exception need it

        ctypes.CDLL(None).malloc_trim(0)
    except (ImportError, OSError, AttributeError):
        return


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those during whose handling it was raised."""
    seen: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in seen:
        seen.append(current)
        yield current
        current = current.__context__

"""A limit for the memory of the function's process. When Lambda ends the function for its memory, the user gets no explanation.

Lambda ends a process that takes more than the function's memory. Below that, ``RLIMIT_DATA`` makes Linux refuse memory,
and Python raises MemoryError, which the handlers answer. ``RLIMIT_DATA`` counts what a process may write to (heap,
anonymous mappings, stacks of threads), but neither files nor what glibc only reserves for threads, as ``RLIMIT_AS`` would.
"""

from __future__ import annotations

import gc
import threading
import traceback
from collections.abc import Iterator, Mapping
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


def release(error: BaseException) -> None:
    """Free what the frames of an exception hold: for the message, or for the next run in this process.

    A large template leaves cycles, which Python would free only some runs later. Freeing them takes some 20 ms, so a run
    without an exception does not wait for it.
    """
    for each in _chain(error):
        traceback.clear_frames(each.__traceback__)
        each.__traceback__ = None
    gc.collect()
    _return_free_memory()


def _return_free_memory() -> None:
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

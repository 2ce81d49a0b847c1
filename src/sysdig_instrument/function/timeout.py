"""A time limit for planning. When Lambda's own timeout ends the function, the user gets no explanation."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

from sysdig_instrument.errors import RefusedError

_MIN_SECONDS: Final = 0.1
"""A timer of 0 would never fire."""

_REPEAT_SECONDS: Final = 0.1
"""Python discards exceptions that are raised while an object is finalised, so an alarm may be lost and is repeated."""


class TimeLimitError(RefusedError):
    """The template takes longer to process than the function may run."""

    def __init__(self) -> None:
        super().__init__(
            "Processing the template takes longer than the function may run, so nothing was changed. "
            "Use fewer conditions, or move some of its resources into a separate template."
        )


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Interrupt the block after that many seconds.

    Only the main thread can be interrupted; Lambda runs the handler in it. This is for computation. Lookups have
    deadlines of their own, with better messages.

    Raises:
        TimeLimitError: The time is up.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def raise_time_limit(*_: object) -> NoReturn:
        raise TimeLimitError

    previous_handler = signal.signal(signal.SIGALRM, raise_time_limit)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, _MIN_SECONDS), _REPEAT_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous_handler)

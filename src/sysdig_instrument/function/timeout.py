"""An end to what takes too long. Lambda's own time-out ends the function without a word, and CloudFormation has none to add."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

from sysdig_instrument.errors import RefusedError

_MIN_SECONDS: Final = 0.1
"""A timer of 0 would never go off."""

_REPEAT_SECONDS: Final = 0.1
"""Python drops what is raised while it finalises an object, so one alarm may be lost."""


class TimeLimitError(RefusedError):
    """A template that is too much for the function."""

    def __init__(self) -> None:
        super().__init__(
            "The template takes longer to work through than the function has time, and nothing was changed. "
            "Take some of its conditions out, or move some of its resources into a template of their own."
        )


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Interrupt the block after that many seconds. Only the main thread can be, and in Lambda the handler runs in it.

    What waits for registries has deadlines of its own and says more; this is for what computes.

    Raises:
        OutOfTimeError: The time is up.
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

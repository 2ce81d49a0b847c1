"""A time limit for planning. When Lambda's own timeout ends the function, the user gets no explanation."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.errors import RefusedError

_MIN_SECONDS: Final = 0.1
"""A timer of 0 would never fire."""

_REPEAT_SECONDS: Final = 0.1
"""Python discards exceptions that are raised while an object is finalised, so an alarm may be lost and is repeated."""


class TimeLimitError(RefusedError):
    """The template takes longer to process than the function may run."""

    def __init__(
        self,
        message: str = "Processing the template takes longer than the function may run, so nothing was changed. "
        "Use fewer conditions, or move some of its resources into a separate template.",
    ) -> None:
        super().__init__(message, code=Code.OUT_OF_TIME)


class time_limit:  # noqa: N801 - read as a statement: with time_limit(…)
    """Interrupt the block after that many seconds.

    Only the main thread can be interrupted; Lambda runs the handler in it. This is for computation. Lookups have
    deadlines of their own, with better messages.

    The alarm repeats, and one may come late, while an exception already leaves the block. So the ``with`` statement must
    be in a function of its own: once that function has returned, an alarm raises nothing, and its caller can handle the
    exception undisturbed.

    Raises:
        TimeLimitError: The time is up.
    """

    def __init__(self, seconds: float, error: Callable[[], Exception] = TimeLimitError) -> None:
        self._seconds, self._error = max(seconds, _MIN_SECONDS), error
        self._is_main = threading.current_thread() is threading.main_thread()
        self._function: FrameType | None = None
        self._previous: Any = signal.SIG_DFL

    def __enter__(self) -> None:
        if self._is_main:
            self._function = sys._getframe(1)  # noqa: SLF001 - the only way to learn which function has the block
            self._previous = signal.signal(signal.SIGALRM, self._on_alarm)
            signal.setitimer(signal.ITIMER_REAL, self._seconds, _REPEAT_SECONDS)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_main:
            self._function = None  # an alarm that is already due raises nothing from here on
            _stop_timer()
            signal.signal(signal.SIGALRM, self._previous)

    def _on_alarm(self, _signal: int, frame: FrameType | None) -> None:
        while frame is not None and frame is not self._function:
            frame = frame.f_back
        if frame is None:  # the function with the block has returned
            _stop_timer()
            return
        raise self._error()


def _stop_timer() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)

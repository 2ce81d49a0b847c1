"""One deadline for everything that a run asks, on a clock that tests can wind."""

from __future__ import annotations

import time
from typing import Protocol

from sysdig_instrument.values import dataclass


class Clock(Protocol):
    """Monotonic seconds, and a way to let some pass."""

    def now(self) -> float:
        """Seconds since an arbitrary moment; never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        ...


class MonotonicClock:
    """The machine's own clock."""

    def now(self) -> float:
        """See :class:`Clock`."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """See :class:`Clock`."""
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment ``at`` of a clock, after which no answer is of use. ``seconds`` is how far off it was at the start."""

    clock: Clock
    at: float
    seconds: float

    @classmethod
    def after(cls, seconds: float, clock: Clock) -> Deadline:
        """The deadline that many seconds from now."""
        return cls(clock, clock.now() + seconds, seconds)

    @property
    def remaining(self) -> float:
        """Seconds left; 0 when it has passed."""
        return max(0.0, self.at - self.clock.now())

    def pause(self, seconds: float) -> bool:
        """Let that many seconds pass and return True; if the deadline comes first, return False at once."""
        if seconds >= self.remaining:
            return False
        self.clock.sleep(seconds)
        return True

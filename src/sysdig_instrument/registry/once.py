"""Do a thing once for all threads that want it: the others wait for the first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from sysdig_instrument.registry.deadline import Deadline
from sysdig_instrument.registry.errors import HttpError, NoAnswerError

K = TypeVar("K")
V = TypeVar("V")


class _Outcome(Generic[V]):
    """What came of it: set once, then read by all."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.value: V | None = None
        self.error: Exception | None = None


class Once(Generic[K, V]):
    """A run's memory by key. What failed stays failed: a host that hangs costs its time-out once, not per image."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._lock = threading.Lock()
        self._outcomes: dict[K, _Outcome[V]] = {}

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The value for a key, by ``make`` if nobody has asked before.

        Raises:
            HttpError: ``make`` raised it, for us or for an earlier caller, or the deadline passed while we waited.
            NoAnswerError: As ``make`` raised it.
        """
        with self._lock:
            outcome = self._outcomes.get(key)
            ours = outcome is None
            if outcome is None:
                outcome = self._outcomes[key] = _Outcome()
        if ours:
            self._fill(outcome, make)
        elif not outcome.done.wait(self._deadline.remaining):
            raise HttpError(f"there was no answer within {self._deadline.seconds:g} s")
        if outcome.error is not None:
            raise outcome.error
        return outcome.value  # type: ignore[return-value]  # without an error it is set, perhaps to V's own None

    @staticmethod
    def _fill(outcome: _Outcome[V], make: Callable[[], V]) -> None:
        try:
            outcome.value = make()
        except (HttpError, NoAnswerError) as error:
            outcome.error = error
        except BaseException:
            # A bug of ours: it is raised here, and nobody shall wait for an outcome that will not come.
            outcome.error = HttpError("the look-up broke off")
            raise
        finally:
            outcome.done.set()

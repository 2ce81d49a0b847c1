"""The time limit."""

from __future__ import annotations

import contextlib
import signal
import time

import pytest

from sysdig_instrument.function.timeout import TimeLimitError, time_limit


def busy(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(100))


def test_the_block_is_interrupted_and_the_alarm_cleared() -> None:
    with pytest.raises(TimeLimitError), time_limit(0.01):
        busy(30)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


class Finalised:
    """Python prints what is raised while this is finalised, and goes on."""

    def __del__(self) -> None:
        busy(0.3)


def finalise_and_go_on() -> None:
    Finalised()
    busy(30)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_alarm_lost_in_a_finaliser_is_repeated() -> None:
    with pytest.raises(TimeLimitError), time_limit(0.1):
        finalise_and_go_on()


def test_a_quick_block_is_not_interrupted() -> None:
    with time_limit(30):
        busy(0.01)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


class SlowToFree:
    """Freeing it takes longer than the alarm takes to repeat."""

    def __del__(self) -> None:
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            with contextlib.suppress(TimeLimitError):
                sum(range(100))


def limited() -> None:
    slow_to_free = SlowToFree()
    with time_limit(0.1):
        busy(30)
    del slow_to_free


def test_an_alarm_that_comes_late_does_not_disturb_the_caller() -> None:
    """The handler's message must not be interrupted, even if leaving the block took longer than the alarm's repetition."""
    for _ in range(5):
        try:
            limited()
        except TimeLimitError:
            busy(0.3)  # no alarm here
        else:
            pytest.fail("no time limit")
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_the_words_of_another_limit() -> None:
    with pytest.raises(KeyError), time_limit(0.01, KeyError):
        busy(30)

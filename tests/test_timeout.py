"""The time limit."""

from __future__ import annotations

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

"""An end to what takes too long."""

from __future__ import annotations

import signal
import time

import pytest

from sysdig_instrument.time_limit import OutOfTimeError, within


def busy(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(100))


def test_what_takes_too_long_is_interrupted_and_no_alarm_stays() -> None:
    with pytest.raises(OutOfTimeError), within(0.01):
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
def test_an_alarm_that_an_object_swallows_while_it_is_finalised_comes_again() -> None:
    with pytest.raises(OutOfTimeError), within(0.1):
        finalise_and_go_on()


def test_what_is_quick_is_left_alone() -> None:
    with within(30):
        busy(0.01)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)

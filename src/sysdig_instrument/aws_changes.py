"""Changes in AWS: each call once, unless it is throttled, and then a wait until the change is complete.

After a time-out, a call may have taken effect. So it is not repeated: the caller looks at what is there first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.lookup.aws import AwsClients, AwsError, AwsSession, aws_session

_T = TypeVar("_T")

_TIMEOUT_SECONDS: Final = 30
_ATTEMPTS: Final = 6
_THROTTLED: Final = frozenset(
    {
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""The codes with which AWS says that it did not begin the call."""


def clients_for_changes(make_session: Callable[[], AwsSession] = aws_session) -> AwsClients:
    """Return clients that attempt a call once."""
    return AwsClients(make_session, read_timeout=_TIMEOUT_SECONDS, max_attempts=1)


def change(action: Callable[[], _T], sleep: Callable[[float], object]) -> _T:
    """Return the result of a call that changes something. Only one that is throttled is repeated.

    Raises:
        AwsError: The call failed. It may have taken effect.
    """
    for attempt in range(_ATTEMPTS - 1):
        try:
            return action()
        except AwsError as error:
            if error.code not in _THROTTLED:
                raise
            sleep(2**attempt)
    return action()


@dataclass(frozen=True, slots=True)
class Timer:
    """The time: ``clock`` returns seconds, and ``sleep`` waits for some."""

    clock: Callable[[], float]
    sleep: Callable[[float], object]

    def wait(
        self,
        items: Iterable[_T],
        is_done: Callable[[_T], bool],
        every: float,
        timeout: float,
        may_go_on: Callable[[], bool] = lambda: True,
    ) -> list[_T]:
        """Look at the items every so many seconds until all are done, and return those that are not in time.

        It also ends when ``may_go_on`` returns false after a look.
        """
        end = self.clock() + timeout
        waiting = list(items)
        while waiting := [each for each in waiting if not is_done(each)]:
            if not may_go_on() or self.clock() >= end:
                return waiting
            self.sleep(every)
        return []

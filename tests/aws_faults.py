"""Failures of calls to AWS, for tests in which boto3's clients run in this process."""

from __future__ import annotations

from collections import Counter
from typing import Any

import boto3
import botocore.exceptions


class Faults:
    """Failures of calls, by operation: an error before the call takes effect, or after it.

    Each call takes the next of a list; the last one stays.
    """

    def __init__(self) -> None:
        self.before: dict[str, list[Exception | None]] = {}
        self.after: dict[str, list[Exception | None]] = {}
        self.calls: Counter[str] = Counter()

    def register(self, session: boto3.Session, service: str) -> None:
        """Make the clients of a session fail."""
        session.events.register(f"before-call.{service}", self.fail_before)
        session.events.register(f"after-call.{service}", self.fail_after)

    def fail_before(self, model: Any, **_: Any) -> None:
        self.calls[model.name] += 1
        self._fail(self.before, model.name)

    def fail_after(self, model: Any, **_: Any) -> None:
        self._fail(self.after, model.name)

    def clear(self) -> None:
        """Let all calls succeed from now on."""
        self.before.clear()
        self.after.clear()

    @staticmethod
    def _fail(planned: dict[str, list[Exception | None]], operation: str) -> None:
        errors = planned.get(operation) or [None]
        error = errors.pop(0) if len(errors) > 1 else errors[0]
        if error:
            raise error


def service_error(code: str) -> Exception:
    error: Exception = botocore.exceptions.ClientError({"Error": {"Code": code, "Message": "secret"}}, "operation")
    return error


DENIED = service_error("AccessDeniedException")
THROTTLED = service_error("ThrottlingException")
CUT = botocore.exceptions.ResponseStreamingError(error="cut")
TIMED_OUT = botocore.exceptions.ReadTimeoutError(endpoint_url="https://aws")

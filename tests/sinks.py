"""Every text that goes to people or logs, in every test: none may hold a secret that a test planted.

What is told goes through few places: findings, errors, the Result, the log, and the answers of macro and hook. Each is
wrapped here for the whole run, so whatever a test is about, what it makes the software say is looked at.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable
from typing import Any, Final

from sysdig_instrument import errors, hook, macro, observing
from sysdig_instrument.engine import findings, outcomes

PLANTED: Final = "pl4nted-s3cret"
"""What tests write where people keep secrets: ``making`` into a label, the strategies into values of variables."""

_MARKS: Final = (PLANTED, "hunter2")

told: list[str] = []
"""What was told although it holds a secret; a fixture looks at it after each test."""


def look(text: object) -> None:
    """Note a text that holds a secret."""
    if any(mark in str(text) for mark in _MARKS):
        told.append(str(text))


def watch() -> None:
    """Look at everything that is told from now on, for as long as the process lives."""
    _wrap(findings.Finding, "_line")
    _wrap(outcomes, "_result")
    _wrap(macro, "failure")
    _wrap(hook, "_response")
    _look_at_arguments(errors.UserError)
    observing.logger.addFilter(_Look())


def _wrap(owner: Any, name: str) -> None:
    """Look at what a function gives back."""
    inner: Callable[..., Any] = getattr(owner, name)

    @functools.wraps(inner)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        given = inner(*arguments, **named)
        look(given)
        return given

    setattr(owner, name, wrapped)


def _look_at_arguments(error: type[Exception]) -> None:
    def init(self: Exception, *arguments: object) -> None:
        look(arguments)
        super(error, self).__init__(*arguments)

    error.__init__ = init  # type: ignore[assignment, method-assign]


class _Look(logging.Filter):
    """Looks at log records, and lets all of them pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        look(json.dumps(record.__dict__, default=str))
        return True

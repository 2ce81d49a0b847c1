"""Guard every test: no text for people or logs may contain a secret that a test planted.

All such texts pass through a few places: findings, errors, the Result, the log, and the responses of macro and hook.
``install`` wraps these for the whole run, so every text is inspected, whatever the test is about.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable
from typing import Any, Final

from sysdig_instrument import errors
from sysdig_instrument.engine import findings, task_plan
from sysdig_instrument.function import hook, macro, telemetry

PLANTED: Final = "pl4nted-s3cret"
"""Tests put this where people keep secrets: ``factories`` into a label, the strategies into values of variables."""

_MARKS: Final = (PLANTED, "hunter2")

leaks: list[str] = []
"""The texts that contain a planted secret. A fixture checks after each test that there are none."""


def inspect_text(text: object) -> None:
    """Record a text if it contains a planted secret."""
    if any(mark in str(text) for mark in _MARKS):
        leaks.append(str(text))


def install() -> None:
    """Inspect all texts from now on, until the process ends."""
    _inspect_result(findings.Finding, "_with_location")
    _inspect_result(task_plan, "result_value")
    _inspect_result(macro, "failure_response")
    _inspect_result(hook, "inspect")
    _inspect_result(hook, "with_help")
    _inspect_arguments(errors.UserError)
    telemetry.logger.addFilter(_LogInspector())


def _inspect_result(owner: Any, name: str) -> None:
    """Wrap a function so that its result is inspected."""
    inner: Callable[..., Any] = getattr(owner, name)

    @functools.wraps(inner)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        result = inner(*arguments, **named)
        inspect_text(result)
        return result

    setattr(owner, name, wrapped)


def _inspect_arguments(error: type[Exception]) -> None:
    inner: Callable[..., None] = error.__init__

    def init(self: Exception, *arguments: object, **named: object) -> None:
        inspect_text(arguments)
        inner(self, *arguments, **named)

    error.__init__ = init  # type: ignore[assignment, method-assign]


class _LogInspector(logging.Filter):
    """Inspects log records, and passes all of them on."""

    def filter(self, record: logging.LogRecord) -> bool:
        inspect_text(json.dumps(record.__dict__, default=str))
        return True

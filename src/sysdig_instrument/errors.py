"""Errors that a user can cause. Any other exception that leaves this package is a bug."""

from __future__ import annotations

TYPE_CHECKING = False  # --help needs this module, and not the engine
if TYPE_CHECKING:
    from typing import Any

    from sysdig_instrument.engine.codes import Code


class UserError(Exception):
    """The user's input cannot be used.

    The message consists of whole sentences: the fact, then what to do. Of the user's values it contains only names,
    locations and image references. ``code`` is None only if each line of the text has a code already.
    """

    def __init__(self, text: str, *, code: Code | None) -> None:
        self.text = text
        self.code = code
        super().__init__(text if code is None else f"{text} ({code.value})")

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what pickle restores the error from: its attributes. By default it would call ``__init__`` with the text alone."""
        return Exception.__new__, (type(self), *self.args), self.__dict__


class UsageError(UserError):
    """An option, a file or a setting is invalid (exit code 2 of the command line tool)."""


class RefusedError(UserError):
    """The input is valid, but cannot be instrumented as requested (exit code 1)."""

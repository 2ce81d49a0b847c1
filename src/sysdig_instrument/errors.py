"""Errors that a user can cause. Any other exception that leaves this package is a bug."""

from __future__ import annotations


class UserError(Exception):
    """The user's input cannot be used.

    The message consists of whole sentences: the fact, then what to do. Of the user's values it contains only names,
    locations and image references.
    """


class UsageError(UserError):
    """An option, a file or a setting is invalid (exit code 2 of the command line tool)."""


class RefusedError(UserError):
    """The input is valid, but cannot be instrumented as requested (exit code 1)."""


class UnknownError(RefusedError):
    """It is not known here whether the input can be instrumented as requested. Nothing in it is wrong."""

"""What can go wrong by a user's doing. Any other exception that leaves this package is a bug of ours."""

from __future__ import annotations


class UserError(Exception):
    """Something the user gave cannot be used.

    The message is whole sentences: the fact, then what to do about it. It carries no value of the user's beyond names,
    places and image references.
    """


class UsageError(UserError):
    """The call itself is wrong (exit code 2 in the command line tool): an option, a file, a setting."""


class RefusedError(UserError):
    """The input was understood, and cannot be instrumented as asked (exit code 1)."""

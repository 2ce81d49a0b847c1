"""The types of values of options, for argparse. ``--help`` imports this module, so it imports little itself.

An empty value is refused: it comes from a shell's variable that is not set, and what it would mean is rarely what is meant.
"""

from __future__ import annotations

from argparse import ArgumentTypeError

TYPE_CHECKING = False  # importing typing takes longer than everything else that is imported here
if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_DIGITS = 9


def whole_number(least: int, most: int, meaning: str) -> Callable[[str], int]:
    """Return the type of a whole number between two others. ``meaning`` says what is counted."""

    def parse(text: str) -> int:
        is_number = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
        if is_number and least <= int(text) <= most:
            return int(text)
        raise ArgumentTypeError(f"give {meaning}, from {least} to {most}")

    return parse


seconds = whole_number(1, 7 * 24 * 3600, "a number of seconds")
"""The type of a time of at most a week."""


def not_empty(text: str) -> str:
    """Return a text that has something in it."""
    if text.strip():
        return text
    raise ArgumentTypeError("the value is empty. Give one, or leave the option out")


def region(text: str) -> str:
    """Return the name of a Region."""
    from sysdig_instrument.engine.partitions import is_region_name  # noqa: PLC0415 - only this option needs it

    if is_region_name(text):
        return text
    raise ArgumentTypeError("this is not the name of a Region. Give one, such as eu-central-1")

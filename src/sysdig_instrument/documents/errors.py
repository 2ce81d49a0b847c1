"""Where in a file something is wrong, and the errors that say so. They never carry text of the file."""

from __future__ import annotations

import re
from typing import Final

from sysdig_instrument.errors import UsageError

MAX_BYTES: Final = 8 * 1024 * 1024
"""CloudFormation takes 1 MB. This much more is read so that the refusal can say what is wrong with the template."""

MAX_NODES: Final = 1_000_000
"""Values in a document, with what YAML aliases stand for counted each time: nine lines can stand for a billion."""

MAX_DEPTH: Final = 200
"""Levels of nesting. Real templates stay below 30; each level costs several frames of Python's stack."""

LINE_BREAK: Final = re.compile(r"\r\n|\r|\n")


def line_of(text: str, offset: int) -> int:
    """The line of a character, counted from one."""
    return sum(1 for _ in LINE_BREAK.finditer(text, 0, offset)) + 1


def column_of(text: str, offset: int) -> int:
    """The column of a character, counted from zero."""
    line = text.rfind("\n", 0, offset) + 1
    # A lone "\r" ends a line too. It is looked for in this line only: most texts have none at all.
    return offset - (text.rfind("\r", line, offset) + 1 or line)


def error_at(name: str, text: str, offset: int, message: str) -> UsageError:
    """The error for a place in a file."""
    return UsageError(f"{name}, line {line_of(text, offset)}, column {column_of(text, offset) + 1}: {message}")


def too_deep_error(name: str) -> UsageError:
    """The error for a document with too many levels, where no single place is to blame."""
    return UsageError(f"{name} is nested more than {MAX_DEPTH} levels deep. No template needs that: correct the file.")


def too_large_error(name: str) -> UsageError:
    """The error for a document with too many values in it."""
    return UsageError(
        f"{name} stands for more than {MAX_NODES:,} values, once its YAML aliases are counted each time. "
        "CloudFormation takes templates up to 1 MB: divide it, or write fewer aliases.",
    )

"""Limits on documents, and errors with a line and column. No error contains text of the file: it may hold secrets."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.errors import UsageError
from sysdig_instrument.lazy_dataclasses import dataclass

MAX_BYTES: Final = 8 * 1024 * 1024
"""CloudFormation accepts 1 MB. Larger files are read up to this size so that the error can say what is wrong."""

MAX_NODES: Final = 1_000_000
"""Values in a document, counting what an alias repeats each time: nine lines can expand to a billion values."""

MAX_DEPTH: Final = 200
"""Levels of nesting. Real templates stay below 30; each level costs several frames of Python's stack."""

LINE_BREAK: Final = re.compile(r"\r\n|\r|\n")


class SourceError(UsageError):
    """Something is wrong at an offset in a text. A terminal shows that line with all values masked; the message has none of it."""

    def __init__(self, name: str, text: str, offset: int, message: str, *, code: Code) -> None:
        self.source_text, self.offset, self.message = text, offset, message
        self.line, self.column = line_of(text, offset), column_of(text, offset) + 1
        super().__init__(f"{name}:{self.line}:{self.column}: {message}", code=code)


@dataclass(frozen=True, slots=True)
class SourceWarning:
    """Something in a text that CloudFormation may reject, or read differently than its author expects.

    ``start`` and ``end`` are the offsets of what it is about; ``line`` and ``column`` are counted from one.
    """

    name: str
    line: int
    column: int
    start: int
    end: int
    reason: Reason

    @property
    def text(self) -> str:
        """The place, the sentences and the code."""
        return f"{self.name}:{self.line}:{self.column}: {self.reason.coded_text}"


class EmptyDocumentError(UsageError):
    """A file has no content apart from white space and comments."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is empty. Give a template or task definition in JSON or YAML.", code=Code.NOT_A_TEMPLATE_FILE
        )


def line_of(text: str, offset: int) -> int:
    """Return the line of an offset, counting from one."""
    return sum(1 for _ in LINE_BREAK.finditer(text, 0, offset)) + 1


def column_of(text: str, offset: int) -> int:
    """Return the column of an offset, counting from zero."""
    line = text.rfind("\n", 0, offset) + 1
    # A lone "\r" also ends a line. Search only this line: most texts contain none.
    return offset - (text.rfind("\r", line, offset) + 1 or line)


class Lines:
    """The lines and columns of any number of offsets in one text, which is searched for line breaks only once."""

    __slots__ = ("_starts",)

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in LINE_BREAK.finditer(text))]

    def line(self, offset: int) -> int:
        """Return the line of an offset, counting from one."""
        return bisect_right(self._starts, offset)

    def column(self, offset: int) -> int:
        """Return the column of an offset, counting from zero."""
        return offset - self._starts[self.line(offset) - 1]

    def warning(self, name: str, start: int, end: int, reason: Reason) -> SourceWarning:
        """Return a warning about a part of the text of a file."""
        return SourceWarning(name, self.line(start), self.column(start) + 1, start, end, reason)


MERGE_CONFLICT: Final = "this is a conflict of a Git merge. Resolve it first."
TEMPLATE_LANGUAGE: Final = "this looks like a template language, such as Helm or Jinja. Render the file first."


def line_at(text: str, offset: int) -> str:
    """Return the line that an offset is in."""
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    return text[start : end if end >= 0 else len(text)]


def too_deep_error(name: str) -> UsageError:
    """Return the error for a document that is nested too deeply, where no single line is to blame."""
    return UsageError(
        f"{name} is nested more than {MAX_DEPTH} levels deep. No template needs that many. Fix the file.",
        code=Code.NOT_A_TEMPLATE_FILE,
    )


def too_large_error(name: str) -> UsageError:
    """Return the error for a document with too many values."""
    return UsageError(
        f"{name} expands to more than {MAX_NODES:,} values, counting each YAML alias as all the values it repeats. "
        "CloudFormation accepts templates up to 1 MB. Split the template, or use fewer aliases.",
        code=Code.NOT_A_TEMPLATE_FILE,
    )

"""The work of a plan, which is limited: no template can make it run for minutes or fill the memory.

Each value that is evaluated counts as a step, and so do 20 characters of a text. A text or a list is built only if it is
within its limit, so its length is computed first. A value beyond a limit is not known; a plan beyond its steps ends
with a problem.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.expressions.values import CannotEvaluate, Unknown
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.lazy_dataclasses import dataclass

MAX_STEPS: Final = 500_000
"""The largest templates that CloudFormation accepts usually take a few percent of it."""
MAX_TEXT: Final = 1_000_000
MAX_ITEMS: Final = 100_000
MAX_DEPTH: Final = 100
"""The nesting of an expression, with all that it refers to. Each level takes up to seven of Python's 1,000 calls."""
_CHARACTERS_PER_STEP: Final = 20


class WorkLimitError(Exception):
    """Raised if a plan takes more than ``MAX_STEPS``. ``task_plan`` and ``plan`` turn it into :data:`TOO_MUCH_WORK`."""


TOO_MUCH_WORK: Final = Reason(
    f"The template's expressions, conditions and settings take more than {MAX_STEPS:,} steps to evaluate",
    "Use fewer of them, or move some of its resources into a separate template",
    code=Code.TOO_MANY_STEPS,
)


@dataclass(slots=True)
class Work:
    """The steps of one plan so far, and the present depth of nesting."""

    steps: int = 0
    depth: int = 0

    def spend(self, steps: int = 1) -> None:
        """Count steps.

        Raises:
            WorkLimitError: There are more than ``MAX_STEPS``.
        """
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise WorkLimitError

    def enter(self, items: int) -> None:
        """Count a list, an object or a condition with this number of items, and go one level deeper.

        Raises:
            CannotEvaluate: It has too many items, or it is nested too deeply.
            WorkLimitError: As for :meth:`spend`.
        """
        self.depth += 1
        self.steps += items + 1
        if self.steps > MAX_STEPS:
            raise WorkLimitError
        if self.depth > MAX_DEPTH:
            raise _too_deep()
        if items > MAX_ITEMS:
            self.check_items(items)

    def leave(self) -> None:
        """Go back to the level before :meth:`enter`, whether that raised an exception or not."""
        self.depth -= 1

    def check_text(self, length: int) -> None:
        """Count a text of this length, before it is built.

        Raises:
            CannotEvaluate: It is too long.
            WorkLimitError: As for :meth:`spend`.
        """
        if length > MAX_TEXT:
            raise CannotEvaluate(
                Unknown(
                    Reason(
                        f"its text has more than {MAX_TEXT:,} characters",
                        "Make the text shorter",
                        code=Code.TOO_LARGE_TO_EVALUATE,
                    )
                )
            )
        self.spend(length // _CHARACTERS_PER_STEP)

    def check_items(self, count: int) -> None:
        """Count a list of this length, before it is built.

        Raises:
            CannotEvaluate: It is too long.
            WorkLimitError: As for :meth:`spend`.
        """
        if count > MAX_ITEMS:
            raise CannotEvaluate(
                Unknown(
                    Reason(
                        f"its list has more than {MAX_ITEMS:,} items",
                        "Make the list shorter",
                        code=Code.TOO_LARGE_TO_EVALUATE,
                    )
                )
            )
        self.spend(count)

    def check_value(self, value: Json) -> None:
        """Count a value that contains no expressions, and check its nesting.

        Raises:
            CannotEvaluate: It is nested too deeply.
            WorkLimitError: As for :meth:`spend`.
        """
        self.spend(steps_of(value))
        level = [value]
        for _ in range(MAX_DEPTH + 1):
            level = [
                item
                for each in level
                if isinstance(each, list | dict)
                for item in (each if isinstance(each, list) else each.values())
            ]
            if not level:
                return
        raise _too_deep()


def _too_deep() -> CannotEvaluate:
    return CannotEvaluate(
        Unknown(
            Reason(
                f"it is nested more than {MAX_DEPTH} levels deep", "Reduce its nesting", code=Code.TOO_LARGE_TO_EVALUATE
            )
        )
    )


def steps_of(value: Json) -> int:
    """Return the steps that reading or writing a whole value counts as."""
    steps = 0
    inner = [value]
    while inner:
        each = inner.pop()
        steps += 1
        if isinstance(each, str):
            steps += len(each) // _CHARACTERS_PER_STEP
        elif isinstance(each, dict):
            steps += sum(map(len, each)) // _CHARACTERS_PER_STEP
            inner += each.values()
        elif isinstance(each, list):
            inner += each
    return steps


def steps_of_texts(texts: Sequence[str]) -> int:
    """Return the same for a list of texts."""
    return 1 + len(texts) + sum([len(text) // _CHARACTERS_PER_STEP for text in texts])


_counted: Final[ContextVar[Work | None]] = ContextVar("counted", default=None)


@contextmanager
def counting(work: Work) -> Iterator[None]:
    """Let :func:`count` count in ``work``. Decision trees have no scope, so what they do is counted by this."""
    token = _counted.set(work)
    try:
        yield
    finally:
        _counted.reset(token)


def count(steps: int) -> None:
    """Count steps in the work of the present plan, if there is one.

    Raises:
        WorkLimitError: As for :meth:`Work.spend`.
    """
    work = _counted.get()
    if work is not None:
        work.spend(steps)


# --- Texts and lists that are built within the limits. Each raises what Work.check_text or Work.check_items raises.


def join(delimiter: str, items: Iterable[str], work: Work) -> str:
    """Return the items joined with the delimiter."""
    parts: list[str] = []
    length = 0
    for item in items:
        length += len(item) + (len(delimiter) if parts else 0)
        if length > MAX_TEXT:
            break
        parts.append(item)
    work.check_text(length)
    work.spend(len(parts))
    return delimiter.join(parts)


def split(text: str, delimiter: str, work: Work) -> list[str]:
    """Return the parts of a text between the delimiters."""
    work.check_items(text.count(delimiter) + 1)
    work.check_text(len(text))
    return text.split(delimiter)


def substitute(pattern: str, text: str, replacement: Callable[[re.Match[str]], str], work: Work) -> str:
    """Return a text with each match of a pattern replaced."""
    parts: list[str] = []
    length = len(text)
    end = 0
    for match in re.finditer(pattern, text):
        replaced = replacement(match)
        length += len(replaced) - len(match[0])
        parts += text[end : match.start()], replaced
        end = match.end()
        if length > MAX_TEXT + len(text):  # what is left of the text cannot make it short enough
            break
    work.check_text(length)
    return "".join((*parts, text[end:]))


def to_json(value: Json, work: Work) -> str:
    """Return a value as compact JSON."""
    return join("", json.JSONEncoder(separators=(",", ":")).iterencode(value), work)


def to_base64(text: str, work: Work) -> str:
    """Return the Base64 encoding of a text in UTF-8."""
    import base64  # noqa: PLC0415 - few templates need it, and a cold start waits for each import

    work.check_text(len(text))
    encoded = text.encode(errors="replace")
    work.check_text(len(encoded) * 4 // 3)
    return base64.b64encode(encoded).decode()

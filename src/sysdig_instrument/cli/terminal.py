"""What standard output is like: its width, whether it takes colours, and how wide a text is on it."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from sysdig_instrument.values import dataclass

Paint: TypeAlias = Literal["old", "new", "place", "strong", "faint", "good", "bad", "warn"]

_CODES: Final[Mapping[Paint, str]] = {
    "old": "31", "new": "32", "place": "36", "strong": "1", "faint": "2", "good": "32", "bad": "1;31", "warn": "33",
}  # fmt: skip
_CONTROL: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_TAB: Final = 4


@dataclass(frozen=True, slots=True)
class Look:
    """How standard output may look. ``width`` is nothing where lines may be as long as they like."""

    width: int | None = None
    colours: bool = False
    is_terminal: bool = False

    def paint(self, how: Paint, text: str) -> str:
        """The text in a colour, where there are any."""
        return f"\x1b[{_CODES[how]}m{text}\x1b[0m" if self.colours and text else text


def look(choice: str, environment: Mapping[str, str]) -> Look:
    """How standard output is to look, with ``--color`` as chosen. A file or a pipe gets whole lines.

    ``NO_COLOR`` and ``FORCE_COLOR`` (no-color.org, force-color.org) count where the option leaves it open.
    """
    is_terminal = sys.stdout.isatty()
    return Look(_width(environment, is_terminal=is_terminal), _colours(choice, environment, is_terminal), is_terminal)


def _colours(choice: str, environment: Mapping[str, str], is_terminal: bool) -> bool:  # noqa: FBT001 - private
    if choice != "auto":
        return choice == "always"
    if environment.get("NO_COLOR"):
        return False
    return bool(environment.get("FORCE_COLOR")) or (is_terminal and environment.get("TERM") != "dumb")


def _width(environment: Mapping[str, str], *, is_terminal: bool) -> int | None:
    columns = environment.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    if not is_terminal:
        return None
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):
        return None


def harmless(text: str) -> str:
    """The text without what a terminal would obey, and with blanks for tabs."""
    return _CONTROL.sub("�", text.expandtabs(_TAB))


def cells(text: str) -> int:
    """How many columns a terminal takes for a text."""
    if text.isascii():
        return len(text)
    return sum(map(_cells_of, text))


def _cells_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def padded(text: str, width: int) -> str:
    """The text with blanks behind it, up to a width."""
    return text + " " * (width - cells(text))


def pieces(text: str, width: int) -> list[str]:
    """The text cut into pieces of a width at most; at least one, which may be empty."""
    found, current, used = list[str](), "", 0
    for character in text:
        more = _cells_of(character)
        if used + more > width and current:
            found.append(current)
            current, used = "", 0
        current, used = current + character, used + more
    return [*found, current]


def write(text: str) -> None:
    """To standard output, as far as its encoding can say it: that of a scheduled job is often ASCII."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, errors="replace").decode(encoding))

"""How far a run over many files has come: on standard error, where that is a terminal and it takes a while."""

from __future__ import annotations

import os
import re
import sys
import time
import unicodedata
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from sysdig_instrument.lazy_dataclasses import dataclass, field

StyleName: TypeAlias = Literal["old", "new", "place", "strong", "faint", "good", "bad", "warn"]

_ANSI_CODES: Final[Mapping[StyleName, str]] = {
    "old": "31", "new": "32", "place": "36", "strong": "1", "faint": "2", "good": "32", "bad": "1;31", "warn": "33",
}  # fmt: skip
_CONTROL_CHARACTER: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_TAB_WIDTH: Final = 4


@dataclass(frozen=True, slots=True)
class Console:
    """How standard output may look. ``width`` is nothing where lines may be as long as they like."""

    width: int | None = None
    colours: bool = False
    is_terminal: bool = False

    def paint(self, style: StyleName, text: str) -> str:
        """The text in a colour, where there are any."""
        return f"\x1b[{_ANSI_CODES[style]}m{text}\x1b[0m" if self.colours and text else text


def detect_console(color_option: str, environment: Mapping[str, str]) -> Console:
    """How standard output is to look, with ``--color`` as chosen. A file or a pipe gets whole lines.

    ``NO_COLOR`` and ``FORCE_COLOR`` (no-color.org, force-color.org) count where the option leaves it open.
    """
    is_terminal = sys.stdout.isatty()
    return Console(
        _console_width(environment, is_terminal=is_terminal),
        _uses_colours(color_option, environment, is_terminal),
        is_terminal,
    )


def _uses_colours(color_option: str, environment: Mapping[str, str], is_terminal: bool) -> bool:  # noqa: FBT001 - private
    if color_option != "auto":
        return color_option == "always"
    if environment.get("NO_COLOR"):
        return False
    return bool(environment.get("FORCE_COLOR")) or (is_terminal and environment.get("TERM") != "dumb")


def _console_width(environment: Mapping[str, str], *, is_terminal: bool) -> int | None:
    columns = environment.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    if not is_terminal:
        return None
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):
        return None


def sanitize(text: str) -> str:
    """The text without what a terminal would obey, and with blanks for tabs."""
    return _CONTROL_CHARACTER.sub("�", text.expandtabs(_TAB_WIDTH))


def display_width(text: str) -> int:
    """How many columns a terminal takes for a text."""
    if text.isascii():
        return len(text)
    return sum(map(_character_width, text))


def _character_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def pad(text: str, width: int) -> str:
    """The text with blanks behind it, up to a width."""
    return text + " " * (width - display_width(text))


def wrap(text: str, width: int) -> list[str]:
    """The text cut into pieces of a width at most; at least one, which may be empty."""
    lines, line, line_width = list[str](), "", 0
    for character in text:
        character_width = _character_width(character)
        if line_width + character_width > width and line:
            lines.append(line)
            line, line_width = "", 0
        line, line_width = line + character, line_width + character_width
    return [*lines, line]


def write_stdout(text: str) -> None:
    """To standard output, as far as its encoding can say it: that of a scheduled job is often ASCII."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, errors="replace").decode(encoding))


TYPE_CHECKING = False  # typing itself takes longer to import than all that is imported here
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO


def write_stderr(text: str) -> None:
    """A message for the person in front of the terminal. That nobody reads it stops nothing."""
    encoding = sys.stderr.encoding or "utf-8"
    try:
        print(text.encode(encoding, errors="replace").decode(encoding), file=sys.stderr)
    except OSError:
        discard(sys.stderr)


def suggest(prefix: str, wrong: str, known: Iterable[str]) -> str:
    """What may have been meant, as a question behind ``prefix``; nothing where none of the known words is near."""
    import difflib  # noqa: PLC0415 - only a wrong word needs it

    matches = difflib.get_close_matches(wrong, list(known), n=1)
    return f"{prefix}Did you mean {matches[0]}?" if matches else ""


def discard(stream: TextIO) -> None:
    """Let all that is still to be written to a stream vanish, else Python complains again when it closes it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


_DELAY_SECONDS: Final = 1.0
_MAX_NAME_LENGTH: Final = 50
_BAR_WIDTH: Final = 20
_ERASE_LINE: Final = "\r\x1b[K"


@dataclass(slots=True)
class Progress:
    """A bar for so many files. It is taken away before anything else is printed."""

    total: int
    started: float = field(default_factory=time.monotonic)
    is_visible: bool = False

    def show(self, number: int, name: str) -> None:
        """Show that the file of this number comes next."""
        if self.total > 1 and time.monotonic() - self.started > _DELAY_SECONDS and sys.stderr.isatty():
            filled = _BAR_WIDTH * number // self.total
            bar = "━" * filled + " " * (_BAR_WIDTH - filled)
            self._write(f"{_ERASE_LINE}{bar} {number}/{self.total} {sanitize(name)[-_MAX_NAME_LENGTH:]}")
            self.is_visible = True

    def clear(self) -> None:
        """Take the bar away, if there is one."""
        if self.is_visible:
            self._write(_ERASE_LINE)
            self.is_visible = False

    def _write(self, text: str) -> None:
        encoding = sys.stderr.encoding or "utf-8"
        sys.stderr.write(text.encode(encoding, errors="replace").decode(encoding))
        sys.stderr.flush()


# FOLDED: What standard output is like: its width, whether it takes colours, and how wide a text is on it.
# FOLDED: What is said beside the result: on standard error, whatever state that is in.

"""The console: its width and colours, text laid out for it, messages, and the progress of a long run.

Results go to standard output, messages to standard error. ``--help`` imports this module, so it imports little itself.
"""

from __future__ import annotations

import os
import re
import sys
import time

from sysdig_instrument.cli.harmless import break_commands, is_on_runner, sanitize, sanitize_lines, sanitize_painted
from sysdig_instrument.lazy_dataclasses import dataclass, field

TYPE_CHECKING = False  # importing typing takes longer than everything else that is imported here
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Final, Literal, TextIO, TypeAlias

    StyleName: TypeAlias = Literal["removed", "added", "heading", "strong", "faint", "good", "bad", "warn"]
else:
    StyleName = str  # other modules import the name

_ANSI_CODES: Final[Mapping[StyleName, str]] = {
    "removed": "31",
    "added": "32",
    "heading": "36",
    "strong": "1",
    "faint": "2",
    "good": "32",
    "bad": "1;31",
    "warn": "38;5;166",
}
"""An orange for warnings: the yellow of a terminal's palette cannot be read on a light background."""

_MIN_TEXT_WIDTH: Final = 20
GAP: Final = "  "
"""Between two columns."""

# --- standard output: its width and colours


@dataclass(frozen=True, slots=True)
class Console:
    """The capabilities of a stream. ``width`` is None if lines may have any length, as in a file or a pipe.

    ``is_on_runner`` is true if a CI runner may read it. ``shows_text`` is true if only a person sees it, so that it may have
    text of a document. What the methods yield is harmless, whatever is in the text.
    """

    width: int | None = None
    colours: bool = False
    is_terminal: bool = False
    is_on_runner: bool = False
    shows_text: bool = False

    def paint(self, style: StyleName, text: str) -> str:
        """Return the text in a style, or unchanged if there are no colours."""
        return f"\x1b[{_ANSI_CODES[style]}m{text}\x1b[0m" if self.colours and text else text

    def line(self, text: str) -> str:
        """Return a line. It may be painted."""
        return (sanitize_painted(text) if self.colours else sanitize(text)) + "\n"

    def paragraph(self, text: str, indent: str = "", hanging: str | None = None) -> Iterator[str]:
        """Yield the text as indented lines that fit the width. ``hanging`` indents all lines but the first."""
        if not text:
            return
        hanging = indent if hanging is None else hanging
        text = sanitize(text)
        lines = [text]
        if self.width is not None:
            lines = wrap_words(text, max(self.width, _MIN_TEXT_WIDTH) - max(len(indent), len(hanging)))
        yield from (f"{hanging if number else indent}{line}\n" for number, line in enumerate(lines))

    def painted_paragraph(
        self, style: StyleName, text: str, indent: str = "", hanging: str | None = None
    ) -> Iterator[str]:
        """Yield the lines of a paragraph in a style."""
        for line in self.paragraph(text, indent, hanging):
            yield f"{self.paint(style, line[:-1])}\n"

    def row(self, cells: Sequence[str], last: Sequence[str]) -> Iterator[str]:
        """Yield a row of a table: the cells, padded already, and the lines of the last column beside and below them."""
        start = "".join(f"{cell}{GAP}" for cell in cells)
        below = " " * display_width(re.sub(_ANSI_SEQUENCE, "", start))
        lines = last or [""]
        yield from (self.line(f"{below if number else start}{line}".rstrip()) for number, line in enumerate(lines))


_ANSI_SEQUENCE: Final = "\x1b\\[[0-9;]*m"


def detect_console(color_option: str, environment: Mapping[str, str], stream: TextIO | None = None) -> Console:
    """Return the console for the value of ``--color``. Files and pipes have no width, unless ``COLUMNS`` gives one.

    With ``auto``, ``NO_COLOR`` and ``FORCE_COLOR`` (no-color.org, force-color.org) decide before the terminal does. A CI job
    may have a terminal, but what it shows is kept: GitLab and others set ``CI``. The stream is standard output by default.
    """
    stream = stream or sys.stdout
    is_terminal = stream.isatty()
    return Console(
        _console_width(environment, stream, is_terminal=is_terminal),
        _uses_colours(color_option, environment, is_terminal=is_terminal),
        is_terminal,
        is_on_runner(environment),
        shows_text=is_terminal and not is_on_runner(environment) and not environment.get("CI"),
    )


def _uses_colours(color_option: str, environment: Mapping[str, str], *, is_terminal: bool) -> bool:
    if color_option != "auto":
        return color_option == "always"
    if environment.get("NO_COLOR"):
        return False
    return bool(environment.get("FORCE_COLOR")) or (is_terminal and environment.get("TERM") != "dumb")


def _console_width(environment: Mapping[str, str], stream: TextIO, *, is_terminal: bool) -> int | None:
    columns = environment.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    if not is_terminal:
        return None
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


# --- text in columns of a terminal


def display_width(text: str) -> int:
    """Return the number of terminal columns that a text takes."""
    return len(text) if text.isascii() else sum(map(_character_width, text))


def _character_width(character: str) -> int:
    import unicodedata  # noqa: PLC0415 - only text that is not ASCII needs it

    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def pad(text: str, width: int) -> str:
    """Pad a text with spaces on the right."""
    return text + " " * (width - display_width(text))


def wrap(text: str, width: int) -> list[str]:
    """Split a text into lines of at most ``width`` columns, at any character. Return at least one, which may be empty."""
    lines, line, line_width = list[str](), "", 0
    for character in text:
        character_width = display_width(character)
        if line_width + character_width > width and line:
            lines.append(line)
            line, line_width = "", 0
        line, line_width = line + character, line_width + character_width
    return [*lines, line]


def wrap_words(text: str, width: int) -> list[str]:
    """Split a text into lines of at most ``width`` columns, between words. A longer word stays whole: it can be copied."""
    first, *words = text.split(" ")
    lines = [first]
    for word in words:
        if display_width(lines[-1]) + 1 + display_width(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


# --- output


def write_stdout(text: str, console: Console | None = None, *, keeps_commands: bool = False) -> None:
    """Write to standard output. Replace characters that its encoding lacks: scheduled jobs often run with ASCII.

    The text is made harmless for a terminal and, unless it ``keeps_commands``, for a CI runner. Only the colours of a
    console that has some are kept.
    """
    shown = sanitize_lines(text, keeps_colours=console is not None and console.colours)
    sys.stdout.write(_encodable(shown if keeps_commands else break_commands(shown), sys.stdout))


def write_stderr(text: str, console: Console | None = None) -> None:
    """Print a line to standard error, made harmless. If the stream is closed or full, the run goes on without the message.

    Only the colours of a console that has some are kept. Without a console, the lines are made to fit a terminal, which would
    break words.
    """
    if console is None and sys.stderr.isatty():
        text = "".join(_fitting_lines(text, Console(_console_width({}, sys.stderr, is_terminal=True))))
        text = text.removesuffix("\n")
    shown = sanitize_lines(text, keeps_colours=console is not None and console.colours)
    try:
        print(_encodable(break_commands(shown), sys.stderr), file=sys.stderr)
    except OSError:
        discard(sys.stderr)


def _fitting_lines(text: str, console: Console) -> Iterator[str]:
    for line in text.split("\n"):
        yield from console.paragraph(line, "", "  ") if line else ("\n",)


def _encodable(text: str, stream: TextIO) -> str:
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, errors="replace").decode(encoding)


def discard(stream: TextIO) -> None:
    """Redirect a stream to the null device, so that Python does not fail again when it flushes the stream at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


# --- progress

_DELAY_SECONDS: Final = 1.0
_MAX_NAME_LENGTH: Final = 50
_BAR_WIDTH: Final = 20
_ERASE_LINE: Final = "\r\x1b[K"


@dataclass(slots=True)
class Progress:
    """A progress bar for many files, on standard error: only on a terminal, and only after one second.

    The caller clears it before it prints anything else.
    """

    total: int
    started: float = field(default_factory=time.monotonic)
    is_visible: bool = False

    def show(self, number: int, name: str) -> None:
        """Show that the file with this number comes next."""
        if self.total > 1 and time.monotonic() - self.started > _DELAY_SECONDS and sys.stderr.isatty():
            filled = _BAR_WIDTH * number // self.total
            bar = "━" * filled + " " * (_BAR_WIDTH - filled)
            self._write(f"{_ERASE_LINE}{bar} {number}/{self.total} {sanitize(name)[-_MAX_NAME_LENGTH:]}")
            self.is_visible = True

    def clear(self) -> None:
        """Erase the bar, if it is visible."""
        if self.is_visible:
            self._write(_ERASE_LINE)
            self.is_visible = False

    def _write(self, text: str) -> None:
        sys.stderr.write(_encodable(text, sys.stderr))
        sys.stderr.flush()

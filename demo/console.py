"""The demo's output: progress, headings and text."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from side_by_side import Style

MAX_WIDTH: Final = 150


class Console:
    """Standard output, as wide as the window, in colour on a terminal."""

    def __init__(self) -> None:
        is_interactive = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self.style = Style(colour=is_interactive and not os.environ.get("NO_COLOR"))
        self.width = min(shutil.get_terminal_size((120, 40)).columns, MAX_WIDTH)

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Print a step that takes a while, and the time it took at its end."""
        print(f"  {text} … ", end="", flush=True)
        start = time.monotonic()
        try:
            yield
        except BaseException:
            print(flush=True)
            raise
        print(self.style.faint(f"{time.monotonic() - start:.1f} s"), flush=True)

    def heading(self, text: str) -> None:
        """Print the heading of a section."""
        print(f"\n{self.style.bold(text)}\n", flush=True)

    def print_wrapped(self, text: str, indent: str = "  ") -> None:
        """Print a text, wrapped to the window."""
        wrapped = textwrap.wrap(text, self.width, initial_indent="  ", subsequent_indent=indent, break_on_hyphens=False)
        self.print_lines(wrapped)

    def print_lines(self, lines: Iterable[str]) -> None:
        """Print lines unchanged."""
        print("\n".join(lines), flush=True)

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

from sysdig_instrument.cli.console import Console, StyleName

MAX_WIDTH: Final = 150


class DemoConsole:
    """Standard output, as wide as the window, in colour on a terminal."""

    def __init__(self) -> None:
        is_interactive = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        width = min(shutil.get_terminal_size((120, 40)).columns, MAX_WIDTH)
        self.console = Console(width, colours=is_interactive and not os.environ.get("NO_COLOR"))

    def paint(self, style: StyleName, text: str) -> str:
        """Return the text in a style."""
        return self.console.paint(style, text)

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Print a step that takes a while, and at its end the time it took."""
        print(f"  {text} … ", end="", flush=True)
        start = time.monotonic()
        try:
            yield
        except BaseException:
            print(flush=True)
            raise
        print(self.paint("faint", f"{time.monotonic() - start:.1f} s"), flush=True)

    def heading(self, text: str) -> None:
        """Print the heading of a section."""
        print(f"\n{self.paint('strong', text)}\n", flush=True)

    def print_wrapped(self, text: str, indent: str = "  ") -> None:
        """Print a text, wrapped to the width of the window. ``indent`` is for all lines but the first."""
        width = self.console.width or MAX_WIDTH
        self.print_lines(
            textwrap.wrap(text, width, initial_indent="  ", subsequent_indent=indent, break_on_hyphens=False)
        )

    def print_text(self, texts: Iterable[str]) -> None:
        """Print texts that have their line breaks, unchanged."""
        print("".join(texts), end="", flush=True)

    def print_lines(self, lines: Iterable[str]) -> None:
        """Print lines unchanged."""
        print("\n".join(lines), flush=True)

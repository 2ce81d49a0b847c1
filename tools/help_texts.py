"""The help texts that docs/cli.md prints: each below the comment ``<!-- help: COMMAND -->``."""

from __future__ import annotations

import contextlib
import io
import os
import re
from pathlib import Path
from typing import Final
from unittest import mock

from sysdig_instrument.cli import main

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "cli.md"
HELP_BLOCK: Final = re.compile(
    r"(?P<start><!-- help: ?(?P<command>[a-z]*) -->\n```text\n)(?P<text>.*?)(?P<end>```\n)", re.DOTALL
)


def page() -> str:
    """Return docs/cli.md with up-to-date help texts.

    A text that differs in line breaks only is kept: each version of Python breaks the usage line differently.
    """
    return HELP_BLOCK.sub(_block, PAGE.read_text("utf-8"))


def _block(found: re.Match[str]) -> str:
    text = help_text(found["command"])
    return found[0] if text.split() == found["text"].split() else found["start"] + text + found["end"]


def help_text(command: str) -> str:
    """Return what ``--help`` prints on a terminal of 80 columns, for a command or (with an empty name) for the tool."""
    printed = io.StringIO()
    with (
        mock.patch.dict(os.environ, {"COLUMNS": "80"}),
        contextlib.redirect_stdout(printed),
        contextlib.suppress(SystemExit),
    ):
        main.run([*([command] if command else []), "--help"])
    return printed.getvalue()

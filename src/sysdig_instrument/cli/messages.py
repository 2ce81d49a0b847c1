"""What is said beside the result: on standard error, whatever state that is in."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing itself takes longer to import than all that is imported here
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO


def tell(text: str) -> None:
    """A message for the person in front of the terminal. That nobody reads it stops nothing."""
    encoding = sys.stderr.encoding or "utf-8"
    try:
        print(text.encode(encoding, errors="replace").decode(encoding), file=sys.stderr)
    except OSError:
        discard(sys.stderr)


def nearest(before: str, wrong: str, known: Iterable[str]) -> str:
    """What may have been meant, as a question behind ``before``; nothing where none of the known words is near."""
    import difflib  # noqa: PLC0415 - only a wrong word needs it

    close = difflib.get_close_matches(wrong, list(known), n=1)
    return f"{before}Did you mean {close[0]}?" if close else ""


def discard(stream: TextIO) -> None:
    """Let all that is still to be written to a stream vanish, else Python complains again when it closes it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

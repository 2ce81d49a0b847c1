"""What commands could do with a document, for tests of worker processes: they import it from here."""

from __future__ import annotations

import os
import sys
from typing import Final

from sysdig_instrument.cli.calls import Call
from sysdig_instrument.cli.documents import InputDocument
from sysdig_instrument.engine.plan import Context

CALLER: Final = "PROCESS_OF_THE_CALL"


def is_elsewhere(call: Call) -> bool:
    """Return whether this is a worker process."""
    return call.environment[CALLER] != str(os.getpid())


def name_and_place(document: InputDocument, _context: Context, call: Call) -> tuple[str, bool]:
    return document.source.name, is_elsewhere(call)


def end_elsewhere(document: InputDocument, _context: Context, call: Call) -> str:
    """End a worker process as the system does when memory runs out."""
    if is_elsewhere(call) and document.source.name.endswith("7.json"):
        os._exit(9)
    return document.source.name


def print_elsewhere(document: InputDocument, _context: Context, call: Call) -> tuple[str, bool]:
    if is_elsewhere(call):
        sys.stdout.write("lost")
    return document.source.name, is_elsewhere(call)


def look_up(document: InputDocument, _context: Context, call: Call) -> tuple[str, bool]:
    call.session()
    return document.source.name, is_elsewhere(call)

"""How far a run over many files has come: on standard error, where that is a terminal and it takes a while."""

from __future__ import annotations

import sys
import time
from typing import Final

from sysdig_instrument.cli.terminal import harmless
from sysdig_instrument.values import dataclass, field

_SILENCE: Final = 1.0
_NAME: Final = 50
_BAR: Final = 20
_ERASE: Final = "\r\x1b[K"


@dataclass(slots=True)
class Progress:
    """A bar for so many files. It is taken away before anything else is printed."""

    count: int
    started: float = field(default_factory=time.monotonic)
    is_there: bool = False

    def at(self, number: int, name: str) -> None:
        """Show that the file of this number comes next."""
        if self.count > 1 and time.monotonic() - self.started > _SILENCE and sys.stderr.isatty():
            full = _BAR * number // self.count
            bar = "━" * full + " " * (_BAR - full)
            self._put(f"{_ERASE}{bar} {number}/{self.count} {harmless(name)[-_NAME:]}")
            self.is_there = True

    def clear(self) -> None:
        """Take the bar away, if there is one."""
        if self.is_there:
            self._put(_ERASE)
            self.is_there = False

    def _put(self, text: str) -> None:
        encoding = sys.stderr.encoding or "utf-8"
        sys.stderr.write(text.encode(encoding, errors="replace").decode(encoding))
        sys.stderr.flush()

"""Compile the regular expressions of a library at their first use, although it compiles them while it is imported.

PyYAML does: half of its import are the patterns of its reader in Python, which is not used where its compiled one is
installed. That is 5 of 100 ms of each call of the command line tool (docs/performance.md).
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class _LazyPattern:
    """A pattern that is compiled when one of its attributes is first used."""

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self._arguments = pattern, flags

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any attribute of a pattern
        value = getattr(re.compile(*self._arguments), name)
        setattr(self, name, value)
        return value


@contextmanager
def lazy_patterns() -> Iterator[None]:
    """Within the block, ``re.compile`` returns patterns that are compiled at their first use."""
    compile_at_once = re.compile
    re.compile = _LazyPattern  # type: ignore[assignment]
    try:
        yield
    finally:
        re.compile = compile_at_once

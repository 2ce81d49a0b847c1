"""Count work instead of timing it: what grows with the square of something shows on any machine, however loaded."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

MAX_GROWTH = 2.1
"""The most that twice as much may cost. Where the work grows with the square of some part, it is more."""


def count_lines(action: Callable[[], object]) -> int:
    """Return how many lines of Python run."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Callable[..., Any]:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
    return count

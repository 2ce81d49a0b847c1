"""Match names with globs, as in ExcludeContainers.

Not by ``fnmatchcase``, which keeps 32,768 compiled patterns for the life of the process: templates choose these patterns,
and a warm function would keep megabytes of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate
from typing import Final

from sysdig_instrument.engine.expressions.scope import PlanState

_WILDCARDS: Final = frozenset("*?[")
_STEPS_TO_COMPILE: Final = 100
_STEPS_TO_MATCH: Final = 3


def is_glob(text: str) -> bool:
    """Return whether a text has a wildcard."""
    return not _WILDCARDS.isdisjoint(text)


def matches_any(name: str, globs: Iterable[str], state: PlanState) -> bool:
    """Return whether the whole name matches one of the globs; upper and lower case differ.

    Raises:
        WorkLimitError: The plan takes too many steps.
    """
    return any(_matches(name, glob, state) for glob in globs)


def _matches(name: str, glob: str, state: PlanState) -> bool:
    state.work.spend(_STEPS_TO_MATCH)
    if not is_glob(glob):
        return name == glob
    pattern = state.globs.get(glob)
    if pattern is None:
        state.work.spend(_STEPS_TO_COMPILE + len(glob))
        pattern = state.globs[glob] = re.compile(translate(glob))
    return pattern.match(name) is not None

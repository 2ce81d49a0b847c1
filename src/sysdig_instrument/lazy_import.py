"""Modules that a library imports and that we may never use: loaded when something of them is used first.

The standard library has this as :class:`importlib.util.LazyLoader`. It helps where a library says ``import x`` at its top
and uses ``x`` in functions only.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader


class _LazyFinder:
    """A finder of modules, asked before the others."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:
        """Where the module is and who loads it; nothing where that is not for us to say."""
        del target
        spec = PathFinder.find_spec(name, path) if name in self._names else None
        if spec and spec.loader:
            spec.loader = LazyLoader(spec.loader)
        return spec


@contextmanager
def lazy_imports(*names: str) -> Iterator[None]:
    """Meanwhile, modules of these full names are loaded at their first use only."""
    finder = _LazyFinder(frozenset(names))
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)

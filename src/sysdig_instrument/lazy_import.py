"""Lazy imports: load modules that a library imports, but that may never be used, at their first use.

It helps if a library has ``import x`` at its top and uses ``x`` only inside functions. Powertools does: without this a
cold start takes a tenth longer (docs/performance.md). The loader is
:class:`importlib.util.LazyLoader`. It needs a finder, since a module that is put into ``sys.modules`` beforehand is
loaded as soon as an ``import`` statement finds it there. The statement ``lazy import`` (PEP 810) replaces this module
once Lambda runs Python 3.15.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader


class _LazyFinder:
    """A module finder that comes before all others."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:
        """Return the spec of one of the lazy modules with a lazy loader; None for any other module."""
        del target
        spec = PathFinder.find_spec(name, path) if name in self._names else None
        if spec and spec.loader:
            spec.loader = LazyLoader(spec.loader)
        return spec


@contextmanager
def lazy_imports(*names: str) -> Iterator[None]:
    """Within the block, import the modules with these full names lazily: they are loaded at their first use."""
    finder = _LazyFinder(frozenset(names))
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)

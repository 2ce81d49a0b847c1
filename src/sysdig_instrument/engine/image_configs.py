"""Find the entry of the setting ImageConfigs that applies to an image.

A key is an image exactly as the template gives it, a repository without tag and digest, or a glob (``*``, ``?``, ``[…]``) that
matches all of the image. The most exact key counts: of several globs, the one with the most characters that are not ``*``.
"""

from __future__ import annotations

from collections.abc import Mapping

from sysdig_instrument.engine.expressions.scope import PlanState
from sysdig_instrument.engine.globs import is_glob, matches_any
from sysdig_instrument.engine.json_types import Json


def find_key(image: str, configs: Mapping[str, Json], state: PlanState) -> str | None:
    """Return the key of ImageConfigs that applies to an image, or None if no key matches it.

    Raises:
        WorkLimitError: The plan takes too many steps.
    """
    if not configs:
        return None
    for key in (image, _without_tag(image)):
        if key in configs:
            return key
    globs = [key for key in configs if is_glob(key) and matches_any(image, (key,), state)]
    return max(globs, key=_exactness) if globs else None


def _without_tag(image: str) -> str:
    """Return the repository of an image as it is written. A colon before the last slash belongs to the registry's port."""
    name = image.partition("@")[0]
    start = name.rfind("/") + 1
    return name[:start] + name[start:].partition(":")[0]


def _exactness(glob: str) -> tuple[int, str]:
    return len(glob.replace("*", "")), glob

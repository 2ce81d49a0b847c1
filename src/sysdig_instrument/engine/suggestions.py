"""The name that was probably meant, for messages about an unknown one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sysdig_instrument.printable import printable_name

_MAX_LENGTH: Final = 200  # the comparison takes quadratic time


def suggest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the known name that is nearest to ``name``, ignoring case, or None if none is near.

    ``cutoff`` is the least similarity, from 0 to 1.
    """
    if len(name) > _MAX_LENGTH:
        return None
    name = name.casefold()
    known_by_casefold = {each.casefold(): each for each in known}
    possible = [each for each in known_by_casefold if _most_similarity(name, each) >= cutoff]
    if not possible:  # as for most names
        return None
    import difflib  # noqa: PLC0415 - slow to import, and only a misspelt name needs it

    matches = difflib.get_close_matches(name, possible, n=1, cutoff=cutoff)
    return known_by_casefold[matches[0]] if matches else None


def _most_similarity(name: str, other: str) -> float:
    """Return the similarity that difflib finds at most: it matches no letter that only one of the names has."""
    letters, others = set(name), set(other)
    matched = min(len(name) - len(letters - others), len(other) - len(others - letters))
    return 2.0 * matched / (len(name) + len(other)) if name or other else 1.0


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the question «Did you mean "…"?» with the nearest known name, or an empty string if none is near."""
    suggestion = suggest(name, known)
    return f'Did you mean "{printable_name(suggestion)}"?' if suggestion else ""

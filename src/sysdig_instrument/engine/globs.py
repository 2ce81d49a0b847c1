"""Match names with globs, as in ExcludeContainers: ``*``, ``?``, ``[a-z]`` and ``[!a-z]``, with fnmatch's meaning.

Neither ``fnmatch`` nor ``re`` does it, because Python keeps their compiled patterns for the life of the process. Templates
choose these patterns, with up to a megabyte each, and a warm function would keep hundreds of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sysdig_instrument.engine.expressions.scope import CharacterSet, GlobSegment, PlanState

_WILDCARDS: Final = frozenset("*?[")
_STEPS_TO_PARSE: Final = 10
_STEPS_TO_MATCH: Final = 3
_COMPARISONS_PER_STEP: Final = 1000
"""A wildcard may compare each character of a name with each of the glob."""
_SINGLE_COMPARISONS_PER_STEP: Final = 20
"""Characters that a set is compared with are compared one by one."""

_ANY: Final[CharacterSet] = (False, ())


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
    segments = state.globs.get(glob)
    if segments is None:
        state.work.spend(_STEPS_TO_PARSE + len(glob))
        segments = state.globs[glob] = tuple(_parse(glob))
    has_sets = any(not isinstance(segment, str) for segment in segments)
    state.work.spend(len(name) * len(glob) // (_SINGLE_COMPARISONS_PER_STEP if has_sets else _COMPARISONS_PER_STEP))
    return _match(name, segments)


# --- globs to segments


def _parse(glob: str) -> Iterator[GlobSegment]:
    places: list[str | CharacterSet] = []
    position = 0
    while position < len(glob):
        character = glob[position]
        end = _end_of_set(glob, position) if character == "[" else -1
        position += 1
        if character == "*":
            yield _segment(places)
            places = []
        elif end >= 0:
            places.append(_parse_set(glob[position:end]))
            position = end + 1
        else:
            places.append(_ANY if character == "?" else character)
    yield _segment(places)


def _segment(places: list[str | CharacterSet]) -> GlobSegment:
    texts = [place for place in places if isinstance(place, str)]
    if len(texts) == len(places):
        return "".join(texts)
    return tuple((True, ((place, place),)) if isinstance(place, str) else place for place in places)


def _end_of_set(glob: str, start: int) -> int:
    """Return the index of the bracket that closes a set; -1 if there is none, and the opening one means itself."""
    start += 2 if glob.startswith("!", start + 1) else 1
    return glob.find("]", start + 1)


def _parse_set(text: str) -> CharacterSet:
    is_negated = text.startswith("!")
    text = text[is_negated:]
    ranges = []
    position = 0
    while position < len(text):
        is_range = text[position + 1 : position + 2] == "-" and position + 2 < len(text)
        ranges.append((text[position], text[position + 2] if is_range else text[position]))
        position += 3 if is_range else 1
    return not is_negated, tuple(ranges)


# --- segments and names


def _match(name: str, segments: tuple[GlobSegment, ...]) -> bool:
    first, last = segments[0], segments[-1]
    if len(segments) == 1:
        return len(name) == len(first) and _is_at(first, name, 0)
    start, end = len(first), len(name) - len(last)
    if start > end or not _is_at(first, name, 0) or not _is_at(last, name, end):
        return False
    for segment in segments[1:-1]:
        start = _find(segment, name, start, end)
        if start < 0:
            return False
        start += len(segment)
    return True


def _find(segment: GlobSegment, name: str, start: int, end: int) -> int:
    """Return the first index from ``start`` on at which a segment is before ``end``, or -1."""
    if isinstance(segment, str):
        return name.find(segment, start, end)
    return next((index for index in range(start, end - len(segment) + 1) if _is_at(segment, name, index)), -1)


def _is_at(segment: GlobSegment, name: str, index: int) -> bool:
    if isinstance(segment, str):
        return name.startswith(segment, index)
    return all(_is_in(name[index + place], characters) for place, characters in enumerate(segment))


def _is_in(character: str, characters: CharacterSet) -> bool:
    is_inside, ranges = characters
    return any(first <= character <= last for first, last in ranges) is is_inside

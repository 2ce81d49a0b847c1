"""The lines that two texts have in common, found in a time that grows with the number of lines.

difflib's time grows with the square of the lines or faster. So the texts are first split at lines that both have exactly
once (patience diff), which nearly all names are, and difflib compares only what is between two of them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import Match, SequenceMatcher
from typing import Final

MAX_COMPARED_LINES: Final = 1000
"""Lines between two splits that difflib compares. More lines are shown as removed and added, except equal ones at both ends."""


class LineMatcher(SequenceMatcher[str]):
    """difflib's matcher, and so its opcodes, with blocks of equal lines that are found faster."""

    def __init__(self, old: Sequence[str], new: Sequence[str]) -> None:
        super().__init__()  # without the texts, of which it would make an index
        self.a, self.b = old, new

    def get_matching_blocks(self) -> list[Match]:
        """Return the blocks of equal lines, adjacent ones joined, and an empty one at the end of both texts."""
        blocks = [Match(0, 0, 0)]
        for block in _matching_blocks(self.a, self.b):
            last = blocks[-1]
            if (last.a + last.size, last.b + last.size) == (block.a, block.b):
                blocks[-1] = Match(last.a, last.b, last.size + block.size)
            else:
                blocks.append(block)
        return [*(block for block in blocks if block.size), Match(len(self.a), len(self.b), 0)]


def _matching_blocks(old: Sequence[str], new: Sequence[str]) -> Iterator[Match]:
    old_start = new_start = 0
    for old_end, new_end in (*_common_unique_lines(old, new), (len(old), len(new))):
        for block in _blocks_between(old[old_start:old_end], new[new_start:new_end]):
            yield Match(old_start + block.a, new_start + block.b, block.size)
        if old_end < len(old):
            yield Match(old_end, new_end, 1)
        old_start, new_start = old_end + 1, new_end + 1


def _blocks_between(old: Sequence[str], new: Sequence[str]) -> Iterator[Match]:
    """Yield the blocks of equal lines between two splits."""
    shorter = min(len(old), len(new))
    head = next((index for index in range(shorter) if old[index] != new[index]), shorter)
    tail = next((index for index in range(shorter - head) if old[-1 - index] != new[-1 - index]), shorter - head)
    yield Match(0, 0, head)
    old_rest, new_rest = old[head : len(old) - tail], new[head : len(new) - tail]
    if old_rest and new_rest and len(old_rest) + len(new_rest) <= MAX_COMPARED_LINES:
        for block in SequenceMatcher(None, old_rest, new_rest).get_matching_blocks():
            yield Match(head + block.a, head + block.b, block.size)
    yield Match(len(old) - tail, len(new) - tail, tail)


def _common_unique_lines(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Return the indexes of lines that both texts have exactly once: as many as are in the same order in both."""
    old_counts, new_counts = Counter(old), Counter(new)
    new_indexes = {line: index for index, line in enumerate(new) if new_counts[line] == 1}
    pairs = [
        (index, new_indexes[line]) for index, line in enumerate(old) if old_counts[line] == 1 and line in new_indexes
    ]
    return _longest_increasing(pairs)


def _longest_increasing(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the longest part of the pairs in which the second numbers increase, too.

    For each length, the pair with the smallest second number that ends a part of that length is kept; the next pair
    continues the longest part that it can. ``previous`` leads back from each pair.
    """
    ends: list[int] = []
    last_pairs: list[int] = []
    previous: list[int | None] = []
    for index, (_, second) in enumerate(pairs):
        length = bisect_left(ends, second)
        ends[length : length + 1] = [second]
        last_pairs[length : length + 1] = [index]
        previous.append(last_pairs[length - 1] if length else None)
    found: list[tuple[int, int]] = []
    index_of_pair = last_pairs[-1] if last_pairs else None
    while index_of_pair is not None:
        found.append(pairs[index_of_pair])
        index_of_pair = previous[index_of_pair]
    return found[::-1]

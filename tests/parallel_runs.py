"""How the tests are distributed over the workers of pytest-xdist."""

from __future__ import annotations

import zlib
from typing import Final

from xdist.scheduler import LoadGroupScheduling

PARTS_OF_A_FUNCTION: Final = 8


class GroupedScheduling(LoadGroupScheduling):  # type: ignore[misc]  # has no types
    """Like ``--dist loadgroup``, but the cases of a test function are handed out an eighth at a time.

    pytest-xdist counts the tests of all units whenever one test ends. If each of ten thousand tests is a unit, that takes as
    long as the tests.
    """

    def _split_scope(self, nodeid: str) -> str:
        unit: str = super()._split_scope(nodeid)
        function, bracket, parameters = unit.partition("[")
        return f"{function}#{zlib.crc32(parameters.encode()) % PARTS_OF_A_FUNCTION}" if bracket else unit

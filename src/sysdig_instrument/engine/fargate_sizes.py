"""Sizes of tasks and containers: how ECS spells them, and which of them Fargate has.

From the ECS developer guide, «Task definition parameters for Fargate», «Task size», and «Troubleshoot Amazon ECS task
definition invalid CPU or memory errors».
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from sysdig_instrument.engine.json_types import Absent, Json
from sysdig_instrument.lazy_dataclasses import dataclass

_GIB: Final = 1024
FARGATE_SIZES: Final[tuple[tuple[int, tuple[int, ...]], ...]] = (
    (256, (512, 1024, 2048)),
    (512, tuple(range(1024, 4096 + 1, _GIB))),
    (1024, tuple(range(2048, 8192 + 1, _GIB))),
    (2048, tuple(range(4096, 16384 + 1, _GIB))),
    (4096, tuple(range(8192, 30720 + 1, _GIB))),
    (8192, tuple(range(16384, 61440 + 1, 4 * _GIB))),
    (16384, tuple(range(32768, 122880 + 1, 8 * _GIB))),
)
"""CPU units, and the memory in MiB that can go with them."""

_MAX_SIZE: Final = 10**9  # beyond anything that a task could have
_MAX_CHARACTERS: Final = 20  # characters
_CPU_PATTERN: Final = r"\s*([0-9]*\.?[0-9]+)\s*(vcpu)?\s*"
_MEMORY_PATTERN: Final = r"\s*([0-9]*\.?[0-9]+)\s*(gb)?\s*"


@dataclass(frozen=True, slots=True)
class Size:
    """An amount of both: CPU units, and memory in MiB."""

    cpu: int
    memory: int

    @property
    def amounts(self) -> tuple[int, int]:
        """Both, in the order of ``RESOURCES``."""
        return self.cpu, self.memory

    @property
    def text(self) -> str:
        """``Cpu "512" and Memory "1024"``, without the one of which there is nothing."""
        return " and ".join(
            f'{name} "{number}"' for name, number in (("Cpu", self.cpu), ("Memory", self.memory)) if number
        )


NO_SIZE: Final = Size(0, 0)


def next_size(minimum: Size, *, on_fargate: bool = True) -> Size | None:
    """The smallest size that a task can have with at least this much; nothing where there is none.

    Fargate has a table of sizes. Elsewhere a task has any size, as its instance allows.
    """
    if not on_fargate:
        return minimum
    fitting = (
        Size(cpu, memory)
        for cpu, memories in FARGATE_SIZES
        if cpu >= minimum.cpu
        for memory in memories
        if memory >= minimum.memory
    )
    return next(fitting, None)


def cpu_units(value: Json | Absent) -> int | None:
    """CPU units of a size as ECS takes it: ``256``, ``"256"``, ``".25 vCPU"``."""
    return _number(value, _CPU_PATTERN, 1024)


def mebibytes(value: Json | Absent) -> int | None:
    """MiB of a size as ECS takes it: ``512``, ``"512"``, ``"0.5 GB"``."""
    return _number(value, _MEMORY_PATTERN, _GIB)


def _number(value: Json | Absent, form: str, factor: int) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return int(value) if 0 <= value < _MAX_SIZE else None
    if not isinstance(value, str) or len(value) > _MAX_CHARACTERS:
        return None
    if value.isascii() and value.isdigit():  # as nearly every size
        return int(value)
    match = re.fullmatch(form, value, re.IGNORECASE)
    if match is None:
        return None
    return int(float(match[1]) * (factor if match[2] else 1))


@dataclass(frozen=True, slots=True)
class Resource:
    """One of the two things that a task has and its containers reserve.

    ``key`` is its name in a task; ``container_keys`` are the members of a container that say how much of it is reserved, the
    first that is given counts. ``parse`` gives the number of units of a value, and nothing for a value that is no size.
    """

    key: str
    container_keys: tuple[str, ...]
    parse: Callable[[Json | Absent], int | None]
    unit: str

    def reserved_by(self, container: Mapping[str, Json], known: Callable[[Json | Absent], Json | Absent]) -> int:
        """What a container reserves of it. ``known`` works its members out; what is not known counts as nothing."""
        for key in self.container_keys:
            if key in container and (amount := self.parse(known(container[key]))) is not None:
                return amount
        return 0


CPU: Final = Resource("Cpu", ("Cpu",), cpu_units, "CPU units")
MEMORY: Final = Resource("Memory", ("MemoryReservation", "Memory"), mebibytes, "MiB")
RESOURCES: Final = (CPU, MEMORY)
"""In the order of :attr:`Size.amounts`."""

"""Sizes of tasks and containers: the forms that ECS accepts, and the sizes that Fargate has.

Source: the ECS developer guide, «Task definition parameters for Fargate», «Task size», and «Troubleshoot Amazon ECS task
definition invalid CPU or memory errors».
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from sysdig_instrument.engine.json_types import Absent, Json
from sysdig_instrument.engine.paste import Paste, PasteInto, paste
from sysdig_instrument.lazy_dataclasses import dataclass

_GIB: Final = 1024  # in MiB
FARGATE_SIZES: Final[tuple[tuple[int, tuple[int, ...]], ...]] = (
    (256, (512, 1024, 2048)),
    (512, tuple(range(1024, 4096 + 1, _GIB))),
    (1024, tuple(range(2048, 8192 + 1, _GIB))),
    (2048, tuple(range(4096, 16384 + 1, _GIB))),
    (4096, tuple(range(8192, 30720 + 1, _GIB))),
    (8192, tuple(range(16384, 61440 + 1, 4 * _GIB))),
    (16384, tuple(range(32768, 122880 + 1, 8 * _GIB))),
)
"""For each number of CPU units, the memory sizes in MiB that Fargate has, both in ascending order."""

_MAX_SIZE: Final = 10**9  # more than any task can have
_MAX_CHARACTERS: Final = 20
_CPU_PATTERN: Final = r"\s*([0-9]*\.?[0-9]+)\s*(vcpu)?\s*"
_MEMORY_PATTERN: Final = r"\s*([0-9]*\.?[0-9]+)\s*(gb)?\s*"


@dataclass(frozen=True, slots=True)
class Size:
    """CPU units, and memory in MiB."""

    cpu: int
    memory: int

    @property
    def amounts(self) -> tuple[int, int]:
        """Both numbers, in the order of ``RESOURCES``."""
        return self.cpu, self.memory

    @property
    def text(self) -> str:
        """The size in words: ``Cpu "512" and Memory "1024"``, without the one that is 0."""
        return " and ".join(
            f'{name} "{number}"' for name, number in (("Cpu", self.cpu), ("Memory", self.memory)) if number
        )


NO_SIZE: Final = Size(0, 0)


def next_size(minimum: Size, *, on_fargate: bool = True) -> Size | None:
    """Return the smallest size that a task can have with at least this much of both; ``None`` if there is none.

    Fargate has a table of sizes. Elsewhere a task can have any size that its instance allows.
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


def paste_size(size: Size) -> tuple[Paste, ...]:
    """Return a size as what to paste into a task definition."""
    return paste(
        PasteInto.PROPERTIES,
        {resource.key: str(amount) for resource, amount in zip(RESOURCES, size.amounts, strict=True)},
    )


def cpu_units(value: Json | Absent) -> int | None:
    """Return the CPU units of a size in a form that ECS accepts: ``256``, ``"256"``, ``".25 vCPU"``; otherwise ``None``."""
    return _parse_size(value, _CPU_PATTERN, 1024)


def mebibytes(value: Json | Absent) -> int | None:
    """Return the MiB of a size in a form that ECS accepts: ``512``, ``"512"``, ``"0.5 GB"``; otherwise ``None``."""
    return _parse_size(value, _MEMORY_PATTERN, _GIB)


def _parse_size(value: Json | Absent, pattern: str, factor: int) -> int | None:
    """Return the number of a size, times ``factor`` if the size has a unit (``vCPU`` or ``GB``); ``None`` if it is no size."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return int(value) if 0 <= value < _MAX_SIZE else None
    if not isinstance(value, str) or len(value) > _MAX_CHARACTERS:
        return None
    if value.isascii() and value.isdigit():  # true of nearly every size
        return int(value)
    match = re.fullmatch(pattern, value, re.IGNORECASE)
    if match is None:
        return None
    return int(float(match[1]) * (factor if match[2] else 1))


@dataclass(frozen=True, slots=True)
class Resource:
    """CPU or memory: a task has a number of units of it, and its containers reserve some of them.

    ``key`` is the member of a task. ``container_keys`` are the members of a container that reserve units; the first one that
    is given counts. ``parse`` returns the units of a value, or ``None`` if it is not a size. ``unit`` is for messages.
    """

    key: str
    container_keys: tuple[str, ...]
    parse: Callable[[Json | Absent], int | None]
    unit: str

    def reserved_by(self, container: Mapping[str, Json], evaluate: Callable[[Json | Absent], Json | Absent]) -> int:
        """Return the units that a container reserves as far as they are known, otherwise 0.

        ``evaluate`` returns the value of a member, or ``None`` if it is unknown. If MemoryReservation is unknown, Memory
        counts, because it is the limit that MemoryReservation cannot exceed. (``steps.task_size``, which adds up the
        reservations under conditions, counts such a reservation as unknown.)
        """
        for key in self.container_keys:
            if key in container and (amount := self.parse(evaluate(container[key]))) is not None:
                return amount
        return 0


CPU: Final = Resource("Cpu", ("Cpu",), cpu_units, "CPU units")
MEMORY: Final = Resource("Memory", ("MemoryReservation", "Memory"), mebibytes, "MiB")
RESOURCES: Final = (CPU, MEMORY)
"""In the order of :attr:`Size.amounts`."""

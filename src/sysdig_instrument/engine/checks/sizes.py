"""What containers reserve fits into the task, and if not, which Fargate size would do (ECS developer guide, «Task size»)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from sysdig_instrument.engine.checks.made import Known, Made, MadeContainer
from sysdig_instrument.engine.container import AGENT_NAME
from sysdig_instrument.engine.findings import Problem
from sysdig_instrument.engine.json_types import ABSENT

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

_LARGEST_SIZE: Final = 10**9  # beyond anything that a task could have
_LONGEST_SIZE: Final = 20  # characters
_CPU: Final = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*(vcpu)?\s*", re.IGNORECASE)
_MEMORY: Final = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*(gb)?\s*", re.IGNORECASE)


def cpu(made: Made) -> Iterator[Problem]:
    """With the agent's, the containers' Cpu together is not more than the task's."""
    yield from _sum(made, "Cpu", "CPU units", cpu_units, _units)


def memory(made: Made) -> Iterator[Problem]:
    """With the agent's, what the containers reserve of memory together is not more than the task has."""
    yield from _sum(made, "Memory", "MiB", mebibytes, _reserved)


def _sum(
    made: Made,
    key: str,
    unit: str,
    read: Callable[[Known], int | None],
    amount: Callable[[Made, MadeContainer], int],
) -> Iterator[Problem]:
    """A problem only where it is the agent's share that is too much: what the template asks for itself is its own affair."""
    agents = sum(amount(made, container) for container in made.containers if container.name == AGENT_NAME)
    if agents == 0:
        return
    size = read(made.known(made.properties.get(key, ABSENT)))
    total = sum(amount(made, container) for container in made.containers)
    if size is not None and total - agents <= size < total:
        fact = f"With {agents} {unit} for the agent the containers reserve {total}, and the task has {size}"
        yield Problem(made.place(None, key), fact, _advice(made))


def _units(made: Made, container: MadeContainer) -> int:
    return cpu_units(made.known(container.value.get("Cpu", ABSENT))) or 0


def _reserved(made: Made, container: MadeContainer) -> int:
    """MemoryReservation, or Memory where there is none."""
    for key in ("MemoryReservation", "Memory"):
        reserved = mebibytes(made.known(container.value.get(key, ABSENT)))
        if reserved is not None:
            return reserved
    return 0


def _advice(made: Made) -> str:
    units = sum(_units(made, each) for each in made.containers)
    total = sum(_reserved(made, each) for each in made.containers)
    size = next_size(
        max(units, cpu_units(made.known(made.properties.get("Cpu", ABSENT))) or 0),
        max(total, mebibytes(made.known(made.properties.get("Memory", ABSENT))) or 0),
    )
    if size is None:
        return "Make the containers smaller: no Fargate size is large enough"
    return f'Give the task Cpu "{size[0]}" and Memory "{size[1]}", the next Fargate size that fits, or make the containers smaller'


def next_size(units: int, mib: int) -> tuple[int, int] | None:
    """The smallest Fargate size with at least this much CPU and memory; nothing where there is none."""
    fitting = (
        (size, memory) for size, memories in FARGATE_SIZES if size >= units for memory in memories if memory >= mib
    )
    return next(fitting, None)


def cpu_units(value: Known) -> int | None:
    """CPU units of a size as ECS takes it: ``256``, ``"256"``, ``".25 vCPU"``."""
    return _number(value, _CPU, 1024)


def mebibytes(value: Known) -> int | None:
    """MiB of a size as ECS takes it: ``512``, ``"512"``, ``"0.5 GB"``."""
    return _number(value, _MEMORY, _GIB)


def _number(value: Known, form: re.Pattern[str], factor: int) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return int(value) if 0 <= value < _LARGEST_SIZE else None
    match = form.fullmatch(value) if isinstance(value, str) and len(value) <= _LONGEST_SIZE else None
    if match is None:
        return None
    return int(float(match[1]) * (factor if match[2] else 1))

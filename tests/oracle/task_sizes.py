"""The Cpu and Memory of a task: unchanged, or, with TaskSize=raise, the next size that the agent fits into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from oracle.selection import is_fargate
from oracle.settings import Settings
from oracle.values import Json, is_unknown, same, text_of

Amounts = dict[str, int]
Containers = Sequence[Mapping[str, Json]]

# For each member of the task, the members of a container that reserve it. The first that is given counts: "If you
# specify memoryReservation, then that value is subtracted from the available memory resources […]. Otherwise, the
# value of memory is used" (Amazon ECS API reference, ContainerDefinition, memory). The same page requires that "the
# total amount of memory reserved for all containers within a task" stay below the task's memory. So a hard limit
# beside a reservation is not added up.
RESERVED_BY = {"Cpu": ("Cpu",), "Memory": ("MemoryReservation", "Memory")}

# CPU units → minimum, maximum and step in MiB. For 256 CPU units, 1536 MiB is not a valid size.
FARGATE = {
    256: (512, 2048, 512),
    512: (1024, 4096, 1024),
    1024: (2048, 8192, 1024),
    2048: (4096, 16384, 1024),
    4096: (8192, 30720, 1024),
    8192: (16384, 61440, 4096),
    16384: (32768, 122880, 8192),
}
NOT_A_SIZE = (256, 1536)


def check_size(
    before: Mapping[str, Json],
    after: Mapping[str, Json],
    containers: Containers,
    settings: Settings,
    *,
    may_be_fargate: bool,
) -> Iterator[str]:
    """Yield complaints about the size of a task in which a container is instrumented.

    `containers` are those without the agent. `may_be_fargate`: under other conditions the task may run on Fargate,
    whose sizes are valid everywhere else as well.
    """
    target = raised_size(before, containers, settings) or {}
    expected = [_expected(before, target)]
    if target and may_be_fargate:
        expected.append(_expected(before, next_fargate_size(target) or target))
    if not any(same({key: after.get(key) for key in RESERVED_BY}, each) for each in expected):
        yield f"Cpu and Memory are {[after.get(key) for key in RESERVED_BY]} and should be {expected[0]}"


def _expected(before: Mapping[str, Json], target: Amounts) -> dict[str, Json]:
    """Return Cpu and Memory with their numbers raised. A string stays a string."""
    expected: dict[str, Json] = {}
    for key in RESERVED_BY:
        old, size = before.get(key), number(before.get(key))
        is_raised = size is not None and target.get(key, 0) > size
        expected[key] = (str(target[key]) if isinstance(old, str) else target[key]) if is_raised else old
    return expected


def raised_size(properties: Mapping[str, Json], containers: Containers, settings: Settings) -> Amounts | None:
    """Return the size that TaskSize=raise asks for; None if the size stays or no size can be determined."""
    if settings.string("TaskSize") != "raise" or not agent_is_too_large(properties, containers, settings):
        return None
    if any(is_unknown(properties.get(key)) or unknown_reservations(containers, key) for key in RESERVED_BY):
        return None
    agent = agent_reservation(settings)
    required = {
        key: max(number(properties.get(key)) or 0, known_reservations(containers, key) + agent[key])
        for key in RESERVED_BY
    }
    return next_fargate_size(required) if is_fargate(properties) else required


def agent_is_too_large(properties: Mapping[str, Json], containers: Containers, settings: Settings) -> bool:
    """Return whether the known reservations fit into the task without the agent's reservation, and not with it."""
    agent = agent_reservation(settings)
    for key in RESERVED_BY:
        total, size = known_reservations(containers, key), number(properties.get(key))
        if size is not None and total <= size < total + agent[key]:
            return True
    return False


def agent_reservation(settings: Settings) -> Amounts:
    """Return what the agent reserves according to the settings."""
    memory = settings.integer("AgentMemoryReservation") or settings.integer("AgentMemory") or 0
    return {"Cpu": settings.integer("AgentCpu") or 0, "Memory": memory}


def reservation(container: Mapping[str, Json], key: str) -> int | None:
    """Return what a container reserves; None if the member that counts has an unknown value."""
    for member in RESERVED_BY[key]:
        value = container.get(member)
        if is_unknown(value):
            return None
        amount = number(value)
        if amount is not None:
            return amount
    return 0


def known_reservations(containers: Containers, key: str) -> int:
    """Return the sum of the reservations with a known value."""
    return sum(reservation(container, key) or 0 for container in containers)


def unknown_reservations(containers: Containers, key: str) -> bool:
    """Return whether a container reserves an amount that is unknown."""
    return any(reservation(container, key) is None for container in containers)


def number(value: Json) -> int | None:
    """Return the CPU units or MiB of a size in a form that ECS accepts."""
    text = text_of(value).strip().lower()
    for unit in ("vcpu", "gb"):
        digits = text.removesuffix(unit).strip()
        if text.endswith(unit) and digits.replace(".", "", 1).isdigit():
            return int(float(digits) * 1024)
    return int(text) if text.isdigit() else None


def next_fargate_size(required: Amounts) -> Amounts | None:
    """Return the smallest Fargate size that is large enough, if there is one."""
    for cpu, (minimum, maximum, step) in FARGATE.items():
        for memory in range(minimum, maximum + 1, step):
            if cpu >= required["Cpu"] and memory >= required["Memory"] and (cpu, memory) != NOT_A_SIZE:
                return {"Cpu": cpu, "Memory": memory}
    return None

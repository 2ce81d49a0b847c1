"""The task's Cpu and Memory: as they were, or with the setting TaskSize the next size into which the agent fits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from judge.selection import is_fargate
from judge.settings import Settings
from judge.values import Json, is_opaque, same, text_of

Amounts = dict[str, int]
RESERVED_BY = {"Cpu": ("Cpu",), "Memory": ("MemoryReservation", "Memory")}

# CPU units → MiB from, to, and in steps of. 512, 1024 and 2048 are the powers of two in between.
FARGATE = {
    256: (512, 2048, 512),
    512: (1024, 4096, 1024),
    1024: (2048, 8192, 1024),
    2048: (4096, 16384, 1024),
    4096: (8192, 30720, 1024),
    8192: (16384, 61440, 4096),
    16384: (32768, 122880, 8192),
}
NO_SUCH_SIZE = (256, 1536)


def check_size(
    before: Mapping[str, Json],
    after: Mapping[str, Json],
    own: Sequence[Mapping[str, Json]],
    settings: Settings,
    *,
    may_be_fargate: bool,
) -> Iterator[str]:
    """Complaints about the size of a task in which a container is instrumented.

    `own`: the containers but the agent's. `may_be_fargate`: under other conditions the task may be for Fargate, whose
    sizes are good everywhere as well.
    """
    wanted = raised(before, own, settings) or {}
    promised = [_promised(before, wanted)]
    if wanted and may_be_fargate:
        promised.append(_promised(before, next_on_fargate(wanted) or wanted))
    if not any(same({key: after.get(key) for key in RESERVED_BY}, each) for each in promised):
        yield f"Cpu and Memory are {[after.get(key) for key in RESERVED_BY]} and should be {promised[0]}"


def _promised(before: Mapping[str, Json], wanted: Amounts) -> dict[str, Json]:
    """The two members with the numbers in them raised: a text stays a text."""
    promised: dict[str, Json] = {}
    for key in RESERVED_BY:
        was, size = before.get(key), number(before.get(key))
        is_raised = size is not None and wanted.get(key, 0) > size
        promised[key] = (str(wanted[key]) if isinstance(was, str) else wanted[key]) if is_raised else was
    return promised


def raised(properties: Mapping[str, Json], own: Sequence[Mapping[str, Json]], settings: Settings) -> Amounts | None:
    """The size that the setting asks for; nothing where the size stays, or there is none to be had."""
    share = agents_share(settings)
    if settings.text("TaskSize") != "raise" or has_unknown_sizes(properties, own):
        return None
    sums = {key: sum(reserved(each, key) for each in own) for key in RESERVED_BY}
    if not does_not_fit(properties, own, settings):
        return None
    least = {key: max(number(properties.get(key)) or 0, sums[key] + share[key]) for key in RESERVED_BY}
    return next_on_fargate(least) if is_fargate(properties) else least


def does_not_fit(properties: Mapping[str, Json], own: Sequence[Mapping[str, Json]], settings: Settings) -> bool:
    """Whether it is the agent's share, in what is known, that is too much for the task."""
    share = agents_share(settings)
    for key in RESERVED_BY:
        total, size = sum(reserved(each, key) for each in own), number(properties.get(key))
        if size is not None and total <= size < total + share[key]:
            return True
    return False


def has_unknown_sizes(properties: Mapping[str, Json], own: Sequence[Mapping[str, Json]]) -> bool:
    """Whether something that has to be added up is not known."""
    members = ("Cpu", "Memory", "MemoryReservation")
    return any(is_opaque(each.get(key)) for each in (properties, *own) for key in members)


def agents_share(settings: Settings) -> Amounts:
    """What the agent reserves."""
    memory = settings.number("AgentMemoryReservation") or settings.number("AgentMemory") or 0
    return {"Cpu": settings.number("AgentCpu") or 0, "Memory": memory}


def reserved(container: Mapping[str, Json], key: str) -> int:
    """What a container reserves."""
    sizes = (number(container.get(member)) for member in RESERVED_BY[key])
    return next((size for size in sizes if size is not None), 0)


def number(value: Json) -> int | None:
    """CPU units or MiB of a size as ECS takes it."""
    text = text_of(value).strip().lower()
    for unit in ("vcpu", "gb"):
        digits = text.removesuffix(unit).strip()
        if text.endswith(unit) and digits.replace(".", "", 1).isdigit():
            return int(float(digits) * 1024)
    return int(text) if text.isdigit() else None


def next_on_fargate(least: Amounts) -> Amounts | None:
    """The smallest size of Fargate's that is large enough, if there is one."""
    for cpu, (first, last, step) in FARGATE.items():
        for memory in range(first, last + 1, step):
            if cpu >= least["Cpu"] and memory >= least["Memory"] and (cpu, memory) != NO_SUCH_SIZE:
                return {"Cpu": cpu, "Memory": memory}
    return None

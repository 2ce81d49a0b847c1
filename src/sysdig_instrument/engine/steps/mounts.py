"""Mounts that may cover the directory of the wrapper, so that something else would start in the wrapper's place.

Owns: nothing. This step changes nothing.

A mount of the container itself wins over one from VolumesFrom at the same path, a later entry of VolumesFrom wins over an
earlier one, and a mount below another covers a part of it (moby, ``registerMountPoints``). A mount above ``/opt/draios``
counts too, because AWS does not document in which order Fargate mounts. Mounts that an image declares (VOLUME) are not
known here.

Source: the ECS API reference, MountPoint, Tmpfs and VolumeFrom.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sysdig_instrument.engine.agent import AGENT_NAME, WRAPPER_DIRECTORY
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import Container, is_written_out, list_entries, member_values, why_opaque
from sysdig_instrument.engine.expressions.decision_tree import Assumptions, LocatedValue
from sysdig_instrument.engine.expressions.values import Evaluated, Known, Unknown
from sysdig_instrument.engine.expressions.work import steps_of
from sysdig_instrument.engine.findings import Notice, Problem, Reason, quote
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json, Pointer
from sysdig_instrument.engine.paste import EXCLUDE_CONTAINER, PasteInto, paste
from sysdig_instrument.engine.steps.step import InstrumentedTask
from sysdig_instrument.lazy_dataclasses import dataclass

_COVERED: Final = f"{WRAPPER_DIRECTORY}, the directory of the wrapper"
_ADVICE: Final = "Move the mount, or exclude the container (ExcludeContainers)"
_UNKNOWN_ADVICE: Final = "Write a literal value, or exclude the container (ExcludeContainers)"
_READ_ONLY: Final = paste(PasteInto.CONTAINER, {"VolumesFrom": [{"SourceContainer": AGENT_NAME, "ReadOnly": True}]})
_CONTAINERS_PER_STEP: Final = 4
_MOUNT_KEYS: Final = frozenset({"MountPoints", "LinuxParameters", "VolumesFrom"})


@dataclass(frozen=True, slots=True)
class _Mount:
    """A mount that covers the directory of the wrapper or may do so. ``why_unknown`` is why that is not known, or None."""

    pointer: Pointer
    assumptions: Assumptions
    why_unknown: Unknown | None


def mounts(instrumented: InstrumentedTask) -> Iterator[Notice | Problem]:
    """Yield the findings about mounts and entries of VolumesFrom that may cover the wrapper, or let it be replaced."""
    for container in instrumented.workloads:
        if _MOUNT_KEYS.isdisjoint(container.value):  # true of most containers
            continue
        for mount in _covering_mounts(container):
            yield container.problem_or_notice(mount.pointer, mount.assumptions, _own_mount_reason(mount))
        if "VolumesFrom" in container.value:
            yield from _volumes_from(container, instrumented)
    workloads = {container.pointer for container in instrumented.workloads}
    for container in instrumented.containers:
        if "VolumesFrom" in container.value and container.pointer not in workloads:
            yield from _writable_volumes(container)


def _own_mount_reason(mount: _Mount) -> Reason:
    if mount.why_unknown is None:
        fact = f"The container mounts something over {_COVERED}"
        return Reason(fact, _ADVICE, code=Code.WRAPPER_COVERED, paste=EXCLUDE_CONTAINER)
    fact = f"The path of the mount cannot be resolved ({mount.why_unknown.reason.fact}), so it may be over {_COVERED}"
    return _unknown_path(fact, mount.why_unknown)


def _unknown_path(fact: str, unknown: Unknown) -> Reason:
    why = unknown.reason
    to_paste = why.paste if why.advice else EXCLUDE_CONTAINER
    return Reason(fact, why.advice or _UNKNOWN_ADVICE, code=unknown.code, paste=to_paste)


# --- The mounts of a container itself


def _covering_mounts(container: Container) -> Iterator[_Mount]:
    work = container.scope.state.work
    for entry, assumptions in _mount_entries(container):
        if not isinstance(entry.value, Absent):
            work.spend(steps_of(entry.value))
        for path in _container_paths(container, entry.value, assumptions):
            match path:
                case Unknown():
                    yield _Mount(entry.pointer, assumptions, path)
                case Known(str(text)) if is_over_wrapper(text):
                    yield _Mount(entry.pointer, assumptions, None)
                case Known(value) if not isinstance(value, str):
                    yield _Mount(
                        entry.pointer,
                        assumptions,
                        Unknown(Reason("ContainerPath is not a string", code=Code.NOT_A_WRITTEN_LIST)),
                    )


def _mount_entries(container: Container) -> Iterator[tuple[LocatedValue, Assumptions]]:
    yield from container.entries("MountPoints")
    for leaf, assumptions in container.values("LinuxParameters") if "LinuxParameters" in container.value else ():
        if isinstance(leaf.value, dict) and is_written_out(leaf.value):
            for inner, assumed in member_values(leaf.value, "Tmpfs", leaf.pointer, assumptions):
                yield from list_entries(inner, assumed)
        elif isinstance(leaf.value, dict):  # an expression
            yield leaf, assumptions


def _container_paths(container: Container, entry: Json | Absent, assumptions: Assumptions) -> Iterator[Evaluated]:
    """Yield the ContainerPath of an entry of MountPoints or Tmpfs, in each item of the enclosing loops."""
    if isinstance(entry, dict) and is_written_out(entry):
        yield from container.evaluations(entry.get("ContainerPath", ABSENT), assumptions)
        return
    for value in container.evaluations(entry, assumptions):
        match value:
            case Known(dict(members)) if is_written_out(members):
                path = members.get("ContainerPath", ABSENT)
                yield ABSENT if path is ABSENT else Known(path)
            case Known([]):
                pass
            case Unknown():
                yield value
            case _:
                yield Unknown(
                    Reason("it is not written as a list of objects in the template", code=Code.NOT_A_WRITTEN_LIST)
                )


def is_over_wrapper(path: str) -> bool:
    """Return whether a mount at this path of a container is at, above or below the directory of the wrapper.

    Docker separates the source of a mount, its target and its options with colons, so each part of the path counts. Case
    does not: nothing else has this name in other letters.
    """
    wrapper = _names_in(WRAPPER_DIRECTORY)
    return any(
        all(name == other for name, other in zip(_names_in(part), wrapper, strict=False)) for part in path.split(":")
    )


def _names_in(path: str) -> list[str]:
    """Return the names in a path, without empty ones, and with ``.`` and ``..`` resolved."""
    names: list[str] = []
    for name in path.strip().casefold().split("/"):
        if name == "..":
            del names[-1:]
        elif name not in ("", "."):
            names.append(name)
    return names


# --- The mounts that come from other containers


def _volumes_from(container: Container, instrumented: InstrumentedTask) -> Iterator[Notice | Problem]:
    for entry, assumptions in container.entries("VolumesFrom"):
        for reason in dict.fromkeys(_source_reasons(container, entry.value, assumptions, instrumented)):
            yield container.problem_or_notice(entry.pointer, assumptions, reason)


def _writable_volumes(container: Container) -> Iterator[Notice | Problem]:
    """Yield a finding for each entry with which a container that is left alone could replace the wrapper."""
    for entry, assumptions in container.entries("VolumesFrom"):
        members = entry.value if isinstance(entry.value, dict) else {}
        names = container.evaluations(members.get("SourceContainer", ABSENT), assumptions)
        if Known(AGENT_NAME) in names and str(members.get("ReadOnly")).lower() != "true":
            fact = "The container is not instrumented, and can write to the volume with the wrapper"
            advice = "Add ReadOnly: true, or remove the entry"
            reason = Reason(fact, advice, code=Code.VOLUME_WRITABLE, paste=_READ_ONLY)
            yield container.problem_or_notice(entry.pointer, assumptions, reason)


def _source_reasons(
    container: Container, entry: Json | Absent, assumptions: Assumptions, instrumented: InstrumentedTask
) -> Iterator[Reason]:
    """Yield the reasons why the mounts of the container that an entry names may cover the wrapper."""
    sources, unknown = _sources(container, entry, assumptions, instrumented)
    if unknown:
        fact = f"The container whose mounts this adds cannot be resolved ({unknown.reason.fact}), so they may be over {_COVERED}"
        yield _unknown_path(fact, unknown)
    for source in _with_their_sources(sources, instrumented):
        name = quote(source.label)
        if why := why_opaque(source.value, _MOUNT_KEYS, source.scope):
            fact = f"Not all of container {name} is known ({why}), so its mounts may be over {_COVERED}"
            yield Reason(fact, _UNKNOWN_ADVICE, code=Code.VALUE_UNKNOWN, paste=EXCLUDE_CONTAINER)
        for mount in _covering_mounts(source):
            if not _contradict(mount.assumptions, assumptions):
                if unknown := mount.why_unknown:
                    fact = f"The path of a mount of container {name} cannot be resolved ({unknown.reason.fact}), so it may be over {_COVERED}"
                    yield _unknown_path(fact, unknown)
                else:
                    fact = f"Container {name}, whose mounts this adds, mounts something over {_COVERED}"
                    yield Reason(fact, _ADVICE, code=Code.WRAPPER_COVERED, paste=EXCLUDE_CONTAINER)


def _sources(
    container: Container, entry: Json | Absent, assumptions: Assumptions, instrumented: InstrumentedTask
) -> tuple[list[Container], Unknown | None]:
    """Return the containers that an entry of VolumesFrom may name, without the agent's; and why the name is not known, or None.

    A name that is not known is that of the container with the same expression as its Name.
    """
    if not isinstance(entry, dict) or not is_written_out(entry):
        evaluated = container.evaluations(entry, assumptions)
        known = [each.value for each in evaluated if isinstance(each, Known)]
        entry = known[0] if len(known) == len(evaluated) and all(each == known[0] for each in known) else None
    if not isinstance(entry, dict) or not is_written_out(entry):
        return [], Unknown(Reason("the entry is an expression", code=Code.NOT_A_WRITTEN_LIST, not_known_here=True))
    container.scope.state.work.spend(1 + len(instrumented.containers) // _CONTAINERS_PER_STEP)
    source = entry.get("SourceContainer", ABSENT)
    same = [each for each in instrumented.containers if each.value.get("Name", ABSENT) == source]
    names = container.evaluations(source, assumptions)
    if unknown := next((name for name in names if isinstance(name, Unknown)), None):
        return same, None if same else unknown
    texts = {name.value for name in names if isinstance(name, Known) and isinstance(name.value, str)} - {AGENT_NAME}
    return [each for each in instrumented.containers if texts and (each.name is None or each.name in texts)], None


def _with_their_sources(found: list[Container], instrumented: InstrumentedTask) -> list[Container]:
    """Return the containers, and those whose mounts they have by VolumesFrom themselves, at any depth."""
    every = {source.pointer: source for source in found}
    left = list(found)
    while left:
        container = left.pop()
        for entry, assumptions in container.entries("VolumesFrom"):
            sources, _ = _sources(container, entry.value, assumptions, instrumented)
            left += (source for source in sources if source.pointer not in every)
            every.update((source.pointer, source) for source in sources)
    return list(every.values())


def _contradict(some: Assumptions, others: Assumptions) -> bool:
    """Return whether two sets of assumptions cannot both be true."""
    return any(others.get(condition, truth) is not truth for condition, truth in some.items())

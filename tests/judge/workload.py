"""What one instrumented container must look like: sections 1 and 2 of the contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from judge.images import Config, needs_image
from judge.selection import AGENT, WRAPPER
from judge.settings import Settings
from judge.values import Json, argv, canonical, items, mapping, same, text_of

OWNED = ("EntryPoint", "Command", "Environment", "VolumesFrom", "LinuxParameters")
PTRACE = "SYS_PTRACE"

# Kilt writes these into every workload. Bringing its output to today's settings may take them away again.
KILT_LEFTOVERS = frozenset({
    "SYSDIG_ACCESS_KEY",
    "SYSDIG_COLLECTOR",
    "SYSDIG_COLLECTOR_PORT",
    "SYSDIG_LOGGING",
    "SYSDIG_ORCHESTRATOR",
    "SYSDIG_ORCHESTRATOR_PORT",
    "SYSDIG_PRIORITY",
})  # fmt: skip


@dataclass(frozen=True)
class Promise:
    """What was promised for a container."""

    settings: Settings
    config: Config | None
    live_capabilities: bool  # the list of capabilities is an expression, which can be prefixed but not appended to
    keeps_argv: bool  # a branch that was not taken, whose image could not be read: EntryPoint and Command stay


def check_workload(before: Mapping[str, Json], after: Mapping[str, Json], promise: Promise) -> Iterator[str]:
    """Complaints about an instrumented container."""
    yield from _check_keys(before, after)
    yield from _check_argv(before, after, promise)
    wanted = workload_variables(promise.settings)
    removable = KILT_LEFTOVERS if WRAPPER in argv(before.get("EntryPoint")) else frozenset()
    yield from check_environment(before.get("Environment"), after.get("Environment"), wanted, removable)
    yield from _check_volumes(before.get("VolumesFrom"), after.get("VolumesFrom"))
    parameters = (mapping(before.get("LinuxParameters")), after.get("LinuxParameters"))
    yield from _check_capabilities(*parameters, live=promise.live_capabilities)


def workload_variables(settings: Settings) -> dict[str, str]:
    """The variables that each workload gets."""
    mode = {"SYSDIG_SIDECAR": settings.text("SidecarMode") or ""}
    return mode | {name: text_of(value) for name, value in settings.table("WorkloadEnvironment").items()}


def _check_keys(before: Mapping[str, Json], after: Mapping[str, Json]) -> Iterator[str]:
    common_before = [key for key in before if key in after]
    common_after = [key for key in after if key in before]
    if common_before != common_after:
        yield f"the order of the keys changed from {common_before} to {common_after}"
    for key in before:
        if key not in OWNED and key not in after:
            yield f"{key} is gone"
        elif key not in OWNED and not same(before[key], after[key]):
            yield f"{key} changed"
    for key in after:
        if key not in before and key not in OWNED:
            yield f"{key} was added"


def _check_argv(before: Mapping[str, Json], after: Mapping[str, Json], promise: Promise) -> Iterator[str]:
    entry_point, command = expected_argv(before, promise)
    for key, expected in (("EntryPoint", entry_point), ("Command", command)):
        actual = argv(after.get(key))
        if promise.keeps_argv and expected == [""] and actual == [WRAPPER, ""]:
            continue  # blank, in a branch that is not taken: as good as the same in one that is
        if not same(actual, expected):
            yield f"{key} is {canonical(actual)} and should be {canonical(expected)}"
        elif isinstance(after.get(key), str) and not isinstance(before.get(key), str):
            yield f"{key} is no list"


def expected_argv(before: Mapping[str, Json], promise: Promise) -> tuple[list[Json], list[Json]]:
    """The table of section 2. `[]` counts as absent, and a wrapped entry point is not wrapped again."""
    entry_point, command = argv(before.get("EntryPoint")), argv(before.get("Command"))
    if promise.keeps_argv or entry_point[:1] == [WRAPPER]:
        return entry_point, command
    if not needs_image(before):
        return [WRAPPER, *entry_point], command
    config = promise.config or Config([], [])
    return [WRAPPER, *config.entrypoint], command or config.cmd


def check_environment(before: Json, after: Json, wanted: Mapping[str, str], removable: frozenset[str]) -> Iterator[str]:
    """The old entries in their order, wanted names with the wanted value, and the missing ones at the end."""
    entries, rest = items(before), list(items(after))
    if after is not None and not isinstance(after, list):
        yield "Environment is no list"
    seen = set[str]()
    for entry in entries:
        name = text_of(mapping(entry).get("Name"))
        expected: Json = {**mapping(entry), "Value": wanted[name]} if name in wanted else entry
        if rest and same(rest[0], expected):
            rest.pop(0)
        elif not (name in removable or name in seen):
            got = f"{mapping(rest[0]).get('Name')}" if rest else "nothing"
            yield f"Environment: {name} was expected and {got} is there, or its value is not the right one"
            return
        seen.add(name)
    missing: list[Json] = [{"Name": name, "Value": value} for name, value in wanted.items() if name not in seen]
    if sorted(map(canonical, rest)) != sorted(map(canonical, missing)):
        yield f"Environment: {_names(rest)} was appended and should be {_names(missing)}, or with other values"


def _names(entries: list[Json]) -> list[str]:
    return [text_of(mapping(entry).get("Name")) for entry in entries]


def _check_volumes(before: Json, after: Json) -> Iterator[str]:
    old, new = items(before), list(items(after))
    ours: Json = {"SourceContainer": AGENT, "ReadOnly": True}
    had_ours = any(mapping(entry).get("SourceContainer") == AGENT for entry in old)
    for entry in old:
        if mapping(entry).get("SourceContainer") == AGENT:
            if new and mapping(new[0]).get("SourceContainer") == AGENT:
                new.pop(0)  # the user's entry may stay as it is; a second one may go
        elif new and same(new[0], entry):
            new.pop(0)
        else:
            yield "VolumesFrom: an entry changed, went or moved"
            return
    if not same(new, [] if had_ours else [ours]):
        yield f"VolumesFrom: {canonical(new)} was appended and should be {canonical([] if had_ours else [ours])}"
    elif not any(mapping(entry).get("SourceContainer") == AGENT for entry in items(after)):
        yield "VolumesFrom: the agent's volume is missing"


def _check_capabilities(before: Mapping[str, Json], after: Json, *, live: bool) -> Iterator[str]:
    if not isinstance(after, dict):
        yield "LinuxParameters is no map with Capabilities"
        return
    old_capabilities, new_capabilities = mapping(before.get("Capabilities")), mapping(after.get("Capabilities"))
    old, new = argv(old_capabilities.get("Add")), argv(new_capabilities.get("Add"))
    expected = old if PTRACE in old else [*old, PTRACE]
    without_repeats = list(dict.fromkeys(map(canonical, expected)))
    prefixed = live and same(new, [PTRACE, *old])
    if not (prefixed or same(new, expected) or list(map(canonical, new)) == without_repeats):
        yield f"Capabilities.Add is {canonical(new)} and should be {canonical(expected)}"
    yield from _check_rest("LinuxParameters", before, after, "Capabilities")
    yield from _check_rest("LinuxParameters.Capabilities", old_capabilities, new_capabilities, "Add")


def _check_rest(where: str, before: Mapping[str, Json], after: Mapping[str, Json], owned: str) -> Iterator[str]:
    """Everything but one key stays, in its order; the one key stays where it was if it was there."""
    old = {key: value for key, value in before.items() if key != owned}
    new = {key: value for key, value in after.items() if key != owned}
    order_before = [key for key in before if key in after]
    if not same(old, new) or order_before != [key for key in after if key in before]:
        yield f"{where}: more than {owned} changed"

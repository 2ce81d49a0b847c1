"""Checks of an instrumented container: its keys, its entry point, its variables, volumes and capabilities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from oracle.images import ImageConfig, needs_image, runs_nothing
from oracle.selection import AGENT, WRAPPER
from oracle.settings import Settings
from oracle.values import Json, argv, canonical, items, mapping, same, text_of

# The keys that the macro may change: _check_argv, check_environment, _check_volumes and _check_capabilities have their rules.
INSTRUMENTED_KEYS = ("EntryPoint", "Command", "Environment", "VolumesFrom", "LinuxParameters")
PTRACE = "SYS_PTRACE"

# Kilt writes these into every workload. The macro may remove them when it updates Kilt's output.
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
class Expected:
    """The expectations for one container."""

    settings: Settings
    config: ImageConfig | None
    may_prepend_capability: bool  # Capabilities.Add is an expression, to which nothing can be appended
    keeps_argv: bool  # the image of an inactive branch is unknown: EntryPoint and Command stay
    is_wrapped: bool  # it is certain that the EntryPoint begins with the wrapper


def check_workload(before: Mapping[str, Json], after: Mapping[str, Json], expected: Expected) -> Iterator[str]:
    """Yield complaints about an instrumented container."""
    yield from _check_keys(before, after)
    yield from _check_argv(before, after, expected)
    variables = workload_variables(expected.settings)
    removable = KILT_LEFTOVERS if WRAPPER in argv(before.get("EntryPoint")) else frozenset()
    yield from check_environment(before.get("Environment"), after.get("Environment"), variables, removable)
    yield from _check_volumes(before.get("VolumesFrom"), after.get("VolumesFrom"))
    parameters = (mapping(before.get("LinuxParameters")), after.get("LinuxParameters"))
    yield from _check_capabilities(*parameters, may_prepend=expected.may_prepend_capability)


def workload_variables(settings: Settings) -> dict[str, str]:
    """Return the variables that the macro adds to every workload."""
    mode = {"SYSDIG_SIDECAR": settings.string("SidecarMode") or ""}
    return mode | {name: text_of(value) for name, value in settings.object("WorkloadEnvironment").items()}


def _check_keys(before: Mapping[str, Json], after: Mapping[str, Json]) -> Iterator[str]:
    common_before = [key for key in before if key in after]
    common_after = [key for key in after if key in before]
    if common_before != common_after:
        yield f"the order of the keys changed from {common_before} to {common_after}"
    for key in before:
        if key not in INSTRUMENTED_KEYS and key not in after:
            yield f"{key} is missing"
        elif key not in INSTRUMENTED_KEYS and not same(before[key], after[key]):
            yield f"{key} changed"
    for key in after:
        if key not in before and key not in INSTRUMENTED_KEYS:
            yield f"{key} was added"


def _check_argv(before: Mapping[str, Json], after: Mapping[str, Json], expected: Expected) -> Iterator[str]:
    entry_point, command = expected_argv(before, expected)
    for key, should_be in (("EntryPoint", entry_point), ("Command", command)):
        actual = argv(after.get(key))
        has_nothing = expected.config is not None and runs_nothing(before, expected.config)
        may_be_wrapped = should_be == [""] or (key == "EntryPoint" and has_nothing)
        if expected.keeps_argv and may_be_wrapped and actual == [WRAPPER, *should_be]:
            continue  # a blank list in an inactive branch may be wrapped like one in an active branch
        if not same(actual, should_be):
            yield f"{key} is {canonical(actual)} and should be {canonical(should_be)}"
        elif isinstance(after.get(key), str) and not isinstance(before.get(key), str):
            yield f"{key} is not a list"


def expected_argv(before: Mapping[str, Json], expected: Expected) -> tuple[list[Json], list[Json]]:
    """Return EntryPoint and Command according to the table in docs/how-it-decides.md.

    `[]` counts as absent, and an EntryPoint that begins with the wrapper is not wrapped again.
    """
    entry_point, command = argv(before.get("EntryPoint")), argv(before.get("Command"))
    if expected.keeps_argv or expected.is_wrapped:
        return entry_point, command
    if not entry_point and command[:1] == [WRAPPER] and expected.config and not expected.config.entrypoint:
        return [WRAPPER], command[1:]  # the wrapper is what the image without an ENTRYPOINT runs
    if not needs_image(before):
        return [WRAPPER, *entry_point], command
    config = expected.config or ImageConfig([], [])
    wrapped = config.entrypoint if config.entrypoint[:1] == [WRAPPER] else [WRAPPER, *config.entrypoint]
    return wrapped, command or config.cmd


def misplaces_the_wrapper(container: Mapping[str, Json], config: ImageConfig | None) -> bool:
    """Return whether EntryPoint or Command has the wrapper where it may not be run, or not on what the container runs."""
    entry_point, command = argv(container.get("EntryPoint")), argv(container.get("Command"))
    if entry_point[:1] == [WRAPPER]:
        return False
    is_program = not entry_point and command[:1] == [WRAPPER] and config is not None and not config.entrypoint
    words = [*entry_point, *(command[1:] if is_program else command)]
    return any(isinstance(word, str) and WRAPPER in word for word in words)


def check_environment(
    before: Json, after: Json, variables: Mapping[str, str], removable: frozenset[str]
) -> Iterator[str]:
    """Yield a complaint unless Environment has the old entries in order, updated, and the new ones at the end."""
    entries, rest = items(before), list(items(after))
    if after is not None and not isinstance(after, list):
        yield "Environment is not a list"
    seen = set[str]()
    for entry in entries:
        name = text_of(mapping(entry).get("Name"))
        expected: Json = {**mapping(entry), "Value": variables[name]} if name in variables else entry
        if rest and same(rest[0], expected):
            rest.pop(0)
        elif not (name in removable or name in seen):
            actual = f"{mapping(rest[0]).get('Name')}" if rest else "nothing"
            yield f"Environment: expected {name} and found {actual}, or a wrong value"
            return
        seen.add(name)
    missing: list[Json] = [{"Name": name, "Value": value} for name, value in variables.items() if name not in seen]
    if sorted(map(canonical, rest)) != sorted(map(canonical, missing)):
        yield f"Environment: {_names(rest)} was appended and should be {_names(missing)}, or the values are wrong"


def _names(entries: list[Json]) -> list[str]:
    return [text_of(mapping(entry).get("Name")) for entry in entries]


def _check_volumes(before: Json, after: Json) -> Iterator[str]:
    old, new = items(before), list(items(after))
    agent_volume: Json = {"SourceContainer": AGENT, "ReadOnly": True}
    had_agent_volume = any(mapping(entry).get("SourceContainer") == AGENT for entry in old)
    for entry in old:
        if mapping(entry).get("SourceContainer") == AGENT:
            if new and mapping(new[0]).get("SourceContainer") == AGENT:
                new.pop(0)  # an entry of the input may stay as it is; a duplicate may be removed
        elif new and same(new[0], entry):
            new.pop(0)
        else:
            yield "VolumesFrom: an entry changed, moved or is missing"
            return
    expected: list[Json] = [] if had_agent_volume else [agent_volume]
    if not same(new, expected):
        yield f"VolumesFrom: {canonical(new)} was appended and should be {canonical(expected)}"
    elif not any(mapping(entry).get("SourceContainer") == AGENT for entry in items(after)):
        yield "VolumesFrom: the agent's volume is missing"


def _check_capabilities(before: Mapping[str, Json], after: Json, *, may_prepend: bool) -> Iterator[str]:
    if not isinstance(after, dict):
        yield "LinuxParameters is not an object with Capabilities"
        return
    old_capabilities, new_capabilities = mapping(before.get("Capabilities")), mapping(after.get("Capabilities"))
    old, new = argv(old_capabilities.get("Add")), argv(new_capabilities.get("Add"))
    expected = old if PTRACE in old else [*old, PTRACE]
    without_repeats = list(dict.fromkeys(map(canonical, expected)))
    is_prepended = may_prepend and same(new, [PTRACE, *old])
    if not (is_prepended or same(new, expected) or list(map(canonical, new)) == without_repeats):
        yield f"Capabilities.Add is {canonical(new)} and should be {canonical(expected)}"
    yield from _check_rest("LinuxParameters", before, after, "Capabilities")
    yield from _check_rest("LinuxParameters.Capabilities", old_capabilities, new_capabilities, "Add")


def _check_rest(
    location: str, before: Mapping[str, Json], after: Mapping[str, Json], changed_key: str
) -> Iterator[str]:
    """Yield a complaint unless everything but one key stays the same, and all keys keep their order."""
    old = {key: value for key, value in before.items() if key != changed_key}
    new = {key: value for key, value in after.items() if key != changed_key}
    order_before = [key for key in before if key in after]
    if not same(old, new) or order_before != [key for key in after if key in before]:
        yield f"{location}: more than {changed_key} changed"

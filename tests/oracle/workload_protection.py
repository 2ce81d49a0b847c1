"""Whether one workload is what the macro writes: argv, variables, volumes, capability."""

from __future__ import annotations

from collections.abc import Mapping

from oracle.complaints import Complaints, doubt, fault
from oracle.images import ImageConfig
from oracle.mounts import mount_complaints
from oracle.selection import AGENT, WRAPPER
from oracle.settings import Settings
from oracle.values import Json, argv, is_unknown, items, mapping, text_of
from oracle.workload import PTRACE, workload_variables

SIDECAR_MODES = ("auto", "force")
WRAPPER_VARIABLES = ("__INSTRUMENTATION_WRAPPER", "SYSDIG_BUFFER_SIZE")


def workload_complaints(container: Mapping[str, Json], settings: Settings, config: ImageConfig | None) -> Complaints:
    """Yield how a container differs from an instrumented one. `config` is that of its image, if it could be read."""
    name = text_of(container.get("Name"))
    if not isinstance(container.get("Name"), str):
        yield doubt(name, "name")
    yield from _argv_complaints(name, container, config)
    yield from _variable_complaints(name, container, settings)
    yield from _volume_complaints(name, container)
    yield from _capability_complaints(name, container)
    yield from mount_complaints(container)


def _argv_complaints(name: str, container: Mapping[str, Json], config: ImageConfig | None) -> Complaints:
    words, arguments = items(container.get("EntryPoint")), argv(container.get("Command"))
    is_wrapped = words[:1] == [WRAPPER]
    if not _is_argv(container.get("EntryPoint")):
        yield doubt(name, "EntryPoint-malformed") if is_wrapped and len(words) > 1 else fault(name, "not-wrapped")
    elif is_wrapped:
        yield from _wrapped_complaints(name, container, [*words[1:], *arguments])
    elif _mentions_wrapper(words) or _mentions_wrapper(arguments[1:]):
        yield fault(name, "wrapper-elsewhere")
    elif words or arguments[:1] != [WRAPPER]:
        yield fault(name, "wrapper-elsewhere" if _mentions_wrapper(arguments) else "not-wrapped")
    elif config is None:
        yield fault(name, "image-not-read")
    elif config.entrypoint:
        yield fault(name, "wrapper-is-an-argument-of-the-image")
    elif len(arguments) == 1:
        yield fault(name, "wrapper-with-nothing-to-run")
    else:
        yield doubt(name, "wrapped-by-command")  # it is what runs, but the macro would move it into EntryPoint


def _wrapped_complaints(name: str, container: Mapping[str, Json], arguments: list[Json]) -> Complaints:
    """Yield what is wrong with what the wrapper runs: `arguments` is what follows it."""
    if not _is_argv(container.get("Command")) and not is_unknown(container.get("Command")):
        yield doubt(name, "Command-malformed")
    elif not arguments:
        yield fault(name, "wrapper-with-nothing-to-run")
    elif _mentions_wrapper(arguments):
        yield doubt(name, "wrapper-again")
    elif arguments[0] == "":
        yield doubt(name, "runs-an-empty-name")


def _is_argv(value: Json) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(each, str | int | float) for each in value))


def _mentions_wrapper(words: list[Json]) -> bool:
    return any(isinstance(word, str) and WRAPPER in word for word in words)


def _variable_complaints(name: str, container: Mapping[str, Json], settings: Settings) -> Complaints:
    entries = container.get("Environment")
    if not isinstance(entries, list):
        yield fault(name, "variables-are-not-a-list")
        return
    if not all(isinstance(entry, dict) for entry in entries):
        yield doubt(name, "Environment-unknown")
    secrets = [mapping(entry).get("Name") for entry in items(container.get("Secrets"))]
    for variable, value in workload_variables(settings).items():
        found = [mapping(entry).get("Value") for entry in entries if mapping(entry).get("Name") == variable]
        is_mode = variable == "SYSDIG_SIDECAR"
        setting = "SidecarMode" if is_mode else "WorkloadEnvironment"
        if not found or found.count(found[0]) != len(found):
            is_open = not is_mode and not settings.is_locked(setting)
            code = f"variable-{'missing' if not found else 'twice'}"
            yield doubt(name, code) if is_open else fault(name, code)
        elif found[0] != value:
            # Another layer of settings may have asked for another mode, and a hook does not see that layer.
            is_open = not settings.is_locked(setting) and (not is_mode or found[0] in SIDECAR_MODES)
            yield doubt(name, "variable-differs") if is_open else fault(name, "variable-differs")
        if len(found) > 1 or variable in secrets:
            yield doubt(name, "variable-twice")  # ECS refuses a name in Environment and in Secrets
    names = [text_of(mapping(entry).get("Name")) for entry in entries]
    if any(each in WRAPPER_VARIABLES or "ORCHESTRATOR" in each or each == "SYSDIG_ACCESS_KEY" for each in names):
        yield doubt(name, "variable-of-the-wrapper")
    if len(names) != len(set(names)) or any("Name" not in mapping(entry) for entry in entries):
        yield doubt(name, "variable-twice-or-without-a-name")


def _volume_complaints(name: str, container: Mapping[str, Json]) -> Complaints:
    entries = container.get("VolumesFrom")
    if not isinstance(entries, list):
        yield fault(name, "volumes-from-is-not-a-list")
        return
    found = [mapping(entry) for entry in entries if mapping(entry).get("SourceContainer") == AGENT]
    if not found:
        yield fault(name, "volume-missing")
    elif any(entry.get("ReadOnly") == "true" for entry in found):
        yield doubt(name, "read-only-is-a-string")
    elif any(entry.get("ReadOnly") is not True for entry in found):
        yield fault(name, "volume-is-writable")
    elif len(found) > 1:
        yield doubt(name, "volume-twice")
    for entry in entries:
        source = mapping(entry).get("SourceContainer")
        if not isinstance(source, str) or is_unknown(source):
            yield doubt(name, "VolumesFrom-unknown")


def _capability_complaints(name: str, container: Mapping[str, Json]) -> Complaints:
    added = mapping(mapping(container.get("LinuxParameters")).get("Capabilities")).get("Add")
    if not isinstance(added, list) or PTRACE not in added:
        yield fault(name, "capability-missing")
    elif PTRACE in items(mapping(mapping(container.get("LinuxParameters")).get("Capabilities")).get("Drop")):
        yield doubt(name, "capability-dropped")
    elif not all(isinstance(each, str) for each in added):
        yield doubt(name, "capability-is-not-a-string")

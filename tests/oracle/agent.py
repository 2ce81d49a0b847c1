"""Checks of the agent's container against the settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from oracle.selection import AGENT
from oracle.settings import Settings
from oracle.values import Json, canonical, items, mapping, same, text_of

LOG_PREFIX = "awslogs-stream-prefix"


def check_agent(
    before: Mapping[str, Json] | None,
    after: Mapping[str, Json],
    settings: Settings,
    inherited_log: Json,
    *,
    needs_memory: bool,
) -> Iterator[str]:
    """Yield complaints about the agent.

    `before` is the agent of the input, if any: its additional keys may stay. `inherited_log` is the LogConfiguration of the
    first instrumented container, which the agent gets if it inherits one.
    """
    expected = expected_keys(settings)
    for key, value in expected.items():
        if key not in after or not same(after[key], value):
            yield f"{key} is {canonical(after.get(key))} and should be {canonical(value)}"
    yield from _check_variables(before, after, settings)
    yield from _check_log_configuration(before, after, settings, inherited_log)
    allowed = {*expected, "Environment", "LogConfiguration"}
    for key in after:
        if key in {"EntryPoint", "Command"} and key not in expected:
            yield f"{key} is set, but the image decides what the agent runs"
        elif key == "Secrets" and "Secrets" not in expected and "Secrets" not in (before or {}):
            yield "Secrets without an AccessKeySecret"
        elif key not in allowed and key not in (before or {}) and not (needs_memory and key == "MemoryReservation"):
            yield f"{key} is not expected"
    if any(mapping(entry).get("SourceContainer") == AGENT for entry in items(after.get("VolumesFrom"))):
        yield "the agent mounts its own volumes"
    if needs_memory and not (after.get("Memory") or after.get("MemoryReservation")):
        yield "ECS refuses an agent with neither Memory nor MemoryReservation in a task without Memory"


def expected_keys(settings: Settings) -> dict[str, Json]:
    """Return every key whose value the settings determine, except Environment and LogConfiguration."""
    essential = settings.string("AgentEssential")
    expected: dict[str, Json] = {
        "Name": AGENT,
        "Image": settings.string("AgentImage"),
        "Essential": settings.string("Priority") == "security" if essential == "auto" else essential == "true",
    }
    secret = settings.string("AccessKeySecret")
    if secret not in (None, "none"):
        expected["Secrets"] = [{"Name": "SYSDIG_ACCESS_KEY", "ValueFrom": secret}]
    for key, name in (("Cpu", "AgentCpu"), ("Memory", "AgentMemory"), ("MemoryReservation", "AgentMemoryReservation")):
        if settings.integer(name) is not None:
            expected[key] = settings.integer(name)
    for key, name in (("EntryPoint", "AgentEntryPoint"), ("Command", "AgentCommand")):
        if settings.arguments(name):
            expected[key] = settings.arguments(name)
    credentials = settings.string("AgentImageCredentials")
    if credentials is not None:
        expected["RepositoryCredentials"] = {"CredentialsParameter": credentials}
    return expected


def agent_variables(settings: Settings) -> dict[str, str]:
    """Return the agent's variables: four that are always set, in this order, then the optional ones."""
    variables = {
        "SYSDIG_COLLECTOR": settings.collector or "",
        "SYSDIG_COLLECTOR_PORT": settings.string("CollectorPort") or "",
        "SYSDIG_PRIORITY": settings.string("Priority") or "",
        "SYSDIG_SIDECAR": settings.string("SidecarMode") or "",
    }
    for name, setting in (("SYSDIG_LOGGING", "LogLevel"), ("SYSDIG_EXTRA_CONF", "ExtraConf")):
        value = settings.string(setting)
        if value is not None:
            variables[name] = value
    return variables | {name: text_of(value) for name, value in settings.object("AgentEnvironment").items()}


def _check_variables(before: Mapping[str, Json] | None, after: Mapping[str, Json], settings: Settings) -> Iterator[str]:
    entries = [mapping(entry) for entry in items(after.get("Environment"))]
    names = [text_of(entry.get("Name")) for entry in entries]
    expected = agent_variables(settings)
    if "SYSDIG_ACCESS_KEY" in names:
        yield "the access key is in plain text"
    if any("ORCHESTRATOR" in name for name in names):
        yield "Environment has an ORCHESTRATOR variable"
    if len(names) != len(set(names)):
        yield "Environment has a name twice"
    for name, value in expected.items():
        if {"Name": name, "Value": value} not in entries:
            yield f"Environment: {name} is missing or has another value"
    # An agent of the input may have more variables; a new one has the expected variables only.
    existing = {mapping(entry).get("Name") for entry in items((before or {}).get("Environment"))}
    unexpected = [name for name in names if name not in expected and name not in existing]
    if unexpected:
        yield f"Environment: {unexpected} is not expected"
    first = list(expected)[:4]
    if before is None and names[:4] != first:
        yield f"Environment starts with {names[:4]} and should start with {first}"


def _check_log_configuration(
    before: Mapping[str, Json] | None, after: Mapping[str, Json], settings: Settings, inherited_log: Json
) -> Iterator[str]:
    actual = after.get("LogConfiguration")
    if settings.string("AgentLogConfiguration") == "inherit":
        if not same(_without_prefix(actual), _without_prefix(inherited_log)):
            yield "LogConfiguration is not that of the first instrumented container"
        elif LOG_PREFIX in mapping(mapping(inherited_log).get("Options")) and same(actual, inherited_log):
            yield "LogConfiguration has the stream prefix of the workload"
        return
    expected = settings.object("AgentLogConfiguration")
    if expected and not same(actual, expected):
        yield "LogConfiguration differs from the settings"
    if not expected and actual is not None and before is None:
        yield "LogConfiguration is not expected"


def _without_prefix(configuration: Json) -> Json:
    if not isinstance(configuration, dict):
        return configuration
    options = {key: value for key, value in mapping(configuration.get("Options")).items() if key != LOG_PREFIX}
    return {**configuration, "Options": options} if "Options" in configuration else configuration

"""What the agent's container must look like: section 1 of the contract, and the settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from judge.selection import AGENT
from judge.settings import Settings
from judge.values import Json, canonical, items, mapping, same, text_of

LOG_PREFIX = "awslogs-stream-prefix"


def check_agent(
    before: Mapping[str, Json] | None,
    after: Mapping[str, Json],
    settings: Settings,
    first_log: Json,
    *,
    needs_memory: bool,
) -> Iterator[str]:
    """Complaints about the agent. `before` is the one that the input had; its own further keys may stay."""
    promised = promised_keys(settings)
    for key, value in promised.items():
        if key not in after or not same(after[key], value):
            yield f"{key} is {canonical(after.get(key))} and should be {canonical(value)}"
    yield from _check_variables(before, after, settings)
    yield from _check_log_configuration(before, after, settings, first_log)
    allowed = {*promised, "Environment", "LogConfiguration"}
    for key in after:
        if key in {"EntryPoint", "Command"} and key not in promised:
            yield f"{key} is there: the image decides what the agent runs"
        elif key == "Secrets" and "Secrets" not in promised:
            yield "Secrets without an AccessKeySecret"
        elif key not in allowed and key not in (before or {}) and not (needs_memory and key == "MemoryReservation"):
            yield f"{key} was not promised"
    if any(mapping(entry).get("SourceContainer") == AGENT for entry in items(after.get("VolumesFrom"))):
        yield "the agent takes its volumes from itself"
    if needs_memory and not (after.get("Memory") or after.get("MemoryReservation")):
        yield "no Memory and no MemoryReservation, and the task has no Memory: ECS refuses that"


def promised_keys(settings: Settings) -> dict[str, Json]:
    """Every key whose value the settings fix, apart from Environment and LogConfiguration."""
    essential = settings.text("AgentEssential")
    promised: dict[str, Json] = {
        "Name": AGENT,
        "Image": settings.text("AgentImage"),
        "Essential": settings.text("Priority") == "security" if essential == "auto" else essential == "true",
    }
    secret = settings.text("AccessKeySecret")
    if secret is not None:
        promised["Secrets"] = [{"Name": "SYSDIG_ACCESS_KEY", "ValueFrom": secret}]
    for key, name in (("Cpu", "AgentCpu"), ("Memory", "AgentMemory"), ("MemoryReservation", "AgentMemoryReservation")):
        if settings.number(name) is not None:
            promised[key] = settings.number(name)
    for key, name in (("EntryPoint", "AgentEntryPoint"), ("Command", "AgentCommand")):
        if settings.words(name):
            promised[key] = settings.words(name)
    credentials = settings.text("AgentImageCredentials")
    if credentials is not None:
        promised["RepositoryCredentials"] = {"CredentialsParameter": credentials}
    return promised


def agent_variables(settings: Settings) -> dict[str, str]:
    """The agent's variables: four always, in this order, then the ones that were asked for."""
    variables = {
        "SYSDIG_COLLECTOR": settings.collector or "",
        "SYSDIG_COLLECTOR_PORT": settings.text("CollectorPort") or "",
        "SYSDIG_PRIORITY": settings.text("Priority") or "",
        "SYSDIG_SIDECAR": settings.text("SidecarMode") or "",
    }
    for name, setting in (("SYSDIG_LOGGING", "LogLevel"), ("SYSDIG_EXTRA_CONF", "ExtraConf")):
        value = settings.text(setting)
        if value is not None:
            variables[name] = value
    return variables | {name: text_of(value) for name, value in settings.table("AgentEnvironment").items()}


def _check_variables(before: Mapping[str, Json] | None, after: Mapping[str, Json], settings: Settings) -> Iterator[str]:
    entries = [mapping(entry) for entry in items(after.get("Environment"))]
    names = [text_of(entry.get("Name")) for entry in entries]
    wanted = agent_variables(settings)
    if "SYSDIG_ACCESS_KEY" in names:
        yield "the access key is in the clear"
    if any("ORCHESTRATOR" in name for name in names):
        yield "an ORCHESTRATOR variable"
    if len(names) != len(set(names)):
        yield "Environment has a name twice"
    for name, value in wanted.items():
        if {"Name": name, "Value": value} not in entries:
            yield f"Environment: {name} is missing or has another value"
    # The user may have written more onto an agent of their own; a new one has what was promised and no more.
    had = {mapping(entry).get("Name") for entry in items((before or {}).get("Environment"))}
    surplus = [name for name in names if name not in wanted and name not in had]
    if surplus:
        yield f"Environment: {surplus} was not promised"
    first = list(wanted)[:4]
    if before is None and names[:4] != first:
        yield f"Environment starts with {names[:4]} and should start with {first}"


def _check_log_configuration(
    before: Mapping[str, Json] | None, after: Mapping[str, Json], settings: Settings, first_log: Json
) -> Iterator[str]:
    actual = after.get("LogConfiguration")
    if settings.text("AgentLogConfiguration") == "inherit":
        if not same(_without_prefix(actual), _without_prefix(first_log)):
            yield "LogConfiguration is not that of the first instrumented container"
        elif LOG_PREFIX in mapping(mapping(first_log).get("Options")) and same(actual, first_log):
            yield "LogConfiguration has the stream prefix of the workload"
        return
    wanted = settings.table("AgentLogConfiguration")
    if wanted and not same(actual, wanted):
        yield "LogConfiguration is not what the settings say"
    if not wanted and actual is not None and before is None:
        yield "LogConfiguration was not asked for"


def _without_prefix(configuration: Json) -> Json:
    if not isinstance(configuration, dict):
        return configuration
    options = {key: value for key, value in mapping(configuration.get("Options")).items() if key != LOG_PREFIX}
    return {**configuration, "Options": options} if "Options" in configuration else configuration

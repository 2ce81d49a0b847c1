"""Whether the agent's container is the agent: its image, what it runs, its key, and what is locked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

from oracle.agent import agent_variables, expected_keys
from oracle.complaints import Complaints, doubt, fault
from oracle.selection import AGENT
from oracle.settings import Settings
from oracle.values import Json, is_unknown, items, mapping, same, text_of

KEY_NAME = "SYSDIG_ACCESS_KEY"

# What the settings may give it, and what neither changes what it runs nor what it reports to.
SETTING_OF_KEY = {
    "Essential": "AgentEssential",
    "Cpu": "AgentCpu",
    "Memory": "AgentMemory",
    "MemoryReservation": "AgentMemoryReservation",
    "RepositoryCredentials": "AgentImageCredentials",
}
HARMLESS_KEYS = {"Name", "Image", "DockerLabels", "LogConfiguration", "StartTimeout", "StopTimeout", *SETTING_OF_KEY}
OPEN_KEYS = {
    "CredentialSpecs",
    "Interactive",
    "PortMappings",
    "PseudoTerminal",
    "ReadonlyRootFilesystem",
    "ResourceRequirements",
    "RestartPolicy",
    "Ulimits",
    "VersionConsistency",
}
SETTING_OF_VARIABLE = {
    "SYSDIG_COLLECTOR": "Collector",
    "SYSDIG_COLLECTOR_PORT": "CollectorPort",
    "SYSDIG_PRIORITY": "Priority",
    "SYSDIG_SIDECAR": "SidecarMode",
    "SYSDIG_LOGGING": "LogLevel",
    "SYSDIG_EXTRA_CONF": "ExtraConf",
}
VALID_VALUE = {
    "SYSDIG_COLLECTOR": r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+",
    "SYSDIG_COLLECTOR_PORT": r"[1-9][0-9]{0,4}",
    "SYSDIG_PRIORITY": "availability|security",
    "SYSDIG_SIDECAR": "auto|force",
}
SECRET = re.compile(
    r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]+(:[^:*?]*:[^:*?]*:[^:*?]*)?"
    r"|arn:aws[a-z-]*:ssm:[a-z0-9-]+:[0-9]{12}:parameter/[A-Za-z0-9/_.-]+"
    r"|[A-Za-z0-9/_.-]+"
)
REFERENCE = re.compile(
    r"(?P<repository>[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*)(:[\w][\w.-]{0,127})?(@sha256:[0-9a-f]{64})?"
)


def agent_complaints(agents: list[dict[str, Json]], settings: Settings) -> Complaints:
    """Yield how the container of the agent's name differs from the agent."""
    if len(agents) != 1:
        yield fault(AGENT, "agent-missing" if not agents else "agent-twice")
        return
    [agent] = agents
    yield from image_complaints(agent, settings)
    yield from _key_complaints(agent, settings)
    yield from _variable_complaints(agent, settings)
    expected = expected_keys(settings)
    for key, value in agent.items():
        if key in {"Environment", "Secrets", *HARMLESS_KEYS}:
            continue
        if key in ("EntryPoint", "Command"):
            if not same(value, expected.get(key)):
                yield doubt(AGENT, f"empty-{key}") if value in (None, []) and key not in expected else fault(AGENT, key)
        elif value is None or value in ([], {}, "", False):
            yield doubt(AGENT, f"empty-{key}")
        else:
            yield doubt(AGENT, key) if key in OPEN_KEYS or not _is_ecs_key(key) else fault(AGENT, key)
    for key in ("EntryPoint", "Command"):
        if key in expected and key not in agent:
            yield fault(AGENT, key)
    yield from _locked_key_complaints(agent, expected, settings)


def _is_ecs_key(key: str) -> bool:
    """Return whether CloudFormation knows such a key: it refuses all others, such as `command` and `Fn::Transform`."""
    return key[:1].isupper() and key.isalpha()


def repository_of(image: Json) -> str | None:
    """Return the repository of an image reference, without tag and digest; None if this is no reference."""
    matched = REFERENCE.fullmatch(image) if isinstance(image, str) else None
    return matched["repository"] if matched else None


def image_complaints(agent: Mapping[str, Json], settings: Settings) -> Complaints:
    """Yield a fault for an image that is not the agent's, or not the locked one."""
    image = agent.get("Image")
    if settings.is_locked("AgentImage") and image != settings.string("AgentImage"):
        yield fault(AGENT, "locked-Image")
    elif not is_trusted(image, settings):
        yield fault(AGENT, "image-not-trusted")


def is_trusted(image: Json, settings: Settings) -> bool:
    """Return whether the settings trust an image to be the agent."""
    default, repository = settings.string("AgentImage"), repository_of(image)
    globs = settings.string_list("TrustedAgentImages") or [repository_of(default) or ""]
    return image == default or (repository is not None and any(fnmatchcase(repository, glob) for glob in globs))


def _key_complaints(agent: Mapping[str, Json], settings: Settings) -> Complaints:
    secrets, setting = agent.get("Secrets"), settings.string("AccessKeySecret")
    if setting == "none":
        if secrets:
            yield doubt(AGENT, "key-although-none")
        return
    if not isinstance(secrets, list) or len(secrets) != 1 or mapping(secrets[0]).get("Name") != KEY_NAME:
        only = [each for each in items(secrets) if mapping(each).get("Name") == KEY_NAME]
        yield fault(AGENT, "other-secrets" if len(only) == 1 else "no-key")
        return
    value = mapping(secrets[0]).get("ValueFrom")
    if not isinstance(value, str) or not (SECRET.fullmatch(value) or is_unknown(value)):
        yield fault(AGENT, "no-key")
    elif settings.is_locked("AccessKeySecret") and value != setting:
        yield fault(AGENT, "locked-Secrets")


def _variable_complaints(agent: Mapping[str, Json], settings: Settings) -> Complaints:
    entries = agent.get("Environment")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        yield fault(AGENT, "variables-are-not-a-list-of-objects")
        return
    names = [text_of(mapping(entry).get("Name")) for entry in entries]
    values = {text_of(mapping(entry).get("Name")): mapping(entry).get("Value") for entry in entries}
    expected = agent_variables(settings)
    for name, pattern in VALID_VALUE.items():
        value = values.get(name)
        if names.count(name) != 1 or not isinstance(value, str) or not re.fullmatch(pattern, value):
            yield fault(AGENT, f"variable-{name}")
        elif value != expected.get(name) and name == "SYSDIG_SIDECAR":
            yield doubt(AGENT, f"variable-{name}")
    if any("ORCHESTRATOR" in name or name == KEY_NAME for name in names):
        yield fault(AGENT, "key-in-plain-text-or-orchestrator")
    if len(names) != len(values):
        yield doubt(AGENT, "variable-twice")
    yield from _setting_complaints(values, settings)


def _setting_complaints(values: Mapping[str, Json], settings: Settings) -> Complaints:
    """Yield how the variables differ from the settings: a fault for a locked one."""
    expected = agent_variables(settings)
    for name, setting in SETTING_OF_VARIABLE.items():
        if settings.is_locked(setting) and values.get(name) != expected.get(name):
            yield fault(AGENT, f"locked-{name}")
    own = {name for name in values if name not in SETTING_OF_VARIABLE}
    given = {name: text_of(value) for name, value in settings.object("AgentEnvironment").items()}
    if settings.is_locked("AgentEnvironment") and {name: values[name] for name in own} != given:
        yield fault(AGENT, "locked-AgentEnvironment")
    elif {name: values[name] for name in own} != given:
        yield doubt(AGENT, "other-variables")
    for name in ("SYSDIG_LOGGING", "SYSDIG_EXTRA_CONF"):
        if values.get(name) != expected.get(name):
            yield doubt(AGENT, f"variable-{name}")


def _locked_key_complaints(agent: Mapping[str, Json], expected: Mapping[str, Json], settings: Settings) -> Complaints:
    for key, setting in SETTING_OF_KEY.items():
        actual, should_be = agent.get(key), expected.get(key)
        if settings.is_locked(setting) and not same(actual, should_be):
            is_same_text = actual is not None and text_of(actual) == text_of(should_be)
            is_open = key == "Essential" and not settings.is_locked("Priority")
            yield doubt(AGENT, f"locked-{key}") if is_same_text or is_open else fault(AGENT, f"locked-{key}")
        elif not isinstance(actual, bool | int | dict | None):
            yield doubt(AGENT, f"text-{key}")
    if settings.is_locked("AgentLogConfiguration") and not same(
        agent.get("LogConfiguration"), settings.object("AgentLogConfiguration") or None
    ):
        yield doubt(AGENT, "locked-LogConfiguration")

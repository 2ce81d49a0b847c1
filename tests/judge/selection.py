"""Which task definitions and which containers the contract's section 3 names."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from judge.settings import Settings, says_enabled, tags
from judge.values import Json, argv, is_opaque, items, mapping, text_of

AGENT = "SysdigInstrumentation"
WRAPPER = "/opt/draios/bin/instrument"


def is_fargate(properties: Mapping[str, Json]) -> bool:
    """The Fargate rule: said, or possible where nothing is said. What nobody knows counts as Fargate."""
    said = argv(properties.get("RequiresCompatibilities"))
    if said:
        return "FARGATE" in said or any(is_opaque(word) for word in said)
    network = properties.get("NetworkMode")
    sized = all(properties.get(key) not in (None, "") for key in ("Cpu", "Memory"))
    return sized and (network == "awsvpc" or is_opaque(network))


def is_windows(properties: Mapping[str, Json]) -> bool:
    """Whether the platform is a Windows one."""
    family = mapping(properties.get("RuntimePlatform")).get("OperatingSystemFamily")
    return isinstance(family, str) and family.upper().startswith("WINDOWS")


def task_is_selected(resource: Mapping[str, Json], settings: Settings) -> bool:
    """Whether the containers of this task definition are looked at at all."""
    properties = mapping(resource.get("Properties"))
    if is_windows(properties) or not (is_fargate(properties) or settings.text("LaunchTypes") == "ALL"):
        return False
    if settings.text("Mode") == "opt-in":
        return says_enabled(resource) or _a_container_says_enabled(settings)
    return settings.flag("Enabled")


def _a_container_says_enabled(settings: Settings) -> bool:
    return any("Enabled" in mapping(own) for own in settings.table("Containers").values())


def container_is_selected(container: Mapping[str, Json], resource: Mapping[str, Json], settings: Settings) -> bool:
    """Whether this container is a workload to be wrapped."""
    name, labels = text_of(container.get("Name")), tags(resource)
    if name == AGENT or ("FirelensConfiguration" in container and not settings.flag("InstrumentLogRouters")):
        return False
    excluded = settings.names("ExcludeContainers") + _colon_list(labels.get("kilt-ignore-containers"))
    included = settings.names("IncludeContainers")
    opt_in = settings.text("Mode") == "opt-in"
    if opt_in:
        included += _colon_list(labels.get("kilt-include-containers"))
    own = mapping(settings.table("Containers").get(name))
    if "Enabled" in own:
        return settings.for_container(name).flag("Enabled")
    if opt_in and not says_enabled(resource):
        return False
    return not _matches(name, excluded) and (not included or _matches(name, included))


def _colon_list(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(":") if word.strip()]


def _matches(name: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def containers_of(resource: Mapping[str, Json]) -> list[Json]:
    """The container definitions of a task definition that is worked out."""
    return items(mapping(resource.get("Properties")).get("ContainerDefinitions"))


def is_agent(container: Json) -> bool:
    """Whether the container carries the agent's name."""
    return mapping(container).get("Name") == AGENT


def looks_like_the_agent(container: Mapping[str, Json]) -> bool:
    """Whether a container of the agent's name is the agent: its image, its variables or its program say so."""
    image = text_of(container.get("Image"))
    names = {mapping(entry).get("Name") for entry in items(container.get("Environment"))}
    entry = argv(container.get("EntryPoint"))[:1]
    return (
        "workload-agent" in image
        or bool(names & {"SYSDIG_COLLECTOR", "SYSDIG_ORCHESTRATOR", "SYSDIG_ACCESS_KEY"})
        or any(text_of(word).startswith("/opt/draios/bin/") for word in entry)
    )

"""The task definitions and containers that are to be instrumented (docs/how-it-decides.md)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase

from oracle.settings import Settings, has_opted_in, tags
from oracle.values import Json, argv, is_unknown, items, mapping, text_of

AGENT = "SysdigInstrumentation"
WRAPPER = "/opt/draios/bin/instrument"
OTHER_NETWORK_MODES = ("", "bridge", "host", "none", "default", "nat")


def is_fargate(properties: Mapping[str, Json]) -> bool:
    """Return whether the task is for Fargate: explicitly, or because it could run there.

    Unknown counts as Fargate, and so does what is not one of the other launch types.
    """
    given = properties.get("RequiresCompatibilities")
    compatibilities = given if isinstance(given, list) else [] if given is None else [given]
    if compatibilities:
        return any(text_of(each).upper() not in ("EC2", "EXTERNAL", "MANAGED_INSTANCES") for each in compatibilities)
    network = properties.get("NetworkMode")
    has_size = all(properties.get(key) not in (None, "") for key in ("Cpu", "Memory"))
    is_other = not isinstance(network, str) or network.strip() in OTHER_NETWORK_MODES
    return has_size and (is_unknown(network) or not is_other)


WINDOWS_FAMILY = re.compile("WINDOWS_SERVER_(20(16_FULL|(19|22|25)_(CORE|FULL)|04_CORE|H2_CORE))")


def is_windows(properties: Mapping[str, Json]) -> bool:
    """Return whether the task runs on Windows."""
    family = mapping(properties.get("RuntimePlatform")).get("OperatingSystemFamily")
    return isinstance(family, str) and WINDOWS_FAMILY.fullmatch(family.upper()) is not None


def is_for_managed_instances(properties: Mapping[str, Json]) -> bool:
    """Return whether the task is for MANAGED_INSTANCES alone, which cannot be instrumented this way."""
    compatibilities = argv(properties.get("RequiresCompatibilities"))
    return bool(compatibilities) and all(each == "MANAGED_INSTANCES" for each in compatibilities)


def task_is_selected(resource: Mapping[str, Json], settings: Settings, *, is_launched_on_fargate: bool = False) -> bool:
    """Return whether this task definition is a candidate for instrumentation.

    `is_launched_on_fargate` says that a resource of the template launches it on Fargate, whatever it says itself.
    """
    properties = mapping(resource.get("Properties"))
    on_fargate = is_launched_on_fargate or is_fargate(properties)
    if settings.string("LaunchTypes") == "FARGATE_COMPATIBLE":
        on_fargate |= is_fargate({**properties, "RequiresCompatibilities": None})
    if is_windows(properties) or not (on_fargate or settings.string("LaunchTypes") == "ALL"):
        return False
    if settings.string("Mode") == "opt-in":
        return has_opted_in(resource) or _a_container_has_opted_in(settings)
    return settings.boolean("Enabled")


def _a_container_has_opted_in(settings: Settings) -> bool:
    return any("Enabled" in mapping(layer) for layer in settings.object("Containers").values())


def container_is_selected(container: Mapping[str, Json], resource: Mapping[str, Json], settings: Settings) -> bool:
    """Return whether this container is a workload to be instrumented."""
    name, labels = text_of(container.get("Name")), tags(resource)
    if name == AGENT or (is_log_router(container) and not settings.boolean("InstrumentLogRouters")):
        return False
    excluded = settings.string_list("ExcludeContainers") + _colon_list(labels.get("kilt-ignore-containers"))
    included = settings.string_list("IncludeContainers")
    opt_in = settings.string("Mode") == "opt-in"
    if opt_in:
        included += _colon_list(labels.get("kilt-include-containers"))
    if "Enabled" in mapping(settings.object("Containers").get(name)):
        return settings.for_container(name).boolean("Enabled")
    if opt_in and not has_opted_in(resource):
        return False
    return not _matches(name, excluded) and (not included or _matches(name, included))


def is_log_router(container: Mapping[str, Json]) -> bool:
    """Return whether this is a FireLens log router, or may be one. ECS accepts two types of them."""
    firelens = container.get("FirelensConfiguration")
    kind = mapping(firelens).get("Type")
    return is_unknown(firelens) or is_unknown(kind) or kind in ("fluentbit", "fluentd")


def _colon_list(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(":") if word.strip()]


def _matches(name: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def containers_of(resource: Mapping[str, Json]) -> list[Json]:
    """Return the container definitions of an evaluated task definition."""
    return items(mapping(resource.get("Properties")).get("ContainerDefinitions"))


def is_agent(container: Json) -> bool:
    """Return whether the container has the agent's name."""
    return mapping(container).get("Name") == AGENT


def looks_like_the_agent(container: Mapping[str, Json], trusted: Callable[[str], bool]) -> bool:
    """Return whether the image or the key identifies a container as the agent. `trusted` says which images are trusted."""
    image = text_of(container.get("Image"))
    entries = (*items(container.get("Environment")), *items(container.get("Secrets")))
    has_key = any(mapping(entry).get("Name") == "SYSDIG_ACCESS_KEY" for entry in entries)
    return has_key or trusted(image) or re.match(r"(quay\.io|docker\.io)/sysdig/", image) is not None

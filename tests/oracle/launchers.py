"""The task definitions that another resource of the template starts on Fargate, whatever they say themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from oracle.values import OPEN, Json, canonical, is_unknown, mapping, text_of

LAUNCH_KEYS = (
    "LaunchType",
    "CapacityProvider",
    "CapacityProviderStrategy",
    "LaunchType.$",
    "CapacityProviderStrategy.$",
)


def launched_on_fargate(
    task_definitions: Mapping[str, dict[str, Json]], launchers: Mapping[str, dict[str, Json]]
) -> set[str]:
    """Return the logical IDs of those that are, or may be, started on Fargate. `launchers` are evaluated."""
    texts = [canonical(each.get("Properties")) for each in launchers.values()]
    is_default = any("DefaultCapacityProviderStrategy" in text and "FARGATE" in text.upper() for text in texts)
    return {
        name
        for launcher, text in zip(launchers.values(), texts, strict=True)
        for name, resource in task_definitions.items()
        if _names(text, name, resource) and _is_on_fargate(launcher.get("Properties"), text, is_default=is_default)
    }


def _names(text: str, name: str, resource: Mapping[str, Json]) -> bool:
    family = mapping(resource.get("Properties")).get("Family")
    is_by_family = isinstance(family, str) and f'TaskDefinition":"{family}' in text
    return is_by_family or any(f"{OPEN}{function} {name}" in text for function in ("Ref", "GetAtt"))


def _is_on_fargate(properties: Json, text: str, *, is_default: bool) -> bool:
    values = list(_launch_values(properties))
    return "FARGATE" in text.upper() or any(map(is_unknown, values)) or (is_default and not values)


def _launch_values(node: Json) -> Iterator[str]:
    for key, value in mapping(node).items():
        if key in LAUNCH_KEYS and not isinstance(value, list):
            yield "" if key.endswith("$") and value is None else text_of(value)
    children = node if isinstance(node, list) else list(mapping(node).values())
    for child in children:
        yield from _launch_values(child)

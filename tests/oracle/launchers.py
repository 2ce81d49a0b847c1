"""The task definitions that another resource of the template starts on Fargate, whatever they say themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from oracle.evaluate import EvaluatedTemplate
from oracle.values import OPEN, Json, canonical, is_unknown, mapping, text_of, token

CAPACITY_PROVIDER = "AWS::ECS::CapacityProvider"

LAUNCH_KEYS = (
    "LaunchType",
    "CapacityProvider",
    "CapacityProviderStrategy",
    "LaunchType.$",
    "CapacityProviderStrategy.$",
)


def launched_on_fargate(template: EvaluatedTemplate) -> set[str]:
    """Return the logical IDs of those that are, or may be, started on Fargate.

    A capacity provider of the template itself has instances: those of Fargate cannot be created.
    """
    own = [token("Ref", name) for name, each in template.resources.items() if each.get("Type") == CAPACITY_PROVIDER]
    launchers = [_without(own, each.get("Properties")) for each in template.launchers.values()]
    texts = [canonical(each) for each in launchers]
    is_default = any("DefaultCapacityProviderStrategy" in text and "FARGATE" in text.upper() for text in texts)
    return {
        name
        for launcher, text in zip(launchers, texts, strict=True)
        for name, resource in template.task_definitions().items()
        if _names(text, name, resource) and _is_on_fargate(launcher, text, is_default=is_default)
    }


def _without(own: list[str], node: Json) -> Json:
    """Return the properties of a launcher with a literal name in place of each of these references."""
    if isinstance(node, dict):
        return {key: _without(own, each) for key, each in node.items()}
    if isinstance(node, list):
        return [_without(own, each) for each in node]
    return "own-instances" if node in own else node


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

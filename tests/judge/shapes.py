"""Expressions where an object or a list of objects has to be extended: a rightful reason for refusing."""

from __future__ import annotations

from collections.abc import Iterator

from judge.functions import function_of
from judge.loops import PREFIX
from judge.values import NO_VALUE, Json, canonical, items, mapping


def of_shape(resource: dict[str, Json]) -> Iterator[str]:
    """Reasons in the text of a task definition, whichever branch they stand in."""
    properties = mapping(resource.get("Properties"))
    if _is_made_by_a_transform(properties):
        yield "made-by-a-transform"
    if "host" in canonical(properties.get("PidMode")):
        yield "pid-mode-host"
    for containers in _leaves(properties.get("ContainerDefinitions")):
        if not isinstance(containers, list):
            yield "containers-not-extensible"
        for container in (leaf for item in items(containers) for leaf in _leaves(item)):
            if _is_plain_map(container):
                yield from _of_container(mapping(container))
            else:
                yield "containers-not-extensible"


def has_conditions(node: Json) -> bool:
    """Whether something in here depends on a condition."""
    return '"Fn::If"' in canonical(node)


def has_live_size(resource: Json) -> bool:
    """Whether the task's Cpu or Memory is an expression, be it in one branch."""
    properties = mapping(mapping(resource).get("Properties"))
    leaves = (leaf for key in ("Cpu", "Memory") for leaf in _leaves(properties.get(key)))
    return any(function_of(leaf) is not None for leaf in leaves)


def has_conditional_platform(resource: Json) -> bool:
    """Whether a condition decides what the task is for."""
    return has_conditions(mapping(mapping(resource).get("Properties")).get("RequiresCompatibilities"))


def _of_container(container: dict[str, Json]) -> Iterator[str]:
    if _is_made_by_a_transform(container):
        yield "made-by-a-transform"
    for leaf in (leaf for key in ("Environment", "VolumesFrom") for leaf in _leaves(container.get(key))):
        if not (leaf is None or isinstance(leaf, list)):
            yield "list-of-objects-not-extensible"
        if not all(_is_plain_map(entry) for item in items(leaf) for entry in _leaves(item)):
            yield "entry-is-no-object"
    for parameters in _leaves(container.get("LinuxParameters")):
        capabilities = list(_leaves(mapping(parameters).get("Capabilities")))
        if not all(_is_plain_map(node) for node in (parameters, *capabilities)):
            yield "linux-parameters-not-extensible"


def _is_made_by_a_transform(node: dict[str, Json]) -> bool:
    return any(key.startswith(PREFIX) or key == "Fn::Transform" for key in node)


def _is_plain_map(node: Json) -> bool:
    return node is None or (isinstance(node, dict) and function_of(node) is None)


def _leaves(node: Json) -> Iterator[Json]:
    """What a node may be worth by conditions, without nothing at all."""
    function = function_of(node)
    if function is not None and function[0] == "Fn::If":
        for branch in items(function[1])[1:]:
            yield from _leaves(branch)
    elif node != {"Ref": NO_VALUE.value}:
        yield node

"""The structure of a task definition as written: where it holds expressions, and which of them block an extension."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from oracle.functions import function_of
from oracle.loops import PREFIX
from oracle.values import NO_VALUE, Json, canonical, items, mapping


def structural_reasons(resource: Mapping[str, Json]) -> Iterator[str]:
    """Yield reasons for refusing: an object or a list of objects, in any branch, that cannot be extended."""
    properties = mapping(resource.get("Properties"))
    if _is_made_by_a_transform(properties):
        yield "made-by-a-transform"
    if "host" in canonical(properties.get("PidMode")):
        yield "pid-mode-host"
    for containers in _branch_values(properties.get("ContainerDefinitions")):
        if not isinstance(containers, list):
            yield "containers-not-extensible"
    for container in _containers(resource):
        if _is_plain_object(container):
            yield from _container_reasons(mapping(container))
        else:
            yield "containers-not-extensible"


def has_conditions(node: Json) -> bool:
    """Return whether a value in this node depends on a condition."""
    return '"Fn::If"' in canonical(node)


def has_size_expression(resource: Mapping[str, Json]) -> bool:
    """Return whether the task's Cpu or Memory is an expression, at least in one branch."""
    properties = mapping(resource.get("Properties"))
    values = (value for key in ("Cpu", "Memory") for value in _branch_values(properties.get(key)))
    return any(function_of(value) is not None for value in values)


def has_capability_expression(resource: Mapping[str, Json]) -> bool:
    """Return whether the Capabilities.Add of a container is an expression, at least in one branch."""
    for container in _containers(resource):
        for parameters in _branch_values(mapping(container).get("LinuxParameters")):
            for capabilities in _branch_values(mapping(parameters).get("Capabilities")):
                values = _branch_values(mapping(capabilities).get("Add"))
                if any(function_of(value) is not None for value in values):
                    return True
    return False


def has_conditional_compatibility(resource: Mapping[str, Json]) -> bool:
    """Return whether a condition decides the task's RequiresCompatibilities."""
    return has_conditions(mapping(resource.get("Properties")).get("RequiresCompatibilities"))


def _containers(resource: Mapping[str, Json]) -> Iterator[Json]:
    """Yield each entry of each branch of ContainerDefinitions."""
    for containers in _branch_values(mapping(resource.get("Properties")).get("ContainerDefinitions")):
        for entry in items(containers):
            yield from _branch_values(entry)


def _container_reasons(container: dict[str, Json]) -> Iterator[str]:
    if _is_made_by_a_transform(container):
        yield "made-by-a-transform"
    for value in (value for key in ("Environment", "VolumesFrom") for value in _branch_values(container.get(key))):
        if not (value is None or isinstance(value, list)):
            yield "list-of-objects-not-extensible"
        if not all(_is_plain_object(entry) for item in items(value) for entry in _branch_values(item)):
            yield "entry-is-not-an-object"
    for parameters in _branch_values(container.get("LinuxParameters")):
        capabilities = list(_branch_values(mapping(parameters).get("Capabilities")))
        if not all(_is_plain_object(node) for node in (parameters, *capabilities)):
            yield "linux-parameters-not-extensible"


def _is_made_by_a_transform(node: dict[str, Json]) -> bool:
    return any(key.startswith(PREFIX) or key == "Fn::Transform" for key in node)


def _is_plain_object(node: Json) -> bool:
    return node is None or (isinstance(node, dict) and function_of(node) is None)


def _branch_values(node: Json) -> Iterator[Json]:
    """Yield what a node can be under the different conditions, without `AWS::NoValue`."""
    function = function_of(node)
    if function is not None and function[0] == "Fn::If":
        for branch in items(function[1])[1:]:
            yield from _branch_values(branch)
    elif node != {"Ref": NO_VALUE.value}:
        yield node

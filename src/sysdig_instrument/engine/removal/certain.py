"""The plans whose changes the removal certainly undoes, so that it need not be tried.

That is read off the changes: each is an addition that the removal knows, and nothing of the kind was there before. Of any
other plan nothing is said. tests/uninstrument/test_certain.py compares this with the removal itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, cast

from sysdig_instrument.engine.agent import AGENT_NAME, SIDECAR_VARIABLE, WRAPPER
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json, Pointer
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.removal.definitions import Definition, definitions
from sysdig_instrument.engine.removal.entries import value_at
from sysdig_instrument.engine.removal.other_forms import has_traces, is_trace
from sysdig_instrument.engine.removal.usual_form import (
    CAPABILITIES,
    added_capabilities,
    entry_point_sources,
    is_own_item,
    remove_policy,
)
from sysdig_instrument.engine.settings.template_layers import METADATA_KEY, RESULT_KEY, TAGS_KEY
from sysdig_instrument.engine.steps.execution_role import POLICY_NAME, ROLE_TYPE
from sysdig_instrument.engine.steps.step import EntryPointSource
from sysdig_instrument.engine.template import resources_of_types

_CONTAINERS: Final = ("Properties", "ContainerDefinitions")
_AGENT: Final = (*_CONTAINERS, "-")
_CONTAINER_DEPTH: Final = len(_AGENT)
_PID_MODE: Final = ("Properties", "PidMode")
_RESULTS: Final = (("Metadata",), ("Metadata", METADATA_KEY), ("Metadata", METADATA_KEY, RESULT_KEY))
_POLICIES: Final = ("Properties", "Policies")
_CAPABILITY: Final = ("LinuxParameters", "Capabilities", "Add")


def is_certainly_undone(
    template: Json, tasks: Sequence[tuple[Pointer, tuple[Change, ...]]], grants: Sequence[Change]
) -> bool:
    """Return whether the removal certainly restores a template from what these changes make of it.

    ``tasks`` are the changes to each resource, ``grants`` those to roles.
    """
    left = dict(tasks)
    for definition in definitions(template):
        changes = left.pop(definition.base, ())
        if definition.result is not None or not (
            _is_undone(definition, changes) if changes else not has_traces(definition)
        ):
            return False
    return not left and _are_grants_undone(template, grants)


def _is_undone(before: Definition, changes: Sequence[Change]) -> bool:
    base = before.base
    depth = len(base)
    added = {
        each.pointer[depth:]: each.value for each in changes if each.operation == "add" and each.pointer[:depth] == base
    }
    result = _added_result(before.resource, added)
    if result is None or len(added) != len(changes):  # something else is done, or is done twice
        return False
    containers: Json = before.properties.get("ContainerDefinitions") if isinstance(before.properties, dict) else None
    if not isinstance(containers, list) or not all(map(_has_nothing_to_remove, containers)):
        return False
    workloads = [each for each in containers if isinstance(each, dict)]
    sources = entry_point_sources(result, workloads)
    for place, value in added.items():
        if len(place) > _CONTAINER_DEPTH and place[:2] == _CONTAINERS:
            index = int(place[2])
            if not _is_removed(workloads[index], sources[index], place[3:], value):
                return False
        elif not _is_removed_from_task(before.properties, place, value):
            return False
    from_image = [index for index, source in enumerate(sources) if source is EntryPointSource.IMAGE]
    return (_PID_MODE not in added or _AGENT in added) and all(
        (*_CONTAINERS, index, "EntryPoint") in added for index in from_image
    )


def _added_result(resource: dict[str, Json], added: Mapping[Pointer, Json]) -> Mapping[str, Json] | None:
    """Return the Result if it is added, and nothing else is removed with it."""
    for place in _RESULTS:
        if place in added:
            result = value_at(added[place], _RESULTS[-1][len(place) :])
            is_known = isinstance(result, dict) and TAGS_KEY not in result and _is_new_key(resource, place)
            return cast("dict[str, Json]", result) if is_known else None
    return None


def _has_nothing_to_remove(container: Json) -> bool:
    """Return whether a container is an object in which the removal would find nothing."""
    if not isinstance(container, dict) or is_trace(container) or added_capabilities(container.get("LinuxParameters")):
        return False
    variables = container.get("Environment")
    names = [each.get("Name") for each in variables if isinstance(each, dict)] if isinstance(variables, list) else []
    return SIDECAR_VARIABLE not in names


def _is_removed_from_task(properties: Json, place: Pointer, value: Json) -> bool:
    """Return whether something is removed that was added to a task definition outside of its containers."""
    if place == _AGENT:
        return _member(value, "Name") == AGENT_NAME and _member(properties, "PidMode") is ABSENT
    return place in _RESULTS or (place == _PID_MODE and value == "task")


def _is_removed(container: dict[str, Json], source: EntryPointSource, place: Pointer, value: Json) -> bool:
    """Return whether something is removed that was added to a container. Its place begins in the container."""
    key = str(place[0])
    if len(place) == 1:
        return key not in container and _is_key_removed(key, value, source)
    if place == ("EntryPoint", 0):
        return value == WRAPPER and source is EntryPointSource.TEMPLATE
    if place[1:] == ("-",):
        return is_own_item(key, value) and bool(container[key])
    if place != _CAPABILITY[: len(place)]:
        return False
    return value == value_at(CAPABILITIES, place[1:]) and _is_new_key(container, place)


def _is_key_removed(key: str, value: Json, source: EntryPointSource) -> bool:
    if key in ("EntryPoint", "Command"):
        return source is EntryPointSource.IMAGE
    if key == "LinuxParameters":
        return value == CAPABILITIES
    return isinstance(value, list) and len(value) == 1 and is_own_item(key, value[0])


def _is_new_key(document: Json, place: Pointer) -> bool:
    """Return whether an object has other keys than the one at a place: an object with no others may be removed with it."""
    parent = document if len(place) == 1 else value_at(document, place[:-1])
    return isinstance(parent, dict) and bool(parent) and place[-1] not in parent


def _member(value: Json | Absent, key: str) -> Json | Absent:
    return value.get(key, ABSENT) if isinstance(value, dict) else ABSENT


# --- Roles


def _are_grants_undone(template: Json, grants: Sequence[Change]) -> bool:
    roles = dict(resources_of_types(template, {ROLE_TYPE}))
    if any(change for pointer, role in roles.items() for change in remove_policy(role, pointer)):
        return False
    return all(each.operation == "add" and _is_policy_removed(roles.get(each.pointer[:2]), each) for each in grants)


def _is_policy_removed(role: Json, grant: Change) -> bool:
    place, value = grant.pointer[2:], grant.value
    if place == (*_POLICIES, "-"):
        return _member(value, "PolicyName") == POLICY_NAME and bool(value_at(role, _POLICIES))
    is_policy = isinstance(value, list) and len(value) == 1 and _member(value[0], "PolicyName") == POLICY_NAME
    return is_policy and place == _POLICIES and _is_new_key(role, place)

"""The removal of what was written in its usual form: keys at the end of a container, items at the end of a list.

A plan adds what is missing at the end of the object or list that it belongs to. So the order says what was there before:
an empty list in front of other keys is the template's own, and one that a plan made is at the end. Where this would not
restore the template, the plan leaves a record (:mod:`records`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, TypeGuard

from sysdig_instrument.engine.agent import AGENT_NAME, SIDECAR_VARIABLE, WRAPPER
from sysdig_instrument.engine.json_types import Json, Pointer
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.removal.definitions import Definition
from sysdig_instrument.engine.removal.entries import REASON
from sysdig_instrument.engine.settings.template_layers import METADATA_KEY, RESULT_KEY, TAGS_KEY
from sysdig_instrument.engine.steps.capabilities import SYS_PTRACE
from sysdig_instrument.engine.steps.execution_role import POLICY_NAME
from sysdig_instrument.engine.steps.step import EntryPointSource
from sysdig_instrument.engine.steps.volumes_from import AGENT_VOLUME

_KEYS: Final = ("EntryPoint", "Command", "Environment", "VolumesFrom", "LinuxParameters")
"""The keys of a container that a plan may add, in the order in which it adds them."""
_ITEM_NAMES: Final = {"Environment": ("Name", SIDECAR_VARIABLE), "VolumesFrom": ("SourceContainer", AGENT_NAME)}
"""The lists to which a plan adds an item, each with the key of the item's name, and the name."""
CAPABILITIES: Final[Json] = {"Capabilities": {"Add": [SYS_PTRACE]}}
_SOURCES: Final = {f"instrumented: {each.value}": each for each in EntryPointSource}
"""Where an EntryPoint comes from, by what the Result says of the container."""


def remove(pointer: Pointer, was: Json) -> Change:
    """Return the change that removes a value."""
    return Change("remove", pointer, REASON, was=was)


def remove_usual_form(definition: Definition) -> Iterator[Change]:
    """Yield the changes that take out of a task definition what was written, in the order in which they apply."""
    containers = definition.containers()
    agents = [each for each in containers if each[1].get("Name") == AGENT_NAME]
    workloads = [each for each in containers if each[1].get("Name") != AGENT_NAME]
    for (pointer, container), source in zip(
        workloads, _sources(definition, [container for _, container in workloads]), strict=True
    ):
        yield from _remove_from_container(definition, container, pointer, source)
    yield from (remove(*agent) for agent in reversed(agents))
    properties = definition.properties if isinstance(definition.properties, dict) else {}
    if agents and properties.get("PidMode") == "task":
        yield remove((*definition.properties_pointer, "PidMode"), "task")
    yield from _remove_tags(properties, definition)
    yield from remove_result(definition)


def _sources(definition: Definition, workloads: Sequence[Mapping[str, Json]]) -> list[EntryPointSource]:
    """Return where each EntryPoint comes from: as the Result says it; without one, by its position."""
    if definition.result is None:
        return [_source_by_position(container) for container in workloads]
    return entry_point_sources(definition.result, workloads)


def entry_point_sources(result: Mapping[str, Json], workloads: Sequence[Mapping[str, Json]]) -> list[EntryPointSource]:
    """Return where a Result says that the EntryPoint of each container comes from."""
    containers = result.get("Containers")
    outcomes = (
        {name: text for name, text in containers.items() if text != "agent"} if isinstance(containers, dict) else {}
    )
    texts = list(outcomes.values())
    if len(texts) != len(workloads):  # a name may be an expression, so the position is better, where there is one
        texts = [outcomes.get(str(container.get("Name"))) for container in workloads]
    return [_SOURCES.get(str(text), EntryPointSource.UNCHANGED) for text in texts]


def _source_by_position(container: Mapping[str, Json]) -> EntryPointSource:
    added = _added_keys(container, {"EntryPoint", "Command", *_emptied(container, _own_items(container))})
    # An EntryPoint at the end without any Command is more often the task definition's own than that of an image without CMD.
    is_from_image = "EntryPoint" in added and "Command" in container
    return EntryPointSource.IMAGE if is_from_image else EntryPointSource.TEMPLATE


def _emptied(container: Mapping[str, Json], own_items: Mapping[str, int]) -> set[str]:
    """Return the keys that have nothing but what a plan writes."""
    emptied = {key for key, index in own_items.items() if index == 0 and container[key][1:] == []}  # type: ignore[index]
    return {*emptied, "LinuxParameters"} if container.get("LinuxParameters") == CAPABILITIES else emptied


def _own_items(container: Mapping[str, Json]) -> dict[str, int]:
    """Return the index of the item that a plan adds to each list, for the lists that have it."""
    found = ((key, _own_item(container, key)) for key in _ITEM_NAMES if key in container)
    return {key: index for key, index in found if index is not None}


def _own_item(container: Mapping[str, Json], key: str) -> int | None:
    """Return the index of the item that a plan adds to a list; None if there is none, or if there are several."""
    items = container.get(key)
    if not isinstance(items, list):
        return None
    name_key, name = _ITEM_NAMES[key]
    named = [index for index, item in enumerate(items) if isinstance(item, dict) and item.get(name_key) == name]
    own = [index for index in named if _is_as_added(items[index])]
    return own[0] if len(own) == 1 else None


def is_own_item(key: str, item: Json) -> bool:
    """Return whether an item of a list is the one that a plan adds to it."""
    if key == "VolumesFrom":
        return item == AGENT_VOLUME
    return key == "Environment" and _is_variable(item) and item["Name"] == SIDECAR_VARIABLE


def _is_as_added(item: Json) -> bool:
    """Return whether an item of one of the two names is one that a plan adds: nothing else is in it."""
    return _is_variable(item) or item == AGENT_VOLUME


def _is_variable(item: Json) -> TypeGuard[dict[str, Json]]:
    return isinstance(item, dict) and item.keys() == {"Name", "Value"} and isinstance(item["Value"], str)


def _added_keys(
    container: Mapping[str, Json], candidates: set[str], extended: AbstractSet[str] = frozenset()
) -> set[str]:
    """Return those of the candidates that are the last keys of a container, in the order in which a plan adds them.

    ``extended`` keys may be between them: somebody has added an item since.
    """
    found: list[str] = []
    end = len(_KEYS)
    possible = candidates | extended
    for key in reversed(list(container)):
        if key not in possible or key not in _KEYS[:end]:
            break
        end = _KEYS.index(key)
        if key in candidates:
            found.append(key)
    if "Command" in found and "EntryPoint" not in found:  # only an image gives a Command, and it gives both
        found = found[: found.index("Command")]
    return set(found)


def _remove_from_container(
    definition: Definition, container: dict[str, Json], pointer: Pointer, source: EntryPointSource
) -> Iterator[Change]:
    own_items = _own_items(container)
    candidates = _emptied(container, own_items)
    if source is EntryPointSource.IMAGE:
        candidates |= {"EntryPoint", "Command"}
    extended = own_items.keys() if definition.result else frozenset()
    added = _added_keys(container, candidates, extended)
    for key in reversed([key for key in _KEYS if key in added]):
        yield remove((*pointer, key), container[key])
    if "EntryPoint" not in added:
        yield from _remove_wrapper(container, pointer, source)
    for name, index in own_items.items():
        if name not in added:
            yield remove((*pointer, name, index), container[name][index])  # type: ignore[index]
    if "LinuxParameters" not in added:
        yield from _remove_capability(container.get("LinuxParameters"), (*pointer, "LinuxParameters"))


def _remove_wrapper(container: Mapping[str, Json], pointer: Pointer, source: EntryPointSource) -> Iterator[Change]:
    entry_point = container.get("EntryPoint")
    if isinstance(entry_point, list) and entry_point[:1] == [WRAPPER]:
        if source is EntryPointSource.IMAGE:
            yield Change("replace", (*pointer, "EntryPoint"), REASON, [], was=entry_point)
        elif source is EntryPointSource.TEMPLATE:
            yield remove((*pointer, "EntryPoint", 0), WRAPPER)


def added_capabilities(parameters: Json) -> tuple[dict[str, Json], dict[str, Json], list[Json]] | None:
    """Return LinuxParameters, its Capabilities and their list Add; None if SYS_PTRACE is not in such a list."""
    capabilities = parameters.get("Capabilities") if isinstance(parameters, dict) else None
    add = capabilities.get("Add") if isinstance(capabilities, dict) else None
    if isinstance(parameters, dict) and isinstance(capabilities, dict) and isinstance(add, list) and SYS_PTRACE in add:
        return parameters, capabilities, add
    return None


def _remove_capability(parameters: Json, pointer: Pointer) -> Iterator[Change]:
    found = added_capabilities(parameters)
    if found is None:
        return
    parameters, capabilities, add = found
    if capabilities == CAPABILITIES["Capabilities"] and next(reversed(parameters)) == "Capabilities":  # type: ignore[call-overload, index]
        yield remove((*pointer, "Capabilities"), capabilities)
    elif add == [SYS_PTRACE] and next(reversed(capabilities)) == "Add":
        yield remove((*pointer, "Capabilities", "Add"), add)
    elif add.count(SYS_PTRACE) == 1:
        yield remove((*pointer, "Capabilities", "Add", add.index(SYS_PTRACE)), SYS_PTRACE)


def _remove_tags(properties: Mapping[str, Json], definition: Definition) -> Iterator[Change]:
    keys, tags = (definition.result or {}).get(TAGS_KEY), properties.get("Tags")
    if not isinstance(keys, list) or not isinstance(tags, list):
        return
    own = [index for index, tag in enumerate(tags) if isinstance(tag, dict) and tag.get("Key") in keys]
    pointer = (*definition.properties_pointer, "Tags")
    if len(own) == len(tags) and list(properties)[-1] == "Tags":
        yield remove(pointer, tags)
    else:
        yield from (remove((*pointer, index), tags[index]) for index in reversed(own))


def remove_result(definition: Definition) -> Iterator[Change]:
    """Yield the change that removes the Result, and what would be empty without it."""
    metadata = definition.resource.get("Metadata")
    own = metadata.get(METADATA_KEY) if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(own, dict) or RESULT_KEY not in own:
        return
    pointer = (*definition.base, "Metadata")
    if len(own) > 1:
        yield remove((*pointer, METADATA_KEY, RESULT_KEY), own[RESULT_KEY])
    elif len(metadata) > 1:
        yield remove((*pointer, METADATA_KEY), own)
    else:
        yield remove(pointer, metadata)


def remove_policy(resource: Mapping[str, Json], pointer: Pointer) -> Iterator[Change]:
    """Yield the change that removes the policy for the access key from a role."""
    properties = resource.get("Properties")
    policies = properties.get("Policies") if isinstance(properties, dict) else None
    if not isinstance(properties, dict) or not isinstance(policies, list):
        return
    own = [
        index for index, each in enumerate(policies) if isinstance(each, dict) and each.get("PolicyName") == POLICY_NAME
    ]
    policies_pointer = (*pointer, "Properties", "Policies")
    if own and len(policies) == 1 and next(reversed(properties)) == "Policies":
        yield remove(policies_pointer, policies)
    else:
        yield from (remove((*policies_pointer, index), policies[index]) for index in reversed(own))

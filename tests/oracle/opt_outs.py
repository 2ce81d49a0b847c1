"""Opt-outs in tags: what the template leaves alone, the tags of the output have to say, to whoever sees no Metadata."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from oracle.comparison import Comparison, without_agents
from oracle.selection import container_is_selected, containers_of, task_is_selected
from oracle.settings import Settings, merge_layers
from oracle.structure import has_conditions
from oracle.values import Json, items, mapping, same, text_of

OWN_TAGS = frozenset({"sysdig-instrument", "sysdig-instrument-exclude", "sysdig-instrument-reason"})


def without_own_tags(properties: Json) -> dict[str, Json]:
    """Return the properties of a task definition without this macro's tags, and without Tags if there are no others."""
    found = dict(mapping(properties))
    others = [tag for tag in items(found.get("Tags")) if mapping(tag).get("Key") not in OWN_TAGS]
    if isinstance(found.get("Tags"), list):
        found["Tags"] = others
    if not found.get("Tags"):
        found.pop("Tags", None)
    return found


def check_tags(comparison: Comparison, name: str) -> Iterator[str]:
    """Yield what is wrong with the tags of a task definition."""
    before, after = comparison.before.resources[name], comparison.after.resources[name]
    old, new = (without_own_tags(each.get("Properties")).get("Tags") for each in (before, after))
    if not same(old, new):
        yield "a tag changed that is not the macro's"
    if not comparison.is_deployed(name):
        return
    visible = {"Properties": after.get("Properties")}
    settings = merge_layers(comparison.settings, None, visible)
    opted_out = opt_outs(comparison, name)
    for container in opted_out if isinstance(mapping(visible["Properties"]).get("Tags", []), list) else []:
        if _is_selected(container, visible, settings):
            yield f"the tags do not say that container {text_of(container.get('Name'))} is left alone"
    may_have_others = has_conditions(comparison.expression(name))  # the tags also say what other branches leave alone
    is_changed = _own_tags(before) != _own_tags(after) and "sysdig-instrument" not in _own_tags(before)
    if is_changed and not (opted_out or may_have_others):
        yield "the template leaves nothing alone, but the tags changed"


def opt_outs(comparison: Comparison, name: str) -> list[dict[str, Json]]:
    """Return the containers that the template leaves alone, and the settings of the deployment would not."""
    resource, settings = comparison.before.resources[name], comparison.settings_of(name)
    bare = _without_tags(resource)
    deployment = merge_layers(comparison.settings, None, bare)
    containers = [mapping(each) for each in without_agents(containers_of(resource))]
    return [
        each
        for each in containers
        if _is_selected(each, bare, deployment) and not _is_selected(each, resource, settings)
    ]


def lacks_reason(comparison: Comparison, name: str) -> bool:
    """Return whether the template leaves a container alone without saying why.

    If the whole task definition is left alone, a reason that is given for one container says nothing about that.
    """
    if leaves_the_task_alone(comparison, name):
        return bool(opt_outs(comparison, name)) and _gives_no_reason(comparison, comparison.settings_of(name))
    settings = comparison.settings_of(name)
    names = [text_of(each.get("Name")) for each in opt_outs(comparison, name)]
    return any(_gives_no_reason(comparison, settings.for_container(each)) for each in names)


def may_lack_reason(comparison: Comparison, name: str) -> bool:
    """Return whether the template leaves a task definition alone without saying why, whose containers depend on conditions."""
    may_have_others = has_conditions(comparison.expression(name))
    settings = comparison.settings_of(name)
    return may_have_others and leaves_the_task_alone(comparison, name) and _gives_no_reason(comparison, settings)


def leaves_the_task_alone(comparison: Comparison, name: str) -> bool:
    """Return whether the template leaves the whole task definition alone, and the settings of the deployment would not."""
    resource, bare = comparison.before.resources[name], _without_tags(comparison.before.resources[name])
    is_selected_by_default = task_is_selected(bare, merge_layers(comparison.settings, None, bare))
    return is_selected_by_default and not task_is_selected(resource, comparison.settings_of(name))


def _gives_no_reason(comparison: Comparison, settings: Settings) -> bool:
    return settings.string("Reason") == Settings(comparison.settings).string("Reason")


def _without_tags(resource: Mapping[str, Json]) -> dict[str, Json]:
    return {"Properties": {key: value for key, value in mapping(resource.get("Properties")).items() if key != "Tags"}}


def _is_selected(container: Mapping[str, Json], resource: Mapping[str, Json], settings: Settings) -> bool:
    return task_is_selected(resource, settings) and container_is_selected(container, resource, settings)


def _own_tags(resource: Mapping[str, Json]) -> dict[str, str]:
    tags = [mapping(tag) for tag in items(mapping(resource.get("Properties")).get("Tags"))]
    return {text_of(tag.get("Key")): text_of(tag.get("Value")) for tag in tags if tag.get("Key") in OWN_TAGS}

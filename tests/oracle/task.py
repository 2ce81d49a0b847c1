"""One task definition: what ECS receives with the output, against what the documentation promises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from oracle.agent import check_agent
from oracle.comparison import Comparison, Workload, without_agents, workloads_to_instrument
from oracle.findings import Finding, findings_at
from oracle.opt_outs import check_tags, without_own_tags
from oracle.selection import AGENT, containers_of, is_agent, is_fargate
from oracle.settings import Settings
from oracle.structure import (
    has_capability_expression,
    has_conditional_compatibility,
    has_conditions,
    has_size_expression,
)
from oracle.task_sizes import check_size
from oracle.values import Json, mapping, same, text_of
from oracle.workload import Expected, check_workload

# The properties that the macro may change: _check_properties, _check_size, _check_containers and check_tags have their rules.
INSTRUMENTED_PROPERTIES = ("PidMode", "Cpu", "Memory", "ContainerDefinitions", "ExecutionRoleArn", "Tags")


def check_task(comparison: Comparison, name: str) -> Iterator[Finding]:
    """Yield what is wrong with one task definition."""
    before, after = comparison.before.resources[name], comparison.after.resources.get(name)
    if after is None:
        yield Finding(name, "the task definition is missing")
        return
    if name in comparison.before.inactive:
        return  # not created under these conditions; its text is compared anyway, and other conditions create it
    yield from findings_at(name, check_tags(comparison, name))
    is_unchanged = same(*(without_own_tags(each.get("Properties")) for each in (before, after)))
    if is_unchanged and name in comparison.at_run_time.inactive:
        return  # inactive in this run, so the macro may leave it unchanged
    settings, expected = comparison.settings_of(name), workloads_to_instrument(comparison, name)
    skips = settings.string("OnUnresolvedImage") == "skip"
    if comparison.is_deployed(name) and not skips:
        yield from findings_at(name, (
            f"{_label(workload)}: its image is unknown, so the template should have been refused"
            for workload in expected if workload.is_unresolved
        ))  # fmt: skip
    if skips and may_differ_from_run(comparison, name):
        expected = [workload for workload in expected if not _is_unchanged(comparison, name, workload)]
    if is_unchanged and not expected:
        return
    if not expected and not (has_conditions(comparison.expression(name)) and comparison.is_selected(name)):
        yield Finding(name, "nothing in it is to be instrumented, but it changed")
        return
    yield from _check_properties(comparison, name, expected)
    yield from _check_size(comparison, name, expected)
    yield from _check_containers(comparison, name, expected)
    if expected or not same(_agents(before), _agents(after)):
        yield from _check_agent_container(name, before, after, settings, expected)


def may_differ_from_run(comparison: Comparison, name: str) -> bool:
    """Return whether the macro may have seen another image here, and so left the container unchanged.

    Other conditions may give another image. The items of a loop share one text, so an image that is unknown for one
    item leaves all of them unchanged.
    """
    return comparison.has_other_conditions or comparison.is_from_loop(name)


def _is_unchanged(comparison: Comparison, name: str, workload: Workload) -> bool:
    containers = without_agents(containers_of(comparison.after.resources[name]))
    return workload.index < len(containers) and same(dict(workload.container), containers[workload.index])


def _agents(resource: Mapping[str, Json]) -> list[Json]:
    return [container for container in containers_of(resource) if is_agent(container)]


def _label(workload: Workload) -> str:
    return f"container {text_of(workload.container.get('Name'))}"


def _check_properties(comparison: Comparison, name: str, expected: list[Workload]) -> Iterator[Finding]:
    before, after = (mapping(each.resources[name].get("Properties")) for each in (comparison.before, comparison.after))
    # A refusal for PidMode host covers the run's conditions only. Without workloads, the task may stay unchanged.
    host_in_other_branch = not comparison.is_deployed(name) and before.get("PidMode") == "host"
    is_kept = (host_in_other_branch or not expected) and after.get("PidMode") == before.get("PidMode")
    if after.get("PidMode") != "task" and not is_kept:
        yield Finding(name, f"PidMode is {after.get('PidMode')}")
    if [key for key in before if key in after] != [key for key in after if key in before]:
        yield Finding(name, "the order of the properties changed")
    role = comparison.settings_of(name).string("DefaultExecutionRoleArn")
    for key in {**before, **after}:
        if key in {"PidMode", "ContainerDefinitions", "Tags"} or (key in {"Cpu", "Memory"} and key in before):
            continue
        if key == "ExecutionRoleArn" and key not in before and role is not None:
            if after[key] != role:
                yield Finding(name, "ExecutionRoleArn is not DefaultExecutionRoleArn")
        elif key not in before:
            yield Finding(name, f"{key} was added")
        elif key not in after or not same(before[key], after[key]):
            yield Finding(name, f"{key} changed")


def _check_size(comparison: Comparison, name: str, expected: list[Workload]) -> Iterator[Finding]:
    before, after = (mapping(each.resources[name].get("Properties")) for each in (comparison.before, comparison.after))
    is_unchanged = all(same(before.get(key), after.get(key)) for key in ("Cpu", "Memory"))
    source = comparison.expression(name)
    if is_unchanged and (not expected or (comparison.has_other_conditions and has_size_expression(source))):
        return  # TaskSize does not raise an expression, so its value in an inactive branch may be too small
    others = [mapping(container) for container in without_agents(containers_of(comparison.before.resources[name]))]
    may_be_fargate = has_conditional_compatibility(source)
    complaints = check_size(before, after, others, comparison.settings_of(name), may_be_fargate=may_be_fargate)
    yield from findings_at(name, complaints)


def _check_containers(comparison: Comparison, name: str, expected: list[Workload]) -> Iterator[Finding]:
    old = without_agents(containers_of(comparison.before.resources[name]))
    new = without_agents(containers_of(comparison.after.resources[name]))
    if len(old) != len(new):
        yield Finding(name, f"{len(old)} containers became {len(new)}, not counting the agent")
        return
    by_index = {workload.index: workload for workload in expected}
    for index, (was, is_now) in enumerate(zip(old, new, strict=True)):
        location = f"{name}.ContainerDefinitions[{index}]"
        workload = by_index.get(index)
        if workload is None:
            if not same(was, is_now):
                yield Finding(location, "is not to be instrumented, but it changed")
        elif not (same(was, is_now) and workload.is_unresolved):
            yield from findings_at(location, _check_workload(comparison, name, workload, mapping(is_now)))


def _check_workload(comparison: Comparison, name: str, workload: Workload, after: Mapping[str, Json]) -> list[str]:
    expected = Expected(
        comparison.settings_of(name).for_container(text_of(workload.container.get("Name"))),
        workload.config,
        may_prepend_capability=has_capability_expression(comparison.expression(name)),
        keeps_argv=workload.is_unresolved,
        is_wrapped=comparison.is_wrapped(name, workload.index),
    )
    complaints = list(check_workload(workload.container, after, expected))
    if complaints and comparison.has_other_conditions and comparison.is_from_loop(name):
        # In an inactive branch, images that differ between the items of a loop may leave EntryPoint and Command as is.
        complaints = list(check_workload(workload.container, after, replace(expected, keeps_argv=True)))
    return complaints


def _check_agent_container(
    name: str,
    before: Mapping[str, Json],
    after: Mapping[str, Json],
    settings: Settings,
    expected: list[Workload],
) -> Iterator[Finding]:
    old, new = containers_of(before), containers_of(after)
    old_indexes = [index for index, container in enumerate(old) if is_agent(container)]
    new_indexes = [index for index, container in enumerate(new) if is_agent(container)]
    if len(new_indexes) != 1:
        yield Finding(name, f"{len(new_indexes)} containers are called {AGENT}")
        return
    [index] = new_indexes
    # The macro keeps the order: an agent that the input has may keep its position.
    if index != len(new) - 1 and index not in old_indexes:
        yield Finding(name, "the agent is not the last container")
    properties = mapping(before.get("Properties"))
    existing = mapping(old[old_indexes[0]]) if old_indexes else None
    inherited_log = expected[0].container.get("LogConfiguration") if expected else None
    needs_memory = not is_fargate(properties) and properties.get("Memory") is None
    complaints = check_agent(existing, mapping(new[index]), settings, inherited_log, needs_memory=needs_memory)
    yield from findings_at(f"{name}.{AGENT}", complaints)

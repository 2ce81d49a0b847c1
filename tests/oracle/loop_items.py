"""Loops whose items cannot share one body: the macro instruments an unexpanded `Fn::ForEach` in place or not at all."""

from __future__ import annotations

from collections.abc import Iterator

from oracle.comparison import Comparison, without_agents, workloads
from oracle.evaluate import TASK_DEFINITION
from oracle.loops import read_loop
from oracle.selection import container_is_selected, containers_of
from oracle.task_sizes import raised_size
from oracle.values import Json, canonical, mapping


def differing_loops(comparison: Comparison) -> Iterator[str]:
    """Yield a reason for each loop of task definitions whose items need different changes."""
    for key, value in comparison.source.items():
        loop = read_loop(key, value)
        if loop is None or TASK_DEFINITION not in canonical(value):
            continue
        item_names = [name for name in comparison.before.task_definitions() if comparison.is_from_loop(name)]
        if len({_expected_changes(comparison, name) for name in item_names}) > 1:
            yield "loop-items-differ"
        if not item_names:
            yield "loop-of-unknown-items"


def _expected_changes(comparison: Comparison, name: str) -> str:
    """Return what is to change in one item, apart from what follows from the text that all items share."""
    resource, settings = comparison.before.resources[name], comparison.settings_of(name)
    configs: list[Json] = []
    for workload in workloads(comparison, name):
        is_known = workload.config is not None and not workload.is_unresolved
        image_argv: Json = [workload.config.entrypoint, workload.config.cmd] if workload.config and is_known else None
        configs.append([workload.index, image_argv, container_is_selected(workload.container, resource, settings)])
    others = [mapping(container) for container in without_agents(containers_of(resource))]
    size = raised_size(mapping(resource.get("Properties")), others, settings)
    is_inactive = name in comparison.before.inactive
    return canonical([comparison.is_selected(name), is_inactive, configs, dict(size) if size else None])

"""Loops whose items cannot share one body: a raw `Fn::ForEach` is instrumented in place or not at all."""

from __future__ import annotations

from collections.abc import Iterator

from judge.evaluate import TASK_DEFINITION
from judge.loops import read_loop
from judge.selection import container_is_selected, containers_of
from judge.task import Run, without_agents, workloads
from judge.task_sizes import raised
from judge.values import Json, canonical, mapping


def differing_loops(template: Json, run: Run) -> Iterator[str]:
    """A reason for each loop of task definitions in which the contract promises different things to the items."""
    written = mapping(mapping(template).get("Resources"))
    for key, value in written.items():
        loop = read_loop(key, value)
        if loop is None or TASK_DEFINITION not in canonical(value):
            continue
        made = [name for name in run.before.task_definitions() if name not in written]
        if len({_promise(run, name) for name in made}) > 1:
            yield "loop-items-differ"
        if not made:
            yield "loop-of-unknown-items"


def _promise(run: Run, name: str) -> str:
    """What is promised to one item, apart from what the text itself says."""
    resource, settings = run.before.resources[name], run.settings_of(name)
    configs: list[Json] = []
    for work in workloads(run, name):
        words: Json = [work.config.entrypoint, work.config.cmd] if work.config and work.unresolved is False else None
        configs.append([work.index, words, container_is_selected(work.container, resource, settings)])
    own = [mapping(container) for container in without_agents(containers_of(resource))]
    size = raised(mapping(resource.get("Properties")), own, settings)
    return canonical([run.is_selected(name), name in run.before.dropped, configs, dict(size) if size else None])

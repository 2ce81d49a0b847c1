"""One task definition, worked out before and after: what ECS would receive against what was promised."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from judge.agent import check_agent
from judge.evaluate import World
from judge.findings import Finding, at
from judge.images import Config, Images, architecture_of, look_up, needs_image
from judge.selection import AGENT, container_is_selected, containers_of, is_agent, is_fargate, task_is_selected
from judge.settings import Settings, layered
from judge.task_sizes import check_size
from judge.values import Json, argv, mapping, same, text_of
from judge.workload import Promise, check_workload


@dataclass(frozen=True)
class Run:
    """A run of the macro, and the world in which its output is judged."""

    given: Mapping[str, Json]
    images: Images
    ssm: Mapping[str, str]
    chosen: World  # the template as the macro saw it
    before: World  # the template as it is judged: the same, or with other conditions
    after: World
    flipped: bool
    live_capabilities: frozenset[str] = frozenset()  # tasks with a Capabilities.Add that is an expression
    made_by_loops: frozenset[str] = frozenset()  # tasks that share one text with others
    live_sizes: frozenset[str] = frozenset()  # tasks with a Cpu or Memory that is an expression
    conditional_platforms: frozenset[str] = frozenset()  # tasks that are for Fargate under some condition

    def settings_of(self, name: str) -> Settings:
        """The settings of a task definition: read when the macro runs, but for the secret, which stays live."""
        settings = layered(self.given, self.chosen.metadata, self.chosen.resources.get(name, {}))
        live = layered(self.given, self.before.metadata, self.before.resources[name])
        return settings.over({"AccessKeySecret": live.text("AccessKeySecret")})

    def is_selected(self, name: str) -> bool:
        """Whether the macro looks at the containers of this task definition.

        What decides about one that is not created now may be worked out as it is when it is created.
        """
        worlds = (self.chosen, self.before) if name in self.chosen.dropped else (self.chosen,)
        return any(task_is_selected(world.resources.get(name, {}), self.settings_of(name)) for world in worlds)

    def takes(self, name: str) -> bool:
        """Whether what is judged is what would be deployed by the run itself."""
        return not self.flipped and name not in self.before.dropped

    def config(self, name: str, container: Mapping[str, Json]) -> Config | None:
        """The image config for a container of a task definition, if something could be run with it."""
        architecture = architecture_of(mapping(self.before.resources[name].get("Properties")))
        settings = self.settings_of(name).for_container(text_of(container.get("Name")))
        found = look_up(container, architecture, settings, self.images, self.ssm)
        if found and not (found.entrypoint or found.cmd or argv(container.get("Command"))):
            return None
        return found


@dataclass(frozen=True)
class Workload:
    """A container that is to be instrumented, as it stands in the list without the agent."""

    index: int
    container: Mapping[str, Json]
    config: Config | None
    unresolved: bool


def workloads(run: Run, name: str) -> list[Workload]:
    """The containers of a task definition that the contract wants instrumented in the judged world."""
    if not run.is_selected(name):
        return []
    resource, settings = run.before.resources[name], run.settings_of(name)
    found = []
    for index, container in enumerate(without_agents(containers_of(resource))):
        if isinstance(container, dict) and container_is_selected(container, resource, settings):
            config = run.config(name, container)
            # A blank CommaDelimitedList gives [""]: in a branch that is not taken it may stay, as an image may.
            blank = not run.takes(name) and container.get("EntryPoint") == [""]
            found.append(Workload(index, container, config, blank or (needs_image(container) and config is None)))
    return found


def without_agents(containers: list[Json]) -> list[Json]:
    """The list as it would be with no agent in it."""
    return [container for container in containers if not is_agent(container)]


def check_task(run: Run, name: str, *, conditional: bool) -> Iterator[Finding]:
    """Findings about one task definition. `conditional`: its containers depend on conditions."""
    before, after = run.before.resources[name], run.after.resources.get(name)
    if after is None:
        yield Finding(name, "the task definition is gone")
        return
    if name in run.before.dropped:
        return  # it is not there in this world; the text is compared all the same, and other worlds have it
    if name in run.chosen.dropped and same(before.get("Properties"), after.get("Properties")):
        return  # it is not created now, and is left as it was
    settings, found = run.settings_of(name), workloads(run, name)
    skips = settings.text("OnUnresolvedImage") == "skip"
    if run.takes(name) and not skips:
        yield from at(name, (f"{_label(work)}: its image is not known, so this should have been refused"
                             for work in found if work.unresolved))  # fmt: skip
    left_alone = {work.index for work in found if work.unresolved and skips and run.takes(name)}
    wrapped = [work for work in found if work.index not in left_alone]
    if same(before.get("Properties"), after.get("Properties")) and not wrapped:
        return
    if not wrapped and not (conditional and run.is_selected(name)):
        yield Finding(name, "nothing in it is to be instrumented, and yet it changed")
        return
    may_be_left_alone = skips and (run.flipped or name in run.made_by_loops)
    if may_be_left_alone and same(before.get("Properties"), after.get("Properties")):
        return  # for an image that could not be had when the macro ran, or not for the other items of the loop
    properties = (mapping(before.get("Properties")), mapping(after.get("Properties")))
    # Where no workload is left, the task may be as it was, PidMode and agent for themselves.
    host_in_other_branch = not run.takes(name) and properties[0].get("PidMode") == "host"
    yield from _check_properties(name, *properties, settings, may_keep_pid_mode=host_in_other_branch or not wrapped)
    yield from _check_size(run, name, wrapped)
    yield from _check_containers(run, name, wrapped)
    if wrapped or not same(_agents(before), _agents(after)):
        yield from _check_agent_container(name, before, after, settings, wrapped)


def _agents(resource: Mapping[str, Json]) -> list[Json]:
    return [container for container in containers_of(resource) if is_agent(container)]


def _label(work: Workload) -> str:
    return f"container {text_of(work.container.get('Name'))}"


def _check_properties(
    name: str, before: Mapping[str, Json], after: Mapping[str, Json], settings: Settings, *, may_keep_pid_mode: bool
) -> Iterator[Finding]:
    kept = may_keep_pid_mode and after.get("PidMode") == before.get("PidMode")
    if after.get("PidMode") != "task" and not kept:
        yield Finding(name, f"PidMode is {after.get('PidMode')}")
    if [key for key in before if key in after] != [key for key in after if key in before]:
        yield Finding(name, "the order of the properties changed")
    role = settings.text("DefaultExecutionRoleArn")
    for key in {**before, **after}:
        if key in {"PidMode", "ContainerDefinitions"} or (key in {"Cpu", "Memory"} and key in before):
            continue
        if key == "ExecutionRoleArn" and key not in before and role is not None:
            if after[key] != role:
                yield Finding(name, "ExecutionRoleArn is not DefaultExecutionRoleArn")
        elif key not in before:
            yield Finding(name, f"{key} was added")
        elif key not in after or not same(before[key], after[key]):
            yield Finding(name, f"{key} changed")


def _check_size(run: Run, name: str, wrapped: list[Workload]) -> Iterator[Finding]:
    before, after = (mapping(world.resources[name].get("Properties")) for world in (run.before, run.after))
    own = [mapping(container) for container in without_agents(containers_of(run.before.resources[name]))]
    is_as_it_was = all(same(before.get(key), after.get(key)) for key in ("Cpu", "Memory"))
    if is_as_it_was and (not wrapped or (run.flipped and name in run.live_sizes)):
        return  # what is an expression in a branch that was not taken may be too small
    may_be_fargate = name in run.conditional_platforms
    yield from at(name, check_size(before, after, own, run.settings_of(name), may_be_fargate=may_be_fargate))


def _check_containers(run: Run, name: str, wrapped: list[Workload]) -> Iterator[Finding]:
    old = without_agents(containers_of(run.before.resources[name]))
    new = without_agents(containers_of(run.after.resources[name]))
    if len(old) != len(new):
        yield Finding(name, f"{len(old)} containers became {len(new)}, the agent not counted")
        return
    to_wrap = {work.index: work for work in wrapped}
    settings = run.settings_of(name)
    may_skip = settings.text("OnUnresolvedImage") == "skip" and (run.flipped or name in run.made_by_loops)
    for index, (was, is_now) in enumerate(zip(old, new, strict=True)):
        where = f"{name}.ContainerDefinitions[{index}]"
        work = to_wrap.get(index)
        if work is None:
            if not same(was, is_now):
                yield Finding(where, "is not to be instrumented, and yet it changed")
        elif not (same(was, is_now) and (work.unresolved or may_skip)):
            own = settings.for_container(text_of(work.container.get("Name")))
            live = name in run.live_capabilities
            promise = Promise(own, work.config, live_capabilities=live, keeps_argv=work.unresolved)
            complaints = list(check_workload(work.container, mapping(is_now), promise))
            if complaints and run.flipped and name in run.made_by_loops:
                # In a branch that was not taken, images that differ between the items are as good as none.
                complaints = list(check_workload(work.container, mapping(is_now), replace(promise, keeps_argv=True)))
            yield from at(where, complaints)


def _check_agent_container(
    name: str,
    before: Mapping[str, Json],
    after: Mapping[str, Json],
    settings: Settings,
    wrapped: list[Workload],
) -> Iterator[Finding]:
    old, new = containers_of(before), containers_of(after)
    places_before = [index for index, container in enumerate(old) if is_agent(container)]
    places_after = [index for index, container in enumerate(new) if is_agent(container)]
    if len(places_after) != 1:
        yield Finding(name, f"{len(places_after)} containers are called {AGENT}")
        return
    [place] = places_after
    # Order stays: an agent that was there already may keep its place.
    if place != len(new) - 1 and place not in places_before:
        yield Finding(name, "the agent is not the last container")
    properties = mapping(before.get("Properties"))
    existing = mapping(old[places_before[0]]) if places_before else None
    first_log = wrapped[0].container.get("LogConfiguration") if wrapped else None
    needs_memory = not is_fargate(properties) and properties.get("Memory") is None
    complaints = check_agent(existing, mapping(new[place]), settings, first_log, needs_memory=needs_memory)
    yield from at(f"{name}.{AGENT}", complaints)

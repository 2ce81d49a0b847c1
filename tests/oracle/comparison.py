"""A template before and after a run of the macro, evaluated under the same conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from oracle.certainty import certain_inputs
from oracle.evaluate import EvaluatedTemplate, StackInputs, condition_values, evaluate, expand_loops
from oracle.images import ImageConfig, Images, architecture_of, look_up, needs_image, runs_nothing
from oracle.launchers import launched_on_fargate
from oracle.selection import WRAPPER, container_is_selected, containers_of, is_agent, task_is_selected
from oracle.settings import Settings, merge_layers
from oracle.values import Json, argv, mapping, text_of


@dataclass(frozen=True)
class Comparison:
    """The macro's inputs, and the template as evaluated before and after.

    `at_run_time` is the input under the conditions of the run. `before` and `after` are the input and the output under
    the conditions of the comparison, which may be others.
    """

    settings: Mapping[str, Json]
    images: Images
    ssm: Mapping[str, str]
    source: Mapping[str, Json]  # the input's Resources as written
    expanded: Mapping[str, Json]  # the input's Resources with their loops expanded
    at_run_time: EvaluatedTemplate
    before: EvaluatedTemplate
    after: EvaluatedTemplate
    certain_at_run_time: EvaluatedTemplate  # the same under the conditions of the run
    certain_conditions: Mapping[str, bool]
    certain: EvaluatedTemplate  # the input under the conditions of the comparison, without values that are not certain

    @property
    def has_other_conditions(self) -> bool:
        """Return whether the output is compared under other conditions than those of the run."""
        return self.before is not self.at_run_time

    def is_deployed(self, name: str) -> bool:
        """Return whether the stack operation that ran the macro creates this resource."""
        return not self.has_other_conditions and name not in self.before.inactive

    def is_from_loop(self, name: str) -> bool:
        """Return whether this resource shares its text with others, as an item of an `Fn::ForEach`."""
        return name not in self.source

    def expression(self, name: str) -> dict[str, Json]:
        """Return a resource of the input with its loops expanded and its other expressions as written."""
        return mapping(self.expanded.get(name))

    def settings_of(self, name: str) -> Settings:
        """Return the settings of a task definition.

        The macro reads them when it runs. The secret alone may stay an expression in the output.
        """
        settings = merge_layers(self.settings, self.at_run_time.metadata, self.at_run_time.resources.get(name, {}))
        current = merge_layers(self.settings, self.before.metadata, self.before.resources[name])
        return settings.with_layer({"AccessKeySecret": current.string("AccessKeySecret")})

    def is_selected(self, name: str) -> bool:
        """Return whether the macro looks at the containers of this task definition.

        For one that is inactive in this run, the macro may evaluate what decides it as it will be once it is active.
        """
        is_inactive = name in self.at_run_time.inactive
        templates = (self.at_run_time, self.before) if is_inactive else (self.at_run_time,)
        # What leaves a task alone must be certain.
        templates = (*templates, self.certain_at_run_time)
        settings = self.settings_of(name)
        is_launched = name in launched_on_fargate(self.certain_at_run_time)
        return any(
            task_is_selected(each.resources.get(name, {}), settings, is_launched_on_fargate=is_launched)
            for each in templates
        )

    def is_wrapped(self, name: str, index: int) -> bool:
        """Return whether it is certain that the EntryPoint of a container begins with the wrapper."""
        containers = without_agents(containers_of(self.certain.resources.get(name, {})))
        container = mapping(containers[index]) if index < len(containers) else {}
        return argv(container.get("EntryPoint"))[:1] == [WRAPPER]

    def image_config(self, name: str, container: Mapping[str, Json]) -> ImageConfig | None:
        """Return the config of a container's image; None if it is unknown or leaves nothing to run."""
        architecture = architecture_of(mapping(self.before.resources[name].get("Properties")))
        settings = self.settings_of(name).for_container(text_of(container.get("Name")))
        found = look_up(container, architecture, settings, self.images, self.ssm)
        if found and not (found.entrypoint or found.cmd or argv(container.get("Command"))):
            return None
        return found


@dataclass(frozen=True)
class Run:
    """What a run of the macro sees of its input: the same for each comparison of its output."""

    template: Json
    stack: StackInputs
    evaluated: EvaluatedTemplate
    expanded: Mapping[str, Json]
    certain_template: Json
    certain_stack: StackInputs
    certain: EvaluatedTemplate
    certain_conditions: Mapping[str, bool]

    @classmethod
    def of(cls, template: Json, stack: StackInputs) -> Run:
        """Evaluate an input under the conditions of the run."""
        evaluated = evaluate(template, stack)
        whole, certain_stack = certain_inputs(template, stack)
        return cls(
            template=template,
            stack=stack,
            evaluated=evaluated,
            expanded=mapping(mapping(expand_loops(template, stack)).get("Resources")),
            certain_template=whole,
            certain_stack=certain_stack,
            certain=evaluate(whole, certain_stack, evaluated.conditions),
            certain_conditions=condition_values(whole, certain_stack),
        )


def compare(
    run: Run,
    after: Json,
    *,
    settings: Mapping[str, Json],
    images: Images,
    condition_overrides: Mapping[str, bool] | None,
) -> Comparison:
    """Evaluate the input and the output of a run under its conditions, or under those of `condition_overrides`."""
    before, certain = run.evaluated, run.certain
    if condition_overrides:
        before = evaluate(run.template, run.stack, condition_overrides)
        certain = evaluate(run.certain_template, run.certain_stack, before.conditions)
    return Comparison(
        settings=settings,
        images=images,
        ssm=run.stack.ssm,
        source=mapping(mapping(run.template).get("Resources")),
        expanded=run.expanded,
        at_run_time=run.evaluated,
        before=before,
        after=evaluate(after, run.stack, condition_overrides),
        certain_conditions=run.certain_conditions,
        certain=certain,
        certain_at_run_time=run.certain,
    )


@dataclass(frozen=True)
class Workload:
    """A container to be instrumented. `index` is its position in the list without the agent."""

    index: int
    container: Mapping[str, Json]
    config: ImageConfig | None
    is_unresolved: bool


def workloads(comparison: Comparison, name: str) -> list[Workload]:
    """Return the containers of a task definition that are to be instrumented."""
    if not comparison.is_selected(name):
        return []
    resource, settings = comparison.before.resources[name], comparison.settings_of(name)
    found = []
    for index, container in enumerate(without_agents(containers_of(resource))):
        if isinstance(container, dict) and container_is_selected(container, resource, settings):
            config = comparison.image_config(name, container)
            # A blank CommaDelimitedList gives [""]. In an inactive branch it may stay, as an unknown image may.
            is_blank = not comparison.is_deployed(name) and container.get("EntryPoint") == [""]
            is_unknown = needs_image(container) and config is None
            is_unresolved = is_blank or is_unknown or (config is not None and runs_nothing(container, config))
            found.append(Workload(index, container, config, is_unresolved))
    return found


def workloads_to_instrument(comparison: Comparison, name: str) -> list[Workload]:
    """Return the workloads without those that OnUnresolvedImage=skip leaves unchanged."""
    skips = comparison.settings_of(name).string("OnUnresolvedImage") == "skip" and comparison.is_deployed(name)
    return [workload for workload in workloads(comparison, name) if not (skips and workload.is_unresolved)]


def without_agents(containers: list[Json]) -> list[Json]:
    """Return the containers that do not have the agent's name."""
    return [container for container in containers if not is_agent(container)]

"""The settings that a template itself contains: in its Metadata, in the Transform's Parameters, and in tags.

Later layers win: the macro's deployment < the template's ``Metadata.SysdigInstrument`` < the Parameters of the Transform <
the task definition's tags < the resource's ``Metadata.SysdigInstrument``, in which ``Containers`` has settings for single
containers, by name.

If a task definition's own settings name a container that it does not have, the name is probably misspelt. That is a
problem: a misspelt name in ExcludeContainers would let a container be instrumented that must not be, and one in
IncludeContainers would leave a container without protection. In a tag it is only a notice, because CloudFormation copies a
stack's tags to all of its resources. A setting for many task definitions need not match a container in each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, cast

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.expressions.decision_tree import leaves, parse_if, parse_tree
from sysdig_instrument.engine.expressions.evaluate import evaluate, is_expression
from sysdig_instrument.engine.expressions.parameters import without_no_echo
from sysdig_instrument.engine.expressions.scope import EvaluationScope, section
from sysdig_instrument.engine.expressions.values import Evaluated, Known, Unknown, plain
from sysdig_instrument.engine.findings import Finding, Location, Notice, Problem, Reason, quote
from sysdig_instrument.engine.globs import matches_any
from sysdig_instrument.engine.json_types import Json, Pointer
from sysdig_instrument.engine.paste import CONTAINER, PasteInto, paste
from sysdig_instrument.engine.settings.layers import InvalidSetting, Layer, ResolvedSettings, with_layer
from sysdig_instrument.engine.settings.table import BY_NAME, Settings, SettingScope
from sysdig_instrument.engine.settings.tags import OWN_TAGS, TAGS_LAYER, read_tags, tags_layer
from sysdig_instrument.engine.settings.types import String, StringList
from sysdig_instrument.engine.suggestions import suggest
from sysdig_instrument.engine.template import TaskDefinition, own_transforms
from sysdig_instrument.lazy_dataclasses import dataclass, field, replace

# --- all layers of a template

METADATA_KEY: Final = "SysdigInstrument"
_RELEASE_STAMP_KEY: Final = "SysdigInstrumentRelease"
"""What the CDK package writes, so that a new release of the macro reaches a stack whose template is otherwise the same."""

RESULT_KEY: Final = "Result"
TAGS_KEY: Final = "Tags"
"""The list of added tags in the Result."""
UNDO_KEY: Final = "Undo"
"""The list of what undoes the changes, in the Result."""
CONTAINERS_KEY: Final = "Containers"
TRANSFORM_LAYER: Final = "the Transform's Parameters"
"""The name of this layer in messages. The processed template does not contain it."""


@dataclass(frozen=True, slots=True)
class TaskSettings:
    """The settings of one task definition, and of each container that has settings of its own, by the container's name.

    ``inherited`` are the settings without the task definition's own tags and Metadata. ``deployment`` are those of the macro's
    deployment, and ``visible`` those with the tags on top: all that the hook and ``coverage`` see. ``added_tags`` are the keys
    of the tags that an earlier run added. ``findings`` are about the task definition's tags and Metadata.
    """

    resolved: ResolvedSettings
    inherited: ResolvedSettings
    deployment: ResolvedSettings
    visible: ResolvedSettings
    containers: Mapping[str, ResolvedSettings] = field(default_factory=dict)
    added_tags: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()

    @classmethod
    def of_deployment(cls, resolved: ResolvedSettings) -> TaskSettings:
        """Return the settings of a task definition for which only these settings count."""
        return cls(resolved, resolved, resolved, resolved)

    def for_container(self, container: str | None) -> ResolvedSettings:
        """Return the settings of a container: its own, or the task definition's if it has none or its name is not known (None)."""
        return self.containers.get(container or "", self.resolved)

    @property
    def has_own(self) -> bool:
        """True if the template has settings for the task definition or its containers."""
        return self.resolved is not self.deployment or bool(self.containers) or self.visible is not self.deployment

    @property
    def all_disabled(self) -> bool:
        """True if Enabled is false for the task definition and for each container with settings of its own."""
        if self.resolved.values.enabled:
            return False
        return not any(each.values.enabled for each in self.containers.values())


def template_settings(
    template: Json, deployment: ResolvedSettings, parameters: Mapping[str, Json], scope: EvaluationScope
) -> tuple[ResolvedSettings, list[Finding]]:
    """Return the settings for the whole template, and the findings about them.

    They are the deployment's, with the template's Metadata and the Transform's Parameters on top.
    """
    location = Location(None, None, ("Metadata", METADATA_KEY))
    sections = section(template, "Metadata")
    metadata, problems = _metadata_settings(sections, location)
    if metadata.pop(CONTAINERS_KEY, None) is not None:
        reason = Reason(
            f"{CONTAINERS_KEY} is for the Metadata of a task definition, not of the template",
            "Move it to the Metadata of the resource",
            code=Code.CONTAINERS_IN_TEMPLATE_METADATA,
            paste=paste(
                PasteInto.RESOURCE,
                {"Metadata": {METADATA_KEY: {CONTAINERS_KEY: {CONTAINER: {"SETTING": "VALUE"}}}}},
            ),
        )
        problems.append(Problem(Location(None, None, (*location.pointer, CONTAINERS_KEY)), reason))
    metadata_layer = Layer("the template's Metadata", metadata, SettingScope.TASK)
    resolved, metadata_problems = _with_template_layer(deployment, metadata_layer, location, scope)
    transform_layer = Layer(TRANSFORM_LAYER, parameters, SettingScope.TASK)
    of_transform = Location(
        None, None, _parameters_pointer(template, deployment.values.macro_name) if parameters else ()
    )
    resolved, transform_problems = _with_template_layer(resolved, transform_layer, of_transform, scope)
    misspelt = _misspelt_sections(sections, location)
    return resolved, [*misspelt, *problems, *metadata_problems, *transform_problems]


def _parameters_pointer(template: Json, macro_name: str) -> Pointer:
    """Return the pointer of the Parameters with which the template lists the macro. A macro itself does not see them."""
    for pointer, entry in own_transforms(template, macro_name):
        if isinstance(entry, dict) and "Parameters" in entry:
            return (*pointer, "Parameters")
    return ()


def task_settings(task: TaskDefinition, resolved: ResolvedSettings, deployment: ResolvedSettings) -> TaskSettings:
    """Return the settings of one task definition: the template's, with its tags and its Metadata on top."""
    inherited, visible = resolved, deployment
    findings: list[Finding] = []
    added = _added_tags(task) if "Metadata" in task.resource else frozenset()
    if "Tags" in task.properties_or_empty:
        tags, tag_findings = read_tags(task)
        visible, _ = with_layer(deployment, tags_layer(tags, deployment))
        own = [tag for tag in tags if tag.key not in added]
        location = Location(task.name, None, (*task.properties_pointer, "Tags"))
        resolved, problems = _with_template_layer(resolved, tags_layer(own, resolved), location, task.scope)
        findings += (*tag_findings, *problems)
    findings += tuple(_metadata_in_properties(task))
    if task.pointer is None or "Metadata" not in task.resource:
        return TaskSettings(resolved, inherited, deployment, visible, findings=tuple(findings))
    location = Location(task.name, None, (*task.pointer, "Metadata", METADATA_KEY))
    sections = section(dict(task.resource), "Metadata")
    metadata, metadata_problems = _metadata_settings(sections, location)
    by_container = metadata.pop(CONTAINERS_KEY, {})
    layer = Layer("the resource's Metadata", metadata, SettingScope.TASK)
    resolved, problems = _with_template_layer(resolved, layer, location, task.scope)
    containers, container_problems = _container_settings(by_container, resolved, location, task.scope)
    findings += (*_misspelt_sections(sections, location), *metadata_problems, *problems, *container_problems)
    return TaskSettings(resolved, inherited, deployment, visible, containers, added, tuple(findings))


def _added_tags(task: TaskDefinition) -> frozenset[str]:
    """Return the keys of the tags that the Result of an earlier run lists: they repeat settings, and are none themselves."""
    own = section(dict(section(dict(task.resource), "Metadata")), METADATA_KEY)
    keys = section(dict(own), RESULT_KEY).get(TAGS_KEY)
    return OWN_TAGS.intersection(map(str, keys)) if isinstance(keys, list) else frozenset()


def _metadata_settings(metadata: Mapping[str, Json], location: Location) -> tuple[dict[str, Json], list[Problem]]:
    """Return the macro's settings in a Metadata section, without the Result of an earlier run, and the problems in them."""
    branches = (
        [leaf.value for leaf, _ in leaves(parse_tree(dict(metadata), ()), {})] if parse_if(dict(metadata)) else []
    )
    if any(isinstance(branch, dict) and METADATA_KEY in branch for branch in branches):
        return {}, [
            Problem(
                location, Reason(f"{METADATA_KEY} is under Fn::If, but Metadata is read before conditions are evaluated",
                "Write Metadata without Fn::If; the value of a setting may be an Fn::If", code=Code.METADATA_UNDER_IF),
            )
        ]  # fmt: skip
    own = metadata.get(METADATA_KEY, {})
    if isinstance(own, dict):
        return {name: value for name, value in own.items() if name != RESULT_KEY}, []
    return {}, [
        Problem(
            location,
            Reason(
                f"{METADATA_KEY} in Metadata is not an object",
                "Write it as an object of settings by name",
                code=Code.METADATA_NOT_OBJECT,
                paste=paste(PasteInto.PARENT, {METADATA_KEY: {"SETTING": "VALUE"}}),
            ),
        )
    ]


def _metadata_in_properties(task: TaskDefinition) -> Iterator[Notice]:
    """Yield a notice about settings in a Metadata that is a member of Properties: the macro does not read them there."""
    properties = task.properties_or_empty
    if "Metadata" in properties and METADATA_KEY in section(dict(properties), "Metadata"):
        fact = f"Properties has Metadata with {METADATA_KEY}, which has no effect there"
        reason = Reason(fact, "Move Metadata out of Properties, beside it", code=Code.METADATA_MISPLACED)
        yield Notice(Location(task.name, None, (*task.properties_pointer, "Metadata", METADATA_KEY)), reason)


_MIN_SIMILARITY: Final = 0.8


def _misspelt_sections(metadata: Mapping[str, Json], location: Location) -> Iterator[Notice]:
    """Yield a notice about each section of Metadata whose name is nearly that of the settings: it does not count."""
    for name in metadata:
        letters = re.sub(r"[\W_]+", "", name)
        if name not in (METADATA_KEY, _RELEASE_STAMP_KEY) and suggest(letters, [METADATA_KEY], cutoff=_MIN_SIMILARITY):
            fact = f"Metadata has {quote(name)}, which has no effect"
            reason = Reason(fact, f'Did you mean "{METADATA_KEY}"?', code=Code.METADATA_MISSPELT)
            yield Notice(Location(location.task, None, (*location.pointer[:-1], name)), reason)


def _container_settings(
    by_container: Json, resolved: ResolvedSettings, location: Location, scope: EvaluationScope
) -> tuple[dict[str, ResolvedSettings], list[Problem]]:
    pointer: Pointer = (*location.pointer, CONTAINERS_KEY)
    if not isinstance(by_container, dict):
        reason = Reason(
            f"{CONTAINERS_KEY} is not an object",
            "Write it as an object of settings by container name",
            code=Code.METADATA_NOT_OBJECT,
            paste=paste(PasteInto.PARENT, {CONTAINERS_KEY: {"NAME": {"SETTING": "VALUE"}}}),
        )
        return {}, [Problem(Location(location.task, None, pointer), reason)]
    containers: dict[str, ResolvedSettings] = {}
    problems: list[Problem] = []
    for name, values in by_container.items():
        container_location = Location(location.task, name, (*pointer, name))
        if not isinstance(values, dict):
            reason = Reason(
                f"The settings of container {quote(name)} are not an object",
                "Write them as an object of settings by name",
                code=Code.METADATA_NOT_OBJECT,
                paste=paste(PasteInto.PARENT, {CONTAINER: {"SETTING": "VALUE"}}),
            )
            problems.append(Problem(container_location, reason))
            continue
        layer = Layer("the resource's Metadata", values, SettingScope.CONTAINER)
        containers[name], layer_problems = _with_template_layer(resolved, layer, container_location, scope)
        problems += layer_problems
    return containers, problems


def _with_template_layer(
    resolved: ResolvedSettings, layer: Layer, location: Location, scope: EvaluationScope
) -> tuple[ResolvedSettings, list[Problem]]:
    """Return the settings with a layer of the template on top; expressions in it are evaluated first."""
    if not layer.values:
        return resolved, []
    values: dict[str, Json] = {}
    invalid: list[InvalidSetting] = []
    for name, value in layer.values.items():
        match _evaluate_setting(name, value, scope):
            case Known(known):
                values[name] = known if _is_list_of_names(name) else plain(known)  # other values go into the template
            case Unknown(why):
                fact = f"Setting {quote(name)} in {layer.name} cannot be resolved: {why.fact}"
                advice = why.advice or "Write a literal value"
                invalid.append(
                    InvalidSetting(
                        name, Reason(fact, advice, code=Code.SETTING_UNRESOLVED, not_known_here=why.is_unknown)
                    )
                )
    resolved, more_invalid = with_layer(resolved, Layer(layer.name, values, layer.scope))
    return resolved, [_problem(each, location) for each in (*invalid, *more_invalid)]


def _is_list_of_names(name: str) -> bool:
    setting = BY_NAME.get(name)
    return setting is not None and isinstance(setting.value_type, StringList)


def _evaluate_setting(name: str, value: Json, scope: EvaluationScope) -> Evaluated:
    """Return the value of a setting. An expression that goes into the template as it is stays unevaluated.

    The value of another one goes into the template, where anyone may read it, so it must not depend on a NoEcho parameter.
    Reason is shown in messages, so it must not depend on a value of the account either.
    """
    setting = BY_NAME.get(name)
    keeps_expression = (
        setting is not None and isinstance(setting.value_type, String) and setting.value_type.allows_intrinsic
    )
    if keeps_expression or not is_expression(value):
        return Known(value)
    if _is_list_of_names(name):
        return evaluate(value, scope.with_lookups())
    shown = without_no_echo(scope)
    return evaluate(value, shown if name == "Reason" else shown.with_lookups())


def _problem(invalid: InvalidSetting, location: Location) -> Problem:
    is_keyed = location.pointer and location.pointer[-1] != "Tags"  # settings in tags have no keys to point to
    pointer = (*location.pointer, invalid.name) if is_keyed else location.pointer
    reason = invalid.reason if is_keyed else replace(invalid.reason, paste=())
    return Problem(Location(location.task, location.container, pointer), reason)


# --- settings for containers that do not exist

_NAME_LISTS: Final = ("ExcludeContainers", "IncludeContainers")
_MAX_SHOWN: Final = 10  # ECS accepts no more containers in a task definition


def unknown_containers(
    task: TaskDefinition, settings: TaskSettings, names: Sequence[str | None]
) -> Iterator[Notice | Problem]:
    """Yield a finding for each setting of the task definition that names a container which it does not have.

    ``names`` are the containers' names; with an unknown one (None) among them there are no findings.
    """
    if None in names:
        return
    known = dict.fromkeys(name for name in names if name is not None)
    shown = [quote(name) for name in list(known)[:_MAX_SHOWN]]
    advice = f"Use one of: {', '.join(shown)}" if shown else "Remove it"
    for name in settings.containers:
        if name not in known:
            fact = f"There are settings for container {quote(name)}, which this task does not have"
            yield Problem(
                _location(task, CONTAINERS_KEY, name), Reason(fact, advice, code=Code.SETTINGS_OF_NO_CONTAINER)
            )
    for setting in _NAME_LISTS:
        layer, inherited = settings.resolved.layer(setting), set(_globs(settings.inherited.values, setting))
        for glob in _globs(settings.resolved.values, setting):
            if glob not in inherited and not any(matches_any(name, (glob,), task.scope.state) for name in known):
                fact = f"{setting} in {layer.name} names {quote(glob)}, but the task has no such container"
                if layer.name == TAGS_LAYER:
                    location = Location(task.name, None, (*task.properties_pointer, "Tags"))
                    yield Notice(location, Reason(fact, advice, code=Code.NAME_OF_NO_CONTAINER))
                else:
                    yield Problem(_location(task, setting), Reason(fact, advice, code=Code.NAME_OF_NO_CONTAINER))


def _globs(settings: Settings, name: str) -> Sequence[str]:
    return cast("Sequence[str]", getattr(settings, BY_NAME[name].attribute))


def _location(task: TaskDefinition, *keys: str) -> Location:
    return Location(task.name, None, (*(task.pointer or ()), "Metadata", METADATA_KEY, *keys))

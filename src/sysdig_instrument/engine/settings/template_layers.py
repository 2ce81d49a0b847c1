"""Settings that name a container which the task definition does not have: somebody's slip of the pen.

Only those of the task definition itself, its Metadata and tags: what a platform team says for many of them need not mean
each. A name that is misspelt in ExcludeContainers would let a container be instrumented that was to be left alone, and in
IncludeContainers would leave one without protection. In a tag it is a notice only: a stack's tags go to all that is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final, cast

from sysdig_instrument.engine.container import member_values
from sysdig_instrument.engine.expressions.decision_tree import (
    Assumptions,
    LocatedValue,
    leaves,
    parse_if,
    parse_tree,
    value_leaves,
)
from sysdig_instrument.engine.expressions.evaluate import evaluate, is_active, is_expression
from sysdig_instrument.engine.expressions.scope import EvaluationScope, section
from sysdig_instrument.engine.expressions.values import Evaluated, Literal, Unknown
from sysdig_instrument.engine.findings import Finding, Location, Notice, Problem, Reason, quote
from sysdig_instrument.engine.json_types import ABSENT, Json
from sysdig_instrument.engine.patch import Pointer
from sysdig_instrument.engine.settings.layers import InvalidSetting, Layer, ResolvedSettings, with_layer
from sysdig_instrument.engine.settings.table import BY_NAME, Settings, SettingScope
from sysdig_instrument.engine.settings.types import String
from sysdig_instrument.engine.template import TaskDefinition
from sysdig_instrument.lazy_dataclasses import dataclass, field

METADATA_KEY: Final = "SysdigInstrument"
RESULT_KEY: Final = "Result"
CONTAINERS_KEY: Final = "Containers"


@dataclass(frozen=True, slots=True)
class TaskSettings:
    """The settings of one task definition, and those of the containers that have some of their own.

    ``inherited`` are those that it would have if it said nothing itself.
    """

    resolved: ResolvedSettings
    inherited: ResolvedSettings
    containers: Mapping[str, ResolvedSettings] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def for_container(self, container: str | None) -> ResolvedSettings:
        """The settings of a container."""
        return self.containers.get(container or "", self.resolved)

    @property
    def all_disabled(self) -> bool:
        """Whether nothing in the task definition can be instrumented, by Enabled alone."""
        if self.resolved.values.enabled:
            return False
        return not any(each.values.enabled for each in self.containers.values())


def template_settings(
    template: Json, deployment: ResolvedSettings, params: Mapping[str, Json], scope: EvaluationScope
) -> tuple[ResolvedSettings, list[Problem]]:
    """The settings for the whole template: the deployment's, the template's Metadata, the Transform's parameters."""
    metadata, problems = _metadata_settings(
        section(template, "Metadata"), Location(None, None, ("Metadata", METADATA_KEY))
    )
    if metadata.pop(CONTAINERS_KEY, None) is not None:
        place = Location(None, None, ("Metadata", METADATA_KEY, CONTAINERS_KEY))
        problems.append(
            Problem(
                place, Reason("The template has no containers of its own", "Move this to the Metadata of the resource")
            )
        )
    resolved, more = _with_template_layer(
        deployment,
        Layer("the template's Metadata", metadata, SettingScope.TASK),
        Location(None, None, ("Metadata", METADATA_KEY)),
        scope,
    )
    resolved, most = _with_template_layer(
        resolved, Layer("the Transform's Parameters", params, SettingScope.TASK), Location(), scope
    )
    return resolved, [*problems, *more, *most]


def task_settings(task: TaskDefinition, resolved: ResolvedSettings) -> TaskSettings:
    """The settings for one task definition: its tags and its Metadata over the template's settings."""
    findings: list[Finding] = []
    inherited = resolved
    if isinstance(task.properties, dict) and "Tags" in task.properties:
        tags = tag_settings(task, resolved)
        findings += tags.findings
        resolved, more = _with_template_layer(
            resolved, tags.layer, Location(task.name, None, (*task.properties_pointer, "Tags")), task.scope
        )
        findings += more
    if task.pointer is None or "Metadata" not in task.resource:
        return TaskSettings(resolved, inherited, {}, tuple(findings))
    place = Location(task.name, None, (*task.pointer, "Metadata", METADATA_KEY))
    metadata, problems = _metadata_settings(section(dict(task.resource), "Metadata"), place)
    named = metadata.pop(CONTAINERS_KEY, {})
    resolved, more = _with_template_layer(
        resolved, Layer("the resource's Metadata", metadata, SettingScope.TASK), place, task.scope
    )
    containers, most = _container_settings(named, resolved, place, task.scope)
    return TaskSettings(resolved, inherited, containers, (*findings, *problems, *more, *most))


def _metadata_settings(metadata: Mapping[str, Json], place: Location) -> tuple[dict[str, Json], list[Problem]]:
    """The macro's part of a Metadata section, without the Result of an earlier run."""
    branches = (
        [leaf.value for leaf, _ in leaves(parse_tree(dict(metadata), ()), {})] if parse_if(dict(metadata)) else []
    )
    if any(isinstance(branch, dict) and METADATA_KEY in branch for branch in branches):
        return {}, [
            Problem(
                place, Reason(f"{METADATA_KEY} stands under Fn::If, and Metadata is read before conditions are",
                "Write Metadata without Fn::If; the value of each setting may be one"),
            )
        ]  # fmt: skip
    own = metadata.get(METADATA_KEY, {})
    if isinstance(own, dict):
        return {name: value for name, value in own.items() if name != RESULT_KEY}, []
    return {}, [Problem(place, Reason(f"{METADATA_KEY} in Metadata is not an object", "Write settings by name there"))]


def _container_settings(
    named: Json, resolved: ResolvedSettings, place: Location, scope: EvaluationScope
) -> tuple[dict[str, ResolvedSettings], list[Problem]]:
    pointer: Pointer = (*place.pointer, CONTAINERS_KEY)
    if not isinstance(named, dict):
        return {}, [
            Problem(
                Location(place.task, None, pointer),
                Reason(f"{CONTAINERS_KEY} is not an object", "Write settings by container name there"),
            )
        ]
    containers: dict[str, ResolvedSettings] = {}
    problems: list[Problem] = []
    for name, values in named.items():
        here = Location(place.task, name, (*pointer, name))
        if not isinstance(values, dict):
            problems.append(
                Problem(here, Reason("The container's settings are not an object", "Write settings by name there"))
            )
            continue
        layer = Layer("the resource's Metadata", values, SettingScope.CONTAINER)
        containers[name], more = _with_template_layer(resolved, layer, here, scope)
        problems += more
    return containers, problems


def _with_template_layer(
    resolved: ResolvedSettings, layer: Layer, place: Location, scope: EvaluationScope
) -> tuple[ResolvedSettings, list[Problem]]:
    """The settings with a layer of the template's over them; expressions in it are worked out first."""
    if not layer.values:
        return resolved, []
    values: dict[str, Json] = {}
    faults: list[InvalidSetting] = []
    for name, value in layer.values.items():
        match _evaluate_setting(name, value, scope):
            case Literal(known):
                values[name] = known
            case Unknown(Reason(why, advice)):
                fact = f"Setting {quote(name)} in {layer.name} cannot be worked out: {why}"
                faults.append(InvalidSetting(name, Reason(fact, advice or "Write the value itself")))
    resolved, more = with_layer(resolved, Layer(layer.name, values, layer.scope))
    return resolved, [_problem(fault, place) for fault in (*faults, *more)]


def _evaluate_setting(name: str, value: Json, scope: EvaluationScope) -> Evaluated:
    """The value of a setting; one that passes through to the template stays the expression that it is."""
    setting = BY_NAME.get(name)
    passes_through = (
        setting is not None and isinstance(setting.value_type, String) and setting.value_type.allows_intrinsic
    )
    return evaluate(value, scope) if is_expression(value) and not passes_through else Literal(value)


def _problem(fault: InvalidSetting, place: Location) -> Problem:
    pointer = (*place.pointer, fault.name) if place.pointer and place.pointer[-1] != "Tags" else place.pointer
    return Problem(Location(place.task, place.container, pointer), fault.reason)


INSTRUMENT_TAG: Final = "sysdig-instrument"
TAGS_LAYER: Final = "the tags"
"""What messages call this layer."""
_KILT_TAGS: Final = frozenset({"kilt-ignore", "kilt-include", "kilt-ignore-containers", "kilt-include-containers"})


@dataclass(frozen=True, slots=True)
class TagSettings:
    """What the tags of a task definition say."""

    layer: Layer
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Tag:
    key: str
    value: Evaluated
    pointer: Pointer


def tag_settings(task: TaskDefinition, resolved: ResolvedSettings) -> TagSettings:
    """The layer of settings that the tags are."""
    values: dict[str, Json] = {}
    findings: list[Finding] = []
    for tag in _known_tags(task, findings):
        place = Location(task.name, None, tag.pointer)
        if tag.key in ("kilt-ignore", "kilt-include"):
            if tag.key == "kilt-ignore":
                values["Enabled"] = False
                findings += _false_is_ignored(tag, place)
            elif resolved.values.mode == "opt-in":
                values.setdefault("Enabled", True)
            continue
        match tag.value:
            case Literal(value):
                _apply_tag(tag.key, value, values, resolved)
            case Unknown(Reason(why)):
                fact = f'The value of tag "{tag.key}" cannot be worked out: {why}'
                findings.append(Problem(place, Reason(fact, "Write the value itself")))
    return TagSettings(Layer(TAGS_LAYER, values, SettingScope.TASK), tuple(findings))


def _apply_tag(key: str, value: Json, values: dict[str, Json], resolved: ResolvedSettings) -> None:
    if key == INSTRUMENT_TAG:
        values["Enabled"] = value
        return
    names: list[Json] = [name.strip() for name in value.split(":")] if isinstance(value, str) else []
    if key == "kilt-ignore-containers":
        values["ExcludeContainers"] = [*resolved.values.exclude_containers, *names]
    elif resolved.values.mode == "opt-in":
        values["IncludeContainers"] = [*resolved.values.include_containers, *names]
        values.setdefault("Enabled", True)


def _false_is_ignored(tag: _Tag, place: Location) -> Iterator[Notice]:
    match tag.value:
        case Literal(str(text)) if text.strip().lower() in ("false", "no", "0"):
            yield Notice(
                place, Reason(f'Tag "{tag.key}" counts whatever its value, as in Kilt, so the task is left alone',
                "Take the tag out to have it instrumented"),
            )  # fmt: skip


def _tag_list(
    task: TaskDefinition, tags: LocatedValue, assumptions: Assumptions, findings: list[Finding]
) -> list[Json]:
    """The tags of one list; of a list that is an expression, those that it is worth."""
    if isinstance(tags.value, dict):
        match evaluate(tags.value, task.scope.assuming(assumptions)):
            case Literal(list(items)):
                return items
            case Unknown(Reason(why)):
                fact = f"The tags cannot be worked out, so those that leave something alone are not seen: {why}"
                findings.append(
                    Notice(Location(task.name, None, tags.pointer), Reason(fact, "Write the tags as a list"))
                )
    return tags.value if isinstance(tags.value, list) else []


def _known_tags(task: TaskDefinition, findings: list[Finding]) -> Iterator[_Tag]:
    """The tags that mean something here and are there as things are now; those that may be there are problems."""
    properties = task.properties if isinstance(task.properties, dict) else {}
    for tags, assumptions in member_values(properties, "Tags", task.properties_pointer, task.assumptions):
        for index, item in enumerate(_tag_list(task, tags, assumptions, findings)):
            for leaf, assumed in value_leaves(item, (*tags.pointer, index), assumptions):
                entry = leaf.value
                key = evaluate(entry.get("Key", ABSENT), task.scope) if isinstance(entry, dict) else ABSENT
                match key:
                    case Literal(str(name)) if isinstance(entry, dict) and (
                        name == INSTRUMENT_TAG or name in _KILT_TAGS
                    ):
                        pass
                    case _:
                        continue
                is_there = is_active({c: h for c, h in assumed.items() if c not in task.assumptions}, task.scope)
                if is_there:
                    yield _Tag(name, evaluate(entry.get("Value", ABSENT), task.scope), leaf.pointer)
                elif is_there is None:
                    fact = f'Whether tag "{name}" is there depends on a condition that is not known here'
                    findings.append(
                        Problem(Location(task.name, None, leaf.pointer), Reason(fact, "Take the tag out of Fn::If"))
                    )


_NAME_LISTS: Final = ("ExcludeContainers", "IncludeContainers")


def unknown_containers(
    task: TaskDefinition, settings: TaskSettings, names: Sequence[str | None]
) -> Iterator[Notice | Problem]:
    """What names none of the containers. ``names`` are theirs; nothing is said where one of them is not known."""
    if None in names:
        return
    known = [name for name in names if name is not None]
    advice = f"Write one of {', '.join(map(quote, known))}" if known else "Take it out"
    for name in settings.containers:
        if name not in known:
            fact = "There are settings for a container of this name, and the task has none of it"
            yield Problem(_location(task, CONTAINERS_KEY, name), Reason(fact, advice))
    for setting in _NAME_LISTS:
        layer, elsewhere = settings.resolved.layer(setting), _globs(settings.inherited.values, setting)
        for glob in _globs(settings.resolved.values, setting):
            if glob not in elsewhere and not any(fnmatchcase(name, glob) for name in known):
                fact = f"{setting} in {layer.name} names {quote(glob)}, and the task has no such container"
                if layer.name == TAGS_LAYER:
                    place = Location(task.name, None, (*task.properties_pointer, "Tags"))
                    yield Notice(place, Reason(fact, advice))
                else:
                    yield Problem(_location(task, setting), Reason(fact, advice))


def _globs(settings: Settings, name: str) -> Sequence[str]:
    return cast("Sequence[str]", getattr(settings, BY_NAME[name].attribute))


def _location(task: TaskDefinition, *keys: str) -> Location:
    return Location(task.name, None, (*(task.pointer or ()), "Metadata", METADATA_KEY, *keys))


# FOLDED: The settings that a template itself brings: Metadata of the template, the Transform's parameters, tags, Metadata of resources. Later wins: the macro's deployment < template ``Metadata.SysdigInstrument`` < parameters of the Transform < tags < resource ``Metadata.SysdigInstrument``, in which ``Containers`` holds settings for single containers by name.
# FOLDED: Tags of a task definition as settings: our own, and those of Sysdig's earlier macro (Kilt). ``sysdig-instrument`` is ``true`` or ``false``. Kilt's tags keep Kilt's meaning (agent-kilt, ``cfnpatcher/util.go``): ``kilt-ignore`` and ``kilt-include`` count by being there, whatever their value; ``kilt-ignore-containers`` and ``kilt-include-containers`` hold names with colons between them, and the ``include`` tags count in opt-in mode only.

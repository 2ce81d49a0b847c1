"""The settings that a template itself brings: Metadata of the template, the Transform's parameters, tags, Metadata of resources.

Later wins: the macro's deployment < template ``Metadata.SysdigInstrument`` < parameters of the Transform < tags < resource
``Metadata.SysdigInstrument``, in which ``Containers`` holds settings for single containers by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sysdig_instrument.engine import intrinsics
from sysdig_instrument.engine.choices import as_if, leaves, read
from sysdig_instrument.engine.findings import Finding, Place, Problem, Reason, quoted
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.known import Known, Literal, Unknown
from sysdig_instrument.engine.patch import Pointer
from sysdig_instrument.engine.scope import Scope, section
from sysdig_instrument.engine.settings.kinds import Text
from sysdig_instrument.engine.settings.layers import Fault, Layer, Settled, merged
from sysdig_instrument.engine.settings.table import BY_NAME, Reach
from sysdig_instrument.engine.tags import of_tags
from sysdig_instrument.engine.template import TaskDefinition
from sysdig_instrument.values import dataclass, field

METADATA: Final = "SysdigInstrument"
RESULT: Final = "Result"
CONTAINERS: Final = "Containers"


@dataclass(frozen=True, slots=True)
class TaskSettings:
    """The settings of one task definition, and those of the containers that have some of their own.

    ``inherited`` are those that it would have if it said nothing itself.
    """

    settled: Settled
    inherited: Settled
    containers: Mapping[str, Settled] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def of(self, container: str | None) -> Settled:
        """The settings of a container."""
        return self.containers.get(container or "", self.settled)

    @property
    def all_disabled(self) -> bool:
        """Whether nothing in the task definition can be instrumented, by Enabled alone."""
        if self.settled.settings.enabled:
            return False
        return not any(each.settings.enabled for each in self.containers.values())


def of_template(
    template: Json, deployment: Settled, params: Mapping[str, Json], scope: Scope
) -> tuple[Settled, list[Problem]]:
    """The settings for the whole template: the deployment's, the template's Metadata, the Transform's parameters."""
    metadata, problems = _own_metadata(section(template, "Metadata"), Place(None, None, ("Metadata", METADATA)))
    if metadata.pop(CONTAINERS, None) is not None:
        place = Place(None, None, ("Metadata", METADATA, CONTAINERS))
        problems.append(
            Problem(
                place, Reason("The template has no containers of its own", "Move this to the Metadata of the resource")
            )
        )
    settled, more = _over(
        deployment,
        Layer("the template's Metadata", metadata, Reach.TASK),
        Place(None, None, ("Metadata", METADATA)),
        scope,
    )
    settled, most = _over(settled, Layer("the Transform's Parameters", params, Reach.TASK), Place(), scope)
    return settled, [*problems, *more, *most]


def of_task(task: TaskDefinition, settled: Settled) -> TaskSettings:
    """The settings for one task definition: its tags and its Metadata over the template's settings."""
    findings: list[Finding] = []
    inherited = settled
    if isinstance(task.properties, dict) and "Tags" in task.properties:
        tags = of_tags(task, settled)
        findings += tags.findings
        settled, more = _over(
            settled, tags.layer, Place(task.name, None, (*task.properties_pointer, "Tags")), task.scope
        )
        findings += more
    if task.pointer is None or "Metadata" not in task.resource:
        return TaskSettings(settled, inherited, {}, tuple(findings))
    place = Place(task.name, None, (*task.pointer, "Metadata", METADATA))
    metadata, problems = _own_metadata(section(dict(task.resource), "Metadata"), place)
    named = metadata.pop(CONTAINERS, {})
    settled, more = _over(settled, Layer("the resource's Metadata", metadata, Reach.TASK), place, task.scope)
    containers, most = _of_containers(named, settled, place, task.scope)
    return TaskSettings(settled, inherited, containers, (*findings, *problems, *more, *most))


def _own_metadata(metadata: Mapping[str, Json], place: Place) -> tuple[dict[str, Json], list[Problem]]:
    """The macro's part of a Metadata section, without the Result of an earlier run."""
    branches = [leaf.value for leaf, _ in leaves(read(dict(metadata), ()), {})] if as_if(dict(metadata)) else []
    if any(isinstance(branch, dict) and METADATA in branch for branch in branches):
        return {}, [
            Problem(
                place, Reason(f"{METADATA} stands under Fn::If, and Metadata is read before conditions are",
                "Write Metadata without Fn::If; the value of each setting may be one"),
            )
        ]  # fmt: skip
    own = metadata.get(METADATA, {})
    if isinstance(own, dict):
        return {name: value for name, value in own.items() if name != RESULT}, []
    return {}, [Problem(place, Reason(f"{METADATA} in Metadata is not an object", "Write settings by name there"))]


def _of_containers(
    named: Json, settled: Settled, place: Place, scope: Scope
) -> tuple[dict[str, Settled], list[Problem]]:
    pointer: Pointer = (*place.pointer, CONTAINERS)
    if not isinstance(named, dict):
        return {}, [
            Problem(
                Place(place.task, None, pointer),
                Reason(f"{CONTAINERS} is not an object", "Write settings by container name there"),
            )
        ]
    containers: dict[str, Settled] = {}
    problems: list[Problem] = []
    for name, values in named.items():
        here = Place(place.task, name, (*pointer, name))
        if not isinstance(values, dict):
            problems.append(
                Problem(here, Reason("The container's settings are not an object", "Write settings by name there"))
            )
            continue
        layer = Layer("the resource's Metadata", values, Reach.CONTAINER)
        containers[name], more = _over(settled, layer, here, scope)
        problems += more
    return containers, problems


def _over(settled: Settled, layer: Layer, place: Place, scope: Scope) -> tuple[Settled, list[Problem]]:
    """The settings with a layer of the template's over them; expressions in it are worked out first."""
    if not layer.values:
        return settled, []
    values: dict[str, Json] = {}
    faults: list[Fault] = []
    for name, value in layer.values.items():
        match _worked_out(name, value, scope):
            case Literal(known):
                values[name] = known
            case Unknown(Reason(why, advice)):
                fact = f"Setting {quoted(name)} in {layer.name} cannot be worked out: {why}"
                faults.append(Fault(name, Reason(fact, advice or "Write the value itself")))
    settled, more = merged(settled, Layer(layer.name, values, layer.reach))
    return settled, [_problem(fault, place) for fault in (*faults, *more)]


def _worked_out(name: str, value: Json, scope: Scope) -> Known:
    """The value of a setting; one that passes through to the template stays the expression that it is."""
    setting = BY_NAME.get(name)
    passes_through = setting is not None and isinstance(setting.kind, Text) and setting.kind.live
    return (
        intrinsics.resolve(value, scope) if intrinsics.is_expression(value) and not passes_through else Literal(value)
    )


def _problem(fault: Fault, place: Place) -> Problem:
    pointer = (*place.pointer, fault.name) if place.pointer and place.pointer[-1] != "Tags" else place.pointer
    return Problem(Place(place.task, place.container, pointer), fault.reason)

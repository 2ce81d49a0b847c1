"""One task definition: what is decided about it and its containers, and all that changes in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sysdig_instrument.engine import intrinsics
from sysdig_instrument.engine.choices import Leaf, TooManyConditionsError, Tree, When, any_of
from sysdig_instrument.engine.container import (
    EXPAND_FIRST,
    Container,
    Effect,
    container_lists,
    elements,
    hidden,
    is_empty,
)
from sysdig_instrument.engine.findings import Finding, Notice, Place, Problem
from sysdig_instrument.engine.grants import Grant, grant
from sysdig_instrument.engine.json_types import ABSENT, Json
from sysdig_instrument.engine.layering import TaskSettings
from sysdig_instrument.engine.outcomes import Outcome, Status, TaskPlan, finished
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.selection import (
    Agent,
    Include,
    Refuse,
    Skip,
    SkipReason,
    decide_container,
    decide_task,
)
from sysdig_instrument.engine.settings.layers import Settled
from sysdig_instrument.engine.steps.agent import agent, place_agent
from sysdig_instrument.engine.steps.capabilities import capabilities
from sysdig_instrument.engine.steps.entry_point import wrap
from sysdig_instrument.engine.steps.environment import environment
from sysdig_instrument.engine.steps.execution_role import execution_role
from sysdig_instrument.engine.steps.launches import launches
from sysdig_instrument.engine.steps.pid_mode import pid_mode
from sysdig_instrument.engine.steps.runtime_platform import runtime_platform
from sysdig_instrument.engine.steps.task_notices import task_notices
from sysdig_instrument.engine.steps.task_size import task_size
from sysdig_instrument.engine.steps.volumes_from import volumes_from
from sysdig_instrument.engine.strangers import strangers
from sysdig_instrument.engine.template import TaskDefinition
from sysdig_instrument.values import dataclass, replace

STEPS: Final = (environment, volumes_from, capabilities)
"""What happens to each instrumented container beside its entry point, in this order."""

_TASK_KEYS: Final = frozenset(
    {"ContainerDefinitions", "PidMode", "RequiresCompatibilities", "RuntimePlatform", "NetworkMode"}
)
_CONTAINER_KEYS: Final = frozenset(
    {"Name", "Image", "EntryPoint", "Command", "Environment", "VolumesFrom", "LinuxParameters", "FirelensConfiguration"}
)


@dataclass(frozen=True, slots=True)
class _Planned:
    """A container and what is to be done to it."""

    container: Container
    outcome: Outcome
    effects: tuple[Effect, ...] = ()

    @property
    def is_instrumented(self) -> bool:
        return self.outcome.status is Status.INSTRUMENTED


def rewrite(task: TaskDefinition, settings: TaskSettings) -> TaskPlan:
    """The plan for one task definition."""
    match decide_task(task, settings):
        case Skip(why, reason):
            return finished(task, settings, Outcome(None, Status.SKIPPED, why, reason=reason), (), settings.findings)
        case Refuse(key, fact, advice):
            pointer = (*task.properties_pointer, key) if key else task.properties_pointer
            problem = Problem(Place(task.name, None, pointer), fact, advice)
            return finished(task, settings, Outcome(None, Status.REFUSED, fact), (), (*settings.findings, problem))
    try:
        return _rewrite_lists(task, settings)
    except TooManyConditionsError:
        fact = "The items of one of its lists stand under too many different conditions"
        problem = Problem(Place(task.name, None, task.properties_pointer), fact, "Let several items share a condition")
        return finished(task, settings, Outcome(None, Status.REFUSED, fact), (), (*settings.findings, problem))


def _rewrite_lists(task: TaskDefinition, settings: TaskSettings) -> TaskPlan:
    effects: list[Effect | Finding | Grant] = [*settings.findings, *_out_of_sight(task)]
    planned: list[_Planned] = []
    for containers, when in container_lists(task):
        if is_empty(containers.value):
            continue
        if not isinstance(containers.value, list):
            effects.append(_not_a_list(task, containers))
            continue
        here, more = _containers(task, containers.value, containers, when, settings)
        planned += here
        effects += more
        for each in here:
            effects += each.effects
        effects += _agents(here, containers, when, settings.settled)
    if settings.settled is not settings.inherited or settings.containers:
        effects += strangers(task, settings, [each.container.name for each in planned])
    outcomes = tuple(each.outcome for each in planned)
    instrumented = [each.container.when for each in planned if each.is_instrumented]
    if not instrumented:
        findings = [effect for effect in effects if not isinstance(effect, Change)]
        why, reason = "no container is to be instrumented", SkipReason.NOTHING_TO_INSTRUMENT
        none = _refused(effects) or Outcome(None, Status.SKIPPED, why, reason=reason)
        return finished(task, settings, none, outcomes, findings)
    protected = any_of(instrumented, task.when)
    effects[:0] = (*pid_mode(task, protected), *task_size(task, settings.settled.settings, protected))
    effects += execution_role(task, settings.settled.settings)
    effects += runtime_platform(task, settings.settled.settings)
    effects += task_notices(task, settings.settled.settings, [each.container for each in planned])
    effects += launches(task)
    effects += grant(task, settings.settled.settings)
    return finished(task, settings, _refused(effects) or Outcome(None, Status.INSTRUMENTED), outcomes, effects)


def _refused(effects: Iterable[Effect | Finding | Grant]) -> Outcome | None:
    """What becomes of a task definition where one of the effects is a problem: which, the containers and messages say."""
    return Outcome(None, Status.REFUSED) if any(isinstance(effect, Problem) for effect in effects) else None


def _containers(
    task: TaskDefinition, values: list[Json], containers: Leaf, when: When, settings: TaskSettings
) -> tuple[list[_Planned], list[Effect]]:
    planned: list[_Planned] = []
    odd: list[Effect] = []
    for position, leaf, under in elements(values, containers.pointer, when):
        if not isinstance(leaf.value, dict) or intrinsics.is_expression(leaf.value):
            odd.append(_not_a_container(task, leaf, position))
            continue
        scope = task.scope.assuming(under)
        value = intrinsics.worth(leaf.value.get("Name", ABSENT), scope)
        name = value if isinstance(value, str) else None
        container = Container(task, leaf.value, leaf.pointer, under, name, position, settings.of(name), scope)
        planned.append(_plan_container(container))
    return planned, odd


def _plan_container(container: Container) -> _Planned:
    if why := hidden(container.value, _CONTAINER_KEYS, container.scope):
        fault = container.fault(container.pointer, container.when, f"The container {why}", EXPAND_FIRST)
        return _Planned(container, _outcome(container, Status.REFUSED, why), (fault,))
    match decide_container(container):
        case Skip(why, reason):
            return _Planned(container, replace(_outcome(container, Status.SKIPPED, why), reason=reason))
        case Refuse(key, fact, advice):
            fault = container.fault((*container.pointer, key), container.when, fact, advice)
            return _Planned(container, _outcome(container, Status.REFUSED, fact), (fault,))
        case Agent.AGENT:
            return _Planned(container, _outcome(container, Status.AGENT))
        case Include.INCLUDE:
            return _instrument(container)


def _outcome(container: Container, status: Status, why: str = "", *, unread: bool = False) -> Outcome:
    return Outcome(container.label, status, why, container.pointer, unread)


def _instrument(container: Container) -> _Planned:
    wrapping = wrap(container)
    if wrapping.unresolved:
        why = "its image could not be read"
        if container.settings.on_unresolved_image == "fail":
            return _Planned(
                container, _outcome(container, Status.REFUSED, why, unread=True), tuple(wrapping.unresolved)
            )
        notices = tuple(Notice(each.place, each.fact, each.advice, each.lasting) for each in wrapping.unresolved)
        skipped = _outcome(container, Status.SKIPPED, why, unread=True)
        return _Planned(container, replace(skipped, reason=SkipReason.IMAGE_UNREAD), notices)
    effects = list(wrapping.effects)
    for step in STEPS:
        effects += step(container)
    for effect in effects:
        if isinstance(effect, Problem):
            return _Planned(container, _outcome(container, Status.REFUSED, effect.fact), tuple(effects))
    return _Planned(container, _outcome(container, Status.INSTRUMENTED, wrapping.origin.value), tuple(effects))


def _agents(planned: Iterable[_Planned], containers: Leaf, when: When, settled: Settled) -> Iterator[Effect]:
    instrumented = [each.container for each in planned if each.is_instrumented]
    if not instrumented:
        return
    existing = [each.container for each in planned if each.outcome.status is Status.AGENT]
    definition = agent(settled.settings, instrumented, when)
    protected: Tree[bool] = any_of([container.when for container in instrumented], when)
    yield from place_agent(definition, containers, when, protected, existing)


def _out_of_sight(task: TaskDefinition) -> Iterator[Problem]:
    properties = task.properties if isinstance(task.properties, dict) else {}
    if why := hidden(properties, _TASK_KEYS, task.scope):
        place = Place(task.name, None, task.properties_pointer)
        yield Problem(place, f"The task definition {why}", EXPAND_FIRST)


def _not_a_list(task: TaskDefinition, containers: Leaf) -> Effect:
    return Problem(
        Place(task.name, None, containers.pointer), "ContainerDefinitions is not a list that is in sight",
        "Write ContainerDefinitions as a list; its items, and the list under Fn::If, may be expressions",
    )  # fmt: skip


def _not_a_container(task: TaskDefinition, leaf: Leaf, position: int) -> Effect:
    return Problem(
        Place(task.name, f"#{position}", leaf.pointer), "The container definition is not an object that is in sight",
        "Write it as an object; its members, and the object under Fn::If, may be expressions",
    )  # fmt: skip

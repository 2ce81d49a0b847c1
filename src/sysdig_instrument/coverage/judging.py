"""The verdict on a running task: on its task definition, by the engine's plan for it, then on what ECS makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from itertools import takewhile
from typing import Final

from sysdig_instrument.coverage.account import Definition, Override, RunningContainer, Service, Task
from sysdig_instrument.coverage.sight import Sight
from sysdig_instrument.documents.plain import properties
from sysdig_instrument.engine import verdict as instrumentation
from sysdig_instrument.engine.agent import AGENT_NAME, WRAPPER
from sysdig_instrument.engine.findings import Problem, quoted
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.outcomes import Outcome, Status, TaskPlan
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.settings.layers import DEFAULT, Layer, Settled, merged
from sysdig_instrument.engine.settings.table import Reach
from sysdig_instrument.planning import nobody, planned
from sysdig_instrument.values import dataclass, replace

_OLDEST_PLATFORM: Final = (1, 4, 0)  # pidMode and SYS_PTRACE on Fargate


class Verdict(Enum):
    """What a running task is, in the order in which one wants to read about them."""

    UNPROTECTED = "unprotected"
    UNKNOWN = "unknown"
    PROTECTED = "protected"
    EXCLUDED = "excluded"
    OUT_OF_SCOPE = "out of scope"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and all there is to say about it, in sentences without their full stop.

    ``reasons`` are why it is not protected; ``remarks`` change nothing about the verdict. ``left_alone`` are the
    containers that are not to be instrumented, each with why. ``is_bare`` says that nothing of the agent's is there, which
    says more than all the reasons.
    """

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    agent_image: str | None = None
    left_alone: tuple[tuple[str, str], ...] = ()
    is_bare: bool = False

    def but(self, *reasons: str) -> Judgement:
        """The same, unprotected for further reasons; itself where there is none."""
        return replace(self, verdict=Verdict.UNPROTECTED, reasons=(*self.reasons, *reasons)) if reasons else self

    def noting(self, *remarks: str) -> Judgement:
        """The same with further remarks."""
        return replace(self, remarks=(*self.remarks, *remarks))


def is_in_scope(launch_type: str, settled: Settled) -> bool:
    """Whether tasks of this launch type should carry the agent. Where ECS does not say it, they should."""
    return settled.settings.launch_types == "ALL" or launch_type in ("FARGATE", "")


@dataclass(frozen=True, slots=True)
class Standing:
    """What a task definition comes to for each task of it, and what is to be seen of it."""

    judgement: Judgement
    sight: Sight


def judge_definition(definition: Definition, settled: Settled) -> Standing:
    """The verdict on tasks of a task definition, as far as it is the task definition's."""
    shown = properties(dict(definition.document), "described task definition")
    sight = Sight.of(shown)
    plan = _plan(shown, _for_running(settled))
    if plan is None:
        return Standing(Judgement(Verdict.UNKNOWN, ("Its task definition shows no containers",)), sight)
    if settled.settings.mode == "opt-in" and isinstance(instrumentation.verdict(plan), instrumentation.OutOfScope):
        plan = _plan(shown, _opted_in(_for_running(settled), sight)) or plan
    return Standing(_judgement(plan, sight, settled).noting(*_of_status(definition)), sight)


def _plan(shown: Json, settled: Settled) -> TaskPlan | None:
    return next(iter(planned(shown, Context(settled=settled), nobody).tasks), None)


def _opted_in(settled: Settled, sight: Sight) -> Settled:
    """The settings for a task whose template may have opted in, in Metadata that is not to be seen in ECS.

    That a container is wrapped says that its template did, so those must be protected in full.
    """
    said: dict[str, Json] = {"IncludeContainers": list(sight.wrapped)}
    return merged(settled, Layer("what is wrapped", said, Reach.TASK))[0] if sight.wrapped else settled


def _for_running(settled: Settled) -> Settled:
    """The settings for what already runs: where it runs is known, and what only a deployment needs does not matter."""
    values: dict[str, Json] = {"LaunchTypes": "ALL", "UnsupportedArchitecture": "warn"}
    if settled.settings.collector is None:
        values["Collector"] = "collector.invalid"
    if settled.settings.agent_memory is None and settled.settings.agent_memory_reservation is None:
        values["AgentMemoryReservation"] = "256"
    return merged(settled, Layer("the running task", values))[0]


def _judgement(plan: TaskPlan, sight: Sight, settled: Settled) -> Judgement:
    left_alone = tuple((str(each.name), each.why) for each in plan.containers if _is_left_alone(each))
    match instrumentation.verdict(plan):
        case instrumentation.OutOfScope(why):
            whys = (f'Container "{name}": {each}' for name, each in left_alone)
            return Judgement(Verdict.EXCLUDED, tuple(whys) or (_capital(why),), left_alone=left_alone)
        case instrumentation.Unprotected(reasons):
            judgement = Judgement(Verdict.UNPROTECTED, reasons, is_bare=sight.is_bare and not _has_odd_tags(plan))
        case instrumentation.Protected():
            judgement = Judgement(Verdict.PROTECTED)
    judgement = replace(judgement, left_alone=left_alone)
    if not any(outcome.status is Status.AGENT for outcome in plan.containers):
        return judgement
    judgement = replace(judgement, agent_image=sight.agent_image).noting(*_differences(sight, settled))
    return judgement if sight.has_access_key else judgement.but("The agent's container is given no access key")


def _is_left_alone(outcome: Outcome) -> bool:
    return outcome.status is Status.SKIPPED and not outcome.unread


def _has_odd_tags(plan: TaskPlan) -> bool:
    """Whether a tag says something that the macro would refuse: what was meant may well be that the task is left alone."""
    return any(isinstance(finding, Problem) and "Tags" in finding.place.pointer for finding in plan.findings)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _differences(sight: Sight, settled: Settled) -> Iterator[str]:
    """Where the agent is another than the settings say, as far as they say anything."""
    settings = settled.settings
    if settled.layer("AgentImage") is not DEFAULT and sight.agent_image != settings.agent_image:
        yield "The agent's image is not the one in the settings"
    if settings.collector_host and sight.collector != settings.collector_host:
        yield "The agent's collector is not the one in the settings"
    for name in sight.keys_in_the_clear:
        yield f'The access key stands in the clear in the environment of container "{name}"'


def _of_status(definition: Definition) -> Iterator[str]:
    if definition.status != "ACTIVE":
        yield "Its task definition is deregistered"


def judge_task(task: Task, standing: Standing, service: Service | None) -> Judgement:
    """The verdict on one task, given what its task definition comes to."""
    judgement = standing.judgement
    if judgement.verdict in (Verdict.PROTECTED, Verdict.UNPROTECTED):
        judgement = judgement.but(*_undone(task, standing.sight)).noting(*_hints(task))
    return judgement.noting(*_of_service(task, service))


def _undone(task: Task, sight: Sight) -> Iterator[str]:
    """What undoes protection in this very task."""
    agent = next((each for each in task.containers if each.name == AGENT_NAME), None)
    if agent and agent.status == "STOPPED":
        yield f"The agent's container has stopped{_detail(agent)}"
    for name, override in task.overrides.items():
        if override.command and not any(WRAPPER in word for word in override.command):
            if name == AGENT_NAME:
                yield "The agent's command was overridden when the task was started"
            elif name in sight.wrapped_by_command:
                yield f'The command of container "{name}" was overridden when the task was started, and with it the wrapper'


def _detail(container: RunningContainer) -> str:
    return f" ({container.detail})" if container.detail else ""


def _hints(task: Task) -> Iterator[str]:
    agent = next((each for each in task.containers if each.name == AGENT_NAME), None)
    if agent and task.status == "RUNNING" and agent.status not in ("RUNNING", "STOPPED"):
        yield f"The agent's container is {agent.status}"
    if is_too_old(task.platform_version):
        yield f"Platform version {task.platform_version} cannot carry the agent; 1.4.0 and later can"
    for name, variable in _overridden(task.overrides):
        yield f'{quoted(variable)[1:-1]} of container "{name}" was overridden when the task was started'


def _overridden(overrides: Mapping[str, Override]) -> Iterator[tuple[str, str]]:
    for name, override in overrides.items():
        for variable in override.variables:
            if variable.startswith("SYSDIG_"):
                yield name, variable


def is_too_old(platform_version: str) -> bool:
    """Whether Fargate's platform version is one without a shared process namespace; ``LATEST`` and nothing are not."""
    parts = [int(part) for part in takewhile(str.isdecimal, platform_version.split("."))]
    return bool(parts) and tuple(parts) < _OLDEST_PLATFORM


def _of_service(task: Task, service: Service | None) -> Iterator[str]:
    if service and service.definition and service.definition != task.definition:
        current = service.definition.rsplit("/", 1)[-1]
        verb = "is being moved to" if service.in_progress else "is at"
        yield f"The service {verb} {current}"

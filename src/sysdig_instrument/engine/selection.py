"""Decide which task definitions and which containers are instrumented. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final, TypeAlias

from sysdig_instrument.engine.agent import ACCESS_KEY_VARIABLE, AGENT_NAME
from sysdig_instrument.engine.container import Container, entry_name, is_empty, is_given
from sysdig_instrument.engine.expressions.evaluate import evaluate, is_expression
from sysdig_instrument.engine.expressions.scope import EXPAND_LOOPS, EvaluationScope
from sysdig_instrument.engine.expressions.values import Known, Unknown
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.globs import matches_any
from sysdig_instrument.engine.json_types import ABSENT, Json
from sysdig_instrument.engine.platforms import platform_member
from sysdig_instrument.engine.settings.template_layers import TaskSettings
from sysdig_instrument.engine.template import TaskDefinition
from sysdig_instrument.lazy_dataclasses import dataclass

_AGENT_VARIABLES: Final = frozenset(
    {ACCESS_KEY_VARIABLE, "SYSDIG_COLLECTOR", "SYSDIG_COLLECTOR_PORT", "SYSDIG_ORCHESTRATOR", "SYSDIG_PRIORITY"}
)
_AGENT_REPOSITORY: Final = "workload-agent"

TASK_KEYS: Final = frozenset({"RequiresCompatibilities", "RuntimePlatform", "NetworkMode"})
CONTAINER_KEYS: Final = frozenset({"Name", "Image", "FirelensConfiguration"})
"""With ``TASK_KEYS``, the members that decide whether something is instrumented."""


class Instrument(Enum):
    """To be instrumented."""

    INSTRUMENT = "include"


class SkipReason(Enum):
    """The reason why something is not instrumented. Metrics use the values as dimensions, so they must not change."""

    DISABLED = "Disabled"
    EXCLUDED = "Excluded"
    IMAGE_UNREAD = "ImageUnread"
    LOG_ROUTER = "LogRouter"
    NOTHING_TO_INSTRUMENT = "NothingToInstrument"
    NOT_CREATED = "NotCreated"
    NOT_FARGATE = "NotFargate"
    NOT_INCLUDED = "NotIncluded"
    NOT_OPTED_IN = "NotOptedIn"
    WINDOWS = "Windows"


@dataclass(frozen=True, slots=True)
class Skip:
    """To be left alone; ``why`` completes «skipped: …»."""

    why: str
    skip_reason: SkipReason


@dataclass(frozen=True, slots=True)
class Refuse:
    """Cannot be decided, or must not be instrumented. ``key`` is the member that the reason is about, or empty."""

    key: str
    reason: Reason


class Agent(Enum):
    """The agent's own container."""

    AGENT = "agent"


Decision: TypeAlias = Instrument | Skip | Refuse


def decide_task(task: TaskDefinition, task_settings: TaskSettings) -> Decision:
    """Decide whether to instrument a task definition, as far as that does not depend on its containers.

    An ``Fn::ForEach`` has one body for all items, so the decision must be the same for all of them.
    """
    first, *others = [_decide_in_scope(task, task_settings, scope) for scope in task.scopes]
    if any(other != first for other in others):
        return Refuse(
            "", Reason("The items of the enclosing Fn::ForEach differ in whether they are to be instrumented", EXPAND_LOOPS)
        )  # fmt: skip
    return first


def _decide_in_scope(task: TaskDefinition, task_settings: TaskSettings, scope: EvaluationScope) -> Decision:
    properties = task.properties
    if not isinstance(properties, dict):
        return Refuse("", Reason("Properties is not an object", "Write the task definition's Properties as an object"))
    resolved = task_settings.resolved
    if task_settings.all_disabled:
        return Skip(f"Enabled is false in {resolved.source('Enabled')}", SkipReason.DISABLED)
    system = platform_member(properties, "OperatingSystemFamily", scope)
    if isinstance(system, str) and system.startswith("WINDOWS"):
        return Skip("a Windows task, which supports neither PidMode nor SYS_PTRACE", SkipReason.WINDOWS)
    if resolved.values.launch_types == "FARGATE" and not runs_on_fargate(properties, scope):
        return Skip("not for Fargate, so the host agent covers it (LaunchTypes is FARGATE)", SkipReason.NOT_FARGATE)
    return Instrument.INSTRUMENT


def runs_on_fargate(properties: Mapping[str, Json], scope: EvaluationScope) -> bool:
    """Return whether the task can run on Fargate; what is not known counts as yes.

    It can if RequiresCompatibilities contains FARGATE, or if that is absent and NetworkMode, Cpu and Memory allow it.
    """
    match evaluate(properties.get("RequiresCompatibilities", ABSENT), scope):
        case Unknown():
            return True
        case Known(str(name)):
            return name.upper() == "FARGATE"
        case Known([*names]) if names:
            return any(isinstance(name, str) and name.upper() == "FARGATE" for name in names)
    match evaluate(properties.get("NetworkMode", ABSENT), scope):
        case Unknown():
            pass
        case Known(str(mode)) if mode == "awsvpc":
            pass
        case _:
            return False
    return all(is_given(properties.get(key, ABSENT), scope) for key in ("Cpu", "Memory"))


def decide_container(container: Container) -> Decision | Agent:
    """Decide whether to instrument a container, unless it is the agent itself."""
    settings = container.settings
    if container.name == AGENT_NAME:
        return Agent.AGENT if _is_agent(container) else Refuse(
            "Name", Reason(f'The name "{AGENT_NAME}" is reserved for the agent', "Rename this container")
        )  # fmt: skip
    decided = _decide_by_settings(container)
    firelens = container.value.get("FirelensConfiguration", ABSENT)
    if settings.instrument_log_routers or not is_given(firelens, container.scope):
        return decided
    match evaluate(firelens, container.scope) if is_expression(firelens) else None:
        case Unknown(Reason(why, advice)):
            return decided if isinstance(decided, Skip) else Refuse(
                "FirelensConfiguration", Reason(f"It is unknown whether the container is a FireLens log router ({why})",
                advice or "Write FirelensConfiguration as an object, or set InstrumentLogRouters to true"),
            )  # fmt: skip
    return Skip("a FireLens log router (InstrumentLogRouters is false)", SkipReason.LOG_ROUTER)


def _decide_by_settings(container: Container) -> Decision:
    settings, resolved, name = container.settings, container.resolved, container.name
    if not settings.enabled:
        return Skip(f"Enabled is false in {resolved.source('Enabled')}", SkipReason.DISABLED)
    if name is None and (settings.exclude_containers or settings.include_containers):
        key = "ExcludeContainers" if settings.exclude_containers else "IncludeContainers"
        return Refuse(
            "Name", Reason(f"The container's name cannot be resolved, so it is unknown whether {key} applies to it",
            "Give it a name that is known before deployment"),
        )  # fmt: skip
    state = container.scope.state
    if matches_any(name or "", settings.exclude_containers, state):
        return Skip(f"ExcludeContainers in {resolved.source('ExcludeContainers')}", SkipReason.EXCLUDED)
    if settings.include_containers and not matches_any(name or "", settings.include_containers, state):
        return Skip(f"not in IncludeContainers in {resolved.source('IncludeContainers')}", SkipReason.NOT_INCLUDED)
    is_opted_in = resolved.is_from_template("Enabled") or resolved.is_from_template("IncludeContainers")
    if settings.mode == "opt-in" and not is_opted_in:
        return Skip(f"Mode is opt-in in {resolved.source('Mode')}, and nothing sets Enabled", SkipReason.NOT_OPTED_IN)
    return Instrument.INSTRUMENT


def _is_agent(container: Container) -> bool:
    """Return whether a container of the agent's name is an agent, whoever added it: this macro, Sysdig's own tools, or a person."""
    match evaluate(container.value.get("Image", ABSENT), container.scope):
        case Known(str(image)) if (
            image == container.settings.agent_image or _repository_name(image) == _AGENT_REPOSITORY
        ):
            return True
    for key in ("Secrets", "Environment"):
        entries = container.value.get(key, ABSENT)
        if not is_empty(entries) and isinstance(entries, list):
            names = {entry_name(entry, container.scope) for entry in entries}
            if not names.isdisjoint(_AGENT_VARIABLES):
                return True
    return False


def _repository_name(image: str) -> str:
    """Return the last part of an image's repository: ``workload-agent`` for ``quay.io/sysdig/workload-agent:latest``."""
    return image.rsplit("/", 1)[-1].partition("@")[0].partition(":")[0]

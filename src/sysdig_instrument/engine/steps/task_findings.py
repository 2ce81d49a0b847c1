"""Findings about an instrumented task: required settings, memory for the agent, its platform, and what launches it.

Owns: nothing. These steps change nothing.

Source: Sysdig documentation, «Serverless Agents», for the platforms of the agent. The ECS API reference:
RegisterTaskDefinition, ``pidMode``, needs Fargate's Linux platform version 1.4.0 or later; ContainerDefinition, ``memory``,
is required for each container of a task without Memory. aws/containers-roadmap, issue 2268: with a shared process
namespace, ECS Exec reaches only one container, and AWS does not say which.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

from sysdig_instrument.engine.agent import AGENT_NAME
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import Container, is_given
from sysdig_instrument.engine.expressions.decision_tree import leaves
from sysdig_instrument.engine.expressions.evaluate import evaluate, evaluate_by_condition, is_active, known_value
from sysdig_instrument.engine.expressions.scope import EvaluationScope, Launcher
from sysdig_instrument.engine.expressions.values import Known, Unknown
from sysdig_instrument.engine.fargate_sizes import MEMORY
from sysdig_instrument.engine.findings import Location, Notice, Problem, Reason, quote
from sysdig_instrument.engine.json_types import ABSENT, Json
from sysdig_instrument.engine.launchers import launchers_by_task
from sysdig_instrument.engine.paste import PasteInto, paste
from sysdig_instrument.engine.platforms import is_platform_too_old, platform_member
from sysdig_instrument.engine.settings.patterns import ACCESS_KEY_FORMS, NO_ACCESS_KEY, SECRET_PATTERN
from sysdig_instrument.engine.settings.table import Settings
from sysdig_instrument.engine.steps.step import InstrumentedTask
from sysdig_instrument.engine.template import TaskDefinition

# --- Required settings, and memory for the agent

_SSM_NAME: Final = r"[A-Za-z0-9_./-]*"

_SECRET: Final = paste(PasteInto.SETTINGS_FILE, {"AccessKeySecret": "ARN"})
_NO_COLLECTOR: Final = Reason(
    "Setting Collector has no value, so the agent would have nowhere to report to",
    "Set Collector to a host name or a Sysdig SaaS region, such as us2",
    code=Code.COLLECTOR_MISSING,
    paste=paste(PasteInto.SETTINGS_FILE, {"Collector": "HOST"}),
)
_NO_SECRET: Final = Reason(
    "Setting AccessKeySecret has no value, and an agent without an access key protects nothing",
    f"Set AccessKeySecret to the ARN of the secret that holds the key, or to {NO_ACCESS_KEY} if the key comes in another way",
    code=Code.KEY_MISSING,
    paste=_SECRET,
)
_KEY_ELSEWHERE: Final = Reason(
    "AccessKeySecret is none, so the agent is given no access key",
    "Make sure that the key comes in another way: an agent without a key protects nothing",
    code=Code.KEY_IS_NONE,
)
REQUIRED_SETTINGS_REASONS: Final = (_NO_COLLECTOR, _NO_SECRET, _KEY_ELSEWHERE)
"""What is the same for every task definition with these settings."""


def required_settings(instrumented: InstrumentedTask) -> Iterator[Notice | Problem]:
    """Yield the findings about required settings that have no value, or not one of their kind."""
    task, settings = instrumented.task, instrumented.settings
    if settings.collector is None:
        yield Problem(Location(task.name), _NO_COLLECTOR)
    if settings.access_key_secret is None:
        yield Problem(Location(task.name), _NO_SECRET)
    elif settings.access_key_secret == NO_ACCESS_KEY:
        yield Notice(Location(task.name), _KEY_ELSEWHERE)
    elif not isinstance(settings.access_key_secret, str) and _may_be_invalid_secret(settings.access_key_secret, task):
        yield Problem(
            Location(task.name), Reason("The expression in AccessKeySecret evaluates to something that ECS cannot read the access key from",
            f"Use {ACCESS_KEY_FORMS}", code=Code.KEY_INVALID, paste=_SECRET),
        )  # fmt: skip


def memory(instrumented: InstrumentedTask) -> Iterator[Notice | Problem]:
    """Yield the findings about the memory that is left for the agent."""
    task, settings = instrumented.task, instrumented.settings
    if _takes_all_memory(task, settings, instrumented.containers):
        yield Notice(
            Location(task.name, None, (*task.properties_pointer, "Memory")),
            Reason("The containers reserve all of the task's memory, and leave none for the agent",
            "Give the task more memory, or set AgentMemoryReservation and TaskSize", code=Code.NO_MEMORY_LEFT),
        )  # fmt: skip
    if _needs_reservation(task, settings):
        yield Problem(
            Location(task.name, None, task.properties_pointer), Reason("A task without Memory needs a memory limit for each container, and the agent's container has none",
            "Set AgentMemoryReservation or AgentMemory, or give the task Memory", code=Code.MEMORY_LIMIT_MISSING,
            paste=paste(PasteInto.PROPERTIES, {"Memory": "MIB"})),
        )  # fmt: skip


def _may_be_invalid_secret(expression: Json, task: TaskDefinition) -> bool:
    """Return whether an expression evaluates to something else than a secret, in any item or under any condition.

    What is not known here passes. ECS also accepts the name of an SSM parameter in its own Region. An empty value is
    reported with the execution role.
    """
    return any(
        isinstance(value, Known)
        and not (isinstance(value.value, str) and re.fullmatch(rf"{SECRET_PATTERN}|{_SSM_NAME}", value.value))
        for scope in (each.with_lookups() for each in task.scopes)
        for value, _ in leaves(evaluate_by_condition(expression, scope, scope.assumptions), scope.assumptions)
    )


def _takes_all_memory(task: TaskDefinition, settings: Settings, containers: Iterable[Container]) -> bool:
    """Return whether the containers reserve all of the task's memory under the current conditions.

    False if a setting reserves memory for the agent.
    """
    if settings.agent_memory or settings.agent_memory_reservation:
        return False
    limit = MEMORY.parse(known_value(task.properties_or_empty.get("Memory", ABSENT), task.scope))
    value_of = partial(known_value, scope=task.scope)
    return limit is not None and limit == sum(
        MEMORY.reserved_by(each.value, value_of)
        for each in containers
        if each.name != AGENT_NAME and (each.assumptions == task.assumptions or is_active(each.assumptions, task.scope))
    )


def _needs_reservation(task: TaskDefinition, settings: Settings) -> bool:
    """Return whether ECS would refuse the agent's container because neither it nor the task has a memory limit."""
    if settings.launch_types != "ALL" or settings.agent_memory or settings.agent_memory_reservation:
        return False
    return not is_given(task.properties_or_empty.get("Memory", ABSENT), task.scope)


# --- The platform of the task

_X86_64: Final = paste(PasteInto.PROPERTIES, {"RuntimePlatform": {"CpuArchitecture": "X86_64"}})
_ARM64: Final = "The task runs on ARM64, which Sysdig does not document for the agent"


def runtime_platform(instrumented: InstrumentedTask) -> Iterator[Notice | Problem]:
    """Yield the findings about the platform: the agent does not support Windows, and Sysdig does not document it for ARM64.

    They apply under the current conditions; in an ``Fn::ForEach``, for at least one of its items. A task that is known to
    run on Windows is left alone, and does not get here (``selection``).
    """
    task, settings = instrumented.task, instrumented.settings
    properties = task.properties_or_empty
    if "RuntimePlatform" not in properties:  # true of most tasks
        return
    systems = [platform_member(properties, "OperatingSystemFamily", scope) for scope in task.scopes]
    architectures = [platform_member(properties, "CpuArchitecture", scope) for scope in task.scopes]
    location = Location(task.name, None, (*task.properties_pointer, "RuntimePlatform"))
    if unknown := _first_unknown(systems):
        yield Problem(
            location, Reason(f"OperatingSystemFamily cannot be resolved ({unknown.reason.fact}), and the agent does not support Windows",
            unknown.reason.advice or "Write a literal value, or exclude the task (Enabled: false) if it runs on Windows",
            code=unknown.code, paste=unknown.reason.paste or paste(PasteInto.PROPERTIES, {"RuntimePlatform": {"OperatingSystemFamily": "LINUX"}})),
        )  # fmt: skip
    if "ARM64" in architectures:
        if settings.unsupported_architecture == "fail":
            advice = "Use X86_64, or set UnsupportedArchitecture to warn"
            yield Problem(location, Reason(_ARM64, advice, code=Code.ARM64, paste=_X86_64))
        else:
            advice = "Make sure that the agent's image is available for arm64, or use X86_64"
            yield Notice(location, Reason(_ARM64, advice, code=Code.ARM64))
    elif settings.unsupported_architecture == "fail" and (unknown := _first_unknown(architectures)):
        yield Problem(
            location, Reason(f"CpuArchitecture cannot be resolved ({unknown.reason.fact}), and UnsupportedArchitecture is fail",
            unknown.reason.advice or "Write a literal value, or set UnsupportedArchitecture to warn",
            code=Code.ARCHITECTURE_UNRESOLVED, not_known_here=unknown.reason.is_unknown, paste=_X86_64),
        )  # fmt: skip


def _first_unknown(members: Iterable[str | Unknown]) -> Unknown | None:
    """Return the first member that is unknown, or ``None``."""
    return next((each for each in members if isinstance(each, Unknown)), None)


# --- The services, rules, pipes and schedules that launch the task

_STEPS_PER_LAUNCHER: Final = 50


def launchers(instrumented: InstrumentedTask) -> Iterator[Notice | Problem]:
    """Yield the findings about the resources of the template that launch the task."""
    task = instrumented.task
    for launcher in launchers_by_task(task.scope).get(task.name, ()):
        task.scope.state.work.spend(_STEPS_PER_LAUNCHER)
        version = _launcher_value(launcher, "PlatformVersion", task.scope)
        if is_platform_too_old(version):
            yield Problem(
                Location(task.name, None, (*launcher.pointer, "PlatformVersion")),
                Reason(f"The task is launched on platform version {quote(version)}, and a process namespace for the whole task needs 1.4.0",
                "Use LATEST, or 1.4.0", code=Code.PLATFORM_VERSION,
                paste=paste(PasteInto.PARENT, {"PlatformVersion": "LATEST"})),
            )  # fmt: skip
        if _launcher_value(launcher, "EnableExecuteCommand", task.scope).lower() == "true":
            yield Notice(
                Location(task.name, None, (*launcher.pointer, "EnableExecuteCommand")),
                Reason("With one process namespace for the task, aws ecs execute-command reaches only one of its containers, and AWS does not say which", code=Code.ECS_EXEC),
            )  # fmt: skip


def _launcher_value(launcher: Launcher, key: str, scope: EvaluationScope) -> str:
    match evaluate(launcher.value.get(key, ABSENT), scope.assuming(launcher.assumptions)):
        case Known(str() | bool() as value):
            return str(value)
    return ""

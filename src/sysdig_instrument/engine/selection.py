"""Decide which task definitions and which containers are instrumented. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final, TypeAlias

from sysdig_instrument.engine.agent import ACCESS_KEY_VARIABLE, AGENT_NAME
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import Container, entry_name, is_given, why_opaque
from sysdig_instrument.engine.expressions.decision_tree import Leaf
from sysdig_instrument.engine.expressions.evaluate import evaluate, evaluate_by_condition, is_expression
from sysdig_instrument.engine.expressions.scope import EXPAND_LOOPS, EvaluationScope
from sysdig_instrument.engine.expressions.values import Known, Unknown
from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.engine.globs import matches_any
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.launchers import starts_on_fargate
from sysdig_instrument.engine.paste import ON_FARGATE, PasteInto, paste
from sysdig_instrument.engine.platforms import platform_member
from sysdig_instrument.engine.settings.agent_images import is_from_sysdig, is_trusted
from sysdig_instrument.engine.settings.layers import ResolvedSettings
from sysdig_instrument.engine.settings.template_layers import TaskSettings
from sysdig_instrument.engine.suggestions import suggest
from sysdig_instrument.engine.template import TaskDefinition, expand_loops
from sysdig_instrument.lazy_dataclasses import dataclass

NOT_THE_AGENT: Final = Reason(
    f'The name "{AGENT_NAME}" is reserved for the agent',
    "Rename this container, or remove it if it is the agent: the macro adds the agent itself",
    code=Code.NOT_THE_AGENT,
)
_OTHER_NETWORK_MODES: Final = frozenset({"", "bridge", "host", "none", "default", "nat"})
"""All network modes but Fargate's awsvpc; ``default`` and ``nat`` are for Windows (ECS API reference, ``networkMode``)."""
_WINDOWS: Final = frozenset(
    f"WINDOWS_SERVER_{version}"
    for version in (
        "2004_CORE", "2016_FULL", "2019_CORE", "2019_FULL", "2022_CORE", "2022_FULL", "2025_CORE", "2025_FULL", "20H2_CORE",
    )
)  # fmt: skip
"""The values of ``operatingSystemFamily`` for Windows (ECS API reference, RuntimePlatform). No other text is certainly Windows."""
_LOG_ROUTERS: Final = ("fluentbit", "fluentd")

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
    MANAGED_INSTANCES = "ManagedInstances"
    NOTHING_TO_INSTRUMENT = "NothingToInstrument"
    NOT_CREATED = "NotCreated"
    NOT_FARGATE = "NotFargate"
    NOT_INCLUDED = "NotIncluded"
    NOT_OPTED_IN = "NotOptedIn"
    WINDOWS = "Windows"


@dataclass(frozen=True, slots=True)
class Skip:
    """To be left alone; ``why`` completes «skipped: …». ``layer`` is the layer of settings that decides, or empty."""

    why: str
    skip_reason: SkipReason
    layer: str = ""


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
            "", Reason("The items of the enclosing Fn::ForEach differ in whether they are to be instrumented", EXPAND_LOOPS, code=Code.LOOP_ITEMS_DIFFER,
            paste=expand_loops(task.scope.template, task_settings.resolved.values.macro_name)),
        )  # fmt: skip
    return first


def _decide_in_scope(task: TaskDefinition, task_settings: TaskSettings, scope: EvaluationScope) -> Decision:
    properties = task.properties
    if not isinstance(properties, dict) or is_expression(properties):
        return Refuse(
            "",
            _no_properties(task),
        )
    resolved = task_settings.resolved
    if task_settings.all_disabled:
        return _skip_by_setting(
            f"Enabled is false in {resolved.source('Enabled')}", "Enabled", resolved, SkipReason.DISABLED
        )
    system = platform_member(properties, "OperatingSystemFamily", scope)
    if system in _WINDOWS:
        return Skip("a Windows task, which supports neither PidMode nor SYS_PTRACE", SkipReason.WINDOWS)
    decision = _decide_by_launch_type(task, resolved.values.launch_types, scope)
    match decision:
        case Skip(why, SkipReason.MANAGED_INSTANCES) if resolved.values.other_workloads == "fail":
            fact = f"The task cannot be protected: it is {why}"
            advice = "Run it on Fargate, or ask the platform team (OtherWorkloads is fail)"
            return Refuse(
                "RequiresCompatibilities", Reason(fact, advice, code=Code.MANAGED_INSTANCES, paste=ON_FARGATE)
            )
    return decision


def _no_properties(task: TaskDefinition) -> Reason:
    to_paste = paste(PasteInto.RESOURCE, {"Properties": {"NAME": "VALUE"}})
    written = next((key for key in task.resource if suggest(key, ["Properties"], cutoff=0.8)), "Properties")
    if written == "Properties" or "Properties" in task.resource:
        advice = "Write the task definition's Properties as an object"
        return Reason("Properties is not an object", advice, code=Code.NOT_WRITTEN_OUT, paste=to_paste)
    fact = f"The task definition has no Properties, and {quote(written)} has no effect"
    return Reason(fact, 'Did you mean "Properties"?', code=Code.NOT_WRITTEN_OUT, paste=to_paste)


def _decide_by_launch_type(task: TaskDefinition, launch_types: str, scope: EvaluationScope) -> Decision:
    properties = task.properties_or_empty
    if runs_on_fargate(task, scope):
        return Instrument.INSTRUMENT
    if launch_types == "ALL" and _compatibilities(properties, scope) != ("MANAGED_INSTANCES",):
        return Instrument.INSTRUMENT
    if not _could_run_on_fargate(properties, scope):
        return _not_for_fargate(properties, scope, f"LaunchTypes is {launch_types}")
    if launch_types == "FARGATE_COMPATIBLE":
        return Instrument.INSTRUMENT
    return _not_for_fargate(
        properties, scope, "LaunchTypes is FARGATE; as it could run there, FARGATE_COMPATIBLE includes it"
    )


def _not_for_fargate(properties: Mapping[str, Json], scope: EvaluationScope, setting: str) -> Skip:
    names = _compatibilities(properties, scope)
    if isinstance(names, tuple) and "MANAGED_INSTANCES" in names:
        return Skip(f"for managed instances, which this macro does not cover ({setting})", SkipReason.MANAGED_INSTANCES)
    return Skip(f"not for Fargate, so the host agent covers it ({setting})", SkipReason.NOT_FARGATE)


_OTHER_THAN_FARGATE: Final = frozenset({"EC2", "EXTERNAL", "MANAGED_INSTANCES"})
"""The launch types that are not Fargate (Amazon ECS API reference, RegisterTaskDefinition, requiresCompatibilities)."""


def runs_on_fargate(task: TaskDefinition, scope: EvaluationScope) -> bool:
    """Return whether the task is one for Fargate; what is not known counts as yes.

    It is if RequiresCompatibilities contains FARGATE, or something that is no launch type known here. If that is absent, or
    if it does not and a resource of the template
    starts the task on Fargate all the same, it is if NetworkMode, Cpu and Memory allow it.
    """
    properties = task.properties_or_empty
    names = _compatibilities(properties, scope)
    if isinstance(names, Unknown) or not _OTHER_THAN_FARGATE.issuperset(names):
        return True
    return _could_run_on_fargate(properties, scope) and (not names or starts_on_fargate(task, scope))


def _compatibilities(properties: Mapping[str, Json], scope: EvaluationScope) -> tuple[str, ...] | Unknown:
    """Return the names in RequiresCompatibilities, in upper case; unknown if a transform may insert them."""
    if why := _why_hidden(properties, "RequiresCompatibilities", scope):
        return Unknown(Reason(f"the task definition {why}", code=Code.PART_UNKNOWN))
    written = properties.get("RequiresCompatibilities", ABSENT)
    if written == ["FARGATE"]:  # as in most templates
        return ("FARGATE",)
    match evaluate(written, scope):
        case Unknown() as unknown:
            return unknown
        case Known(list(names)):
            return tuple(str(name).upper() for name in names)
        case Known(value) if value is not None:
            return (str(value).upper(),)
    return ()


def _could_run_on_fargate(properties: Mapping[str, Json], scope: EvaluationScope) -> bool:
    """Return whether NetworkMode, Cpu and Memory allow Fargate; what is not known counts as yes."""
    match evaluate(properties.get("NetworkMode", ABSENT), scope):
        case Known(str(mode)) if mode.strip() not in _OTHER_NETWORK_MODES:
            pass
        case Known() | Absent() if not _why_hidden(properties, "NetworkMode", scope):
            return False
    return all(
        is_given(properties.get(key, ABSENT), scope) or _why_hidden(properties, key, scope) for key in ("Cpu", "Memory")
    )


def _why_hidden(properties: Mapping[str, Json], key: str, scope: EvaluationScope) -> str | None:
    """Return why a member that is not written may still be there, or None if it is written, or certainly absent."""
    return None if key in properties else why_opaque(properties, frozenset({key}), scope, is_snippet_place=True)


def decide_container(container: Container) -> Decision | Agent:
    """Decide whether to instrument a container, unless it is the agent itself."""
    settings = container.settings
    if container.name == AGENT_NAME:
        return Agent.AGENT if _is_agent(container) else Refuse("Name", NOT_THE_AGENT)
    decided = _decide_by_settings(container)
    firelens = container.value.get("FirelensConfiguration", ABSENT)
    if settings.instrument_log_routers or not isinstance(firelens, dict):
        return decided
    is_router = is_log_router(firelens, container.scope)
    if isinstance(is_router, Unknown):
        return decided if isinstance(decided, Skip) else Refuse(
            "FirelensConfiguration", Reason(f"It is unknown whether the container is a FireLens log router ({is_router.reason.fact})",
            is_router.reason.advice or "Write FirelensConfiguration as an object, or set InstrumentLogRouters to true",
            code=is_router.code, paste=is_router.reason.paste or paste(PasteInto.CONTAINER, {"FirelensConfiguration": {"Type": "fluentbit"}})),
        )  # fmt: skip
    if is_router:
        return Skip("a FireLens log router (InstrumentLogRouters is false)", SkipReason.LOG_ROUTER)
    return decided


def is_log_router(firelens: dict[str, Json], scope: EvaluationScope) -> bool | Unknown:
    """Return whether a FirelensConfiguration makes a log router. ECS accepts no other Type than ``fluentbit`` and ``fluentd``."""
    match evaluate(firelens.get("Type", firelens), scope):
        case Unknown() as unknown:
            return unknown
        case Known(str(router)) | Known({"Type": str(router)}):
            return router in _LOG_ROUTERS
    return False


def _decide_by_settings(container: Container) -> Decision:
    settings, resolved, name = container.settings, container.resolved, container.name
    if not settings.enabled:
        return _skip_by_setting(
            f"Enabled is false in {resolved.source('Enabled')}", "Enabled", resolved, SkipReason.DISABLED
        )
    if name is None and (settings.exclude_containers or settings.include_containers):
        key = "ExcludeContainers" if settings.exclude_containers else "IncludeContainers"
        return Refuse(
            "Name", Reason(f"The container's name cannot be resolved, so it is unknown whether {key} applies to it",
            "Give it a name that is known before deployment", code=Code.NAME_UNRESOLVED, not_known_here=_is_name_unknown(container)),
        )  # fmt: skip
    state = container.scope.state
    if settings.exclude_containers and matches_any(name or "", settings.exclude_containers, state):
        return _skip_by_setting(
            f"ExcludeContainers in {resolved.source('ExcludeContainers')}",
            "ExcludeContainers",
            resolved,
            SkipReason.EXCLUDED,
        )
    if settings.include_containers and not matches_any(name or "", settings.include_containers, state):
        return _skip_by_setting(
            f"not in IncludeContainers in {resolved.source('IncludeContainers')}",
            "IncludeContainers",
            resolved,
            SkipReason.NOT_INCLUDED,
        )
    if settings.mode == "opt-in" and not (
        resolved.is_from_template("Enabled") or resolved.is_from_template("IncludeContainers")
    ):
        return _skip_by_setting(
            f"Mode is opt-in in {resolved.source('Mode')}, and nothing sets Enabled",
            "Mode",
            resolved,
            SkipReason.NOT_OPTED_IN,
        )
    return Instrument.INSTRUMENT


def _is_name_unknown(container: Container) -> bool:
    """Return whether the container's name is not known here, and may be known to the macro."""
    name = evaluate(container.value.get("Name", ABSENT), container.scope)
    return isinstance(name, Unknown) and name.reason.is_unknown


def is_excluded(container: Container) -> bool:
    """Return whether the settings exclude a container."""
    return isinstance(_decide_by_settings(container), Skip)


def _skip_by_setting(why: str, setting: str, resolved: ResolvedSettings, skip_reason: SkipReason) -> Skip:
    """Return the decision to leave something alone because of a setting. ``why`` gets the Reason, if there is one.

    A Reason of the deployment is about what the deployment leaves alone, and not about what a template does.
    """
    is_own_reason = resolved.is_from_template("Reason") or not resolved.is_from_template(setting)
    if resolved.values.reason and is_own_reason:
        why = f"{why} (Reason: {resolved.values.reason})"
    return Skip(why, skip_reason, resolved.source(setting))


def _is_agent(container: Container) -> bool:
    """Return whether a container of the agent's name is an agent, whoever added it: this macro, Sysdig's own tools, or a person.

    It is updated to what the settings ask for. Whether it protects as it is, its differences decide
    (:mod:`sysdig_instrument.engine.steps.agent_differences`).
    """
    name = container.value.get("Name", ABSENT)
    if isinstance(name, dict) and not isinstance(
        evaluate_by_condition(name, container.scope, container.assumptions), Leaf
    ):
        return False  # under other conditions it is another container
    match evaluate(container.value.get("Image", ABSENT), container.scope):
        case Known(str(image)) if is_trusted(image, container.settings) or is_from_sysdig(image):
            return True
    return any(
        isinstance(entries := container.value.get(key), list)
        and any(entry_name(entry, container.scope) == ACCESS_KEY_VARIABLE for entry in entries)
        for key in ("Secrets", "Environment")
    )

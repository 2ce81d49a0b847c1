"""The verdict on a registered task definition, and what to register in its place. No I/O: ``look_up`` does that.

``apply``, ``watch`` and the deployment hook use it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final, cast

from sysdig_instrument.ecs_documents import DocumentKind, to_ecs_changes, to_properties
from sysdig_instrument.engine.agent import RECORD_LABEL
from sysdig_instrument.engine.codes import Code, Verdict
from sysdig_instrument.engine.findings import Finding, Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.patch import Change, apply
from sysdig_instrument.engine.plan import Context, Plan, process
from sysdig_instrument.engine.protection import Protection, protection
from sysdig_instrument.engine.removal.definitions import LABELS, definitions
from sysdig_instrument.engine.removal.records import record_of_properties
from sysdig_instrument.engine.settings.layers import Layer, ResolvedSettings, with_layer
from sysdig_instrument.engine.settings.locks import without_locks
from sysdig_instrument.engine.task_plan import Status
from sysdig_instrument.engine.traces import container_objects
from sysdig_instrument.lazy_dataclasses import replace
from sysdig_instrument.planning import LookupFunction, plan_definition, plan_with_lookups
from sysdig_instrument.services.decide import is_same_definition
from sysdig_instrument.services.model import FARGATE, Action, DefinitionResult, Described

_DESCRIBED: Final[DocumentKind] = "described task definition"
_REASON: Final = "says how to undo the changes"


def settings_for(launch_type: str, resolved: ResolvedSettings) -> ResolvedSettings:
    """Return the settings for a task definition that something starts with this launch type; empty if that is not known.

    What runs on Fargate is a task for Fargate, whatever its task definition says.
    """
    if launch_type != FARGATE:
        return resolved
    values: dict[str, Json] = {"LaunchTypes": "ALL"}
    unlocked = replace(resolved.values, locked_settings=without_locks(values, resolved.values))
    return with_layer(replace(resolved, values=unlocked), Layer("the service", values))[0]


def judge(described: Described, resolved: ResolvedSettings) -> Protection:
    """Return the verdict on a registered task definition."""
    properties = to_properties(cast("Json", described), _DESCRIBED)
    if not any(container_objects(properties)):
        reason = Reason("Its task definition has no containers", code=Code.DEFINITION_UNREAD)
        return Protection(Verdict.UNKNOWN, (reason,), passes=False)
    return protection(plan_definition(properties, resolved))


def instrument(described: Described, context: Context, look_up: LookupFunction) -> DefinitionResult:
    """Return what to register in place of a task definition that is not protected.

    The result is judged as the task definition was: if it would not be protected either, it is refused.
    """
    value = cast("Json", described)
    plan = plan_with_lookups(to_properties(value, _DESCRIBED), context, look_up)
    _, problems = process(to_properties(value, _DESCRIBED), plan)
    if problems:
        is_final = not any(problem.reason.is_unknown for problem in problems)
        return DefinitionResult(Action.REFUSED, coded_text(problems), is_final=is_final)
    result = changed(value, plan)
    if result.value is not None:
        verdict = judge(result.value, context.deployment_settings)
        if verdict.verdict is not Verdict.PROTECTED:
            is_final = not any(outcome.image_unread for task in plan.tasks for outcome in task.containers)
            return DefinitionResult(Action.REFUSED, f"it would not be protected: {verdict.text}", is_final=is_final)
    return result


def changed(value: Json, plan: Plan, notices: Iterable[str] = ()) -> DefinitionResult:
    """Return the decision about a described task definition that a plan without problems leads to."""
    changes = with_record_label(value, _DESCRIBED, tuple(plan.changes), always=True)
    processed = cast("Described", to_ecs_changes(value, _DESCRIBED, changes).value)
    if is_same_definition(processed, cast("Described", value)):
        (task,) = plan.tasks
        is_instrumented = task.outcome.status is Status.INSTRUMENTED
        return DefinitionResult(Action.UNCHANGED if is_instrumented else Action.LEFT_ALONE, task.outcome.why)
    return DefinitionResult(Action.MOVE, value=processed, notices=tuple(notices))


def coded_text(findings: Iterable[Finding]) -> str:
    """Return findings in one line."""
    return " ".join(finding.coded_text for finding in findings)


def with_record_label(
    value: Json, kind: DocumentKind, changes: tuple[Change, ...], *, always: bool = False
) -> tuple[Change, ...]:
    """Return the changes to an ECS document with the label of the agent's container that has their record, if there must be one.

    A template has the record in Metadata, which an ECS document has not. ``always`` adds it also where the order of keys
    says enough, because ECS does not keep that order.
    """
    properties = properties_without_tags(value, kind)
    changes_here = [
        each for each in changes if kind != "container definitions" or each.pointer[0] == "ContainerDefinitions"
    ]
    if not changes_here or not isinstance(properties, dict):
        return changes
    record = record_of_properties(properties, changes_here, always=always)
    agents = [agent for definition in definitions(apply(properties, changes_here)) for agent in definition.agents]
    if not record or len(agents) != 1:
        return changes
    pointer, agent = agents[0]
    labels = agent.get(LABELS)
    label: dict[str, Json] = {**(labels if isinstance(labels, dict) else {}), RECORD_LABEL: json.dumps(record)}
    return (*changes, Change("add", (*pointer, LABELS), _REASON, label, protects=False))


def properties_without_tags(value: Json, kind: DocumentKind) -> Json:
    """Return an ECS document as Properties, without the tags that ``describe-task-definition`` prints beside it."""
    properties = to_properties(value, kind)
    if kind == _DESCRIBED and isinstance(properties, dict):
        return {key: each for key, each in properties.items() if key != "Tags"}
    return properties

"""Workloads that cannot carry the agent: the setting OtherWorkloads decides whether the template is refused for them.

Source: the CloudFormation resource reference. ``AWS::ECS::ExpressGatewayService``: PrimaryContainer has no entry point, volumes
or capabilities; TaskDefinitionArn is a task definition of one's own. ``AWS::Batch::JobDefinition``: its containers have no
entry point and no volumes of other containers; PlatformCapabilities is EC2 if it is absent.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import is_empty, member_values, why_opaque
from sysdig_instrument.engine.expressions.evaluate import evaluate, is_active, is_expression
from sysdig_instrument.engine.expressions.scope import EvaluationScope, section
from sysdig_instrument.engine.expressions.values import Known
from sysdig_instrument.engine.findings import Finding, Location, Notice, Problem, Reason
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json, Pointer
from sysdig_instrument.engine.paste import ON_FARGATE, PasteInto, paste
from sysdig_instrument.engine.selection import Skip, SkipReason
from sysdig_instrument.engine.template import TaskDefinition, resources_of_types

EXPRESS_SERVICE: Final = "AWS::ECS::ExpressGatewayService"
JOB_DEFINITION: Final = "AWS::Batch::JobDefinition"
OTHER_WORKLOAD_CODES: Final = frozenset({Code.EXPRESS_SERVICE, Code.BATCH_JOB})

_EXPRESS_REASON: Final = Reason(
    "An Express Mode service runs its PrimaryContainer on Fargate, and that cannot carry the agent",
    "Give the service a TaskDefinitionArn instead: a task definition with a container named Main, which the macro instruments; "
    "with ExpressServices: convert the macro writes it",
    code=Code.EXPRESS_SERVICE,
    paste=paste(PasteInto.SETTINGS_FILE, {"ExpressServices": "convert"}),
)
JOB_REASON: Final = Reason(
    "An AWS Batch job runs on Fargate, and its containers cannot carry the agent",
    "Run it as an ECS task, whose task definition the macro instruments",
    code=Code.BATCH_JOB,
)


def other_workloads(
    template: Json, policy: str, scope: EvaluationScope, reported: Collection[Pointer] = ()
) -> Iterator[Notice | Problem]:
    """Yield a finding for each workload of a template that runs on Fargate and cannot carry the agent.

    ``policy`` is the setting OtherWorkloads: with ``fail``, those that are created, or may be, are problems. ``reported``
    are the resources for which there is a finding already.
    """
    for pointer, resource in resources_of_types(template, {EXPRESS_SERVICE, JOB_DEFINITION}):
        condition = resource.get("Condition")
        assumptions = {condition: True} if isinstance(condition, str) else {}
        reason = _why_unprotectable(resource, scope.assuming(assumptions))
        if reason is None or pointer in reported:
            continue
        is_created = is_active(assumptions, scope) is not False
        kind = Problem if policy == "fail" and is_created else Notice
        yield kind(Location(None, None, pointer), reason)


def by_other_workload(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Return the findings about such workloads, those about the same one together."""
    found: dict[Pointer, list[Finding]] = {}
    for finding in findings:
        if finding.reason.code in OTHER_WORKLOAD_CODES:
            found.setdefault(finding.location.pointer, []).append(finding)
    return list(found.values())


def _why_unprotectable(resource: Mapping[str, Json], scope: EvaluationScope) -> Reason | None:
    """Return the reason for a resource. If a transform may insert what decides, a job counts as one for Fargate."""
    properties = resource.get("Properties", {})
    is_visible = isinstance(properties, dict) and not (
        is_expression(properties)
        or why_opaque(properties, frozenset({"PlatformCapabilities"}), scope)
        or why_opaque(resource, frozenset({"Properties"}), scope)
    )
    if not is_visible and resource.get("Type") == JOB_DEFINITION:
        return JOB_REASON
    return why_unprotectable(str(resource.get("Type")), section(dict(resource), "Properties"), scope)


def why_unprotectable(resource_type: str, properties: Mapping[str, Json], scope: EvaluationScope) -> Reason | None:
    """Return why a workload runs on Fargate without the agent; ``None`` if it does not. What is not known counts as Fargate."""
    if resource_type == EXPRESS_SERVICE:
        return None if has_own_definition(properties, scope) else _EXPRESS_REASON
    match evaluate(properties.get("PlatformCapabilities", ABSENT), scope):
        case Known([*names]) if all(isinstance(name, str) and name != "FARGATE" for name in names):
            return None
        case Known(str(name)) if name != "FARGATE":
            return None
        case absent if absent is ABSENT or absent == Known(None):
            return None
    return JOB_REASON


def has_own_definition(properties: Mapping[str, Json], scope: EvaluationScope) -> bool:
    """Return whether an Express Mode service has a task definition of its own in each case that may occur."""
    leaves = member_values(properties, "TaskDefinitionArn", (), scope.assumptions)
    for leaf, assumptions in leaves:
        own = {name: value for name, value in assumptions.items() if name not in scope.assumptions}
        if is_active(own, scope) is not False and not _is_certainly_given(leaf.value, scope.assuming(assumptions)):
            return False
    return True


def _is_certainly_given(value: Json | Absent, scope: EvaluationScope) -> bool:
    if is_empty(value):
        return False
    match evaluate(value, scope):
        case Absent():
            return False
        case Known():
            return True
    return not may_be_absent(value)


def may_be_absent(value: Json | Absent) -> bool:
    """Return whether a value is absent, or contains the pseudo parameter that can make it so."""
    return isinstance(value, Absent) or is_empty(value) or '"AWS::NoValue"' in json.dumps(value)


def managed_instances_notice(task: TaskDefinition, skip: Skip) -> Iterator[Notice]:
    """Yield a notice if a task is left alone because it is for managed instances, which no host agent covers."""
    if skip.skip_reason is SkipReason.MANAGED_INSTANCES:
        location = Location(task.name, None, (*task.properties_pointer, "RequiresCompatibilities"))
        fact = f"The task cannot be protected: it is {skip.why}"
        yield Notice(location, Reason(fact, "Run it on Fargate", code=Code.MANAGED_INSTANCES, paste=ON_FARGATE))

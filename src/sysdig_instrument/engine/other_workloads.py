"""Workloads that cannot carry the agent: the setting OtherWorkloads decides whether the template is refused for them.

Source: the CloudFormation resource reference. ``AWS::ECS::ExpressGatewayService``: PrimaryContainer has no entry point, volumes
or capabilities; TaskDefinitionArn is a task definition of one's own. ``AWS::Batch::JobDefinition``: its containers have no
entry point and no volumes of other containers; PlatformCapabilities is EC2 if it is absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import is_given
from sysdig_instrument.engine.expressions.evaluate import evaluate, is_active
from sysdig_instrument.engine.expressions.scope import EvaluationScope, section
from sysdig_instrument.engine.expressions.values import Known
from sysdig_instrument.engine.findings import Location, Notice, Problem, Reason
from sysdig_instrument.engine.json_types import ABSENT, Json
from sysdig_instrument.engine.selection import Skip, SkipReason
from sysdig_instrument.engine.template import TaskDefinition, resources_of_types

EXPRESS_SERVICE: Final = "AWS::ECS::ExpressGatewayService"
JOB_DEFINITION: Final = "AWS::Batch::JobDefinition"
OTHER_WORKLOAD_CODES: Final = frozenset({Code.EXPRESS_SERVICE, Code.BATCH_JOB})

_EXPRESS_REASON: Final = Reason(
    "An Express Mode service runs its PrimaryContainer on Fargate, and that cannot carry the agent",
    "Give the service a TaskDefinitionArn instead: a task definition with a container named Main, which the macro instruments",
    code=Code.EXPRESS_SERVICE,
)
_JOB_REASON: Final = Reason(
    "An AWS Batch job runs on Fargate, and its containers cannot carry the agent",
    "Run it as an ECS task, whose task definition the macro instruments",
    code=Code.BATCH_JOB,
)


def other_workloads(template: Json, policy: str, scope: EvaluationScope) -> Iterator[Notice | Problem]:
    """Yield a finding for each workload of a template that runs on Fargate and cannot carry the agent.

    ``policy`` is the setting OtherWorkloads: with ``fail``, those that are created, or may be, are problems.
    """
    for pointer, resource in resources_of_types(template, {EXPRESS_SERVICE, JOB_DEFINITION}):
        reason = why_unprotectable(str(resource.get("Type")), section(resource, "Properties"), scope)
        if reason is None:
            continue
        condition = resource.get("Condition")
        is_created = not isinstance(condition, str) or is_active({condition: True}, scope) is not False
        kind = Problem if policy == "fail" and is_created else Notice
        yield kind(Location(None, None, pointer), reason)


def why_unprotectable(resource_type: str, properties: Mapping[str, Json], scope: EvaluationScope) -> Reason | None:
    """Return why a workload runs on Fargate without the agent; ``None`` if it does not. What is not known counts as Fargate."""
    if resource_type == EXPRESS_SERVICE:
        has_own_definition = is_given(properties.get("TaskDefinitionArn", ABSENT), scope)
        return None if has_own_definition else _EXPRESS_REASON
    match evaluate(properties.get("PlatformCapabilities", ABSENT), scope):
        case Known([*names]) if all(isinstance(name, str) and name != "FARGATE" for name in names):
            return None
        case Known(str(name)) if name != "FARGATE":
            return None
        case absent if absent is ABSENT or absent == Known(None):
            return None
    return _JOB_REASON


def managed_instances_notice(task: TaskDefinition, skip: Skip) -> Iterator[Notice]:
    """Yield a notice if a task is left alone because it is for managed instances, which no host agent covers."""
    if skip.skip_reason is SkipReason.MANAGED_INSTANCES:
        location = Location(task.name, None, (*task.properties_pointer, "RequiresCompatibilities"))
        fact = f"The task cannot be protected: it is {skip.why}"
        yield Notice(location, Reason(fact, "Run it on Fargate", code=Code.MANAGED_INSTANCES))

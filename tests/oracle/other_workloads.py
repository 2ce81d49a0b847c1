"""Workloads that cannot carry the agent (docs/operating.md, «What the macro cannot see»)."""

from __future__ import annotations

from collections.abc import Mapping

from oracle.values import Json, is_unknown, items, mapping

MANAGED = ["MANAGED_INSTANCES"]


def cannot_carry_the_agent(resource: Mapping[str, Json]) -> bool:
    """Return whether a resource runs containers without a task definition that the macro could instrument."""
    properties = mapping(resource.get("Properties"))
    if resource.get("Type") == "AWS::ECS::ExpressGatewayService":
        return not properties.get("TaskDefinitionArn")
    if resource.get("Type") == "AWS::Batch::JobDefinition":
        platforms = properties.get("PlatformCapabilities")
        return is_unknown(platforms) or "FARGATE" in items(platforms)
    return resource.get("Type") == "AWS::ECS::TaskDefinition" and properties.get("RequiresCompatibilities") == MANAGED

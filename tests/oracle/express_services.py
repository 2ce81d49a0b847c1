"""Express Mode services that are converted (docs/operating.md, «Express Mode services»)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from oracle.settings import Settings
from oracle.values import Json, canonical, items, mapping

SERVICE = "AWS::ECS::ExpressGatewayService"
SUFFIX = "SysdigTaskDefinition"
KNOWN_IN_SERVICE = {
    "Cluster", "Cpu", "CpuArchitecture", "ExecutionRoleArn", "HealthCheckPath", "InfrastructureRoleArn", "Memory",
    "NetworkConfiguration", "PrimaryContainer", "ScalingTarget", "ServiceName", "Tags", "TaskRoleArn",
}  # fmt: skip
KNOWN_IN_CONTAINER = {
    "AwsLogsConfiguration", "Command", "ContainerPort", "Environment", "Image", "RepositoryCredentials", "Secrets",
}  # fmt: skip


def asks_for_conversion(template: Json, resource: Mapping[str, Json], settings: Mapping[str, Json]) -> bool:
    """Return whether the settings want an Express Mode service converted that has a PrimaryContainer."""
    of_all, of_one = (
        mapping(mapping(each.get("Metadata")).get("SysdigInstrument")) for each in (mapping(template), resource)
    )
    layered = Settings(settings).with_layer(of_all).with_layer(of_one)
    properties = mapping(resource.get("Properties"))
    opted_out = any(mapping(tag).get("Key") == "sysdig-instrument" for tag in items(properties.get("Tags")))
    return (
        resource.get("Type") == SERVICE
        and "PrimaryContainer" in properties
        and layered.string("ExpressServices") == "convert"
        and layered.string("Enabled") != "false"
        and not opted_out
    )


def is_convertible(template: Json, name: str, resource: Mapping[str, Json]) -> bool:
    """Return whether all that the task definition needs is written in the service, and nothing is that is not known."""
    properties = mapping(resource.get("Properties"))
    container = mapping(properties.get("PrimaryContainer"))
    logs = mapping(container.get("AwsLogsConfiguration"))
    needed = [
        properties.get("Cpu"),
        properties.get("Memory"),
        container.get("Image"),
        logs.get("LogGroup"),
        logs.get("LogStreamPrefix"),
    ]
    names = {**mapping(mapping(template).get("Resources")), **mapping(mapping(template).get("Parameters"))}
    return (
        all(value and "AWS::NoValue" not in canonical(value) for value in needed)
        and "AWS::NoValue" not in canonical(container.get("ContainerPort"))
        and set(properties) <= KNOWN_IN_SERVICE
        and set(container) <= KNOWN_IN_CONTAINER
        and set(logs) == {"LogGroup", "LogStreamPrefix"}
        and name + SUFFIX not in names
    )


def with_task_definitions(template: Json, settings: Mapping[str, Json]) -> Json:
    """Return the template with the task definitions that the settings ask for, not yet instrumented."""
    resources = dict(mapping(mapping(template).get("Resources")))
    added: dict[str, Json] = {}
    for name, resource in list(resources.items()):
        service = mapping(resource)
        if asks_for_conversion(template, service, settings) and is_convertible(template, name, service):
            added[name + SUFFIX] = _task_definition(service)
            resources[name] = _converted(service, name + SUFFIX)
    return {**mapping(template), "Resources": {**resources, **added}} if added else template


def not_convertible(template: Json, settings: Mapping[str, Json]) -> Iterator[str]:
    """Yield the name of each service that the settings want converted, and that cannot be."""
    for name, resource in mapping(mapping(template).get("Resources")).items():
        service = mapping(resource)
        if asks_for_conversion(template, service, settings) and not is_convertible(template, name, service):
            yield name


def _converted(service: Mapping[str, Json], task_definition: str) -> Json:
    moved = {"PrimaryContainer", "Cpu", "Memory", "CpuArchitecture", "ExecutionRoleArn", "TaskRoleArn"}
    kept = {key: value for key, value in mapping(service.get("Properties")).items() if key not in moved}
    return {**service, "Properties": {**kept, "TaskDefinitionArn": {"Ref": task_definition}}}


def _task_definition(service: Mapping[str, Json]) -> Json:
    properties = mapping(service.get("Properties"))
    primary = mapping(properties.get("PrimaryContainer"))
    logs = mapping(primary.get("AwsLogsConfiguration"))
    main: dict[str, Json] = {"Name": "Main", "Essential": True}
    main |= {
        key: primary[key]
        for key in ("Image", "RepositoryCredentials", "Command", "Environment", "Secrets")
        if key in primary
    }
    main["PortMappings"] = [{"Name": "main", "ContainerPort": primary.get("ContainerPort", 80), "Protocol": "tcp"}]
    options: dict[str, Json] = {
        "awslogs-group": logs["LogGroup"],
        "awslogs-region": {"Ref": "AWS::Region"},
        "awslogs-stream-prefix": logs["LogStreamPrefix"],
    }
    main["LogConfiguration"] = {"LogDriver": "awslogs", "Options": options}
    task: dict[str, Json] = {"RequiresCompatibilities": ["FARGATE"], "NetworkMode": "awsvpc"}
    task |= {key: properties[key] for key in ("Cpu", "Memory", "ExecutionRoleArn", "TaskRoleArn") if key in properties}
    if "CpuArchitecture" in properties:
        task["RuntimePlatform"] = {"CpuArchitecture": properties["CpuArchitecture"], "OperatingSystemFamily": "LINUX"}
    task["ContainerDefinitions"] = [main]
    if "Tags" in properties:
        task["Tags"] = properties["Tags"]
    attributes = {
        key: service[key]
        for key in ("Condition", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy")
        if key in service
    }
    own = mapping(mapping(service.get("Metadata")).get("SysdigInstrument"))
    metadata: dict[str, Json] = (
        {"Metadata": {"SysdigInstrument": {key: own[key] for key in own if key != "Result"}}} if own else {}
    )
    return {"Type": "AWS::ECS::TaskDefinition", **attributes, **metadata, "Properties": task}

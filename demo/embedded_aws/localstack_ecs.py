"""ECS for LocalStack: the API, answered by moto, and the resource type AWS::ECS::TaskDefinition for CloudFormation.

LocalStack treats resource types that it does not know (clusters, services) as deployed, which is enough here.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from localstack.aws.spec import load_service
from localstack.services.cloudformation.resource_provider import (
    CloudFormationResourceProviderPlugin,
    OperationStatus,
    ProgressEvent,
    ResourceProvider,
)
from localstack.services.moto import call_moto
from localstack.services.plugins import Service, aws_provider
from moto.ecs.models import EC2ContainerServiceBackend, ecs_backends

from embedded_aws.api_parameters import to_api_parameters


@dataclass(frozen=True)
class EcsApi:
    """The name and version of the API, as LocalStack asks for them."""

    service: str = "ecs"
    version: str = "2014-11-13"


@aws_provider()  # type: ignore[untyped-decorator] # LocalStack has no types
def ecs() -> Service:
    """Return the service ECS. moto answers every operation but one."""
    _run_containers_without_memory()
    operations = load_service("ecs").operation_names
    handlers: dict[str, Any] = {operation: lambda context, _: call_moto(context) for operation in operations}
    handlers["DescribeServiceRevisions"] = _describe_service_revisions
    return Service.for_provider(EcsApi(), dispatch_table_factory=lambda _: handlers)


def _describe_service_revisions(context: Any, request: Any) -> dict[str, Any]:  # noqa: ANN401 - LocalStack has no types
    """Answer that a revision runs what its service runs now. moto has no service revisions."""
    backend = ecs_backends[context.account_id][context.region]
    found = []
    for arn in request["serviceRevisionArns"]:
        _, cluster, service, _ = arn.split("/")
        ((running,), _) = backend.describe_services(cluster, [service])
        found.append({"serviceRevisionArn": arn, "taskDefinition": running.task_definition, "launchType": "FARGATE"})
    return {"serviceRevisions": found, "failures": []}


def _run_containers_without_memory() -> None:
    """Make moto run tasks whose containers do not say how much memory they need. On Fargate, that of the task is enough."""
    backend: Any = EC2ContainerServiceBackend
    calculate = backend._calculate_task_resource_requirements  # noqa: SLF001 - moto has no option for it

    def calculate_with_defaults(task_definition: Any) -> Any:  # noqa: ANN401 - moto's own
        containers = [{"memory": 0, **each} for each in task_definition.container_definitions]
        return calculate(SimpleNamespace(container_definitions=containers))

    backend._calculate_task_resource_requirements = staticmethod(calculate_with_defaults)  # noqa: SLF001 - the same


class TaskDefinitionProvider(ResourceProvider):  # type: ignore[misc] # LocalStack has no types
    """AWS::ECS::TaskDefinition. Like a replacement, each update registers a revision and deregisters the previous one."""

    TYPE = "AWS::ECS::TaskDefinition"
    SCHEMA = {  # noqa: RUF012 - LocalStack expects a dict
        "typeName": TYPE,
        "primaryIdentifier": ["/properties/TaskDefinitionArn"],
        "readOnlyProperties": ["/properties/TaskDefinitionArn"],
        "properties": {"TaskDefinitionArn": {"type": "string"}},
        "handlers": {},
    }

    def create(self, request: Any) -> ProgressEvent:  # noqa: ANN401 - LocalStack has no types
        """Register a revision."""
        model = request.desired_state
        properties = {"Family": f"{request.stack_name}-{request.logical_resource_id}", **model}
        properties.pop("TaskDefinitionArn", None)
        shape = load_service("ecs").operation_model("RegisterTaskDefinition").input_shape
        # botocore's client checks what CloudFormation would: names, types, required members.
        response = request.aws_client_factory.ecs.register_task_definition(**to_api_parameters(properties, shape))
        model["TaskDefinitionArn"] = response["taskDefinition"]["taskDefinitionArn"]
        return ProgressEvent(status=OperationStatus.SUCCESS, resource_model=model)

    def update(self, request: Any) -> ProgressEvent:  # noqa: ANN401 - LocalStack has no types
        """Register another revision and deregister the previous one."""
        event = self.create(request)
        self._deregister(request, request.previous_state["TaskDefinitionArn"])
        return event

    def delete(self, request: Any) -> ProgressEvent:  # noqa: ANN401 - LocalStack has no types
        """Deregister the revision."""
        self._deregister(request, request.desired_state["TaskDefinitionArn"])
        return ProgressEvent(status=OperationStatus.SUCCESS, resource_model={})

    def _deregister(self, request: Any, arn: str) -> None:  # noqa: ANN401 - LocalStack has no types
        request.aws_client_factory.ecs.deregister_task_definition(taskDefinition=arn)


class TaskDefinitionPlugin(CloudFormationResourceProviderPlugin):  # type: ignore[misc] # LocalStack has no types
    """The plugin through which LocalStack finds the provider."""

    name = TaskDefinitionProvider.TYPE
    factory = None

    def load(self) -> None:
        """Set the class of the provider."""
        self.factory = TaskDefinitionProvider

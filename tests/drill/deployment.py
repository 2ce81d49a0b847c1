"""Deploy repositories on the embedded AWS, and start what their stacks would run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final
from uuid import uuid4

from embedded_aws import stacks
from embedded_aws.aws import EmbeddedAws
from fixtures_deployment import run_task
from repositories import BOOTSTRAP_VERSION, Repository

BUCKET: Final = "drill-templates"


class Deployment:
    """A deployment of repositories. Its stacks and its clusters have names of their own.

    LocalStack creates no services, Express Mode services and jobs of AWS Batch. In their place, a task is started as the
    service would start it, in a cluster for each repository.
    """

    def __init__(self, aws: EmbeddedAws) -> None:
        self._client = cache(aws.client)
        self._endpoint = aws.endpoint
        self._name = f"drill-{uuid4().hex[:8]}"
        self._client("s3").create_bucket(Bucket=BUCKET)
        self._client("ssm").put_parameter(Name=BOOTSTRAP_VERSION, Value="21", Type="String", Overwrite=True)

    @property
    def clusters(self) -> str:
        """A glob for the clusters."""
        return f"*{self._name}-*"

    def repository_of(self, cluster: str) -> str:
        """Return the repository whose tasks run in a cluster."""
        return cluster.partition(f"{self._name}-")[2]

    def deploy(self, repository: Repository, template: str) -> None:
        """Deploy the template of a repository, and start its task if the stack could be created."""
        name = f"{self._name}-{repository.name}"
        if repository.kind == "nested":
            template = self._parent_template(name, template)
        stack = stacks.deploy(self._client("cloudformation"), name, template)
        if stack.succeeded and (family := self._task_definition(repository, stack)):
            self._start(repository, name, family)

    def _parent_template(self, name: str, child: str) -> str:
        """Return a template with a nested stack, as `aws cloudformation package` writes it."""
        self._client("s3").put_object(Bucket=BUCKET, Key=name, Body=child.encode())
        properties = {"TemplateURL": f"{self._endpoint}/{BUCKET}/{name}"}
        return json.dumps({"Resources": {"Child": {"Type": "AWS::CloudFormation::Stack", "Properties": properties}}})

    def _task_definition(self, repository: Repository, stack: stacks.Stack) -> str | None:
        """Return the ARN of the task definition that runs, or None if nothing does."""
        properties = repository.properties
        match repository.workload:
            case "none":
                return None
            case "Express":
                return self._register(stack.name, properties["PrimaryContainer"])
            case "Batch":
                return self._register(stack.name, properties["ContainerProperties"])
            case _ if repository.kind == "nested":
                described = self._client("cloudformation").describe_stack_resources(StackName=stack.resources["Child"])
                ids: dict[str, str] = {
                    each["LogicalResourceId"]: each["PhysicalResourceId"] for each in described["StackResources"]
                }
                return ids[repository.resource]
            case _:
                return stack.resources[repository.resource]

    def _register(self, family: str, container: Mapping[str, Any]) -> str:
        """Register the task definition that Express Mode or AWS Batch makes of a container."""
        answer = self._client("ecs").register_task_definition(
            family=family,
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            containerDefinitions=[{"name": "Main", "image": container["Image"]}],
        )
        arn: str = answer["taskDefinition"]["taskDefinitionArn"]
        return arn

    def _start(self, repository: Repository, name: str, task_definition: str) -> None:
        cluster = f"AWSBatch-{name}" if repository.workload == "Batch" else name
        ecs = self._client("ecs")
        ecs.create_cluster(clusterName=cluster)
        if repository.workload == "EC2":
            ecs.register_container_instance(cluster=cluster, instanceIdentityDocument=self._instance())
            assert ecs.run_task(cluster=cluster, taskDefinition=task_definition, launchType="EC2")["tasks"]
        else:
            run_task(self._client, cluster, task_definition)

    def _instance(self) -> str:
        """Start an EC2 instance, and return its identity document."""
        ec2 = self._client("ec2")
        image = ec2.describe_images()["Images"][0]["ImageId"]
        (instance,) = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"]
        return json.dumps({"instanceId": instance["InstanceId"]})

"""Applications to deploy on the embedded AWS, and the registries of their images."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from embedded_aws import stacks
from embedded_aws.aws import EmbeddedAws
from embedded_aws.stacks import Stack

WRAPPER = "/opt/draios/bin/instrument"
ROLE = "arn:aws:iam::111122223333:role/execution"
names = (f"stack-{number}" for number in count())


@dataclass(frozen=True)
class Registries:
    """Local registries that the macro may use, each ``localhost`` with a port. Tests start the ones they need."""

    open: str
    guarded: str
    down: str
    """The address of a registry that never runs."""


class Application:
    """A stack with task definitions. Its name is unique, and so are the families of its task definitions."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self.aws = aws
        self.name = next(names)

    def deploy(self, template: dict[str, Any] | str, parameters: dict[str, str] | None = None) -> Stack:
        text = template if isinstance(template, str) else json.dumps(template)
        return stacks.deploy(self.aws.client("cloudformation"), self.name, text, parameters)

    def deployed(self, template: dict[str, Any] | str, parameters: dict[str, str] | None = None) -> Stack:
        stack = self.deploy(template, parameters)
        assert stack.succeeded, stack
        return stack

    def described(self, arn: str) -> dict[str, Any]:
        answer = self.aws.client("ecs").describe_task_definition(taskDefinition=arn)
        task: dict[str, Any] = answer["taskDefinition"]
        return task

    def revisions(self, family: str) -> list[str]:
        answer = self.aws.client("ecs").list_task_definitions(familyPrefix=family)
        arns: list[str] = answer["taskDefinitionArns"]
        return arns


def task(*containers: dict[str, Any], **properties: object) -> dict[str, Any]:
    """Return a task definition resource for Fargate."""
    fargate = {"RequiresCompatibilities": ["FARGATE"], "NetworkMode": "awsvpc", "Cpu": "512", "Memory": "1024"}
    return {
        "Type": "AWS::ECS::TaskDefinition",
        "Properties": {**fargate, "ExecutionRoleArn": ROLE, "ContainerDefinitions": list(containers), **properties},
    }


def template(**resources: object) -> dict[str, Any]:
    """Return a template that lists the macro."""
    return {"Transform": "SysdigInstrument", "Resources": resources}


def run_task(client: Callable[[str], Any], cluster: str, family: str) -> None:
    """Run a task on Fargate."""
    ec2 = client("ec2")
    network = {
        "subnets": [ec2.describe_subnets()["Subnets"][0]["SubnetId"]],
        "securityGroups": [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
    }
    answer = client("ecs").run_task(
        cluster=cluster,
        taskDefinition=family,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": network},
    )
    assert answer["tasks"]

"""Task definitions and tasks as Amazon ECS describes them."""

from __future__ import annotations

from typing import Any, Final

from sysdig_instrument.coverage.model import RegisteredTaskDefinition, Task

REGION: Final = "eu-central-1"
ACCOUNT: Final = "111122223333"
WRAPPER: Final = "/opt/draios/bin/instrument"
AGENT: Final = "SysdigInstrumentation"
IMAGE: Final = "quay.io/sysdig/workload-agent:6.2.1"
SECRET: Final = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:sysdig-AbCdEf"
PLANTED: Final = "planted-value-of-a-variable"
"""The value of every variable; no report may contain it."""


def agent(**members: Any) -> dict[str, Any]:
    """Return the agent's container."""
    return {
        "name": AGENT,
        "image": IMAGE,
        "essential": False,
        "environment": [
            {"name": "SYSDIG_COLLECTOR", "value": "ingest-us2.app.sysdig.com"},
            {"name": "SYSDIG_COLLECTOR_PORT", "value": "6443"},
            {"name": "SYSDIG_PRIORITY", "value": "availability"},
            {"name": "SYSDIG_SIDECAR", "value": "auto"},
        ],
        "secrets": [{"name": "SYSDIG_ACCESS_KEY", "valueFrom": SECRET}],
        **members,
    }


def plain(name: str = "web", **members: Any) -> dict[str, Any]:
    """Return a container without any trace of the agent."""
    return {"name": name, "image": f"shop/{name}:1", "environment": [{"name": "PASSWORD", "value": PLANTED}], **members}


def wrapped(name: str = "web", **members: Any) -> dict[str, Any]:
    """Return a container under the wrapper."""
    return plain(
        name,
        **{
            "entryPoint": [WRAPPER, "run"],
            "environment": [{"name": "PASSWORD", "value": PLANTED}, {"name": "SYSDIG_SIDECAR", "value": "auto"}],
            "volumesFrom": [{"sourceContainer": AGENT, "readOnly": True}],
            "linuxParameters": {"capabilities": {"add": ["SYS_PTRACE"]}},
            **members,
        },
    )


def registered(*containers: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Return a task definition for Fargate, as registered."""
    return {
        "family": "web",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "512",
        "memory": "1024",
        "executionRoleArn": "arn:aws:iam::111122223333:role/pull-images",
        "containerDefinitions": list(containers),
        **members,
    }


def instrumented(*containers: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Return a task definition with the agent's container and a shared process namespace."""
    return registered(*(containers or (wrapped(),)), agent(), **{"pidMode": "task", **members})


def definition(described: dict[str, Any], *, status: str = "ACTIVE", **tags: str) -> RegisteredTaskDefinition:
    """Return the task definition as read from ECS."""
    listed: list[Any] = [{"key": key.replace("_", "-"), "value": value} for key, value in tags.items()]
    return RegisteredTaskDefinition({"taskDefinition": {**described, "status": status}, "tags": listed}, status)


def definition_arn(name: str, region: str = REGION) -> str:
    """Return the ARN of ``family:revision``."""
    return f"arn:aws:ecs:{region}:{ACCOUNT}:task-definition/{name}"


def cluster_arn(name: str, region: str = REGION) -> str:
    """Return the ARN of a cluster."""
    return f"arn:aws:ecs:{region}:{ACCOUNT}:cluster/{name}"


def task(number: int = 1, **members: Any) -> Task:
    """Return a task that runs on Fargate in the cluster «shop»."""
    return Task(
        **{
            "arn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/shop/{number:032x}",
            "cluster": cluster_arn("shop"),
            "task_definition": definition_arn("web:1"),
            "group": "service:web",
            **members,
        }
    )
